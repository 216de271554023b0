#!/usr/bin/env python3
"""A loop that waits for the GIL or a lock while known threads have it.

    holders.py [KIND...]        the named kinds, else all of them

A truth has `threads`: {tid, name, func, holds, cpu_ns, delay_ns} for each other thread.  The CPU
time is what it burned during the stall by its own clock; of those that hold the GIL at all it is
the time for which they held it, but for some of the delay: what they waited for a processor, which
may have been with the GIL.  For a lock `by` is the thread that released it: {tid, name, func}.
"""

import asyncio
import queue
import threading
import time
from typing import Any, Callable, Dict, List

import hogs
import truth
from hogs import Hog, Watched, Working

LENGTH_S = 0.17
POLL_S = 0.02
TURN_S = 0.0003


def want_gil(kind: str, hog: Hog, others: List[Hog]) -> None:
    """The semaphore is free at once, but who has released it keeps the GIL."""
    # The others take the GIL for moments after it, too: its iteration ends when they let it.
    s = truth.stall("gil", "futex", None, lines=3, kind=kind, last=bool(others))
    watched = Watched([hog] + others)
    with s:
        hog.asked.release()
        hog.begun.acquire()
        s.record["threads"] = watched.records()


def take_turns(kind: str, working: List[Hog]) -> None:
    """Gives the GIL away for a moment and wants it back, again and again."""
    s = truth.stall("gil", "futex", None, lines=5, kind=kind)
    watched = Watched(working)
    with s:
        with Working(working):
            until = time.monotonic() + LENGTH_S
            while time.monotonic() < until:
                time.sleep(TURN_S)
        s.record["threads"] = watched.records()


def doze_beside(kind: str, others: List[Hog]) -> None:
    """Nobody holds anything: the loop's thread sleeps."""
    s = truth.stall("syscall", truth.SLEEP_CALL, None, lines=2, kind=kind)
    watched = Watched(others)
    with s:
        time.sleep(LENGTH_S)
        s.record["threads"] = watched.records()


async def want_it_after_the_poll(hog: Hog) -> None:
    """The hog begins while the loop is in its poll, which ends long before it does: no callback
    runs, and the stall is in the call of the poll itself."""
    s = truth.stall("gil", "futex", None, kind="after-poll")
    watched = Watched([hog])
    s.__enter__()
    hog.asked.release()
    s.start = time.monotonic_ns() + int(POLL_S * 1e9) + 3_000_000  # later than the poll ends
    await asyncio.sleep(POLL_S)
    s.record.update(threads=watched.records(), func="run_on")
    del s.record["line"]
    s.__exit__()


# --- locks


def keep(lock: Any, held: threading.Semaphore) -> None:
    with lock:
        held.release()
        time.sleep(LENGTH_S)
    time.sleep(LENGTH_S)  # its name can be read as long as it lives


def notify(condition: threading.Condition) -> None:
    time.sleep(LENGTH_S)
    with condition:
        condition.notify()
    time.sleep(LENGTH_S)


def put(jobs: "queue.Queue[int]") -> None:
    time.sleep(LENGTH_S)
    jobs.put(1)
    time.sleep(LENGTH_S)


def start(function: Callable[..., None], *args: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=args, name="keeper-7", daemon=True)
    thread.start()
    return thread


def take_lock(kind: str, lock: Any) -> None:
    held = threading.Semaphore(0)
    thread = start(keep, lock, held)
    held.acquire()
    s = truth.stall("lock", "futex", {"kind": "futex"}, kind=kind, by=by(thread, "keep"))
    with s:
        lock.acquire()
    lock.release()


def wait_condition(condition: threading.Condition) -> None:
    with condition:
        thread = start(notify, condition)
        s = truth.stall("lock", "futex", {"kind": "futex"}, kind="condition",
                        by=by(thread, "notify"))
        with s:
            condition.wait()


def get_job(jobs: "queue.Queue[int]") -> None:
    thread = start(put, jobs)
    s = truth.stall("lock", "futex", {"kind": "futex"}, kind="queue", by=by(thread, "put"))
    with s:
        jobs.get()


def by(thread: threading.Thread, func: str) -> Dict[str, Any]:
    return {"tid": thread.native_id, "name": thread.name, "func": func}


# --- the kinds


def setup_json() -> Callable[[], Any]:
    hog = hogs.reporter(LENGTH_S)
    return lambda: want_gil("json", hog, [])


def setup_python() -> Callable[[], Any]:
    hog = hogs.cruncher("cruncher")
    return lambda: take_turns("python", [hog])


def setup_two() -> Callable[[], Any]:
    two = [hogs.counter("big", hogs.count_up, 0.035), hogs.counter("small", hogs.count_down, 0.015)]
    return lambda: take_turns("two", two)


def setup_convoy() -> Callable[[], Any]:
    seven = [hogs.turn_taker("convoy-%d" % i) for i in range(7)]
    return lambda: take_turns("convoy", seven)


def setup_after_poll() -> Callable[[], Any]:
    hog = hogs.late_counter("late", POLL_S / 4, LENGTH_S + POLL_S)
    return lambda: want_it_after_the_poll(hog)


def setup_innocent() -> Callable[[], Any]:
    hog, others = hogs.counter("culprit", hogs.count_up, LENGTH_S), hogs.innocents()

    def beside() -> None:
        with Working(others):
            want_gil("innocent", hog, others)
    return beside


def setup_nobody() -> Callable[[], Any]:
    others = hogs.innocents()

    def beside() -> None:
        with Working(others):
            doze_beside("nobody", others)
    return beside


KINDS: Dict[str, Callable[[], Callable[[], Any]]] = {
    "json": setup_json, "python": setup_python, "two": setup_two, "convoy": setup_convoy,
    "after-poll": setup_after_poll, "innocent": setup_innocent, "nobody": setup_nobody,
    "lock": lambda: lambda: take_lock("lock", threading.Lock()),
    "rlock": lambda: lambda: take_lock("rlock", threading.RLock()),
    "condition": lambda: lambda: wait_condition(threading.Condition()),
    "queue": lambda: lambda: get_job(queue.Queue()),
}


async def main() -> None:
    for stalling in stallings:
        for _ in range(options.count):
            result = stalling()
            if result:
                await result
            await asyncio.sleep(5 * truth.GAP_S)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args()
    truth.go_first(3)
    stallings = [KINDS[name]() for name in options.kinds or KINDS]
    truth.run(main, options)
