"""Starts and ends what the benchmark runs: loads, and the tools that watch them.

Everything is ended by its own pid.  Knows how to tell that a tool is attached (by what it holds
open) and whether somebody else's programs hang on the hooks meanwhile.
"""

import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Set

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / os.environ.get("B", "build") / "bench"
STALLPROF = str(TOP / "stallprof")
TARGETS = TOP / "tools" / "bench" / "targets"
ATTACH_S = 15.0
SETTLE_S, SETTLED_NS = 3.0, 6_000_000
HOOK_TYPES = {"tracing", "tracepoint", "raw_tracepoint", "perf_event", "kprobe"}

BPFTRACE = ("tracepoint:sched:sched_switch { "
            "if (args->prev_pid == %d) { @off = nsecs; } "
            "if (args->next_pid == %d && @off) { @us = hist((nsecs - @off) / 1000); } }")

# What can stand beside bare: its command for a pid, and the program that must be installed.
TOOLS: Dict[str, List[str]] = {
    "stallprof": [STALLPROF, "-q", "-p", "{pid}"],
    "no CPU samples": [STALLPROF, "-q", "--hooks", "oncpu=off", "-p", "{pid}"],
    "same, poll=switch": [STALLPROF, "-q", "--hooks", "oncpu=off,poll=switch", "-p", "{pid}"],
    "empty switch": [str(BUILD / "empty"), "switch"],
    "empty poll": [str(BUILD / "empty"), "poll"],
    "offcputime": ["offcputime", "-p", "{pid}"],
    "bpftrace": ["bpftrace", "-e", BPFTRACE],
    "perf trace": ["perf", "trace", "-s", "-o", "/dev/null", "-p", "{pid}"],
}
# An older build to compare with: STALLPROF_BEFORE names the program.
BEFORE = os.environ.get("STALLPROF_BEFORE", "")
if BEFORE:
    TOOLS["before"] = [BEFORE, "-q", "-p", "{pid}"]


OURS = {os.path.realpath(path) for path in (STALLPROF, BEFORE) if path}


class Skip(Exception):
    """Why something cannot be measured here."""


def end(proc: "subprocess.Popen[Any]", how: int = signal.SIGINT, seconds: float = 10) -> None:
    if proc.poll() is None:
        proc.send_signal(how)
    try:
        proc.wait(seconds)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()


def fdinfo(pid: int) -> Iterator[Dict[str, str]]:
    """What the kernel says about each descriptor of a process; `link` is where it leads."""
    for path in glob.glob("/proc/%d/fdinfo/*" % pid):
        try:
            lines = Path(path).read_text().splitlines()
            fields = dict(line.split(":", 1) for line in lines if ":" in line)
            fields["link"] = os.readlink(path.replace("fdinfo", "fd"))
        except OSError:
            continue
        yield fields


def hooks_held(pid: int) -> int:
    held = list(fdinfo(pid))
    links = sum("link_type" in f for f in held)
    # Ours that tell of mappings come long before the first hook; perf and bpftrace hold no links.
    if not links and os.path.realpath("/proc/%d/exe" % pid) in OURS:
        return 0
    return links + sum("perf_event" in f["link"] for f in held)


def attached(proc: "subprocess.Popen[Any]") -> None:
    """Returns when the tool holds hooks and has not taken another one for a while."""
    until = time.monotonic() + ATTACH_S
    last, stable = 0, 0
    while time.monotonic() < until:
        if proc.poll() is not None:
            raise Skip("ended at once with status %d" % proc.returncode)
        held = hooks_held(proc.pid)
        stable = stable + 1 if held and held == last else 0
        if stable >= 5:
            return
        last = held
        time.sleep(0.05)
    raise Skip("did not attach within %.0f s" % ATTACH_S)


def family(pid: int) -> List[int]:
    """The process, its children, and theirs."""
    every = [pid]
    try:
        for task in Path("/proc/%d/task" % pid).iterdir():
            for child in (task / "children").read_text().split():
                every += family(int(child))
    except OSError:
        pass  # one that ends meanwhile
    return every


def cpu_ns(pid: int) -> int:
    """CPU time of the process and those it has started, as far as they live."""
    total = 0
    for one in family(pid):
        try:
            for task in Path("/proc/%d/task" % one).iterdir():
                total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue
    return total


def settled(pid: int) -> None:
    """Returns when the tool is done with what it does once, at its start: reading files and names.
    What that costs is a row of its own."""
    until = time.monotonic() + SETTLE_S
    last = cpu_ns(pid)
    while time.monotonic() < until:
        time.sleep(0.2)
        now = cpu_ns(pid)
        if now - last < SETTLED_NS:
            return
        last = now


def complaint(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:160] if lines else "no message"


def start(name: str, pids: Sequence[int]) -> "subprocess.Popen[Any]":
    """A tool of the table, attached to these processes."""
    argv = TOOLS[name]
    if not shutil.which(argv[0]):
        raise Skip("%s is not installed" % argv[0])
    pid = ",".join(map(str, pids))
    argv = [BPFTRACE % (pids[0], pids[0]) if a is BPFTRACE else a.replace("{pid}", pid)
            for a in argv]
    errors = BUILD / "tool.err"
    with errors.open("wb") as err:
        proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=err)
    try:
        attached(proc)
        settled(proc.pid)
    except Skip as why:
        end(proc)
        raise Skip("%s: %s" % (why, complaint(errors))) from None
    return proc


def programs() -> List[Dict[str, Any]]:
    """BPF programs in the kernel that could slow a load."""
    answer = subprocess.run(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, check=True)
    return [p for p in json.loads(answer.stdout or b"[]") if p.get("type") in HOOK_TYPES]


def programs_of(pid: int) -> Set[int]:
    return {int(f["prog_id"]) for f in fdinfo(pid) if "prog_id" in f}


def strangers(pids: Sequence[int]) -> int:
    """Programs that none of these processes holds: another user's tool disturbs the result."""
    ours = set().union(*map(programs_of, pids)) if pids else set()
    return sum(p["id"] not in ours for p in programs())


def quiet_wait(seconds: float) -> bool:
    """Waits for others' programs to go away, but not for ever."""
    until = time.monotonic() + seconds
    while strangers([]):
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


@dataclass
class Load:
    """A load that takes orders on its stdin."""

    proc: "subprocess.Popen[str]"

    @property
    def pid(self) -> int:
        return self.proc.pid

    def order(self, *words: Any) -> Dict[str, Any]:
        assert self.proc.stdin and self.proc.stdout
        self.proc.stdin.write(" ".join(map(str, words)) + "\n")
        self.proc.stdin.flush()
        answer: Dict[str, Any] = json.loads(self.proc.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.proc.stdin
        self.proc.stdin.close()
        end(self.proc, signal.SIGTERM)


def load(argv: Sequence[str]) -> Load:
    return Load(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))


def switches(cpu: int, program: str = "switches") -> Load:
    return load([str(BUILD / program), str(cpu)])


def deepwait(cpu: int, python: str = sys.executable) -> Load:
    return load([python, str(TARGETS / "deepwait.py"), str(cpu), str(BUILD / "switches")])


def port_free() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def port_wait(port: int) -> None:
    """Until somebody listens."""
    until = time.monotonic() + ATTACH_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Skip("the server did not listen within %.0f s" % ATTACH_S)


def pinned(argv: Sequence[str], cpu: int, out: int = subprocess.DEVNULL) -> "subprocess.Popen[str]":
    """On that CPU, and before what else the machine has to do.

    Where the kernel groups processes by session, niceness counts only inside a group: hence a
    session of its own, and the niceness of that.
    """
    proc = subprocess.Popen(["taskset", "-c", str(cpu), *argv], stdin=subprocess.DEVNULL,
                            stdout=out, stderr=subprocess.DEVNULL, start_new_session=True,
                            text=True)
    os.setpriority(os.PRIO_PROCESS, proc.pid, -15)
    try:
        Path("/proc/%d/autogroup" % proc.pid).write_text("-15")
    except OSError:
        pass
    return proc


def proportional_kb(pid: int) -> int:
    """Each page by the share that the process has in it, so that the sum over processes counts it
    once; without the kernel side's maps, which count as such."""
    total, counted = 0, False
    for line in Path("/proc/%d/smaps" % pid).read_text().splitlines():
        word, *rest = line.split()
        if not word.endswith(":"):
            counted = "anon_inode:" not in line
        elif word == "Pss:" and counted:
            total += int(rest[0])
    return total
