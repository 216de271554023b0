#!/usr/bin/env python3
"""Load for the demo server: a few users who click around, and one who only pings.

Owns the mix of requests.  At the end it prints how long requests took, for those who want to see
what a stall costs everybody else.
"""

import argparse
import http.client
import random
import threading
import time
from typing import Dict, List

# Path and how often it is asked for.
MIX: Dict[str, int] = {
    "/async": 8, "/offload": 4, "/users": 5, "/report": 3, "/thumbnail": 2, "/config": 2,
    "/audit": 2, "/legacy": 2,
}


class Client(threading.Thread):
    """One keep-alive connection that asks until the time is up."""

    def __init__(self, port: int, seconds: float, paths: List[str], pause: float) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.until = time.monotonic() + seconds
        self.paths = paths
        self.pause = pause
        self.took: List[float] = []

    def run(self) -> None:
        conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while time.monotonic() < self.until:
                for path in self.paths:
                    self.ask(conn, path)
        except (OSError, http.client.HTTPException):
            pass  # the server went away first
        finally:
            conn.close()

    def ask(self, conn: http.client.HTTPConnection, path: str) -> None:
        if time.monotonic() >= self.until:
            return
        start = time.monotonic()
        conn.request("GET", path)
        conn.getresponse().read()
        self.took.append(time.monotonic() - start)
        time.sleep(self.pause)


def shuffled(seed: int) -> List[str]:
    """Each path once, then the mix, in an order of its own for each user, the same in each run: so a
    short demo has met every kind of stall."""
    chance = random.Random(seed)
    once = list(MIX)
    mixed = [path for path, count in MIX.items() for _ in range(count)]
    chance.shuffle(once)
    chance.shuffle(mixed)
    return once + mixed


def percentile(values: List[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def main(args: argparse.Namespace) -> None:
    users = [Client(args.port, args.seconds, shuffled(i), 0.3) for i in range(args.users)]
    pinger = Client(args.port, args.seconds, ["/ping"], 0.02)
    for client in users + [pinger]:
        client.start()
    for client in users + [pinger]:
        client.join(args.seconds + 15)
    if pinger.took:
        print("%d requests; /ping, which does nothing: median %.0f ms, p99 %.0f ms, worst %.0f ms"
              % (sum(len(c.took) for c in users + [pinger]), percentile(pinger.took, 0.5),
                 percentile(pinger.took, 0.99), percentile(pinger.took, 1)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--users", type=int, default=2)
    main(parser.parse_args())
