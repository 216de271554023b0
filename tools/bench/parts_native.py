"""Part 9: native stacks by unwind tables: what tables cost, and what a walk costs.

Tables are compiled by tests/support/tables outside of the sandbox; walks are timed by the kernel's
own count of what a program took.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import processes
from parts_switch import STATS, program_times
from processes import Skip

SUPPORT = processes.BUILD.parent / "tests" / "support"
E2E_TARGETS = processes.TOP / "tests" / "targets"
LIBRARIES = 300
READY_S = 30.0

OPENER = """
import ctypes, os, sys, time
opened = 0
for path in sys.stdin.read().split():
    if opened < %d:
        try:
            ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_LOCAL)
            opened += 1
        except OSError:
            pass
print(opened, flush=True)
time.sleep(1000)
"""


def files() -> List[str]:
    """What Debian's programs run, as far as it is there."""
    wanted = ["/usr/bin/python3", shutil.which("node") or "", shutil.which("redis-server") or "",
              shutil.which("nginx") or "", "/lib/x86_64-linux-gnu/libc.so.6"]
    wanted += sorted(glob.glob("/usr/lib/x86_64-linux-gnu/libcrypto.so.3"))
    wanted += sorted(glob.glob("/usr/lib/x86_64-linux-gnu/libstdc++.so.6"))
    wanted += sorted(glob.glob("/usr/lib/x86_64-linux-gnu/libLLVM-1*.so.1"))[:1]
    return [os.path.realpath(path) for path in wanted if path and os.path.exists(path)]


def tables() -> List[Dict[str, Any]]:
    done = subprocess.run([SUPPORT / "tables", "11", *files()], capture_output=True, text=True,
                          check=True, timeout=300)
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- many libraries


def libraries() -> List[str]:
    """One of each file, so that none shares the table of another; the largest are left out."""
    found = {os.path.realpath(p) for p in glob.glob("/usr/lib/x86_64-linux-gnu/*.so*")}
    return sorted(p for p in found if os.path.getsize(p) < 8 << 20
                  and not re.search(r"/(libasan|libtsan|libubsan|liblsan|libhwasan|ld-linux)", p))


def mappings_known(pid: int) -> int:
    """How many the kernel side knows of a process."""
    key = ["%d" % b for b in pid.to_bytes(4, "little")]
    done = subprocess.run(["bpftool", "-j", "map", "lookup", "name", "unwind_procs", "key", *key],
                          capture_output=True, text=True, timeout=20)
    try:
        value = [int(b, 0) for b in json.loads(done.stdout)["value"][8:12]]
    except (ValueError, KeyError, IndexError, TypeError):
        return 0
    return int.from_bytes(bytes(value), "little")


def executable_files(pid: int) -> int:
    lines = Path("/proc/%d/maps" % pid).read_text().splitlines()
    return sum(" r-xp " in line and " /" in line for line in lines)


def ready(count: int = LIBRARIES) -> Dict[str, Any]:
    """From exec of stallprof until the kernel side knows all code of a process with that many."""
    target = subprocess.Popen([sys.executable, "-c", OPENER % count], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert target.stdin and target.stdout
        target.stdin.write("\n".join(libraries()))
        target.stdin.close()
        opened = int(target.stdout.readline() or 0)
        want, start = executable_files(target.pid), time.monotonic()
        tool = subprocess.Popen([processes.STALLPROF, "-q", "-p", str(target.pid)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            known = 0
            while known < want and time.monotonic() < start + READY_S:
                time.sleep(0.02)
                known = mappings_known(target.pid)
            took = time.monotonic() - start
            ticks = Path("/proc/%d/stat" % tool.pid).read_text().rsplit(")", 1)[1].split()
            resident = processes_kb(tool.pid)
        finally:
            processes.end(tool)
    finally:
        processes.end(target)
    return {"libraries": opened, "files": want, "known": known, "ms": took * 1e3,
            "cpu_ms": sum(map(int, ticks[11:15])) * 1000 / os.sysconf("SC_CLK_TCK"),
            "resident_kb": resident}


def processes_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/%d/status" % pid).read_text())
    return int(found[1]) if found else 0


# --- walks of a program under load, sampled: each stack is met cold


def start_busy(name: str, seconds: float) -> "subprocess.Popen[str]":
    script = str(E2E_TARGETS / ("busy." + name))
    argv = ["node" if name == "js" else sys.executable, script, "%g" % seconds]
    if not shutil.which(argv[0]):
        raise Skip("no " + argv[0])
    proc = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)
    assert proc.stdout
    proc.stdout.readline()
    return proc


def frames_mean(path: Path) -> Tuple[float, float, int]:
    """Native and interpreter frames of a sample, and how many samples there are."""
    done = subprocess.run([processes.STALLPROF, "report", str(path), "-F", "jsonl"], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    native = script = samples = 0
    for line in done.stdout.splitlines():
        record = json.loads(line)
        for stack in record.get("stacks", []) if record["type"] == "stall" else []:
            kinds = [f["kind"] for f in stack["frames"] if not f.get("inlined")]
            native += kinds.count("native")
            script += kinds.count("python") + kinds.count("js")
            samples += 1
    return native / max(1, samples), script / max(1, samples), samples


def sampled(name: str, seconds: float) -> Dict[str, Any]:
    """The kernel's own count of the cpu-clock program, over the frames that it found."""
    target = start_busy(name, seconds + 10)
    path = processes.BUILD / "native.stall"
    before = STATS.read_text()
    try:
        tool = subprocess.Popen([processes.STALLPROF, "record", "-q", "-p", str(target.pid),
                                 "--threshold", "20ms", "-d", str(seconds + 2), "-o", str(path)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        try:
            processes.attached(tool)
            time.sleep(1)
            assert target.stdin
            target.stdin.write("go\n")
            target.stdin.close()
            time.sleep(1)
            STATS.write_text("1")
            first = program_times(tool.pid)
            time.sleep(max(1.0, seconds - 2))
            last = program_times(tool.pid)
            STATS.write_text(before)
            tool.wait(60)
        finally:
            processes.end(tool)
    finally:
        STATS.write_text(before)
        processes.end(target)
    native, script, samples = frames_mean(path)
    path.unlink()
    runs = {name: (n - first.get(name, (0, 0))[0], t - first.get(name, (0, 0))[1])
            for name, (n, t) in last.items() if "cpu" in name or "tick" in name or "clock" in name}
    return {"native": native, "script": script, "stacks": samples,
            "programs": {name: {"runs": n, "ns": t / n} for name, (n, t) in runs.items() if n}}
