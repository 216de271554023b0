#!/usr/bin/env python3
"""What a process may do while it is watched: fork, exec, exit in a stall, churn through threads.

    lifecycle.py fork|exec|exit|threads

Each has planned stalls before, and where it goes on also after.  The counts are prime.
"""

import asyncio
import os
import sys
import threading
import time

import truth


def block() -> None:
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})
    with s:
        time.sleep(0.12)


async def block_times(count: int) -> None:
    for _ in range(count):
        block()
        await asyncio.sleep(truth.GAP_S)


async def forking() -> None:
    """Children that live for a moment: one exits at once, one sleeps as long as a stall."""
    for _ in range(5):
        for pause in (0, 0.1):
            if os.fork() == 0:
                time.sleep(pause)
                os._exit(0)
        await block_times(1)
        await asyncio.sleep(0.05)
        for _ in range(2):
            os.waitpid(-1, 0)


async def executing() -> None:
    """Replaces itself by itself; the pid stays, every address changes."""
    if options.again:
        truth.carry(options.again)
        await block_times(3)
        return
    await block_times(2)
    os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), "exec", "--again", "2"])


async def exiting() -> None:
    """The last stall has no end: the process exits inside it."""
    await block_times(2)
    leave()


def leave() -> None:
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"}, lines=5, last=True)
    with s:
        time.sleep(0.2)
        s.finish(time.monotonic_ns())
        truth.done()
        os._exit(0)


def short_life() -> None:
    time.sleep(0.07)


async def churning() -> None:
    """Some hundred threads come, sleep longer than the threshold and go; five real stalls."""
    for _ in range(5):
        await block_times(1)
        for _ in range(23):
            threading.Thread(target=short_life).start()
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)  # else the end of the program would wait for the last ones


KINDS = {"fork": forking, "exec": executing, "exit": exiting, "threads": churning}

if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--again", type=int, default=0, metavar="N",
                        help="this is the second life, the first had N stalls")
    options = parser.parse_args()
    truth.run(KINDS[options.kind], options)
