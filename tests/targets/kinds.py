"""The table of kinds of stall, and what their set-ups share.

A kind is a set-up (run before the loop starts) that returns a function of no arguments, which
stalls.  The function that holds the stall is a plain one at module level, so that its frame has a
plain name.
"""

import threading
import time
from typing import Any, Callable, Dict, List

LENGTH_S = 0.17

Stalling = Callable[[], None]
KINDS: Dict[str, Callable[[], Stalling]] = {}
FORKING: List[str] = []  # kinds whose set-up forks: they come before any thread exists
folder = ""  # for sockets, FIFOs and files; set before any set-up runs


def kind(name: str, forks: bool = False) -> Callable[[Callable[[], Stalling]],
                                                     Callable[[], Stalling]]:
    """Register a set-up under a name."""
    def register(setup: Callable[[], Stalling]) -> Callable[[], Stalling]:
        KINDS[name] = setup
        if forks:
            FORKING.append(name)
        return setup
    return register


def background(function: Callable[..., None], *args: Any) -> None:
    """The other side of a wait: a thread that dies with the target."""
    threading.Thread(target=function, args=args, daemon=True, name=function.__name__).start()


def calibrate(work: Callable[[int], Any], size: int, seconds: float) -> int:
    """How much of `work` takes about `seconds` here."""
    start = time.monotonic()
    work(size)
    return max(size, int(size * seconds / (time.monotonic() - start)))
