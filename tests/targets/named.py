#!/usr/bin/env python3
"""Named tasks that stall the loop: which one it was is known.

    named.py [--uvloop]

A truth has `task` and `coro`: the name of the task and the qualified name of its coroutine, which
is the outermost of those that await each other.  `twins` is true where several tasks run the same
coroutine at once.
"""

import asyncio
import sys
import time
from typing import Any, List

import truth

LENGTH_S = 0.11


def block(**extra: Any) -> None:
    s = truth.stall("syscall", truth.SLEEP_CALL, None, **extra)
    with s:
        time.sleep(LENGTH_S)


def shown(qualname: str) -> List[str]:
    """The coroutine knows its qualified name, its code only from 3.11 on."""
    return [qualname] + ([qualname.rsplit(".", 1)[-1]] if sys.version_info < (3, 11) else [])


async def load_user(task: str, coro: str, twins: bool) -> None:
    await asyncio.sleep(0.003)
    block(task=task, coro=shown(coro), twins=twins)


class Orders:
    async def ship(self, name: str, coro: str, twins: bool = False) -> None:
        await load_user(name, coro, twins)

    async def handle(self, name: str) -> None:
        await self.ship(name, "Orders.handle")


async def twin(name: str, turn: asyncio.Event, ended: asyncio.Event) -> None:
    """Waits beside the others with the same coroutine, and stalls when it is its turn."""
    await turn.wait()
    await Orders().ship(name, "twin", True)
    ended.set()


async def twins(count: int) -> None:
    turns = [(asyncio.Event(), asyncio.Event()) for _ in range(count)]
    tasks = [named(twin("twin-%d" % i, *t), "twin-%d" % i) for i, t in enumerate(turns)]
    for turn, ended in turns:
        await asyncio.sleep(truth.GAP_S)
        turn.set()
        await ended.wait()
    await asyncio.gather(*tasks)


def named(coro: Any, name: str) -> "asyncio.Task[None]":
    task = asyncio.ensure_future(coro)
    task.set_name(name)
    return task


async def main() -> None:
    for i in range(3):
        await named(Orders().handle("order-%d" % i), "order-%d" % i)
        await asyncio.sleep(truth.GAP_S)
        await named(Orders().ship("größe-%d" % i, "Orders.ship"), "größe-%d" % i)
        await asyncio.sleep(truth.GAP_S)
    unnamed = asyncio.ensure_future(Orders().ship("", "Orders.ship"))
    await unnamed
    await asyncio.sleep(truth.GAP_S)
    await twins(5)


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    if options.uvloop:
        import uvloop
        uvloop.install()
    truth.run_as_usual(main, options)
