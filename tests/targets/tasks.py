"""Makes asyncio tasks of every kind and prints what each of them stands in.

    tasks.py [--uvloop] [--loops N]     one line of truth, then waits for the end of stdin
    tasks.py --churn                    tasks that live for milliseconds, until the end of stdin
    tasks.py --hostile                  for each line of stdin the tasks are damaged once more

The truth of a task is its own get_stack() where that reaches, and the plan otherwise.
"""

import argparse
import asyncio
import ctypes
import gc
import json
import os
import random
import sys
import threading
from typing import Any, Callable, Dict, List, Optional

HERE = os.path.basename(__file__)
NEW = sys.version_info >= (3, 11)


def line_of(text: str) -> int:
    """The line of this file that ends in `# text`."""
    with open(__file__, encoding="utf-8") as f:
        found = [n for n, line in enumerate(f, 1) if line.rstrip().endswith("# " + text)]
    assert len(found) == 1, (text, found)
    return found[0]


class Plan:
    """What a task is meant to look like: frames of this file, and the end of the chain."""

    def __init__(self) -> None:
        self.tasks: List[Dict[str, Any]] = []
        self.kept: List[Any] = []

    def task(self, name: str, coro: Any, frames: List[str], end: str, state: str = "waiting",
             **more: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(coro)
        task.set_name(name)
        self.kept.append(task)
        self.tasks.append(dict(name=name, coro=coro.__qualname__,
                               frames=[[f, line_of(f + " here")] for f in frames], end=end,
                               state=state, **more))
        return task


async def sleeper() -> None:
    await asyncio.sleep(3600)  # sleeper here


async def inner() -> None:
    await asyncio.sleep(3600)  # inner here


async def middle() -> None:
    await inner()  # middle here


async def outer() -> None:
    await middle()  # outer here


async def numbers() -> Any:
    for i in range(3):
        await asyncio.sleep(0 if i < 2 else 3600)  # numbers here
        yield i


async def iterates() -> None:
    async for _ in numbers():  # iterates here
        pass


async def gathers() -> None:
    await asyncio.gather(sleeper_a(), sleeper_b())  # gathers here


async def sleeper_a() -> None:
    await asyncio.sleep(3600)


async def sleeper_b() -> None:
    await asyncio.sleep(3600)


async def waits_for() -> None:
    await asyncio.wait_for(sleeper_a(), 7200)  # waits_for here


async def awaits_task(task: Any) -> None:
    await task  # awaits_task here


async def in_thread(release: threading.Event) -> None:
    await asyncio.get_running_loop().run_in_executor(None, release.wait)  # in_thread here


async def to_thread(release: threading.Event) -> None:
    await asyncio.to_thread(release.wait)  # to_thread here


async def holds(lock: Any, ready: Any) -> None:
    async with lock:
        ready.set()
        await asyncio.sleep(3600)  # holds here


async def wants(lock: Any) -> None:
    async with lock:  # wants here
        pass


async def takes(queue: Any) -> None:
    await queue.get()  # takes here


async def sees(event: Any) -> None:
    await event.wait()  # sees here


async def notified(condition: Any) -> None:
    async with condition:
        await condition.wait()  # notified here


async def reads(stream: Any) -> None:
    await stream.readline()  # reads here


async def waits_many(tasks: List[Any]) -> None:
    await asyncio.wait(tasks)  # waits_many here


async def spins() -> None:
    while True:
        await asyncio.sleep(0)  # spins here


async def cycle(tasks: List[Any], other: int) -> None:
    await asyncio.sleep(0)
    await asyncio.shield(tasks[other]) if False else await tasks[other]  # cycle here


async def never() -> None:
    pass


class Server:
    """A method as coroutine: its qualified name has the class from 3.11 on."""

    async def handle(self) -> None:
        await asyncio.sleep(3600)  # handle here


GROUP = """
async def groups():
    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper_a())
        group.create_task(sleeper_b())
"""


async def make(plan: Plan, release: threading.Event) -> None:
    """One task of every kind."""
    sleeping = plan.task("sleep", sleeper(), ["sleeper"], "Future", label="sleep")
    plan.task("nested", outer(), ["outer", "middle", "inner"], "Future", label="sleep")
    plan.task("agen", iterates(), ["iterates", "numbers"], "Future", label="sleep")
    plan.task("gather", gathers(), ["gathers"], "gather", children=["sleeper_a", "sleeper_b"])
    if sys.version_info >= (3, 12):  # awaits it in the same task
        plan.task("wait_for", waits_for(), ["waits_for"], "Future", label="wait_for")
    else:
        plan.task("wait_for", waits_for(), ["waits_for"], "task", children=["sleeper_a"])
    plan.task("task", awaits_task(sleeping), ["awaits_task"], "task", children=["sleeper"])
    plan.task("wait", waits_many([sleeping]), ["waits_many"], "task", children=["sleeper"])
    plan.task("executor", in_thread(release), ["in_thread"], "thread")
    if sys.version_info >= (3, 9):
        plan.task("to_thread", to_thread(release), ["to_thread"], "thread", label="to_thread")
    plan.task("method", Server().handle(), ["handle"], "Future", label="sleep")
    plan.task("queue", takes(asyncio.Queue()), ["takes"], "lock", type="Queue")
    plan.task("event", sees(asyncio.Event()), ["sees"], "lock", type="Event")
    condition = asyncio.Condition()
    plan.task("condition", notified(condition), ["notified"], "lock", type="Condition")
    plan.task("stream", reads(asyncio.StreamReader()), ["reads"], "Future",
              label="StreamReader.readline" if NEW else "readline")
    plan.task("n\u00e4me \u2603", sleeper(), ["sleeper"], "Future", label="sleep")
    for kind, lock in (("Lock", asyncio.Lock()), ("Semaphore", asyncio.Semaphore(1)),
                       ("BoundedSemaphore", asyncio.BoundedSemaphore(1))):
        ready = asyncio.Event()
        plan.task("holds " + kind, holds(lock, ready), ["holds"], "Future", label="sleep")
        await ready.wait()
        for i in range(3):
            plan.task("wants %s %d" % (kind, i), wants(lock), ["wants"], "lock", type=kind,
                      owner="holds " + kind, waiters=3)
    pair: List[Any] = []
    pair += [plan.task("cycle %d" % i, cycle(pair, 1 - i), ["cycle"], "task", children=["cycle"])
             for i in range(2)]
    if NEW:
        scope: Dict[str, Any] = dict(globals())
        exec(compile(GROUP, __file__, "exec"), scope)
        plan.task("group", scope["groups"](), [], "task", children=["sleeper_a", "sleeper_b"])
    done = asyncio.get_running_loop().create_task(never())
    plan.kept.append(done)  # finished and still known: not to be shown
    await asyncio.sleep(0.2)
    assert done.done()


def check(plan: Plan) -> None:
    """The plan against what the tasks say of themselves."""
    for task, truth in zip(plan.kept, plan.tasks):
        stack = task.get_stack()
        if truth["frames"] and stack:
            assert stack[0].f_code.co_name == truth["frames"][0][0], truth
            assert stack[0].f_lineno == truth["frames"][0][1], (truth, stack[0].f_lineno)


async def amain(name: str, report: Callable[[Plan], None], end: Any) -> None:
    plan, release = Plan(), threading.Event()
    asyncio.current_task().set_name("main of " + name)  # type: ignore[union-attr]
    await make(plan, release)
    check(plan)
    report(plan)
    await end()
    os._exit(0)  # tasks that await each other cannot be cancelled


def run(main: Any, uvloop: bool) -> None:
    if not uvloop:
        asyncio.run(main)
        return
    import uvloop as module
    loop = module.new_event_loop()
    loop.run_until_complete(main)


async def until_stdin_ends() -> None:
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def several(loops: int, uvloop: bool) -> None:
    """Each further loop in a thread of its own; one line when all stand."""
    plans: List[Optional[Plan]] = [None] * loops
    lock, tids = threading.Lock(), [0] * loops

    def report(i: int, plan: Plan) -> None:
        with lock:
            plans[i] = plan
            tids[i] = threading.get_native_id()
            if all(plans):
                print(json.dumps({"tasks": [
                    {"tid": tids[k], "tasks": p.tasks} for k, p in enumerate(plans) if p],
                    "file": HERE}), flush=True)

    def one(i: int) -> None:
        run(amain("loop %d" % i, lambda plan: report(i, plan),
                  until_stdin_ends if i == 0 else sleeper), uvloop)

    for i in range(1, loops):
        threading.Thread(target=one, args=(i,), daemon=True).start()
    one(0)


async def churned(i: int) -> None:
    await asyncio.sleep(0.001 * (i % 5))


async def churned_outer(i: int) -> None:
    await churned(i)


async def churn() -> None:
    """200 tasks at a time, each replaced after some milliseconds; name and coroutine belong
    together: an even number is a churned, an odd one a churned_outer."""
    stop = asyncio.ensure_future(until_stdin_ends())
    print(json.dumps({"churning": True}), flush=True)
    n = 0
    while not stop.done():
        tasks = []
        for _ in range(200):
            task = asyncio.ensure_future(churned_outer(n) if n % 2 else churned(n))
            task.set_name("%s-%d" % ("odd" if n % 2 else "even", n))
            tasks.append(task)
            n += 1
        await asyncio.gather(*tasks)


async def hostile() -> None:
    """Tasks and coroutines whose words are overwritten at random, some with each other's addresses.
    Nothing runs meanwhile: only a reader from outside meets the damage."""
    gc.disable()
    tasks = [asyncio.ensure_future(outer()) for _ in range(50)]
    tasks.append(asyncio.ensure_future(gathers()))
    await asyncio.sleep(0.05)
    chance = random.Random(4711)
    places = []
    for task in tasks:
        coro: Any = task.get_coro()
        while coro is not None and hasattr(coro, "cr_await"):
            places.append((id(coro), sys.getsizeof(coro)))
            if hasattr(coro.cr_frame, "f_locals") and sys.version_info < (3, 11):
                places.append((id(coro.cr_frame), sys.getsizeof(coro.cr_frame)))
            coro = coro.cr_await
        places.append((id(task), sys.getsizeof(task)))
    print(json.dumps({"hostile": True}), flush=True)
    for _ in sys.stdin:
        for _ in range(40):
            at, size = chance.choice(places)
            word = chance.choice([0, 1, 8, 1 << 46, (1 << 64) - 1, chance.getrandbits(64),
                                  chance.choice(places)[0], chance.choice(places)[0] + 16])
            ctypes.c_uint64.from_address(at + 8 * chance.randrange(2, size // 8)).value = word
        print(json.dumps({"damaged": True}), flush=True)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--loops", type=int, default=1)
    parser.add_argument("--churn", action="store_true")
    parser.add_argument("--hostile", action="store_true")
    args = parser.parse_args()
    print(json.dumps({"ready": os.getpid()}), flush=True)
    if args.churn:
        run(churn(), args.uvloop)
    elif args.hostile:
        run(hostile(), args.uvloop)
    else:
        several(args.loops, args.uvloop)


if __name__ == "__main__":
    main()
