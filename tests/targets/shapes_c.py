"""Shapes in which C code calls back into Python: sorts, maps, slots, destructors, ctypes."""

import contextvars
import functools
import itertools
import re
import threading
from typing import Any

from shapes import rest, shape

try:
    import ctypes
except ImportError:  # not every build has it
    ctypes = None  # type: ignore[assignment]


@shape("sort-key")
def sort_key() -> None:
    sorted([1], key=rest)


@shape("reduce")
def reduce_() -> None:
    functools.reduce(rest, [1, 2])


@shape("regex-callback")
def regex_callback() -> None:
    re.sub("a", lambda match: str(rest(match)), "ab")


@shape("map-filter")
def map_filter() -> None:
    for _ in itertools.islice(filter(None, map(lambda x: x + rest(), [1, 2])), 1):
        pass


@shape("partial")
def partial() -> None:
    functools.partial(functools.partial(rest, 1), 2)()


@functools.lru_cache(maxsize=3)
def cached(x: int) -> int:
    return x + rest()


@shape("lru-cache")
def lru_cache() -> None:
    cached(7)


class Slots:
    """Called by the interpreter's own C code, not by name."""

    def __getattr__(self, name: str) -> int:
        return rest(name)

    def __hash__(self) -> int:
        return getattr(self, "missing")

    def __eq__(self, other: object) -> bool:
        return not {self: other}

    def __repr__(self) -> str:
        return str([1].count(self))  # type: ignore[arg-type]

    def __iter__(self) -> Any:
        yield str(self)


@shape("slots")
def slots() -> None:
    next(iter(Slots()))


class Dying:
    def __del__(self) -> None:
        rest()


@shape("destructor")
def destructor() -> None:
    one = [Dying()]
    one.clear()


@shape("context")
def context() -> None:
    contextvars.copy_context().run(rest)


@shape("once")
def once() -> None:
    """A lock of the library around it: with and without frames of threading."""
    with threading.RLock():
        threading.local().__init__()  # type: ignore[misc]
        rest()


if ctypes:
    COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    @shape("ctypes-callback")
    def ctypes_callback() -> None:
        """The C library sorts two numbers, and asks Python."""
        two = (ctypes.c_int * 2)(2, 1)
        ctypes.CDLL(None).qsort(two, 2, ctypes.sizeof(ctypes.c_int), COMPARE(rest))
