#!/usr/bin/env python3
"""Programs without a stall, though something in them always waits: the negative controls.

    healthy.py sleep|thread|busy|executor|sockets|queue|after

The right answer to each is zero stalls; the ticker of truth.py tells when the machine is to blame.
"""

import asyncio
import concurrent.futures
import functools
import queue
import socket
import time
from typing import Any, Callable, List

import truth


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """asyncio.to_thread(), also for Python 3.8."""
    return await asyncio.get_event_loop().run_in_executor(None, functools.partial(function, *args))


async def sleeping() -> None:
    for _ in range(5):
        await asyncio.sleep(0.4)


async def threaded() -> None:
    for _ in range(5):
        await in_thread(time.sleep, 0.4)


async def busy() -> None:
    """Pieces of 1 ms, 80 % of a CPU, never late."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        piece = time.monotonic() + 0.001
        while time.monotonic() < piece:
            pass
        await asyncio.sleep(0.00025)


async def pooled() -> None:
    """Four workers, twelve jobs: the pool is exhausted, the loop is not."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loop = asyncio.get_event_loop()
        jobs = [loop.run_in_executor(pool, time.sleep, 0.5) for _ in range(12)]
        await asyncio.gather(*jobs)


def receive(sock: socket.socket) -> None:
    """poll(2) again and again from one place in a worker: that is no event loop."""
    for _ in range(11):
        try:
            sock.recv(1)
        except socket.timeout:
            pass


async def with_sockets() -> None:
    pairs: List[Any] = [socket.socketpair() for _ in range(2)]
    for mine, _ in pairs:
        mine.settimeout(0.17)
    await asyncio.gather(*(in_thread(receive, mine) for mine, _ in pairs))
    for mine, other in pairs:
        mine.close()
        other.close()


async def with_queue() -> None:
    """A worker that waits for work for seconds."""
    work: "queue.Queue[int]" = queue.Queue()
    getting = asyncio.ensure_future(in_thread(work.get))
    await asyncio.sleep(2)
    work.put(1)
    await getting


async def ended() -> None:
    """The loop is over and closed, then the program sleeps: nobody waits for a loop any more."""
    await asyncio.sleep(0.5)


KINDS = {"sleep": sleeping, "thread": threaded, "busy": busy, "executor": pooled,
         "sockets": with_sockets, "queue": with_queue, "after": ended}


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    options = parser.parse_args()
    truth.run(KINDS[options.kind], options)
    if options.kind == "after":
        time.sleep(0.3)
