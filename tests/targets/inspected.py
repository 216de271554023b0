"""Loops, tasks, timers, pools and named threads held still; prints what there is to see of them.

    inspected.py MODE   blocked: the main loop is in a callback; idle: it waits in its poll;
                        uvloop: blocked, under uvloop; anyio: its workers, one busy and two idle

All numbers are different and most are prime.  A line of JSON says the truth; then it stays until its
standard input ends.
"""

import asyncio
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

READY, TIMERS, CANCELLED, WAITING, FINISHED = 57, 35, 11, 23, 13
BUSY, QUEUED, IDLE = 6, 7, 3
OTHER_WAITING = 5

END = threading.Event()
KEEP = []
LOOPS = {}  # thread: what there is to see of its loop


def noop():
    pass


def hold():
    END.wait()


async def finished():
    pass


async def wait_long():
    await asyncio.sleep(3000)


class Second:
    """A loop of its own on another thread, whose task has the name that it was given by number."""

    def __init__(self):
        self.ready = threading.Event()

    def run(self):
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        before = self.loop.create_task(finished())
        self.number = int(before.get_name().split("-")[1])
        self.loop.run_until_complete(before)
        self.loop.run_until_complete(self.main())

    async def main(self):
        KEEP.append([self.loop.create_task(wait_long()) for _ in range(OTHER_WAITING)])
        await asyncio.sleep(0.05)
        LOOPS[threading.get_ident()] = {
            "ready": 0, "scheduled": OTHER_WAITING, "tasks": OTHER_WAITING + 1,
            "task": "Task-%d" % (self.number + 1), "coro": "Second.main"}
        self.ready.set()
        END.wait()


def stay(pools):
    threads = {t.ident: t.name for t in threading.enumerate()}
    print(json.dumps({"inspect": {"threads": threads, "pools": pools, "loops": LOOPS}}), flush=True)
    sys.stdin.read()
    os._exit(0)


def make_pools(loop):
    """Workers by their pool's name: its size, how many have no work, how many jobs wait."""
    crew = ThreadPoolExecutor(BUSY, thread_name_prefix="crew")
    idlers = ThreadPoolExecutor(IDLE + 8, thread_name_prefix="idlers")
    for done in [idlers.submit(time.sleep, 0.2) for _ in range(IDLE)]:
        done.result()
    dummy = ThreadPool(2)
    dummy.map(time.sleep, [0.1] * 4)
    KEEP.extend([crew, idlers, dummy])
    KEEP.extend(loop.run_in_executor(crew, hold) for _ in range(BUSY + QUEUED))
    KEEP.append(loop.run_in_executor(None, hold))
    while crew._work_queue.qsize() != QUEUED:
        time.sleep(0.01)
    default = loop._default_executor if hasattr(loop, "_default_executor") else None
    name = "asyncio" if default and sys.version_info >= (3, 9) else "ThreadPoolExecutor-0"
    size = default._max_workers if default else min(32, (os.cpu_count() or 1) + 4)
    executor = "ThreadPoolExecutor"
    return {
        "crew": {"kind": executor, "max": BUSY, "workers": BUSY, "idle": 0, "queued": QUEUED},
        "idlers": {"kind": executor, "max": IDLE + 8, "workers": IDLE, "idle": IDLE, "queued": 0},
        "ThreadPool": {"kind": "ThreadPool", "max": 0, "workers": 2, "idle": 2, "queued": 0},
        name: {"kind": executor, "max": size, "workers": 1, "idle": 0, "queued": 0},
    }


async def main(mode):
    loop = asyncio.get_event_loop()
    KEEP.append([loop.create_task(wait_long()) for _ in range(WAITING)])
    KEEP.append([loop.create_task(finished()) for _ in range(FINISHED)])
    await asyncio.sleep(0.1)
    pools = make_pools(loop)
    handles = [loop.call_later(1000 + i, noop) for i in range(TIMERS + CANCELLED - WAITING)]
    for handle in handles[:CANCELLED]:
        handle.cancel()
    truth = {"ready": 0, "scheduled": TIMERS, "tasks": WAITING + 1, "task": "", "coro": ""}
    LOOPS[threading.get_ident()] = truth
    if mode == "idle":
        threading.Timer(0.5, stay, [pools]).start()
        await loop.create_future()
    for _ in range(READY):
        loop.call_soon(noop)
    asyncio.current_task().set_name("the-m\u00e4in-one")
    truth.update(ready=READY, task="the-m\u00e4in-one", coro="main")
    stay(pools)


async def main_anyio():
    import anyio

    async def run(function, *args):
        await anyio.to_thread.run_sync(function, *args)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(run, time.sleep, 0.3)
    async with anyio.create_task_group() as group:
        group.start_soon(run, hold)
        await asyncio.sleep(0.2)
        LOOPS.clear()
        stay({"AnyIO worker thread": {"kind": "anyio", "max": 0, "workers": 3, "idle": 2,
                                      "queued": 0}})


def begin(mode):
    print(json.dumps({"ready": os.getpid()}), flush=True)
    if mode == "anyio":
        asyncio.run(main_anyio())
    if mode == "uvloop":
        import uvloop
        uvloop.install()
    second = Second()
    threading.Thread(target=second.run, name="second loop", daemon=True).start()
    second.ready.wait()
    threading.Thread(target=hold, name="t\u00efck-\u2116 1", daemon=True).start()
    asyncio.run(main(mode))


begin(sys.argv[1])
