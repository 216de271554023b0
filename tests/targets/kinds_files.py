"""Stalls on pipes, FIFOs, file locks, a nested epoll and children.

Threads write late or hold the lock; the children are `sleep`.
"""

import fcntl
import functools
import os
import select
import subprocess
import threading
import time

import kinds
import truth

POLL_CALL = ["poll", "ppoll"]
EPOLL_CALL = ["epoll_wait", "epoll_pwait", "epoll_pwait2"]


def write_late(asked: threading.Semaphore, fd: int) -> None:
    while asked.acquire():
        time.sleep(kinds.LENGTH_S)
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
        time.sleep(kinds.LENGTH_S)
        fcntl.flock(fd, fcntl.LOCK_UN)


def wait_nested(asked: threading.Semaphore, inner: "select.epoll", fd: int) -> None:
    """A second event loop inside a callback of the first: its epoll is no way home."""
    asked.release()
    s = truth.stall("syscall", EPOLL_CALL, {"kind": "epoll", "fd": inner.fileno()}, kind="nested")
    with s:
        inner.poll(5)
    os.read(fd, 1)


@kinds.kind("pipe")
def setup_pipe() -> kinds.Stalling:
    reader, writer = os.pipe()
    asked = threading.Semaphore(0)
    kinds.background(write_late, asked, writer)
    return functools.partial(read_pipe, asked, reader)


@kinds.kind("fifo")
def setup_fifo() -> kinds.Stalling:
    path = os.path.join(kinds.folder, "config.fifo")
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)
    asked = threading.Semaphore(0)
    kinds.background(write_late, asked, os.open(path, os.O_WRONLY))
    return functools.partial(read_fifo, asked, fd, path)


@kinds.kind("flock")
def setup_flock() -> kinds.Stalling:
    path = os.path.join(kinds.folder, "state.lock")
    mine, theirs = (os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2))
    asked, held = threading.Semaphore(0), threading.Semaphore(0)
    kinds.background(hold_file, asked, held, theirs)
    return functools.partial(lock_file, asked, held, mine, path)


@kinds.kind("nested")
def setup_nested() -> kinds.Stalling:
    reader, writer = os.pipe()
    inner = select.epoll()
    inner.register(reader, select.EPOLLIN)
    asked = threading.Semaphore(0)
    kinds.background(write_late, asked, writer)
    return functools.partial(wait_nested, asked, inner, reader)



def run_captured() -> None:
    """subprocess.run() with pipes: poll(2) on both, then wait4()."""
    s = truth.stall("syscall", POLL_CALL, {"kind": ["child", "pipe"]}, kind="subprocess")
    with s:
        subprocess.run(["sleep", str(kinds.LENGTH_S)], capture_output=True)


def run_plain() -> None:
    """subprocess.run() without pipes: wait4() at once."""
    s = truth.stall("syscall", "wait4", {"kind": "child"}, kind="child")
    with s:
        subprocess.run(["sleep", str(kinds.LENGTH_S)])


def reap() -> None:
    """A child that the program waits for by itself."""
    child = subprocess.Popen(["sleep", str(kinds.LENGTH_S)])
    s = truth.stall("syscall", "wait4", {"kind": "child", "pid": child.pid}, kind="wait4")
    with s:
        os.wait4(child.pid, 0)
    child.returncode = 0


@kinds.kind("subprocess")
def setup_subprocess() -> kinds.Stalling:
    return run_captured


@kinds.kind("child")
def setup_child() -> kinds.Stalling:
    return run_plain


@kinds.kind("wait4")
def setup_wait4() -> kinds.Stalling:
    return reap
