"""What every Python target shares: planned stalls that print their own truth, and the handshake.

Owns the JSON lines on standard output (`ready`, one object per stall, `noise`, `done`), the choice
of selector and the healthy ticker that runs beside the stalls.  Knows nothing of stallprof: the
numbers are measured here by time.monotonic_ns() around each stall, and the place is read from the
caller's frame.

    s = truth.stall("syscall", "recvfrom", {"kind": "tcp"})
    with s:
        sock.recv(100)          # the line after `with` is the line of the stall

In a truth, a list stands for alternatives: any of them is right.
"""

import argparse
import asyncio
import json
import os
import selectors
import sys
import threading
import time
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

TICK_S = 0.005
GAP_S = 0.011
WARM_UP_S = 0.25
NOISE_NS = 20_000_000

# time.sleep() became clock_nanosleep() in 3.11; glibc's select() enters the kernel as pselect6.
SLEEP_CALL = "clock_nanosleep" if sys.version_info >= (3, 11) else ["select", "pselect6"]

SELECTORS: Dict[str, str] = {
    "epoll": "EpollSelector",
    "poll": "PollSelector",
    "select": "SelectSelector",
}

_planned: List[Tuple[int, int, int]] = []  # start, end, thread
_emit_lock = threading.Lock()
_expected = 0


def emit(record: Dict[str, Any]) -> None:
    """Write one JSON line at once: a target may be killed at any moment."""
    with _emit_lock:
        os.write(1, (json.dumps(record) + "\n").encode())


def thread_id() -> int:
    """The kernel's id of this thread; Python 3.7 knows it for the main thread only."""
    return getattr(threading, "get_native_id", os.getpid)()


class Stall:
    """A planned stall; as a context manager it measures the statement inside it."""

    def __init__(self, klass: str, syscall: Any, target: Optional[Dict[str, Any]], lines: int,
                 extra: Dict[str, Any]) -> None:
        self.record: Dict[str, Any] = {"class": klass, "syscall": syscall, "target": target or {}}
        self.record.update(extra)
        self.lines = lines

    def __enter__(self) -> "Stall":
        frame = sys._getframe(1)
        self.record["func"] = frame.f_code.co_name
        self.record["file"] = os.path.basename(frame.f_code.co_filename)
        self.record["line"] = frame.f_lineno + 1
        self.record["line_to"] = frame.f_lineno + self.lines
        self.cpu = time.thread_time_ns()
        self.start = time.monotonic_ns()
        return self

    def __exit__(self, *_: Any) -> None:
        end = time.monotonic_ns()
        self.record["cpu_ns"] = time.thread_time_ns() - self.cpu
        self.finish(end)

    def finish(self, end: int) -> None:
        """Print the truth; called by hand where the statement does not come back."""
        global _expected
        self.record["start_ns"] = self.start
        self.record["dur_ns"] = end - self.start
        self.record["tid"] = thread_id()
        _planned.append((self.start, end, thread_id()))
        _expected += 1
        emit(self.record)


def stall(klass: str, syscall: Any = None, target: Optional[Dict[str, Any]] = None, lines: int = 1,
          **extra: Any) -> Stall:
    """A stall of `klass`, blocked in `syscall` on `target`; `lines` long in the source."""
    return Stall(klass, syscall, target, lines, extra)


def unplanned(start: int, end: int) -> List[Tuple[int, int]]:
    """What of a span no planned stall of this thread accounts for."""
    spans = []
    for first, last, thread in sorted(_planned[-8:]):
        if first < end and last > start and thread == thread_id():
            spans.append((start, first))
            start = max(start, last)
    return spans + [(start, end)]


async def ticker() -> None:
    """Keep the loop healthy, and report when the machine, not the plan, made it late."""
    last = time.monotonic_ns()
    while True:
        await asyncio.sleep(TICK_S)
        now = time.monotonic_ns()
        for start, end in unplanned(last, now):
            if end - start > NOISE_NS:
                emit({"noise": {"start_ns": start, "dur_ns": end - start, "tid": thread_id()}})
        last = now


def new_loop(name: str) -> asyncio.AbstractEventLoop:
    """A selector event loop on the named selector."""
    return asyncio.SelectorEventLoop(getattr(selectors, SELECTORS[name])())


async def wait_for_go() -> None:
    """Return when a line came in on standard input, without ever blocking the loop."""
    loop = asyncio.get_event_loop()
    go = loop.create_future()

    def on_line() -> None:
        os.read(0, 64)
        if not go.done():
            go.set_result(None)

    loop.add_reader(0, on_line)
    try:
        await go
    finally:
        loop.remove_reader(0)


def arguments(doc: str) -> argparse.ArgumentParser:
    """The options that every target takes."""
    p = argparse.ArgumentParser(description=doc.splitlines()[0])
    p.add_argument("--wait", action="store_true", help="print ready, then wait for a line on stdin")
    p.add_argument("--loop", choices=sorted(SELECTORS), default="epoll")
    return p


async def _scenario(main: Callable[[], Awaitable[None]], wait: bool) -> None:
    tick = asyncio.ensure_future(ticker())
    if wait:
        await wait_for_go()
    await asyncio.sleep(WARM_UP_S)
    await main()
    await asyncio.sleep(4 * TICK_S)
    tick.cancel()


def run_on(loop: asyncio.AbstractEventLoop, main: Callable[[], Awaitable[None]],
           wait: bool = False) -> None:
    """Run `main` beside the ticker on a loop of the calling thread, then close the loop."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_scenario(main, wait))
    finally:
        loop.close()


def announce() -> None:
    """The first line of a target."""
    emit({"ready": os.getpid()})


def carry(count: int) -> None:
    """Stalls that the same process printed before an exec."""
    global _expected
    _expected += count


def done(**extra: Any) -> None:
    """The last line of a target."""
    emit(dict({"done": True, "expected": _expected, "pid": os.getpid(), "tid": thread_id(),
               "end_ns": time.monotonic_ns()}, **extra))


def go_first(priority: int) -> None:
    """The calling thread gets a processor before all others, those of other programs too: what it
    waits for is then what was planned, also on a busy machine.  Its helpers have less priority."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        pass  # not allowed here: then it waits for a processor, too


def run_as_usual(main: Callable[[], Awaitable[None]], args: argparse.Namespace) -> None:
    """As most programs do: asyncio.run() makes the loop, of the policy that is installed."""
    announce()
    asyncio.run(_scenario(main, args.wait))
    done()


def run(main: Callable[[], Awaitable[None]], args: argparse.Namespace) -> None:
    """The whole life of a target with one loop."""
    loop = new_loop(args.loop)
    announce()
    run_on(loop, main, args.wait)
    done()
