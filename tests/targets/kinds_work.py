"""Stalls without a descriptor: locks, the GIL, the CPU, many short sleeps, a stop from outside.

Lengths that the CPU decides are calibrated before the loop starts, and only about right.
"""

import functools
import json
import os
import re
import signal
import threading
import time
from typing import List

import kinds
import truth


def hold_lock(lock: threading.Lock, asked: threading.Semaphore, held: threading.Semaphore) -> None:
    while asked.acquire():
        with lock:
            held.release()
            time.sleep(kinds.LENGTH_S)


def take_lock(lock: threading.Lock, asked: threading.Semaphore, held: threading.Semaphore) -> None:
    asked.release()
    held.acquire()
    s = truth.stall("lock", "futex", {"kind": "futex"}, kind="lock")
    with s:
        lock.acquire()
    lock.release()


def hog_gil(asked: threading.Semaphore, begun: threading.Semaphore, size: int) -> None:
    """One C call that never lets go of the GIL."""
    while asked.acquire():
        begun.release()
        sum(range(size))


def want_gil(asked: threading.Semaphore, begun: threading.Semaphore) -> None:
    """The lock is free at once, but who has freed it keeps the GIL."""
    s = truth.stall("gil", "futex", None, lines=2, kind="gil")
    with s:
        asked.release()
        begun.acquire()


@kinds.kind("lock")
def setup_lock() -> kinds.Stalling:
    things = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)
    kinds.background(hold_lock, *things)
    return functools.partial(take_lock, *things)


@kinds.kind("gil")
def setup_gil() -> kinds.Stalling:
    asked, begun = threading.Semaphore(0), threading.Semaphore(0)
    size = kinds.calibrate(lambda n: sum(range(n)), 1_000_000, kinds.LENGTH_S * 2)
    kinds.background(hog_gil, asked, begun, size)
    return functools.partial(want_gil, asked, begun)



def export(rows: List[str]) -> None:
    s = truth.stall("cpu", None, None, kind="json")
    with s:
        json.dumps(rows)


def score(size: int) -> None:
    """Pure Python; the line is any of the loop's."""
    total = 0
    s = truth.stall("cpu", None, None, lines=2, kind="spin")
    with s:
        for i in range(size):
            total ^= i * 31


def match(text: str) -> None:
    """A catastrophic pattern: one C call."""
    s = truth.stall("cpu", None, None, kind="regex")
    with s:
        re.match(r"(a+)+$", text)


def make_rows(size: int) -> List[str]:
    """Strings only: a heap full of containers would add stalls of the garbage collector."""
    return ["row %d of a report that is much too long" % i for i in range(size)]


def spin(size: int) -> None:
    total = 0
    for i in range(size):
        total ^= i * 31


@kinds.kind("json")
def setup_json() -> kinds.Stalling:
    size = kinds.calibrate(lambda n: json.dumps(make_rows(n)), 50_000, kinds.LENGTH_S * 2)
    return functools.partial(export, make_rows(size))


@kinds.kind("spin")
def setup_spin() -> kinds.Stalling:
    return functools.partial(score, kinds.calibrate(spin, 100_000, kinds.LENGTH_S))


@kinds.kind("regex")
def setup_regex() -> kinds.Stalling:
    length, took = 14, 0.0
    while took < 0.1:
        length += 1
        start = time.monotonic()
        re.match(r"(a+)+$", "a" * length + "b")
        took = time.monotonic() - start
    return functools.partial(match, "a" * length + "b")



def retry() -> None:
    """40 waits of 5 ms in one callback: no wait is long, the sum is."""
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"}, lines=2, kind="short")
    with s:
        for _ in range(40):
            time.sleep(0.005)


@kinds.kind("short")
def setup_short() -> kinds.Stalling:
    return retry



def interrupt(pid: int, asked: int) -> None:
    """In a child: stop the target for a while each time it asks."""
    while os.read(asked, 1):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(kinds.LENGTH_S)
        os.kill(pid, signal.SIGCONT)


def be_stopped(asked: int) -> None:
    """Spin until time jumps: the stop comes from outside, a moment later."""
    last = now = time.monotonic()
    s = truth.stall("stopped", None, None, lines=3, kind="stopped")
    with s:
        os.write(asked, b"x")
        while now - last < kinds.LENGTH_S / 2:
            last, now = now, time.monotonic()


@kinds.kind("stopped", forks=True)
def setup_stopped() -> kinds.Stalling:
    reader, writer = os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.close(writer)
        interrupt(parent, reader)
        os._exit(0)
    os.close(reader)
    return functools.partial(be_stopped, writer)
