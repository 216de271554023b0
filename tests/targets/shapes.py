"""The table of shapes of a stack, and the rest at the end of each.

A shape is a function without arguments, or a coroutine function, that gets to rest() once, by a way
of its own.
"""

import os
import sys
import time
from types import CodeType, FrameType
from typing import Any, Callable, Dict, List, Optional, Set

import truth

LENGTH_S = 0.067

Shape = Callable[[], Any]
SHAPES: Dict[str, Shape] = {}
kept: Set[CodeType] = set()
now = ""  # the shape that is being run


def shape(name: str) -> Callable[[Shape], Shape]:
    """Register a shape under a name."""
    def register(function: Shape) -> Shape:
        SHAPES[name] = function
        return function
    return register


def name_of(code: CodeType) -> str:
    return getattr(code, "co_qualname", code.co_name)


def own_stack(frame: Optional[FrameType]) -> List[List[Any]]:
    """The frames as the interpreter links them."""
    found = []
    while frame:
        code = frame.f_code
        found.append([name_of(code), os.path.basename(code.co_filename), frame.f_lineno])
        frame = frame.f_back
    return found


def keep(frame: Optional[FrameType]) -> None:
    """So that all code of a stack outlives it: names are read a little later."""
    while frame:
        kept.add(frame.f_code)
        frame = frame.f_back


def rest(*_: Any) -> int:
    """The leaf of every shape; takes and returns what any callback might."""
    keep(sys._getframe())
    s = truth.stall("syscall", truth.SLEEP_CALL, None, kind=now, stack=own_stack(sys._getframe()))
    with s:
        time.sleep(LENGTH_S)
    return 0
