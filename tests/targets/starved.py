#!/usr/bin/env python3
"""Three stalls for want of a CPU: the target and two hogs share one, all at nice 0.

Each stall needs 100 ms of CPU and gets about a third of it.  How long that takes the scheduler
decides: the truth says how much was CPU, and the rest is the run queue.
"""

import asyncio
import os
import signal
import time
from typing import List

import truth

CPU_S = 0.1


def hog(cpu: int) -> int:
    """A child that spins on one CPU until it is killed, or orphaned."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.sched_setaffinity(0, {cpu})
        while os.getppid() == parent:
            for _ in range(100_000):
                pass
        os._exit(0)
    return pid


def crunch(seconds: float) -> None:
    """Work by the amount of CPU it needs."""
    until = time.thread_time() + seconds
    s = truth.stall("runqueue", None, None, lines=2, loose=True)
    with s:
        while time.thread_time() < until:
            pass


async def main() -> None:
    cpu = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpu})
    hogs: List[int] = [hog(cpu) for _ in range(2)]
    try:
        for _ in range(3):
            await asyncio.sleep(0.1)
            crunch(CPU_S)
    finally:
        for pid in hogs:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


if __name__ == "__main__":
    truth.run(main, truth.arguments(__doc__).parse_args())
