#!/usr/bin/env python3
"""The rest of the world, as the demo server sees it: slow.

Owns a fake database on a loopback port that answers each query after a while, and the writer of
config.fifo.  A process of its own, so that its waiting is not the server's.
"""

import argparse
import json
import os
import socket
import threading
import time
from pathlib import Path

QUERY_S = 0.31
CONFIG_S = 0.12


def serve_query(conn: socket.socket) -> None:
    """One connection, one line in, one row out."""
    with conn:
        if conn.recv(4096):
            time.sleep(QUERY_S)
            conn.sendall(json.dumps({"id": 7, "name": "Ada"}).encode())


def serve_config(path: Path) -> None:
    """Each reader of the FIFO gets its configuration late."""
    while True:
        with open(path, "wb", buffering=0) as fifo:
            time.sleep(CONFIG_S)
            try:
                fifo.write(b"colour = green\n")
            except BrokenPipeError:
                pass
        time.sleep(0.01)


def main(args: argparse.Namespace) -> None:
    fifo = Path(args.folder) / "config.fifo"
    if not fifo.exists():
        os.mkfifo(fifo)
    threading.Thread(target=serve_config, args=(fifo,), daemon=True).start()
    with socket.create_server(("127.0.0.1", args.port), backlog=16) as server:
        print(json.dumps({"port": server.getsockname()[1], "pid": os.getpid()}), flush=True)
        while True:
            conn, _ = server.accept()
            threading.Thread(target=serve_query, args=(conn,), daemon=True).start()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", default=".", help="where config.fifo is made")
    try:
        main(parser.parse_args())
    except KeyboardInterrupt:
        pass
