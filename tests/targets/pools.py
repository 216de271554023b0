#!/usr/bin/env python3
"""Threads at large: pools, loops that come and go, servers without a loop, threads that multiply.

    pools.py pool|to-thread|loops|server|worker|growth

The truth is one line with `kind` and what was planned: numbers, lengths, peers, places.
"""

import asyncio
import os
import socket
import socketserver
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Tuple

import truth

WORKERS = 5
QUEUED = 7
ANSWER_S = 0.6
LOOPS = 23
THREADS = 127


def here(back: int = 0) -> Dict[str, Any]:
    """The function and line of the caller's next line."""
    frame = sys._getframe(1)
    return {"func": frame.f_code.co_name, "file": os.path.basename(frame.f_code.co_filename),
            "line": frame.f_lineno + 1 + back}


class Backend:
    """A server that answers late: a byte, so many seconds after each connection."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.name = "127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, name="backend", daemon=True).start()

    def serve(self) -> None:
        """One thread for all: the answers come in the order of the questions."""
        self.socket.setblocking(True)
        due: List[Tuple[float, socket.socket]] = []
        while True:
            self.socket.settimeout(max(0.001, due[0][0] - time.monotonic()) if due else None)
            try:
                due.append((time.monotonic() + self.delay, self.socket.accept()[0]))
            except OSError:
                pass
            while due and due[0][0] <= time.monotonic():
                peer = due.pop(0)[1]
                peer.sendall(b"x")
                peer.close()

    def ask(self) -> None:
        with socket.create_connection(self.socket.getsockname()) as conn:
            conn.recv(1)  # ask


ASK = {"func": "ask", "file": "pools.py"}


async def pool() -> None:
    """All workers wait for the backend, and more jobs wait for them."""
    backend = Backend(ANSWER_S)
    loop = asyncio.get_event_loop()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="fetch") as executor:
        start = time.monotonic_ns()
        jobs = [loop.run_in_executor(executor, backend.ask) for _ in range(WORKERS + QUEUED)]
        await asyncio.gather(*jobs[:2 * WORKERS])
        exhausted = time.monotonic_ns() - start
        await asyncio.gather(*jobs)
    truth.emit(dict(ASK, kind="pool", name="fetch", workers=WORKERS, queued=QUEUED,
                    exhausted_ns=exhausted, busy_ns=time.monotonic_ns() - start,
                    peer=backend.name))


async def to_thread() -> None:
    """The loop's own executor, which never runs out; as long as on a busy machine samples may be
    away."""
    backend = Backend(3 * ANSWER_S)
    loop = asyncio.get_event_loop()
    start = time.monotonic_ns()
    jobs = [loop.run_in_executor(None, backend.ask) for _ in range(3)]
    await asyncio.gather(*jobs)
    truth.emit(dict(ASK, kind="to-thread", workers=3, busy_ns=time.monotonic_ns() - start,
                    peer=backend.name, max=min(32, (os.cpu_count() or 1) + 4)))


async def answer() -> None:
    await asyncio.sleep(0.02)


def handle() -> Dict[str, Any]:
    """A view of a synchronous framework that wants to await something."""
    place = here()
    asyncio.run(answer())
    return place


async def loops() -> None:
    """A thread serves requests, each on a loop of its own."""
    places: List[Dict[str, Any]] = []

    def serve() -> None:
        for _ in range(LOOPS):
            places.append(handle())
            time.sleep(0.005)

    await asyncio.get_event_loop().run_in_executor(None, serve)
    truth.emit(dict(places[0], kind="loops", made=LOOPS, alive_max=1))


async def growth() -> None:
    """Threads that nobody counts, all made on one line."""
    stop = threading.Event()
    for _ in range(THREADS):
        place = here()
        threading.Thread(target=stop.wait, daemon=True).start()
        await asyncio.sleep(0.001)
    await asyncio.sleep(1.2)
    stop.set()
    truth.emit(dict(place, kind="growth", made=THREADS))


# --- without a loop


def handler(backend: Backend) -> Any:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)
            backend.ask()
            self.request.sendall(b"x")
    return Handler


def request(address: Any) -> None:
    with socket.create_connection(address) as conn:
        conn.sendall(b"x")
        conn.recv(1)


def clients(address: Any, count: int) -> List[threading.Thread]:
    threads = [threading.Thread(target=request, args=(address,), name="client-%d" % i)
               for i in range(count)]
    for thread in threads:
        thread.start()
    return threads


def server() -> None:
    """A thread for each request; each waits for the backend."""
    backend = Backend(ANSWER_S)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler(backend)) as srv:
        threading.Thread(target=srv.serve_forever, args=(0.05,), name="acceptor").start()
        for _ in range(3):
            for thread in clients(srv.server_address, 7):
                thread.join()
        srv.shutdown()
    truth.emit(dict(ASK, kind="server", at_once=7, waited_ns=int(3 * 7 * ANSWER_S * 1e9),
                    peer=backend.name))


def work(backend: Backend) -> None:
    backend.ask()


def worker() -> None:
    """One process, one request at a time: accept, work, again."""
    backend = Backend(ANSWER_S / 4)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(1)
    threads = clients(listener.getsockname(), 11)
    for _ in range(11):
        conn, _peer = listener.accept()
        with conn:
            conn.recv(1)
            work(backend)
            conn.sendall(b"x")
    for thread in threads:
        thread.join()
    truth.emit(dict(ASK, kind="worker", at_once=1, waited_ns=int(11 * ANSWER_S / 4 * 1e9),
                    peer=backend.name))


def without_a_loop(main: Callable[[], None], wait: bool) -> None:
    truth.announce()
    if wait:
        os.read(0, 64)
    time.sleep(truth.WARM_UP_S)
    main()
    truth.done()


WITH_A_LOOP = {"pool": pool, "to-thread": to_thread, "loops": loops, "growth": growth}
WITHOUT = {"server": server, "worker": worker}


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kind", choices=[*WITH_A_LOOP, *WITHOUT])
    options = parser.parse_args()
    if options.kind in WITHOUT:
        without_a_loop(WITHOUT[options.kind], options.wait)
    else:
        truth.run(WITH_A_LOOP[options.kind], options)
