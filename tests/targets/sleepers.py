"""Eight threads asleep for ever, each below another mix of Python and C frames.

    sleepers.py

Prints {"ready": PID} once all sleep.  Knows nothing of stallprof.
"""

import functools
import json
import os
import re
import select
import threading
import time
from typing import Any, Callable, List


def leaf() -> None:
    time.sleep(100000)


class Key:
    """Its comparison never ends."""

    def __lt__(self, other: Any) -> bool:
        deep(3)
        return True


def deep(n: int) -> Any:
    if n:
        return max([n], key=lambda _: deep(n - 1) or 1)
    return leaf()


def yielding() -> None:
    def inner() -> Any:
        leaf()
        yield 1

    def outer() -> Any:
        yield from inner()

    list(outer())


WORK: List[Callable[[], Any]] = [
    lambda: deep(11),
    lambda: sorted([Key(), Key()]),
    lambda: select.select([], [], [], 100000),
    lambda: re.sub("a", lambda _: leaf() or "b", "xa"),
    lambda: threading.Event().wait(),
    lambda: json.dumps([object()], default=lambda _: leaf()),
    yielding,
]

for work in WORK:
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
print(json.dumps({"ready": os.getpid()}), flush=True)
functools.reduce(lambda _, n: deep(n), [2, 3])
