#!/usr/bin/env python3
"""23 stalls by time.sleep() in three functions, 120 to 300 ms each.

The plainest target: one class, one syscall, three places.  A prime count, and no two neighbours of
the same length, so that a lost, doubled or merged stall shows.
"""

import asyncio
import time

import truth

LENGTHS_MS = (120, 211, 137, 300, 149)


def asleep() -> truth.Stall:
    return truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})


def backoff(seconds: float) -> None:
    """A retry that waits in the wrong way."""
    s = asleep()
    with s:
        time.sleep(seconds)


def rate_limit(seconds: float) -> None:
    """A limiter that waits in the wrong way, one call deeper."""
    settle(seconds)


def settle(seconds: float) -> None:
    s = asleep()
    with s:
        time.sleep(seconds)


def poll_device(seconds: float) -> None:
    """Waits with other work around it."""
    total = sum(range(1000))
    s = asleep()
    with s:
        time.sleep(seconds)
    assert total == sum(range(1000))


async def main() -> None:
    """Call the three functions in turn, with a healthy loop between."""
    functions = (backoff, rate_limit, poll_device)
    for i in range(options.count):
        functions[i % 3](LENGTHS_MS[i % 5] / 1000)
        await asyncio.sleep(truth.GAP_S)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("--count", type=int, default=23)
    options = parser.parse_args()
    truth.run(main, options)
