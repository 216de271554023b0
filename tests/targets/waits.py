#!/usr/bin/env python3
"""Stalls of many kinds, three of each: sockets, pipes, files, children, locks and the CPU.

    waits.py recv json ...      the named kinds, in that order; `--list` names them all

Each kind is a set-up (before the loop starts) and a module-level function that stalls, so that the
frame to be named is a plain function of this file.  The other side of a wait is a daemon thread here
or a child; it dies with the target.
"""

import asyncio
import fcntl
import functools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any, Callable, Dict, List

import truth

COUNT = 3
LENGTH_S = 0.17
SELECT_CALL = ["select", "pselect6"]
POLL_CALL = ["poll", "ppoll"]
EPOLL_CALL = ["epoll_wait", "epoll_pwait", "epoll_pwait2"]

Stalling = Callable[[], None]
KINDS: Dict[str, Callable[[], Stalling]] = {}
folder = ""


def kind(name: str) -> Callable[[Callable[[], Stalling]], Callable[[], Stalling]]:
    """Register a set-up under a name."""
    def register(setup: Callable[[], Stalling]) -> Callable[[], Stalling]:
        KINDS[name] = setup
        return setup
    return register


def background(function: Callable[..., None], *args: Any) -> None:
    threading.Thread(target=function, args=args, daemon=True, name=function.__name__).start()


def calibrate(work: Callable[[int], Any], size: int, seconds: float) -> int:
    """How much of `work` takes about `seconds` here."""
    start = time.monotonic()
    work(size)
    return max(size, int(size * seconds / (time.monotonic() - start)))


# --- sockets

def answer_late(server: socket.socket) -> None:
    """A slow server: one connection, each request is answered after LENGTH_S."""
    conn, _ = server.accept()
    while conn.recv(64):
        time.sleep(LENGTH_S)
        conn.sendall(b"row")


def slow_server(family: int, address: Any) -> socket.socket:
    """A connected client of a slow server."""
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind(address)
    server.listen(1)
    background(answer_late, server)
    client = socket.socket(family, socket.SOCK_STREAM)
    client.connect(server.getsockname())
    return client


def inet_target(name: str, sock: socket.socket) -> Dict[str, Any]:
    return {"kind": name, "peer": "%s:%d" % sock.getpeername(),
            "local": "%s:%d" % sock.getsockname(), "fd": sock.fileno()}


def read_row(sock: socket.socket) -> None:
    """A database driver without a time-out."""
    sock.sendall(b"query")
    s = truth.stall("syscall", "recvfrom", inet_target("tcp", sock), kind="recv")
    with s:
        sock.recv(64)


def read_row_timeout(sock: socket.socket) -> None:
    """The same with a time-out: CPython then waits in poll(2) on one descriptor."""
    sock.sendall(b"query")
    s = truth.stall("syscall", POLL_CALL, inet_target("tcp", sock), kind="recv-timeout")
    with s:
        sock.recv(64)


def read_unix(sock: socket.socket) -> None:
    sock.sendall(b"query")
    s = truth.stall("syscall", "recvfrom", {"kind": "unix", "fd": sock.fileno()}, kind="unix")
    with s:
        sock.recv(64)


def resolve(sock: socket.socket) -> None:
    """What getaddrinfo() does with a name server that keeps silent."""
    sock.send(b"\x12\x34\x01\x00")
    s = truth.stall("syscall", POLL_CALL, inet_target("udp", sock), lines=4, kind="udp")
    with s:
        try:
            sock.recv(512)
        except socket.timeout:
            pass


def select_row(sock: socket.socket) -> None:
    """A library with its own select(2)."""
    sock.sendall(b"query")
    s = truth.stall("syscall", SELECT_CALL, inet_target("tcp", sock), kind="select")
    with s:
        select.select([sock], [], [], 5)
    sock.recv(64)


@kind("recv")
def setup_recv() -> Stalling:
    return functools.partial(read_row, slow_server(socket.AF_INET, ("127.0.0.1", 0)))


@kind("recv-timeout")
def setup_recv_timeout() -> Stalling:
    client = slow_server(socket.AF_INET, ("127.0.0.1", 0))
    client.settimeout(5)
    return functools.partial(read_row_timeout, client)


@kind("unix")
def setup_unix() -> Stalling:
    return functools.partial(read_unix, slow_server(socket.AF_UNIX, os.path.join(folder, "db.sock")))


@kind("udp")
def setup_udp() -> Stalling:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(silent.getsockname())
    client.settimeout(LENGTH_S)
    return functools.partial(resolve_keeping, client, silent)


def resolve_keeping(client: socket.socket, _silent: socket.socket) -> None:
    """Holds the silent socket open, else the peer would refuse."""
    resolve(client)


@kind("select")
def setup_select() -> Stalling:
    return functools.partial(select_row, slow_server(socket.AF_INET, ("127.0.0.1", 0)))


# --- pipes and files

def write_late(asked: threading.Semaphore, fd: int) -> None:
    while asked.acquire():
        time.sleep(LENGTH_S)
        os.write(fd, b"x")


def read_pipe(asked: threading.Semaphore, fd: int) -> None:
    asked.release()
    s = truth.stall("syscall", "read", {"kind": "pipe", "fd": fd}, kind="pipe")
    with s:
        os.read(fd, 1)


def read_fifo(asked: threading.Semaphore, fd: int, path: str) -> None:
    asked.release()
    s = truth.stall("syscall", "read", {"kind": "fifo", "fd": fd, "path": path}, kind="fifo")
    with s:
        os.read(fd, 1)


def lock_file(asked: threading.Semaphore, held: threading.Semaphore, fd: int, path: str) -> None:
    """flock(2) on a file that another open file description has locked."""
    asked.release()
    held.acquire()
    s = truth.stall("syscall", "flock", {"kind": "file", "fd": fd, "path": path}, kind="flock")
    with s:
        fcntl.flock(fd, fcntl.LOCK_EX)
    fcntl.flock(fd, fcntl.LOCK_UN)


def hold_file(asked: threading.Semaphore, held: threading.Semaphore, fd: int) -> None:
    while asked.acquire():
        fcntl.flock(fd, fcntl.LOCK_EX)
        held.release()
        time.sleep(LENGTH_S)
        fcntl.flock(fd, fcntl.LOCK_UN)


def wait_nested(asked: threading.Semaphore, inner: "select.epoll", fd: int) -> None:
    """A second event loop inside a callback of the first: its epoll is no way home."""
    asked.release()
    s = truth.stall("syscall", EPOLL_CALL, {"kind": "epoll", "fd": inner.fileno()}, kind="nested")
    with s:
        inner.poll(5)
    os.read(fd, 1)


@kind("pipe")
def setup_pipe() -> Stalling:
    reader, writer = os.pipe()
    asked = threading.Semaphore(0)
    background(write_late, asked, writer)
    return functools.partial(read_pipe, asked, reader)


@kind("fifo")
def setup_fifo() -> Stalling:
    path = os.path.join(folder, "config.fifo")
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    asked = threading.Semaphore(0)
    background(write_late, asked, os.open(path, os.O_WRONLY))
    return functools.partial(read_fifo, asked, fd, path)


@kind("flock")
def setup_flock() -> Stalling:
    path = os.path.join(folder, "state.lock")
    mine, theirs = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    asked, held = threading.Semaphore(0), threading.Semaphore(0)
    background(hold_file, asked, held, theirs)
    return functools.partial(lock_file, asked, held, mine, path)


@kind("nested")
def setup_nested() -> Stalling:
    reader, writer = os.pipe()
    inner = select.epoll()
    inner.register(reader, select.EPOLLIN)
    asked = threading.Semaphore(0)
    background(write_late, asked, writer)
    return functools.partial(wait_nested, asked, inner, reader)


# --- children

def run_captured() -> None:
    """subprocess.run() with pipes: poll(2) on both, then wait4()."""
    s = truth.stall("syscall", POLL_CALL, {"kind": ["child", "pipe"]}, kind="subprocess")
    with s:
        subprocess.run(["sleep", str(LENGTH_S)], capture_output=True)


def run_plain() -> None:
    """subprocess.run() without pipes: wait4() at once."""
    s = truth.stall("syscall", "wait4", {"kind": "child"}, kind="child")
    with s:
        subprocess.run(["sleep", str(LENGTH_S)])


def reap() -> None:
    """A child that the program waits for by itself."""
    child = subprocess.Popen(["sleep", str(LENGTH_S)])
    s = truth.stall("syscall", "wait4", {"kind": "child", "pid": child.pid}, kind="wait4")
    with s:
        os.wait4(child.pid, 0)
    child.returncode = 0


@kind("subprocess")
def setup_subprocess() -> Stalling:
    return run_captured


@kind("child")
def setup_child() -> Stalling:
    return run_plain


@kind("wait4")
def setup_wait4() -> Stalling:
    return reap


# --- threads

def hold_lock(lock: threading.Lock, asked: threading.Semaphore, held: threading.Semaphore) -> None:
    while asked.acquire():
        with lock:
            held.release()
            time.sleep(LENGTH_S)


def take_lock(lock: threading.Lock, asked: threading.Semaphore, held: threading.Semaphore) -> None:
    asked.release()
    held.acquire()
    s = truth.stall("lock", "futex", {"kind": "futex"}, kind="lock")
    with s:
        lock.acquire()
    lock.release()


def hog_gil(asked: threading.Semaphore, size: int) -> None:
    """One C call that never lets go of the GIL."""
    while asked.acquire():
        sum(range(size))


def want_gil(asked: threading.Semaphore) -> None:
    """A millisecond of sleep gives the GIL away; the hog has it when the sleep is over."""
    asked.release()
    s = truth.stall("gil", "futex", None, kind="gil")
    with s:
        time.sleep(0.002)


@kind("lock")
def setup_lock() -> Stalling:
    things = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)
    background(hold_lock, *things)
    return functools.partial(take_lock, *things)


@kind("gil")
def setup_gil() -> Stalling:
    asked = threading.Semaphore(0)
    background(hog_gil, asked, calibrate(lambda n: sum(range(n)), 1_000_000, LENGTH_S))
    return functools.partial(want_gil, asked)


# --- the CPU

def export(rows: List[str]) -> None:
    s = truth.stall("cpu", None, None, kind="json")
    with s:
        json.dumps(rows)


def score(size: int) -> None:
    """Pure Python; the line is any of the loop's."""
    total = 0
    s = truth.stall("cpu", None, None, lines=2, kind="spin")
    with s:
        for i in range(size):
            total ^= i * 31


def match(text: str) -> None:
    """A catastrophic pattern: one C call."""
    s = truth.stall("cpu", None, None, kind="regex")
    with s:
        re.match(r"(a+)+$", text)


def make_rows(size: int) -> List[str]:
    """Strings only: a heap full of containers would add stalls of the garbage collector."""
    return ["row %d of a report that is much too long" % i for i in range(size)]


def spin(size: int) -> None:
    total = 0
    for i in range(size):
        total ^= i * 31


@kind("json")
def setup_json() -> Stalling:
    size = calibrate(lambda n: json.dumps(make_rows(n)), 50_000, LENGTH_S * 2)
    return functools.partial(export, make_rows(size))


@kind("spin")
def setup_spin() -> Stalling:
    return functools.partial(score, calibrate(spin, 100_000, LENGTH_S))


@kind("regex")
def setup_regex() -> Stalling:
    length, took = 14, 0.0
    while took < 0.1:
        length += 1
        start = time.monotonic()
        re.match(r"(a+)+$", "a" * length + "b")
        took = time.monotonic() - start
    return functools.partial(match, "a" * length + "b")


# --- sums

def retry() -> None:
    """40 waits of 5 ms in one callback: no wait is long, the sum is."""
    s = truth.stall("syscall", truth.SLEEP_CALL, {"kind": "sleep"}, lines=2, kind="short")
    with s:
        for _ in range(40):
            time.sleep(0.005)


@kind("short")
def setup_short() -> Stalling:
    return retry


# --- signals

def interrupt(pid: int, asked: int) -> None:
    """In a child: stop the target for LENGTH_S each time it asks."""
    while os.read(asked, 1):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(LENGTH_S)
        os.kill(pid, signal.SIGCONT)


def be_stopped(asked: int) -> None:
    """Spin until time jumps: the stop comes from outside, a moment later."""
    last = now = time.monotonic()
    s = truth.stall("stopped", None, None, lines=3, kind="stopped")
    with s:
        os.write(asked, b"x")
        while now - last < LENGTH_S / 2:
            last, now = now, time.monotonic()


@kind("stopped")
def setup_stopped() -> Stalling:
    reader, writer = os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.close(writer)
        interrupt(parent, reader)
        os._exit(0)
    os.close(reader)
    return functools.partial(be_stopped, writer)


async def main() -> None:
    """Each kind in turn, COUNT times, with a healthy loop between."""
    for stalling in stallings:
        for _ in range(options.count):
            stalling()
            await asyncio.sleep(truth.GAP_S)


def in_order(names: List[str]) -> List[str]:
    """Kinds that fork come before any thread exists."""
    return sorted(names, key=lambda name: name != "stopped")


if __name__ == "__main__":
    parser = truth.arguments(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    if options.list:
        print("\n".join(KINDS))
        raise SystemExit(0)
    folder = tempfile.mkdtemp(prefix="stallprof-target-")
    try:
        stallings = [KINDS[name]() for name in in_order(options.kinds or list(KINDS))]
        truth.run(main, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # to free the big objects would take as long as a stall
