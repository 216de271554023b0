#!/usr/bin/env python3
"""Stacks of every shape: each stall prints the interpreter's own list of its frames beside it.

    frames.py [SHAPE...]        the named shapes, else all of them; `--list` names them

The shapes are in shapes_*.py.  A stack in a truth is [name, base file name, line], innermost first,
walked by the f_back of the frames themselves; the innermost line is the truth's `line`.
"""

import asyncio
import inspect

import shapes
import shapes_c  # noqa: F401  they fill shapes.SHAPES
import shapes_plain  # noqa: F401
import shapes_text  # noqa: F401
import truth


async def main() -> None:
    """A coroutine function is awaited here, anything else is called."""
    for name in options.shapes or list(shapes.SHAPES):
        shapes.now = name
        result = shapes.SHAPES[name]()
        if inspect.isawaitable(result):
            await result
        await asyncio.sleep(truth.GAP_S)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("shapes", nargs="*", metavar="SHAPE")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(shapes.SHAPES))
        raise SystemExit(0)
    truth.go_first(1)
    truth.run(main, options)
