#!/usr/bin/env python3
"""Functions that are made, run once and dropped: their memory is that of the next ones at once.

    reuse.py [--same-lines]

A stall is several short rests, each at the end of a chain of functions of its own.  Its truth has
`rests`: from when to when, and the stack at that time, [name, base file name, line] innermost first.
With --same-lines the functions differ by nothing but their names.
"""

import asyncio
import gc
import sys
import time
from typing import Any, Dict, List

import shapes
import truth

RESTS = 7
CHAIN = 5
STALLS = 23
REST_S = 0.011

rests: List[Dict[str, Any]] = []
made = 0


def rest() -> None:
    stack, start = shapes.own_stack(sys._getframe()), time.monotonic_ns()
    time.sleep(REST_S)
    stack[0][2] += 1
    rests.append({"start_ns": start, "end_ns": time.monotonic_ns(), "stack": stack})


def make(call: Any) -> Any:
    """A function that nobody else has, on a line of its own; calls `call`."""
    global made
    made += 1
    name = "made_%06d" % made
    space = {"call": call}
    above = 0 if options.same_lines else made % 97
    exec(compile("\n" * above + "def %s():\n    call()\n" % name, "<%s>" % name, "exec"), space)
    return space[name]


def chain() -> None:
    function = rest
    for _ in range(CHAIN):
        function = make(function)
    function()


def stall() -> None:
    rests.clear()
    s = truth.stall("syscall", truth.SLEEP_CALL, None, lines=3)
    with s:
        for _ in range(RESTS):
            chain()
        s.record["rests"] = list(rests)


async def main() -> None:
    for _ in range(STALLS):
        stall()
        gc.collect(0)
        await asyncio.sleep(truth.GAP_S)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("--same-lines", action="store_true")
    options = parser.parse_args()
    truth.go_first(1)
    truth.run(main, options)
