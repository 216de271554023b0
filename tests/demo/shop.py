"""The business of the demo server: synchronous code that its async handlers call.

Owns the six ways to block a loop: a socket, the CPU, a child process, a FIFO, a lock and a sleep.
Knows nothing of HTTP or asyncio, which is how such code comes to stand in a handler.
"""

import json
import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

REPORT_ROWS = 60_000

_database: Tuple[str, int] = ("127.0.0.1", 5433)
_config_path = Path("config.fifo")
_audit_lock = threading.Lock()
_audit: List[str] = []
_rows: List[Dict[str, Any]] = []


def open_shop(database: str, folder: Path) -> None:
    """Set the places of things and start the thread that flushes the audit log."""
    global _database, _config_path
    host, port = database.rsplit(":", 1)
    _database = host, int(port)
    _config_path = folder / "config.fifo"
    _rows.extend({"order": i, "item": "chair %d" % i, "price": i * 0.99}
                 for i in range(REPORT_ROWS))
    threading.Thread(target=flush_audit, name="audit-flush", daemon=True).start()


def get_user(user_id: int) -> Dict[str, Any]:
    """One query over a blocking socket, as a database driver without async support does it."""
    with socket.create_connection(_database) as conn:
        conn.settimeout(None)
        conn.sendall(b"SELECT * FROM users WHERE id = %d\n" % user_id)
        return json.loads(conn.recv(4096))


def render_report() -> int:
    """A large object becomes JSON in one go; its size."""
    return len(json.dumps({"rows": _rows}))


def resize_image(name: str) -> str:
    """An external program does the work, and everyone waits for it."""
    subprocess.run(["sleep", "0.22"], capture_output=True, check=True)
    return "small-" + name


def load_config() -> str:
    """The configuration comes through a FIFO from a program that takes its time."""
    with open(_config_path, "rb", buffering=0) as fifo:
        return fifo.read(4096).decode().strip()


def append_audit(entry: str) -> int:
    """Takes a lock that a background thread holds while it writes."""
    with _audit_lock:
        _audit.append(entry)
        return len(_audit)


def flush_audit() -> None:
    """In its own thread: holds the lock much longer than needed."""
    while True:
        time.sleep(0.05)
        with _audit_lock:
            write_slowly(_audit)
            _audit.clear()


def write_slowly(entries: List[str]) -> None:
    time.sleep(0.16)
    with open(os.devnull, "w") as out:
        out.writelines(entries)


def call_legacy() -> str:
    """Somebody was in a hurry."""
    time.sleep(0.15)
    return "42"
