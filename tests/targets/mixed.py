#!/usr/bin/env python3
"""Stacks in which Python and native code call each other in turn; each stall prints their order.

    mixed.py FOLDER [SHAPE...]      FOLDER holds mixed_extension, built for this interpreter

An order is what a stack must show from the native function that blocks to the shape's own, innermost
first: `p:` a Python function, `n:` a native one, `m:` one or more native frames of a module that
begins so.
"""

import ctypes
import functools
import inspect
import re
import sys
from typing import Any, Callable, List

import shapes
import truth
from shapes import LENGTH_S, SHAPES, keep, own_stack, shape

THROUGH = ["n:mixed_inner", "n:mixed_outer", "n:mixed_through"]
LEAF = ["n:mixed_wait", "n:mixed_block", "p:rest"]

try:
    import greenlet
except ImportError:
    greenlet = None

mixed: Any = None
order: List[str] = []


def rest(*_: Any) -> int:
    """The leaf of every shape; takes and returns what any callback might."""
    keep(sys._getframe())
    s = truth.stall("syscall", "clock_nanosleep", {"kind": "sleep"}, kind=shapes.now,
                    stack=own_stack(sys._getframe()), order=LEAF + order)
    with s:
        mixed.block(int(LENGTH_S * 1000))
    return 0


def expect(*frames: str) -> None:
    """What stands between rest() and the end of the shape's own function."""
    order[:] = frames


@shape("direct")
def direct() -> None:
    expect("p:direct")
    rest()


@shape("callbacks")
def callbacks() -> None:
    """C, Python, C, Python, C, Python."""
    def second() -> int:
        return mixed.through(rest, 1)

    def first() -> int:
        return mixed.through(second, 3)

    expect(*THROUGH, "p:second", "n:mixed_inner", "n:mixed_inner", *THROUGH, "p:first", *THROUGH,
           "p:callbacks")
    mixed.through(first, 1)


@shape("calls-between")
def calls_between() -> None:
    """Runs of more than one Python frame between the native ones."""
    def low() -> int:
        return rest()

    def middle() -> int:
        return low()

    def high() -> int:
        return mixed.through(middle, 1)

    expect("p:low", "p:middle", *THROUGH, "p:high", "p:calls_between")
    high()


@shape("sorted")
def sorted_() -> None:
    """The interpreter's own C code tells nothing that its Python frames do not."""
    expect("p:sorted_")
    sorted([1], key=rest)


@shape("regex")
def regex() -> None:
    def replace(match: Any) -> str:
        return str(rest(match))

    expect("p:replace", "p:sub", "p:regex")
    re.sub("a", replace, "ab")


@shape("reduce")
def reduce_() -> None:
    expect("p:reduce_")
    functools.reduce(rest, [1, 2])


@shape("generator")
def generator() -> None:
    def numbers() -> Any:
        yield mixed.through(rest, 1)

    expect(*THROUGH, "p:numbers", "p:generator")
    sum(numbers())


class Dying:
    def __del__(self) -> None:
        rest()


def fail() -> int:
    raise ValueError


@shape("unwinding")
def unwinding() -> None:
    """The interpreter lets go of a value while it looks for the handler of an exception."""
    expect("p:__del__", "p:unwinding")
    try:
        (Dying(), fail())  # pylint: disable=expression-not-assigned
    except ValueError:
        pass


@shape("unlikely")
def unlikely() -> None:
    """The same in code for errors, which the compiler may have moved away from the rest."""
    expect("p:__del__", "p:unlikely")
    try:
        [*Dying()]  # type: ignore[misc]  # pylint: disable=expression-not-assigned
    except TypeError:
        pass


@shape("unlikely-update")
def unlikely_update() -> None:
    expect("p:__del__", "p:unlikely_update")
    try:
        {**Dying()}  # type: ignore[misc]  # pylint: disable=expression-not-assigned
    except TypeError:
        pass


@shape("handler")
def handler() -> None:
    class Manager:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: Any) -> bool:
            mixed.through(rest, 1)
            return True

    expect(*THROUGH, "p:__exit__", "p:handler")
    with Manager():
        fail()


@shape("attribute")
def attribute() -> None:
    class Slots:
        def __getattr__(self, name: str) -> int:
            return mixed.through(rest, 1)

        def __lt__(self, other: object) -> bool:
            return bool(getattr(self, "missing"))

    expect(*THROUGH, "p:__getattr__", "p:__lt__", "p:attribute")
    sorted([Slots(), Slots()])


COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


@shape("ctypes")
def ctypes_() -> None:
    """The C library sorts two numbers, and asks Python."""
    two = (ctypes.c_int * 2)(2, 1)
    expect("m:_ctypes", "m:libffi", "m:libc", "m:libffi", "m:_ctypes", "p:ctypes_")
    ctypes.CDLL(None).qsort(two, 2, ctypes.sizeof(ctypes.c_int), COMPARE(rest))


if greenlet:
    @shape("greenlet")
    def greenlet_() -> None:
        """Its frames end where it begins: what is below in memory is another one's."""
        def run() -> int:
            return mixed.through(rest, 2)

        def parent() -> None:
            greenlet.greenlet(run).switch()

        expect("n:mixed_inner", *THROUGH, "p:run")
        mixed.through(parent, 1)


def steps() -> Callable[[], Any]:
    async def inner() -> None:
        mixed.through(rest, 1)

    async def outer() -> None:
        await inner()

    async def task() -> None:
        import asyncio
        expect(*THROUGH, "p:inner", "p:outer")
        await asyncio.ensure_future(outer())

    return task


SHAPES["task"] = steps()


async def main() -> None:
    import asyncio
    for name in options.shapes or list(SHAPES):
        shapes.now = name
        result = SHAPES[name]()
        if inspect.isawaitable(result):
            await result
        await asyncio.sleep(truth.GAP_S)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("folder")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    sys.path.insert(0, options.folder)
    mixed = __import__("mixed_extension")
    truth.go_first(1)
    if options.uvloop:
        import uvloop
        uvloop.install()
        truth.run_as_usual(main, options)
    else:
        truth.run(main, options)
