#!/usr/bin/env python3
"""An asyncio loop that stalls RATE times a second for MS milliseconds, each time at another place.

97 handlers made at start, each a chain of functions of its own; they sleep, read a pipe that is
late, or compute.  With 0 ms it only wakes up.  Prints a line when it begins.

    staller.py RATE MS
"""

import asyncio
import os
import sys
import threading
import time
from typing import Any, Callable, Dict, List

HANDLERS = 97
SOURCE = """
def handler_{0}(work, s):
    return step_{0}_1(work, s)
def step_{0}_1(work, s):
    return step_{0}_2(work, s)
def step_{0}_2(work, s):
    return step_{0}_3(work, s)
def step_{0}_3(work, s):
    work(s)
"""


def sleep(s: float) -> None:
    time.sleep(s)


def compute(s: float) -> None:
    until = time.monotonic() + s
    while time.monotonic() < until:
        sum(range(100))


def read_late(s: float) -> None:
    reader, writer = os.pipe()
    timer = threading.Timer(s, os.write, (writer, b"x"))
    timer.start()
    os.read(reader, 1)
    timer.join()
    os.close(reader)
    os.close(writer)


def handlers() -> List[Callable[..., None]]:
    names: Dict[str, Any] = {}
    for i in range(HANDLERS):
        exec(compile(SOURCE.format(i), "handler_%d.py" % i, "exec"), names)
    return [names["handler_%d" % i] for i in range(HANDLERS)]


async def main(rate: float, ms: float) -> None:
    made = handlers()
    works = (sleep, compute, read_late)
    count = 0
    print("ready", flush=True)
    start = time.monotonic()
    while True:
        count += 1
        await asyncio.sleep(max(0.0, start + count / rate - time.monotonic()))
        if ms:
            made[count % HANDLERS](works[count % len(works)], ms / 1000)


if __name__ == "__main__":
    try:
        asyncio.run(main(float(sys.argv[1]), float(sys.argv[2])))
    except KeyboardInterrupt:
        pass
