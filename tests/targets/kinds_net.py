"""Stalls on sockets: drivers with and without a time-out, a resolver, a library with select(2).

The slow servers are threads of the target; the peer's address is part of the truth.
"""

import functools
import os
import select
import socket
import time
from typing import Any, Dict

import kinds
import truth

SELECT_CALL = ["select", "pselect6"]
POLL_CALL = ["poll", "ppoll"]


def answer_late(server: socket.socket) -> None:
    """A slow server: one connection, each request is answered late."""
    conn, _ = server.accept()
    while conn.recv(64):
        time.sleep(kinds.LENGTH_S)
        conn.sendall(b"row")


def slow_server(family: int, address: Any) -> socket.socket:
    """A connected client of a slow server."""
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind(address)
    server.listen(1)
    kinds.background(answer_late, server)
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


@kinds.kind("recv")
def setup_recv() -> kinds.Stalling:
    return functools.partial(read_row, slow_server(socket.AF_INET, ("127.0.0.1", 0)))


@kinds.kind("recv-timeout")
def setup_recv_timeout() -> kinds.Stalling:
    client = slow_server(socket.AF_INET, ("127.0.0.1", 0))
    client.settimeout(5)
    return functools.partial(read_row_timeout, client)


@kinds.kind("unix")
def setup_unix() -> kinds.Stalling:
    path = os.path.join(kinds.folder, "db.sock")
    return functools.partial(read_unix, slow_server(socket.AF_UNIX, path))


@kinds.kind("udp")
def setup_udp() -> kinds.Stalling:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(silent.getsockname())
    client.settimeout(kinds.LENGTH_S)
    return functools.partial(resolve_keeping, client, silent)


def resolve_keeping(client: socket.socket, _silent: socket.socket) -> None:
    """Holds the silent socket open, else the peer would refuse."""
    resolve(client)


@kinds.kind("select")
def setup_select() -> kinds.Stalling:
    return functools.partial(select_row, slow_server(socket.AF_INET, ("127.0.0.1", 0)))
