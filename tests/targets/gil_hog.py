#!/usr/bin/env python3
"""A loop that stalls while another thread computes: half of each stall is waiting for the GIL.

    gil_hog.py

Says the number of the computing thread, waits for a line, stalls 7 times and ends.  Needs 3.8.
"""

import asyncio
import sys
import threading
import time

STALLS = 7
LENGTH = 0.2

working = threading.Event()


def grind() -> None:
    x = 0
    while working.is_set():
        x += 1


def compute_on() -> None:
    print(threading.get_native_id(), flush=True)
    while True:
        working.wait()
        grind()


def stall() -> None:
    end = time.monotonic() + LENGTH
    working.set()
    while time.monotonic() < end:
        pass
    working.clear()


async def main() -> None:
    for _ in range(STALLS):
        for _ in range(3):
            await asyncio.sleep(0.01)
        stall()
    await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)


threading.Thread(target=compute_on, daemon=True).start()
sys.stdin.readline()
asyncio.run(main())
