#!/usr/bin/env python3
"""Stalls of many kinds, three of each: sockets, pipes, files, children, locks and the CPU.

    waits.py recv json ...      the named kinds, in that order; `--list` names them all

The kinds themselves are in kinds_*.py; a new one is a set-up there and nothing here.
"""

import asyncio
import os
import shutil
import tempfile
from typing import List

import kinds
import kinds_files  # noqa: F401  they fill kinds.KINDS
import kinds_net  # noqa: F401
import kinds_work  # noqa: F401
import truth


async def main() -> None:
    """Each kind in turn, `--count` times, with a healthy loop between."""
    for stalling in stallings:
        for _ in range(options.count):
            stalling()
            await asyncio.sleep(truth.GAP_S)


def in_order(names: List[str]) -> List[str]:
    """Kinds that fork come before any thread exists."""
    return sorted(names, key=lambda name: name not in kinds.FORKING)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args()
    if options.list:
        print("\n".join(kinds.KINDS))
        raise SystemExit(0)
    kinds.folder = tempfile.mkdtemp(prefix="stallprof-target-")
    try:
        stallings = [kinds.KINDS[name]() for name in in_order(options.kinds or list(kinds.KINDS))]
        truth.run(main, options)
    finally:
        shutil.rmtree(kinds.folder, ignore_errors=True)
    os._exit(0)  # to free the big objects would take as long as a stall
