"""Parts 3, 4 and 6: time from exec to the first stall, memory and maps, size of a recording.

Each watches staller.py, an asyncio loop that stalls at a given rate.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import processes
from samples import Spread

MINUTES_10 = 600


def staller(rate: float, ms: float) -> "subprocess.Popen[bytes]":
    proc = processes.daemon([sys.executable, str(processes.TARGETS / "staller.py"), str(rate), str(ms)])
    time.sleep(0.5)
    return proc


def attach_once(pid: int) -> Dict[str, float]:
    """ms from just before fork and exec to the line of the first stall on stderr, and to hooks held.

    The target stalls back to back for 4 ms each, so that one or two stalls of the whole are in the
    figure: the loop has to come back once before it is known to be one.
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
    finally:
        os.set_blocking(proc.stderr.fileno(), True)
        proc.send_signal(2)
        proc.communicate(timeout=20)
    return {"first_hook": (hooks - start) * 1e3, "first_stall": (line_at - start) * 1e3}


def attach(times: int) -> Dict[str, Spread]:
    target = staller(1000, 4)
    try:
        found = [attach_once(target.pid) for _ in range(times)]
    finally:
        processes.end(target)
    return {key: Spread([f[key] for f in found]) for key in found[0]}


def children(pid: int) -> List[int]:
    every = [pid]
    for task in Path("/proc/%d/task" % pid).iterdir():
        for child in (task / "children").read_text().split():
            every += children(int(child))
    return every


def status_kb(pid: int) -> Dict[str, int]:
    rows = (line.split(":", 1) for line in Path("/proc/%d/status" % pid).read_text().splitlines())
    return {k: int(v.split()[0]) for k, v in rows if k.startswith(("Vm", "Rss")) and "kB" in v}


def map_bytes(pid: int) -> Dict[str, int]:
    """memlock of each map that the process holds; without the names when bpftool has none."""
    held = {int(f["map_id"]): int(f.get("memlock", "0")) for f in processes.fdinfo(pid) if "map_id" in f}
    answer = subprocess.run(["bpftool", "-j", "map", "show"], stdout=subprocess.PIPE, check=True)
    names = {m["id"]: m.get("name", "?") for m in json.loads(answer.stdout or b"[]")}
    return {"%s #%d" % (names.get(i, "?"), i): n for i, n in held.items()}


def memory(seconds: float) -> Dict[str, Any]:
    """Of stallprof and its children, after it watched one target for a while."""
    target = staller(5, 120)
    try:
        tool = processes.start("stallprof", [target.pid])
        try:
            time.sleep(seconds)
            every = [status_kb(pid) for pid in children(tool.pid)]
            maps = map_bytes(tool.pid)
        finally:
            processes.end(tool)
    finally:
        processes.end(target)
    total = {key: sum(s.get(key, 0) for s in every) for key in ("VmHWM", "VmRSS", "RssAnon", "RssFile",
                                                                "RssShmem")}
    largest = dict(sorted(((k.split(" #")[0], v) for k, v in maps.items()), key=lambda kv: -kv[1])[:6])
    return {"processes": len(every), "kb": total, "maps_bytes": sum(maps.values()), "maps": largest}


def record(pid: int, seconds: float, path: Path) -> int:
    subprocess.run([processes.STALLPROF, "record", "-q", "-p", str(pid), "-d", str(seconds),
                    "-o", str(path)], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=seconds + 60)
    return path.stat().st_size


def stalls_in(path: Path) -> int:
    done = subprocess.run([processes.STALLPROF, "report", str(path), "-F", "jsonl"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return sum(b'"type":"stall"' in line and b'"ended"' in line for line in done.stdout.splitlines())


def report_ms(path: Path, form: str, times: int) -> Spread:
    took = []
    for _ in range(times):
        start = time.monotonic()
        subprocess.run([processes.STALLPROF, "report", str(path), "-F", form, "-o", "/dev/null"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        took.append((time.monotonic() - start) * 1e3)
    return Spread(took)


def recording(seconds: float, say: Callable[[str], None]) -> Dict[str, Any]:
    """What 10 minutes at 1 stall a second would take.

    The stalls come six times as fast, 105 ms long, over 97 places and 3 kinds, at the usual threshold; a
    recording of the same loop without stalls says what time alone adds, and each is scaled by itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        busy, idle = Path(folder, "busy.stall"), Path(folder, "idle.stall")
        target = staller(6, 105)
        try:
            busy_bytes = record(target.pid, seconds, busy)
        finally:
            processes.end(target)
        say("recorded the stalls")
        target = staller(30, 0.1)
        try:
            record(target.pid, 1, idle)
            short = idle.stat().st_size
            idle_seconds = max(4.0, seconds / 4)
            per_second = max(0.0, (record(target.pid, idle_seconds, idle) - short) / (idle_seconds - 1))
        finally:
            processes.end(target)
        stalls = stalls_in(busy)
        per_stall = (busy_bytes - short - per_second * (seconds - 1)) / max(1, stalls)
        return {"stalls": stalls, "bytes": busy_bytes, "fixed_bytes": short,
                "bytes_per_second": per_second, "bytes_per_stall": per_stall,
                "bytes_10min": short + MINUTES_10 * (per_second + per_stall),
                "report_ms": {form: report_ms(busy, form, 3).json() for form in ("text", "svg", "jsonl")}}
