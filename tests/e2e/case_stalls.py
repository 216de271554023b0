"""Planned stalls of every kind: found once, right, and the same from the recording.

The table below is the place to add a kind: the arguments of a target are a case.
"""

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Sequence

from compare import check_invariants, check_truths
from harness import Case, Env, Failure, Run, Skip, parse_jsonl


def check_report(env: Env, run: Run) -> None:
    """The recording says the same as the live run, twice byte for byte, without privilege."""
    recording = run.path("stall")
    recording.chmod(0o644)
    once, again = (env.command("report", str(recording), "-F", "jsonl", nobody=True)
                   for _ in range(2))
    if once.returncode != 0:
        raise Failure("report as nobody: status %d: %s" % (once.returncode, once.stderr.strip()))
    if once.stdout != again.stdout:
        raise Failure("report twice: the outputs differ")
    live, later = run.stalls(), [r for r in parse_jsonl(once.stdout) if r["type"] == "stall"]
    if sorted(s["id"] for s in live) != sorted(s["id"] for s in later):
        raise Failure("report: expected the %d stalls of the live run, found %d other ones"
                      % (len(live), len(later)))
    by_id = {s["id"]: s for s in later}
    for stall in live:
        for key in ("dur_ns", "why", "ns", "at"):
            if stall.get(key) != by_id[stall["id"]].get(key):
                raise Failure("report: %s of %s: live %s, later %s" % (
                    key, stall["id"], stall.get(key), by_id[stall["id"]].get(key)))


def check_run(env: Env, argv: Sequence[str], options: Sequence[str] = ()) -> str:
    """The whole of what a target with planned stalls must give."""
    target = env.target(*argv)
    run = env.measure(target, *options)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    check_report(env, run)
    return detail


def stalls(name: str, *argv: str, python: bool = False) -> Case:
    return Case(name, lambda env: check_run(env, argv), python=python)


def c_loop(env: Env) -> str:
    return check_run(env, (env.compile("cpoll"), "--count", "3"))


def by_thread(env: Env) -> str:
    """--tid: the thread is the loop, though nobody looked for one."""
    target = env.target("sleepy.py", "--count", "5")
    run = env.measure(target, who=("-t", str(target.pid)))
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    return detail


@contextmanager
def cpu_quota(env: Env, share: float) -> Iterator[Path]:
    """A control group that may use that share of one CPU; of either version."""
    period = 100_000
    for parent, settings in (
            ("/sys/fs/cgroup/cpu", {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": int(period * share)}),
            ("/sys/fs/cgroup", {"cpu.max": "%d %d" % (period * share, period)})):
        group = Path(parent, env.folder.name)
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, value in settings.items():
                (group / name).write_text(str(value), encoding="ascii")
        except OSError:
            group.rmdir()
            continue
        try:
            yield group
        finally:
            for pid in (group / "cgroup.procs").read_text(encoding="ascii").split():
                Path(parent, "cgroup.procs").write_text(pid, encoding="ascii")
            group.rmdir()
        return
    raise Skip("no control group with a CPU quota can be made here")


def quota(env: Env) -> str:
    """What the quota of a control group cost is told from what other threads did."""
    with cpu_quota(env, 0.05) as group:
        return check_run(env, ("throttled.py", "--cgroup", str(group)))


CASES: List[Case] = [
    stalls("sleep", "sleepy.py", python=True),
    stalls("sockets", "waits.py", "recv", "recv-timeout", "unix", "udp", "select", python=True),
    stalls("files", "waits.py", "pipe", "fifo", "flock", "nested"),
    stalls("children", "waits.py", "subprocess", "child", "wait4", python=True),
    stalls("locks", "waits.py", "lock", "gil", python=True),
    stalls("cpu", "waits.py", "json", "spin", "regex", python=True),
    stalls("short", "waits.py", "short"),
    stalls("stopped", "waits.py", "stopped"),
    stalls("runqueue", "starved.py"),
    Case("quota", quota),
    stalls("two-loops", "twoloops.py"),
    stalls("loop-poll", "sleepy.py", "--count", "7", "--loop", "poll"),
    stalls("loop-select", "sleepy.py", "--count", "7", "--loop", "select"),
    stalls("loop-poll-sockets", "waits.py", "recv-timeout", "subprocess", "--loop", "poll"),
    Case("loop-c", c_loop),
    Case("by-thread", by_thread),
]
