#!/usr/bin/env python3
"""Threads that fight for the GIL: how much CPU time a piece of work takes in all.

Takes orders `turns MS` on stdin and answers with {"ns": CPU time of the process for a piece of
work, "switches": context switches a second}.  The main thread is an event loop, as far as it can
be seen from outside: it comes back to one epoll.

    convoy.py CPU THREADS
"""

import json
import os
import resource
import select
import sys
import threading
import time
from typing import List


class Worker(threading.Thread):
    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.wanted = threading.Event()
        self.pieces = 0

    def run(self) -> None:
        while self.wanted.wait():
            for i in range(500):
                i * 31
            self.pieces += 1


def switches() -> int:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_nvcsw + usage.ru_nivcsw


def order_run(poll: "select.epoll", workers: List[Worker], ms: int) -> None:
    pieces, cpu = sum(w.pieces for w in workers), time.process_time_ns()
    before, start = switches(), time.monotonic()
    for w in workers:
        w.wanted.set()
    while time.monotonic() < start + ms / 1000:
        poll.poll(0.001)
        for _ in range(3):
            time.sleep(0)
    for w in workers:
        w.wanted.clear()
    seconds = time.monotonic() - start
    pieces = sum(w.pieces for w in workers) - pieces
    print(json.dumps({"ns": (time.process_time_ns() - cpu) / max(1, pieces),
                      "switches": (switches() - before) / seconds}), flush=True)


def main(cpu: int, threads: int) -> None:
    os.sched_setaffinity(0, {cpu})
    workers = [Worker() for _ in range(threads)]
    for w in workers:
        w.start()
    poll, orders = select.epoll(), select.epoll()
    orders.register(0, select.EPOLLIN)
    while True:
        orders.poll()
        line = os.read(0, 128)
        if not line:
            break
        order_run(poll, workers, int(line.split()[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
