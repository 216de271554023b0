"""A loop, tasks, timers, pools and named threads, held still; prints what there is to see.

    inspect_me.py MODE: blocked (the loop's thread is in a callback) or idle, or uvloop-blocked

Prime and different counts.  One line of JSON says the truth, then it stays until stdin ends.
"""

import asyncio
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

READY, TIMERS, CANCELLED, WAITING, DONE = 57, 35, 11, 23, 13
BUSY, QUEUED = 6, 7


def noop():
    pass


def hold(end):
    end.wait()


class Sleeper:
    async def wait_long(self, end):
        await end.wait()


async def finished():
    return 1


def stay():
    sys.stdin.read()
    os._exit(0)


def truth_of_threads():
    return {t.name: t.ident for t in threading.enumerate()}


def blocking_callback(loop_truth, keep):
    print(json.dumps(dict(loop_truth, threads=truth_of_threads(), pid=keep["pid"],
                          main=threading.get_ident())), flush=True)
    stay()


async def busy_main(mode, keep):
    loop = asyncio.get_event_loop()
    end = asyncio.Event()
    sleeper = Sleeper()
    waiting = [loop.create_task(sleeper.wait_long(end)) for _ in range(WAITING)]
    keep["done"] = [loop.create_task(finished()) for _ in range(DONE)]
    for _ in range(BUSY + QUEUED):
        keep["jobs"].append(loop.run_in_executor(keep["pool"], hold, keep["end"]))
    keep["default"] = loop.run_in_executor(None, hold, keep["end"])
    while any(not t.done() for t in keep["done"]) or keep["pool"]._work_queue.qsize() != QUEUED:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    handles = [loop.call_later(1000 + i, noop) for i in range(TIMERS + CANCELLED)]
    for handle in handles[:CANCELLED]:
        handle.cancel()
    truth = {"mode": mode, "tasks": WAITING + 1, "scheduled": TIMERS, "ready": 0, "task": "",
             "coro": "", "busy": BUSY, "queued": QUEUED}
    if mode == "idle":
        truth["coro"] = ""
        loop.call_soon(lambda: print(json.dumps(dict(
            truth, threads=truth_of_threads(), pid=keep["pid"],
            main=threading.get_ident())), flush=True))
        await loop.run_in_executor(keep["side"], stay)
    else:
        for _ in range(READY):
            loop.call_soon(noop)
        asyncio.current_task().set_name("the-main-one")
        truth.update(ready=READY, task="the-main-one", coro="busy_main")
        blocking_callback(truth, keep)


def main():
    mode = sys.argv[1]
    if mode.startswith("uvloop"):
        import uvloop
        uvloop.install()
    keep = {"pid": os.getpid(), "end": threading.Event(), "jobs": [],
            "pool": ThreadPoolExecutor(BUSY, thread_name_prefix="crew"),
            "side": ThreadPoolExecutor(1, thread_name_prefix="side")}
    idle = ThreadPoolExecutor(3, thread_name_prefix="idlers")
    for f in [idle.submit(time.sleep, 0.2) for _ in range(3)]:
        f.result()
    dummy = ThreadPool(2)
    dummy.map(abs, range(2))
    named = threading.Thread(target=hold, args=(keep["end"],), name="t\u00efck-t\u00f6ck")
    named.start()
    asyncio.run(busy_main(mode, keep))


main()
