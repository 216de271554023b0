#!/usr/bin/env python3
"""switches.c's `wait` in Python: blocking reads outside the poll, below so many Python frames.

Takes the same orders on stdin and gives the same answers.  The answering half is the C program.
`sleep` is one more: waits so long that each has its stack taken, where of the short ones only a
sample has.

    deepwait.py CPU SWITCHES
"""

import json
import os
import select
import subprocess
import sys
import time
from typing import List

WAITS = 50
PAUSE = 0.007
SLEEP = 0.0012  # over 1 % of the default threshold
TURN = b"\1\0\0\0\0\0\0\0"


class Pair:
    """This process and the one that answers."""

    def __init__(self, program: str) -> None:
        peer_in, self.to_peer = os.pipe()
        self.to_loop, peer_out = os.pipe()
        self.peer = subprocess.Popen([program, "echo", str(peer_in), str(peer_out)],
                                     pass_fds=(peer_in, peer_out))
        os.close(peer_in)
        os.close(peer_out)
        # The clock of another process's CPU time: what clock_getcpuclockid() computes.
        self.peer_clock = (~self.peer.pid << 3) | 2

    def schedule(self, measuring: bool) -> None:
        """As switches.c does, and for its reasons."""
        policy, priority = (os.SCHED_FIFO, 1) if measuring else (os.SCHED_BATCH, 0)
        for pid in (0, self.peer.pid):
            try:
                os.sched_setscheduler(pid, policy, os.sched_param(priority))
            except PermissionError:
                os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))

    def cpu_ns(self) -> int:
        return time.process_time_ns() + time.clock_gettime_ns(self.peer_clock)


def wait_deep(pair: Pair, depth: int) -> None:
    if depth > 1:
        wait_deep(pair, depth - 1)
        return
    for _ in range(WAITS):
        os.write(pair.to_peer, TURN)
        os.read(pair.to_loop, 8)


def sleep_deep(_pair: Pair, depth: int) -> None:
    if depth > 1:
        sleep_deep(_pair, depth - 1)
        return
    for _ in range(WAITS):
        time.sleep(SLEEP)


ORDERS = {"wait": wait_deep, "sleep": sleep_deep}


def order_run(pair: Pair, poll: "select.epoll", kind: str, ms: int, depth: int) -> None:
    slices: List[float] = []
    until = time.monotonic() + ms / 1000
    pair.schedule(True)
    while time.monotonic() < until:
        poll.poll(PAUSE)
        start = pair.cpu_ns()
        ORDERS[kind](pair, depth)
        slices.append((pair.cpu_ns() - start) / WAITS)
    pair.schedule(False)
    slices.sort()
    n = len(slices)
    print(json.dumps({"ns": slices[n // 2], "low": slices[n // 10], "high": slices[n * 9 // 10],
                      "turns": n * WAITS}), flush=True)


def main(cpu: int, program: str) -> None:
    os.sched_setaffinity(0, {cpu})
    pair = Pair(program)
    poll = select.epoll()
    poll.register(0, select.EPOLLIN)
    while True:
        poll.poll()
        line = os.read(0, 128)
        if not line:
            break
        kind, ms, depth = line.decode().split()
        poll.unregister(0)
        order_run(pair, poll, kind, int(ms), int(depth))
        poll.register(0, select.EPOLLIN)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
