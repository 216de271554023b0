#!/usr/bin/env python3
"""Two event loops in two threads: 5 stalls in the one, 7 in the other.

Both sleep at the same times as often as not, so stalls of the two overlap and only the thread tells
them apart.
"""

import asyncio
import threading
import time

import truth


def consume(seconds: float) -> None:
    """What the second loop does."""
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})
    with s:
        time.sleep(seconds)


def produce(seconds: float) -> None:
    """What the first loop does."""
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"})
    with s:
        time.sleep(seconds)


async def consumer() -> None:
    while not go.is_set():
        await asyncio.sleep(0.01)
    for _ in range(7):
        consume(0.131)
        await asyncio.sleep(0.037)


async def producer() -> None:
    go.set()
    for _ in range(5):
        produce(0.173)
        await asyncio.sleep(0.041)
    while second.is_alive():
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    options = truth.arguments(__doc__).parse_args()
    go = threading.Event()
    second = threading.Thread(target=truth.run_on, name="second-loop",
                              args=(truth.new_loop(options.loop), consumer))
    second.start()
    truth.run(producer, options)
    second.join()
