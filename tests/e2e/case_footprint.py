"""What stallprof itself takes, and what the workers that it starts for hostile files can reach.

Watches the asyncio loop of the benchmarks, whose stalls run through the interpreter's code: its
debug information is read by workers.
"""

import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from harness import END_S, TOP, Case, Env, Failure, Skip, Watch

sys.path.append(str(TOP / "tools" / "bench"))
from processes import proportional_kb  # noqa: E402

STALLER = str(TOP / "tools" / "bench" / "targets" / "staller.py")
RESIDENT_KB = 32 << 10
SECONDS = 12
STORM_S = 4
STORM_KB = 20 << 10
SEEN_ENOUGH = 20  # looks at workers


def workers(pid: int) -> List[int]:
    text = Path("/proc/%d/task/%d/children" % (pid, pid)).read_text()
    return [int(child) for child in text.split()]


@contextlib.contextmanager
def watched(env: Env) -> Iterator[Watch]:
    target = env.start([sys.executable, STALLER, "5", "120"], early=True)
    yield env.watch("-p", str(target.pid), "-d", str(SECONDS)).attached()


def memory(env: Env) -> str:
    """Of all its processes together, most of the time."""
    samples: List[int] = []
    most = 0
    with watched(env) as watch:
        while watch.proc.poll() is None:
            with contextlib.suppress(OSError, IndexError):
                pids = workers(watch.proc.pid)
                samples.append(sum(proportional_kb(p) for p in [watch.proc.pid, *pids]))
                most = max(most, len(pids))
            time.sleep(0.25)
        watch.end()
    if not most or len(samples) < SEEN_ENOUGH:
        raise Failure("saw %d workers in %d looks" % (most, len(samples)))
    usual = sorted(samples)[len(samples) // 2]
    if usual > RESIDENT_KB:
        raise Failure("expected at most %d KiB, found %d" % (RESIDENT_KB, usual))
    return "%.1f MiB, at most %.1f with %d workers" % (usual / 1024, max(samples) / 1024, most)


def storm(env: Env) -> str:
    """Hundreds of processes a second, each followed: they take little, and for a second only."""
    target = env.start(["sh", "-c", "read go; while :; do (:); done"], early=True)
    watch = env.watch("-p", str(target.pid), "--follow", "-q").attached()
    target.go()
    time.sleep(STORM_S)
    found = proportional_kb(watch.proc.pid)
    watch.proc.send_signal(signal.SIGINT)
    run = watch.end()
    notes = re.search(r"and ([\d,]+) more notes", run.out)
    if not notes or int(notes.group(1).replace(",", "")) < 100 * STORM_S:
        raise Skip("the machine is too busy for a storm")
    if found > STORM_KB:
        raise Failure("expected at most %d KiB, found %d" % (STORM_KB, found))
    return "%.1f MiB" % (found / 1024)


def reach(pid: int) -> Tuple[List[str], List[str]]:
    """Mappings shared with the kernel side, and descriptors other than what a worker is given."""
    maps = [line for line in Path("/proc/%d/maps" % pid).read_text().splitlines()
            if "anon_inode" in line]
    files: Dict[int, str] = {}
    for name in os.listdir("/proc/%d/fd" % pid):
        files[int(name)] = os.readlink("/proc/%d/fd/%s" % (pid, name))
    more = [link for fd, link in files.items() if fd > 6 or "anon_inode" in link]
    return maps, more if files else []


def armour(env: Env) -> str:
    """Workers have nothing of the kernel side: no map, no ring, no descriptor of one."""
    looks = 0
    with watched(env) as watch:
        while watch.proc.poll() is None:
            for pid in workers(watch.proc.pid):
                with contextlib.suppress(OSError):
                    if "Seccomp:\t2" not in Path("/proc/%d/status" % pid).read_text():
                        continue  # not yet what it will be
                    maps, files = reach(pid)
                    if maps or files:
                        raise Failure("a worker has %s" % "\n".join(maps + files))
                    looks += 1
            time.sleep(0.05)
        watch.end()
    if looks < SEEN_ENOUGH:
        raise Failure("saw workers %d times" % looks)
    return "looked %d times" % looks


def of_our_group(name: str) -> List[int]:
    """By what is left of one that is about to end: its command line is gone."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            comm, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
            if comm == name and int(rest.split()[2]) == os.getpgrp():
                found.append(int(path.parent.name))
    return found


def end(env: Env) -> str:
    """Interrupted it has ended before its hooks are gone, and what holds them goes with them."""
    with watched(env) as watch:
        watch.proc.send_signal(signal.SIGINT)
        run = watch.end()
    left = of_our_group("stallprof")
    if run.status != 0 or "stallprof" not in run.out:
        raise Failure("status %d: %s" % (run.status, run.out + run.err))
    until = time.monotonic() + END_S
    while of_our_group("stallprof"):
        if time.monotonic() > until:
            raise Failure("still there after %.0f s: %s" % (END_S, of_our_group("stallprof")))
        time.sleep(0.05)
    return "%d were left for a moment" % len(left)


CASES = [
    Case("own_memory", memory),
    Case("own_storm", storm),
    Case("own_workers", armour, alone=False),
    Case("own_end", end),
]
