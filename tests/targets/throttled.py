#!/usr/bin/env python3
"""Three stalls for want of CPU quota: the cgroup given allows far less than each of them needs."""

import asyncio
import os
import time

import truth

CPU_S = 0.04


def enter(cgroup: str) -> None:
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
        f.write(str(os.getpid()))


def crunch(seconds: float) -> None:
    """Work by the amount of CPU it needs."""
    until = time.thread_time() + seconds
    s = truth.stall("quota", None, None, lines=2, loose=True)
    with s:
        while time.thread_time() < until:
            pass


async def main(cgroup: str) -> None:
    for _ in range(3):
        await asyncio.sleep(0.1)
        enter(cgroup)
        crunch(CPU_S)
        enter(os.path.dirname(cgroup))


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("--cgroup", required=True)
    options = parser.parse_args()
    truth.run(lambda: main(options.cgroup), options)
