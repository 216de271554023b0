"""Threads that work when they are asked: with the GIL held, or without it.

Owns the threads and their CPU clocks, by which a target knows who had the GIL.
"""

import hashlib
import json
import threading
import time
import zlib
from typing import Any, Callable, Dict, List, Optional

import truth

TURN_NS = 5_000_000
REST_S = 0.02  # four more turns: of seven threads none has the GIL for much more than a fifth


class Hog:
    """A thread that calls `work` once when it is asked, or again and again until told to stop."""

    def __init__(self, name: str, work: Callable[[], Any], func: str, holds: bool = True) -> None:
        self.work, self.func, self.holds = work, func, holds
        self.again = False
        self.asked, self.begun = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)
        self.thread.start()

    def run(self) -> None:
        truth.go_first(2 if self.holds else 1)
        while self.asked.acquire():
            self.begun.release()
            self.work()
            while self.again:
                self.work()

    def cpu_ns(self) -> int:
        assert self.thread.ident
        return time.clock_gettime_ns(time.pthread_getcpuclockid(self.thread.ident))

    def delay_ns(self) -> int:
        """How long it could have run and got no processor."""
        try:
            with open("/proc/self/task/%d/schedstat" % self.thread.native_id) as f:
                return int(f.read().split()[1])
        except OSError:
            return 0  # a kernel that does not count it


class Watched:
    """What each of some threads burned since this was made."""

    def __init__(self, hogs: List[Hog]) -> None:
        self.before = [(hog, hog.cpu_ns(), hog.delay_ns()) for hog in hogs]

    def records(self) -> List[Dict[str, Any]]:
        return [{"tid": hog.thread.native_id, "name": hog.thread.name, "func": hog.func,
                 "holds": hog.holds, "cpu_ns": hog.cpu_ns() - cpu,
                 "delay_ns": hog.delay_ns() - delay} for hog, cpu, delay in self.before]


def sized(work: Callable[[int], Any], size: int, seconds: float) -> int:
    """How much of `work` takes about so much CPU time here; the first go warms up."""
    work(size)
    start = time.thread_time()
    work(size)
    return max(size, int(size * seconds / (time.thread_time() - start)))


def serialize_report(text: str) -> None:
    """One C call that never lets go of the GIL; of a list it would be two."""
    json.dumps(text)


def count_up(size: int) -> None:
    sum(range(size))


def count_down(size: int) -> None:
    sum(range(size, 0, -1))


def crunch() -> None:
    """Python code lets go when it is asked to, after the switch interval."""
    total = 0
    for i in range(2000):
        total ^= i * 31


def count_in_turn() -> None:
    """A turn of its own, then one for each of the others: whom the interpreter lets go next is its
    choice, and of seven it may let one have the GIL for more than half of the time."""
    end = time.thread_time_ns() + TURN_NS
    while time.thread_time_ns() < end:
        sum(range(20_000))
    time.sleep(REST_S)


def digest(data: bytes) -> None:
    hashlib.sha256(data).digest()


def pack(data: bytes) -> None:
    zlib.compress(data, 6)


def doze() -> None:
    time.sleep(0.003)


def reporter(seconds: float) -> Hog:
    text = "\u00e9" * sized(lambda n: serialize_report("\u00e9" * n), 2_000_000, seconds)
    return Hog("reporter", lambda: serialize_report(text), "serialize_report")


def counter(name: str, work: Callable[[int], Any], seconds: float) -> Hog:
    size = sized(work, 500_000, seconds)
    return Hog(name, lambda: work(size), work.__name__)


def late_counter(name: str, after: float, seconds: float) -> Hog:
    """Lets whoever asked for it go on for a moment first."""
    size = sized(count_up, 500_000, seconds)

    def work() -> None:
        time.sleep(after)
        count_up(size)
    return Hog(name, work, "count_up")


def cruncher(name: str) -> Hog:
    return Hog(name, crunch, "crunch")


def turn_taker(name: str) -> Hog:
    return Hog(name, count_in_turn, "count_in_turn")


def innocents() -> List[Hog]:
    """They wait, or burn CPU time without the GIL."""
    data = bytes(range(256)) * 131072
    return [Hog("hasher", lambda: digest(data), "digest", holds=False),
            Hog("packer", lambda: pack(data), "pack", holds=False),
            Hog("dozer", doze, "doze", holds=False)]


class Working:
    """Between enter and exit they all work again and again."""

    def __init__(self, hogs: List[Hog]) -> None:
        self.hogs = hogs

    def __enter__(self) -> None:
        for hog in self.hogs:
            hog.again = True
            hog.asked.release()

    def __exit__(self, *_: Optional[object]) -> None:
        for hog in self.hogs:
            hog.again = False
