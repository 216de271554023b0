#!/usr/bin/env python3
"""One short stall, then one that does not end.

    forever.py              hangs until it is killed; {"begin": ...} is printed as the hang begins
    forever.py --for 3.3    comes back after 3.3 s and prints the usual truth

For stalls that are reported while they last, and for recordings that end inside one.
"""

import asyncio
import time
from typing import Optional

import truth


def hang(seconds: Optional[float]) -> None:
    """A loop that is stuck for good, or for `seconds`."""
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"}, lines=5)
    truth.emit({"begin": {"start_ns": time.monotonic_ns(), "func": "hang"}})
    with s:
        if seconds is not None:
            time.sleep(seconds)
        else:
            while True:
                time.sleep(3600)


def hiccup() -> None:
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})
    with s:
        time.sleep(0.13)


async def main() -> None:
    hiccup()
    await asyncio.sleep(0.1)
    hang(options.seconds)
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS")
    options = parser.parse_args()
    truth.run(main, options)
