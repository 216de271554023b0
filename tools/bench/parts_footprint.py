"""Parts 3, 4 and 6: time from exec to the first stall, memory and maps, size of a recording.

Each watches staller.py, an asyncio loop that stalls at a given rate.
"""

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any, Dict, List

import processes
from samples import Spread

STALLS_10MIN = 600
HEADER, CHUNK_HEAD, INNER_HEAD = 64, 12, 8
BLOCK = 0x5a
CHUNK_EVENT, CHUNK_STACK_NAMES = 1, 6


def staller(rate: float, ms: float) -> "subprocess.Popen[bytes]":
    argv = [sys.executable, str(processes.TARGETS / "staller.py"), str(rate), str(ms)]
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    assert proc.stdout
    proc.stdout.readline()
    return proc


def attach_once(pid: int) -> Dict[str, float]:
    """ms from just before fork and exec to the line of the first stall on stderr, and to a hook.

    The target stalls back to back for 4 ms each, so that one or two stalls are in the figure: the
    loop has to come back once before it is known to be one.
    """
    start = time.monotonic()
    proc = subprocess.Popen([processes.STALLPROF, "--threshold", "2ms", "-p", str(pid)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)
    hooks = line_at = 0.0
    try:
        assert proc.stderr
        os.set_blocking(proc.stderr.fileno(), False)
        seen = b""
        while time.monotonic() < start + 10 and not line_at:
            if not hooks and processes.hooks_held(proc.pid):
                hooks = time.monotonic()
            seen += proc.stderr.read() or b""
            if b" STALL " in seen:
                line_at = time.monotonic()
            time.sleep(0.001)
        cpu = processes.cpu_ns(proc.pid)
    finally:
        os.set_blocking(proc.stderr.fileno(), True)
        proc.send_signal(2)
        proc.communicate(timeout=20)
    return {"first_hook": (hooks - start) * 1e3, "first_stall": (line_at - start) * 1e3,
            "cpu": cpu / 1e6}


def attach(times: int) -> Dict[str, Spread]:
    target = staller(1000, 4)
    try:
        found = [attach_once(target.pid) for _ in range(times)]
    finally:
        processes.end(target)
    return {key: Spread([f[key] for f in found]) for key in found[0]}


def map_bytes(pid: int) -> Dict[str, int]:
    """memlock of each map that the process holds; without the names when bpftool has none."""
    held = {int(f["map_id"]): int(f.get("memlock", "0"))
            for f in processes.fdinfo(pid) if "map_id" in f}
    answer = subprocess.run(["bpftool", "-j", "map", "show"], stdout=subprocess.PIPE, check=True)
    names = {m["id"]: m.get("name", "?") for m in json.loads(answer.stdout or b"[]")}
    return {"%s #%d" % (names.get(i, "?"), i): n for i, n in held.items()}


def memory(seconds: float) -> Dict[str, Any]:
    """Of stallprof and its children together, while it watches one target."""
    target = staller(5, 120)
    looks: List[int] = []
    most = 0
    try:
        tool = processes.start("stallprof", [target.pid])
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                with contextlib.suppress(OSError, IndexError):  # a worker that has just ended
                    every = processes.family(tool.pid)
                    looks.append(sum(map(processes.proportional_kb, every)))
                    most = max(most, len(every))
                time.sleep(0.2)
            maps = map_bytes(tool.pid)
        finally:
            processes.end(tool)
    finally:
        processes.end(target)
    by_size = sorted(maps.items(), key=lambda item: -item[1])
    largest = {name.split(" #")[0]: size for name, size in by_size[:6]}
    return {"processes": most, "kb": Spread(looks).json(), "kb_most": max(looks),
            "maps_bytes": sum(maps.values()), "maps": largest}


def record(pid: int, seconds: float, path: Path) -> int:
    subprocess.run([processes.STALLPROF, "record", "-q", "-p", str(pid), "-d", str(seconds),
                    "-o", str(path)], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                   timeout=seconds + 60)
    return path.stat().st_size


def stalls_in(path: Path) -> int:
    done = subprocess.run([processes.STALLPROF, "report", str(path), "-F", "jsonl"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    lines = done.stdout.splitlines()
    return sum(b'"type":"stall"' in line and b'"ended"' in line for line in lines)


def report_ms(path: Path, form: str, times: int) -> Spread:
    took = []
    for _ in range(times):
        start = time.monotonic()
        subprocess.run([processes.STALLPROF, "report", str(path), "-F", form, "-o", "/dev/null"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        took.append((time.monotonic() - start) * 1e3)
    return Spread(took)


def inner_bytes(block: bytes, stored: int) -> Dict[int, float]:
    """The stored bytes of a block, each kind in it charged by its share before deflating."""
    raw = zlib.decompress(block[4:])
    at, found = 0, {}  # type: int, Dict[int, float]
    while at < len(raw):
        kind, length = struct.unpack_from("<II", raw, at)
        found[kind] = found.get(kind, 0) + (INNER_HEAD + length) * stored / len(raw)
        at += INNER_HEAD + length
    return found


def chunk_bytes(path: Path) -> Dict[int, float]:
    """Bytes by kind of chunk; the format is that of src/recording/layout.h."""
    data = path.read_bytes()
    at, found = HEADER, {0: float(HEADER)}
    while at + CHUNK_HEAD <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        size = (CHUNK_HEAD + length + 7) // 8 * 8
        parts = {kind: float(size)}
        if kind == BLOCK:
            parts = inner_bytes(data[at + CHUNK_HEAD:at + CHUNK_HEAD + length], size)
        for inner, part in parts.items():
            found[inner] = found.get(inner, 0) + part
        at += size
    return found


def recording(seconds: float) -> Dict[str, Any]:
    """What 10 minutes at 1 stall a second would take.

    The stalls come six times as fast, 105 ms long, over 97 places and 3 kinds.  Each stall adds its
    event; new stacks add their names.  A real program repeats itself, and how much nobody knows:
    `low` has no new stack after this run, `high` has new ones at its rate for 10 minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        busy, idle = Path(folder, "busy.stall"), Path(folder, "idle.stall")
        target = staller(6, 105)
        try:
            record(target.pid, seconds, busy)
        finally:
            processes.end(target)
        target = staller(30, 0)
        try:
            fixed = record(target.pid, 3, idle)
        finally:
            processes.end(target)
        stalls = max(1, stalls_in(busy))
        kinds = chunk_bytes(busy)
        names = kinds.get(CHUNK_STACK_NAMES, 0)
        event = kinds.get(CHUNK_EVENT, 0) / stalls
        low = fixed + names + STALLS_10MIN * event
        return {"stalls": stalls, "bytes": busy.stat().st_size, "fixed_bytes": fixed,
                "event_bytes_per_stall": event, "name_bytes_per_stall": names / stalls,
                "low_10min": low, "high_10min": low + names * (STALLS_10MIN / stalls - 1),
                "report_ms": {form: report_ms(busy, form, 3).json()
                              for form in ("text", "svg", "jsonl")}}
