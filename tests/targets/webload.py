#!/usr/bin/env python3
"""The clients of web.py, in a process of their own, and the slow server that one view asks.

    webload.py PORT SECONDS [PATH...]       begins at a line on standard input

Prints the address of the slow server first.  Meanwhile others ask for healthy pages all the time;
each PATH is asked for in turn, again and again until all have been asked COUNT times.
"""

import http.client
import http.server
import json
import os
import sys
import threading
import time
from typing import Any, List

COUNT = 3
SLOW_S = 0.15
PAUSE_S = 0.03
HEALTHY = ["/health", "/items"]


class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(SLOW_S)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        pass


def connected(port: int) -> http.client.HTTPConnection:
    until = time.monotonic() + 20
    while True:
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            conn.connect()
            return conn
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def get(conn: http.client.HTTPConnection, path: str) -> None:
    conn.request("GET", path)
    answer = conn.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit("webload: %s: status %d" % (path, answer.status))


def healthy(port: int, stop: threading.Event) -> None:
    conn = connected(port)
    while not stop.wait(0.004):
        for path in HEALTHY:
            get(conn, path)


def load(port: int, seconds: float, paths: List[str]) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=healthy, args=(port, stop)) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    for _ in range(COUNT):
        for path in paths:
            conn = connected(port)  # anew: any of several workers may take it
            get(conn, path)
            conn.close()
            time.sleep(PAUSE_S)
    stop.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    slow = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=slow.serve_forever, daemon=True).start()
    print(json.dumps({"slow": "127.0.0.1:%d" % slow.server_address[1]}), flush=True)
    if sys.stdin.readline():
        load(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
    os._exit(0)
