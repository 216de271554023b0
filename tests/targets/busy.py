"""An asyncio loop that is busy for tens of milliseconds at a time, in the interpreter and in C.

    busy.py SECONDS

Prints {"ready": PID} and begins at a line on stdin; knows nothing of stallprof.
"""

import asyncio
import bz2
import hashlib
import json
import os
import re
import sqlite3
import sys
import time
import zlib
from typing import Any, Callable, List

TEXT = json.dumps([{"n": n, "name": "item %d" % n} for n in range(2000)])


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def rows() -> List[Any]:
    db = sqlite3.connect(":memory:")
    db.execute("create table t (a, b)")
    db.executemany("insert into t values (?, ?)", ((n % 97, n) for n in range(2000)))
    db.create_function("twice", 1, lambda n: 2 * n)
    found = db.execute("select a, sum(twice(b)) from t group by a order by 2").fetchall()
    db.close()
    return found


WORK: List[Callable[[], Any]] = [
    lambda: fib(19),
    lambda: json.loads(TEXT),
    lambda: sorted(json.loads(TEXT), key=lambda x: x["name"]),
    lambda: zlib.compress(TEXT.encode(), 9),
    lambda: bz2.compress(TEXT.encode()),
    lambda: hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 5000),
    lambda: re.sub(r"(\w+) (\d+)", lambda m: m[2] + m[1], TEXT),
    rows,
]


async def main(seconds: float) -> None:
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for _ in range(23):
            WORK[turn % len(WORK)]()
            turn += 1
        await asyncio.sleep(0.001)


print(json.dumps({"ready": os.getpid()}), flush=True)
sys.stdin.readline()
asyncio.run(main(float(sys.argv[1])))
