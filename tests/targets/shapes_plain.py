"""Shapes of Python calling Python: functions, classes, generators, coroutines, recursion."""

import asyncio
import contextlib
import functools
from typing import Any, AsyncIterator, Awaitable, Callable, Iterator, List

from shapes import rest, shape


@shape("nested")
def nested() -> None:
    def outer() -> None:
        def inner() -> None:
            rest()
        inner()
    outer()


class Shop:
    """Methods of every sort, each one the caller of the next."""

    class Shelf:
        class Box:
            def open(self) -> None:
                rest()

        def reach(self) -> None:
            self.Box().open()

        @classmethod
        def build(cls) -> None:
            cls().reach()

    @staticmethod
    def find() -> None:
        Shop.Shelf.build()

    @property
    def stock(self) -> None:
        self.find()

    def __call__(self) -> None:
        self.stock


@shape("methods")
def methods() -> None:
    Shop()()


def counting() -> Iterator[int]:
    yield 1
    rest()
    yield 2


def delegating() -> Iterator[int]:
    yield from counting()


@shape("generator")
def generator() -> None:
    for _ in delegating():
        pass


def closing() -> Iterator[int]:
    try:
        yield 1
    finally:
        rest()


@shape("generator-close")
def generator_close() -> None:
    one = closing()
    next(one)
    one.close()


async def fetch() -> None:
    rest()


async def load() -> None:
    await fetch()


class Rows:
    async def read(self) -> None:
        async def page() -> None:
            await load()
        await page()


@shape("coroutines")
async def coroutines() -> None:
    await Rows().read()


@shape("coroutine-resumed")
async def coroutine_resumed() -> None:
    """The chain has been left and entered again before it rests."""
    async def late() -> None:
        await asyncio.sleep(0.002)
        await fetch()
    await late()


@shape("task")
async def task() -> None:
    await asyncio.ensure_future(coroutines())


async def ticking() -> AsyncIterator[int]:
    yield 1
    await asyncio.sleep(0)
    rest()
    yield 2


@shape("async-generator")
async def async_generator() -> None:
    async for _ in ticking():
        pass


class Session:
    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_: Any) -> None:
        await fetch()


@shape("async-with")
async def async_with() -> None:
    async with Session():
        pass


@contextlib.contextmanager
def opened() -> Iterator[None]:
    yield
    rest()


@shape("with")
def with_() -> None:
    with opened():
        pass


@shape("comprehensions")
def comprehensions() -> None:
    """Frames of their own up to 3.11; the generator expression has one in every version."""
    [{x: {y for y in [rest()]} for x in range(1)} for _ in range(1)]


@shape("generator-expression")
def generator_expression() -> None:
    list(rest() for _ in range(1))


@shape("lambda")
def lambda_() -> None:
    (lambda go: (lambda: go())())(rest)


def noted(function: Callable[[], None]) -> Callable[[], None]:
    @functools.wraps(function)
    def wrapper() -> None:
        function()
    return wrapper


@shape("decorated")
@noted
@noted
def decorated() -> None:
    rest()


def dive(depth: int) -> None:
    if depth:
        dive(depth - 1)
    else:
        rest()


def zig(depth: int) -> Any:
    """Every second call goes through C."""
    return max([depth], key=lambda d: zig(d - 1) if d else rest())


@shape("deep-40")
def deep_40() -> None:
    dive(40)


@shape("deep-400")
def deep_400() -> None:
    dive(400)


@shape("deep-700")
def deep_700() -> None:
    dive(700)


@shape("deep-through-c")
def deep_through_c() -> None:
    zig(60)


async def descend(depth: int) -> None:
    await (descend(depth - 1) if depth else fetch())


@shape("deep-coroutines")
async def deep_coroutines() -> None:
    await descend(90)


@shape("call-soon")
async def call_soon() -> None:
    loop = asyncio.get_event_loop()
    done = loop.create_future()

    def callback() -> None:
        rest()
        done.set_result(None)

    loop.call_soon(callback)
    await done


@shape("call-later")
async def call_later() -> None:
    loop = asyncio.get_event_loop()
    done = loop.create_future()
    loop.call_later(0.003, lambda: done.set_result(rest()))
    await done


@shape("done-callback")
async def done_callback() -> None:
    """Called by the loop when a future is over; the future itself is C."""
    future: "asyncio.Future[None]" = asyncio.get_event_loop().create_future()
    future.add_done_callback(rest)
    future.set_result(None)
    await asyncio.sleep(0.001)


async def each(jobs: List[Awaitable[None]]) -> None:
    await asyncio.gather(*jobs)


@shape("gathered")
async def gathered() -> None:
    await each([fetch(), asyncio.sleep(0.001)])
