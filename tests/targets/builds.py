#!/usr/bin/env python3
"""Ways in which Python programs come to run, each with planned stalls.

    builds.py workers|exec|sub|late [--python PATH]

`workers`: children by fork, each with a loop of its own, under a parent that only waits (as
pre-forking servers do).  `exec`: becomes another interpreter.  `sub`: the loop runs in a
sub-interpreter.  `late`: in one made while the program runs.  The counts are prime.
"""

import argparse
import asyncio
import os
import sys
import threading
import time
from typing import Any, Callable, Tuple

import truth

WORKERS = 3
TIMES = 5


def block() -> None:
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})
    with s:
        time.sleep(0.123)


async def block_times() -> None:
    for _ in range(TIMES):
        block()
        await asyncio.sleep(truth.GAP_S)


def workers(options: argparse.Namespace) -> None:
    truth.announce()
    if options.wait:
        os.read(0, 64)
    for _ in range(WORKERS):
        if os.fork() == 0:
            time.sleep(0.2)  # the parent's work is over, the child is found
            truth.run_on(truth.new_loop(options.loop), block_times)
            os._exit(0)
    for _ in range(WORKERS):
        os.wait()
    truth.carry(WORKERS * TIMES)
    truth.done()


def other(options: argparse.Namespace) -> None:
    """The first life has no stalls: it waits on a loop, so that it is seen as one."""
    if options.again:
        truth.run_on(truth.new_loop(options.loop), block_times)
        truth.done()
        return

    async def leave() -> None:
        os.execv(options.python, [options.python, os.path.abspath(__file__), "exec", "--again"])

    truth.announce()
    truth.run_on(truth.new_loop(options.loop), leave, options.wait)


INSIDE = """
import sys
sys.argv = [{file!r}, "inside"] + {rest!r}
sys.path.insert(0, {folder!r})
import runpy
runpy.run_path({file!r}, run_name="__main__")
"""


def api() -> Tuple[Any, Callable[[Any, str], Any]]:
    try:
        import _interpreters as interpreters  # type: ignore
    except ImportError:
        import _xxsubinterpreters as interpreters  # type: ignore
    return interpreters, getattr(interpreters, "exec", None) or interpreters.run_string


def sub(options: argparse.Namespace) -> None:
    interpreters, run = api()
    here = os.path.abspath(__file__)
    script = INSIDE.format(file=here, folder=os.path.dirname(here),
                           rest=["--wait"] if options.wait else [])
    ids = [interpreters.create() for _ in range(options.interpreters)]
    thread = threading.Thread(target=run, args=(ids[0], script))
    thread.start()
    thread.join()
    os._exit(0)  # some versions fall over when they end with a sub-interpreter


HOGGED = """
import asyncio, threading, time
stop = time.monotonic() + {seconds}
def hog():
    while time.monotonic() < stop:
        sum(range(10_000_000))
async def loop():
    while time.monotonic() < stop:
        await asyncio.sleep(0.02)
thread = threading.Thread(target=hog)
thread.start()
asyncio.run(loop())
thread.join()
"""


def late(options: argparse.Namespace) -> None:
    """A loop waits for the lock of an interpreter that was made while it was watched."""
    interpreters, run = api()
    truth.announce()
    if options.wait:
        os.read(0, 64)
    made = interpreters.create()
    time.sleep(2)  # its lock is looked for now and then
    thread = threading.Thread(target=run, args=(made, HOGGED.format(seconds=2)))
    thread.start()
    thread.join()
    truth.done()
    sys.stdout.flush()
    os._exit(0)


def inside(options: argparse.Namespace) -> None:
    truth.run(block_times, options)


KINDS = {"workers": workers, "exec": other, "sub": sub, "late": late, "inside": inside}

if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--python", help="exec: the interpreter to become")
    parser.add_argument("--interpreters", type=int, default=1, metavar="N",
                        help="sub: so many, the loop runs in the first")
    parser.add_argument("--again", action="store_true", help="exec: this is the second life")
    arguments = parser.parse_args()
    KINDS[arguments.kind](arguments)
