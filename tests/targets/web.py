#!/usr/bin/env python3
"""Web applications under load, some of whose views block the loop.

    web.py fastapi|aiohttp [--uvloop] [--healthy] [--workers N]

Uvicorn serves FastAPI, aiohttp serves itself.  The clients are webload.py.  Each blocking view
prints its own truth, with the task it ran in.
"""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Awaitable, Callable, Dict, List

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import requests  # noqa: E402

import hogs  # noqa: E402
import truth  # noqa: E402

LENGTH_S = 0.13
BLOCKING = ["/legacy", "/profile", "/search", "/export"]
COUNT = 3  # as webload.py asks for each
slow = os.environ.get("SLOW_SERVER", "")


def task() -> Dict[str, Any]:
    current = asyncio.current_task()
    assert current
    return {"task": current.get_name(), "coro": current.get_coro().__qualname__}  # type: ignore


# --- views, as many have written them


async def health() -> Dict[str, Any]:
    return {"ok": True}


async def items() -> Dict[str, Any]:
    await asyncio.sleep(0.002)
    return {"items": [{"id": i, "name": "item %d" % i} for i in range(50)]}


async def legacy() -> Dict[str, Any]:
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"}, kind="legacy", **task())
    with s:
        time.sleep(LENGTH_S)
    return {}


async def profile() -> Dict[str, Any]:
    """A synchronous client in an asynchronous view."""
    s = truth.stall("syscall", None, {"kind": "tcp", "peer": slow}, kind="profile", **task())
    with s:
        requests.get("http://%s/user" % slow, timeout=5)
    return {}


async def search() -> Dict[str, Any]:
    s = truth.stall("cpu", None, None, kind="search", **task())
    with s:
        re.match(r"(a+)+$", haystack)
    return {}


async def export() -> Dict[str, Any]:
    """Another thread serialises, and does not let go of the GIL."""
    s = truth.stall("gil", "futex", None, lines=3, kind="export", **task())
    watched = hogs.Watched([reporter[0]])
    with s:
        reporter[0].asked.release()
        reporter[0].begun.acquire()
        s.record["threads"] = watched.records()
    return {}


VIEWS: Dict[str, Callable[[], Awaitable[Dict[str, Any]]]] = {
    "/health": health, "/items": items, "/legacy": legacy, "/profile": profile, "/search": search,
    "/export": export}
haystack = ""
reporter: List[hogs.Hog] = []


def prepare() -> None:
    """What takes CPU time: before the loop runs."""
    global haystack
    length, took = 14, 0.0
    while took < LENGTH_S:
        length += 1
        start = time.monotonic()
        re.match(r"(a+)+$", "a" * length + "b")
        took = time.monotonic() - start
    haystack = "a" * length + "b"
    reporter.append(hogs.counter("reporter", hogs.count_up, LENGTH_S))


# --- frameworks


def fastapi_app() -> Any:
    import fastapi
    app = fastapi.FastAPI()
    for path, view in VIEWS.items():
        app.get(path)(view)
    return app


async def serve_fastapi(port: int, done: Awaitable[None]) -> None:
    import uvicorn
    config = uvicorn.Config(fastapi_app(), port=port, log_level="warning")
    config.load()
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server.serve())
    await done
    server.should_exit = True
    await serving


async def serve_aiohttp(port: int, done: Awaitable[None]) -> None:
    from aiohttp import web

    def answering(view: Callable[[], Awaitable[Dict[str, Any]]]) -> Any:
        async def handler(_: Any) -> Any:
            return web.json_response(await view())
        return handler

    app = web.Application()
    app.add_routes([web.get(path, answering(view)) for path, view in VIEWS.items()])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await done
    await runner.cleanup()


SERVERS = {"fastapi": serve_fastapi, "aiohttp": serve_aiohttp}


# --- the whole


class Clients:
    """webload.py, started early so that it is no child of a loop, and told later to begin."""

    def __init__(self, port: int, healthy: bool) -> None:
        global slow
        here = os.path.dirname(os.path.abspath(__file__))
        argv = ["2.5"] if healthy else ["0.3", *BLOCKING]
        self.proc = subprocess.Popen([sys.executable, os.path.join(here, "webload.py"), str(port),
                                      *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.proc.stdout
        slow = json.loads(self.proc.stdout.readline())["slow"]
        os.environ["SLOW_SERVER"] = slow

    def begin(self) -> None:
        assert self.proc.stdin
        self.proc.stdin.write(b"go\n")
        self.proc.stdin.close()

    def then_end_us(self) -> None:
        self.proc.wait()
        os.kill(os.getpid(), signal.SIGTERM)

    async def ended(self) -> None:
        while self.proc.poll() is None:
            await asyncio.sleep(0.02)
        if self.proc.returncode:
            raise SystemExit("the clients failed")


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def one_process(port: int, clients: Clients) -> None:
    truth.go_first(3)
    prepare()
    if options.framework == "fastapi":
        fastapi_app()  # what it imports
    else:
        import aiohttp.web  # noqa: F401

    async def main() -> None:
        clients.begin()
        await SERVERS[options.framework](port, clients.ended())

    truth.run_as_usual(main, options)


def many_workers(port: int, clients: Clients) -> None:
    """Uvicorn starts the workers; each imports this file as a module for its `app`."""
    import uvicorn
    truth.announce()
    os.read(0, 64)
    clients.begin()
    threading.Thread(target=clients.then_end_us, daemon=True).start()
    uvicorn.run("web:app", port=port, workers=options.workers, log_level="warning",
                app_dir=os.path.dirname(os.path.abspath(__file__)))
    truth.done(expected=COUNT * len(BLOCKING))


def worker_app() -> Any:
    """In a worker: everything up to here is its start, which its loop has to sit through."""
    app = fastapi_app()

    @app.on_event("startup")
    async def begun() -> None:
        truth.go_first(3)
        prepare()
        now = time.monotonic_ns()
        truth.emit({"noise": {"start_ns": 0, "dur_ns": now, "tid": truth.thread_id()}})
        truth.emit({"worker": os.getpid()})

    @app.on_event("shutdown")
    async def ended() -> None:
        truth.emit({"end_ns": time.monotonic_ns(), "tid": truth.thread_id()})
    return app


if __name__ == "web":
    app = worker_app()
if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("framework", choices=list(SERVERS))
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--healthy", action="store_true")
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    if options.uvloop:
        import uvloop
        uvloop.install()
    number = free_port()
    (many_workers if options.workers else one_process)(number, Clients(number, options.healthy))
