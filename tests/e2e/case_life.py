"""Targets and stallprof that come, go, hang or are killed.

Forks, execs, exits inside a stall, stalls without an end, Ctrl-C and SIGKILL, cut recordings.
"""

import os
import re
import signal
import struct
import time
from typing import List

from case_stalls import check_run
from compare import (FOLDED_LINE, check_folded, check_invariants, check_sums, check_truths,
                     describe, ms, pair_up)
from harness import TARGETS, Case, Env, Failure, Run, noise_of, parse_jsonl

STALL_LINE = re.compile(r"^\d\d:\d\d:\d\d\.\d{3} STALL (>?)(\S+) loop=\d+(/\d+)? why=\S+.*"
                        r" id=[0-9a-f]+")


def stall_lines(run_err: str, ongoing: bool) -> List[str]:
    """The STALL lines of one sort on standard error."""
    lines = [line for line in run_err.splitlines() if " STALL " in line]
    for line in lines:
        if not STALL_LINE.match(line):
            raise Failure("not a stall line of the contract: %s" % line)
    return [line for line in lines if (" STALL >" in line) == ongoing]


def lines_on_stderr(env: Env) -> str:
    """Every stall is a line or counted in a `suppressed` one; -q is silent."""
    target = env.target("sleepy.py", "--count", "11")
    run = env.measure(target)
    hidden = sum(int(n) for n in re.findall(r"^suppressed (\d+) like", run.err, re.M))
    shown = len(stall_lines(run.err, False))
    if shown + hidden != len(target.truths):
        raise Failure("expected %d stalls as lines or suppressed, found %d and %d\n%s"
                      % (len(target.truths), shown, hidden, run.err))
    if "stalls" not in run.out:
        raise Failure("no summary on stdout: %r" % run.out[:300])
    return "%d lines, %d suppressed" % (shown, hidden)


def quiet(env: Env) -> str:
    target = env.target("sleepy.py", "--count", "3")
    run = env.measure(target, "-q")
    if run.err.strip():
        raise Failure("-q: expected nothing on stderr, found: %s" % run.err)
    return "nothing on stderr"


def ongoing(env: Env) -> str:
    """A stall of 4.5 s: told at the threshold, at 1, 2 and 4 s, then once as ended."""
    target = env.target("forever.py", "--for", "4.5")
    run = env.measure(target)
    told = stall_lines(run.err, True)
    long_ones = [line for line in told if "at=forever.py" in line and ":hang" in line]
    if len(long_ones) != 4 or not all("(still blocked)" in line for line in long_ones):
        raise Failure("expected 4 lines of the hang while it lasts (threshold, 1, 2, 4 s), "
                      "found %d:\n%s" % (len(long_ones), run.err))
    ids = {line.split(" id=")[1].split()[0] for line in long_ones}
    ended = [line for line in stall_lines(run.err, False)
             if line.split(" id=")[1].split()[0] in ids]
    if len(ids) != 1 or len(ended) != 1:
        raise Failure("expected one id and one ended line, found ids %s:\n%s" % (ids, run.err))
    detail = check_truths(target.truths, [s for s in run.stalls() if s["state"] == "ended"],
                          target.noise)
    check_invariants(run, target.truths)
    return "%s, 4 lines while it lasted" % detail


def open_stall(run: Run, begin_ns: int) -> str:
    """A stall that had not ended when the watching did is a record, too."""
    found = [s for s in run.stalls() if s["start_ns"] <= begin_ns + 1_000_000
             and s["start_ns"] + s["dur_ns"] > begin_ns + 500_000_000]
    if len(found) != 1:
        raise Failure("expected one record of the open stall, found %s\n%s"
                      % (len(found), "\n".join(describe(s) for s in run.stalls())))
    stall = found[0]
    problems = check_sums(stall)
    if stall["state"] != "ongoing":
        problems.append("state: expected ongoing, found %s" % stall["state"])
    if stall["why"]["class"] != "syscall" or (stall.get("at") or {}).get("fn") != "hang":
        problems.append("expected a syscall in hang, found %s" % describe(stall))
    if problems:
        raise Failure("\n".join(problems))
    return "ongoing for %s" % ms(stall["dur_ns"])


def interrupted(env: Env) -> str:
    """Ctrl-C in the middle of a stall that never ends: the report comes, with it as ongoing."""
    target = env.target("forever.py")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    target.go()
    begin = target.wait_line("begin")["begin"]["start_ns"]
    time.sleep(1.2)
    watch.proc.send_signal(signal.SIGINT)
    run = watch.end(10)
    if run.status != 0 or "stall" not in run.out:
        raise Failure("expected status 0 and a summary, found %d: %r" % (run.status, run.out[:200]))
    if target.proc.poll() is not None:
        raise Failure("the target did not survive")
    return open_stall(run, begin)


def killed(env: Env) -> str:
    """SIGKILL of stallprof: the partial recording opens, says so, and has what was before."""
    target = env.target("forever.py")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    target.go()
    target.wait_line("begin")
    time.sleep(2.2)
    watch.proc.kill()
    watch.proc.wait()
    if target.proc.poll() is not None:
        raise Failure("the target did not survive")
    partial = env.folder / "out.stall.partial"
    if (env.folder / "out.stall").exists() or not partial.exists():
        raise Failure("expected only %s, found %s" % (partial.name,
                                                      sorted(p.name for p in env.folder.iterdir())))
    done = env.command("report", str(partial), "-F", "jsonl")
    if done.returncode != 0 or "not finished" not in done.stderr + done.stdout:
        raise Failure("report: expected status 0 and `not finished`, found %d: %s"
                      % (done.returncode, done.stderr.strip()))
    stalls = [r for r in parse_jsonl(done.stdout) if r["type"] == "stall"]
    pairs, problems, _ = pair_up(target.truths, stalls)
    if problems or not pairs:
        raise Failure("the stall before the kill is not in the recording:\n"
                      + "\n".join(problems))
    return "%d bytes, incomplete, %d stalls" % (partial.stat().st_size, len(stalls))


# What a running capture needs: DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, SYS_PTRACE, PERFMON, BPF,
# CHECKPOINT_RESTORE.
CAPABILITIES = sum(1 << bit for bit in (1, 2, 3, 19, 38, 39, 40))


def status_field(pid: int, key: str, base: int) -> int:
    with open("/proc/%d/status" % pid) as status:
        return next(int(line.split()[1], base) for line in status if line.startswith(key))


def privileges(env: Env) -> str:
    """Attached, it has given up the rest of root's rights, and still finds, names and writes."""
    target = env.target("sleepy.py", "--count", "3")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    until = time.monotonic() + 10
    while not status_field(watch.proc.pid, "NoNewPrivs:", 10) and time.monotonic() < until:
        time.sleep(0.05)
    for key in ("CapEff:", "CapPrm:"):
        kept = status_field(watch.proc.pid, key, 16)
        if kept & ~CAPABILITIES or not kept:
            raise Failure("%s expected some of %x, found %x" % (key, CAPABILITIES, kept))
    target.go()
    target.finish()
    run = watch.end(20)
    return check_truths(target.truths, [s for s in run.stalls() if s["state"] == "ended"],
                        target.noise)


def gone_at_once(env: Env) -> str:
    """The target dies while stallprof attaches, or soon after."""
    target = env.target("sleepy.py", "--count", "1")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms")
    target.proc.kill()
    target.proc.wait()
    run = watch.end(20)
    lines = run.err.strip().splitlines()
    if run.status not in (0, 1) or (run.status == 1 and len(lines) != 1):
        raise Failure("expected status 0, or 1 and one line, found %d: %s" % (run.status, run.err))
    if run.status == 0 and "ended" not in run.out + run.err:
        raise Failure("expected a word that the process ended: %s" % run.out)
    return "status %d" % run.status


def killed_target(env: Env) -> str:
    """SIGKILL of the target inside a stall: what was seen is reported."""
    target = env.target("forever.py")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    target.go()
    begin = target.wait_line("begin")["begin"]["start_ns"]
    time.sleep(1.1)
    target.proc.kill()
    run = watch.end(15)
    if run.status != 0:
        raise Failure("expected status 0, found %d: %s" % (run.status, run.err))
    found = [s for s in run.stalls() if abs(s["start_ns"] - begin) < 5_000_000]
    if len(found) != 1:
        raise Failure("expected the last stall once, found %d times" % len(found))
    return describe(found[0])


def started(env: Env) -> str:
    """`-- COMMAND`: watched from its first iteration, ended with it."""
    watch = env.watch("--threshold", "50ms", "--", env.python, str(TARGETS / "sleepy.py"),
                      "--count", "5")
    run = watch.end()
    printed = run.printed()
    truths = [r for r in printed if "class" in r]
    if run.status != 0 or len(truths) != 5:
        raise Failure("expected status 0 and 5 truths, found %d and %d: %s"
                      % (run.status, len(truths), run.err))
    return check_truths(truths, run.stalls(), noise_of(printed))


def left(env: Env) -> str:
    """With a duration the program outlives the watching, which is said."""
    watch = env.watch("-d", "2500ms", "--", "/bin/sleep", "5")
    run = watch.end()
    notes = [n["text"] for n in run.summary()["notes"]]
    if run.status != 0 or sum(n.endswith(", started here, goes on") for n in notes) != 1:
        raise Failure("expected status 0 and a note, found %d: %s" % (run.status, notes))
    return notes[-1]


def command_missing(env: Env) -> str:
    done = env.command("--", "/no/such/program")
    if done.returncode != 1 or "/no/such/program" not in done.stderr:
        raise Failure("expected status 1 and the name, found %d: %s"
                      % (done.returncode, done.stderr))
    return done.stderr.strip().splitlines()[0]


def exiting(env: Env) -> str:
    """The process exits inside its last stall, which is then as long as it got."""
    target = env.target("lifecycle.py", "exit")
    run = env.measure(target)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    return detail


# --- recordings that are not whole


def make_recording(env: Env) -> bytes:
    target = env.target("sleepy.py", "--count", "5")
    env.measure(target)
    return (env.folder / "out.stall").read_bytes()


def damaged(env: Env) -> str:
    """Cut anywhere, a bit turned anywhere: it opens as far as it is whole, and says so."""
    whole = make_recording(env)
    path = env.folder / "bad.stall"
    for share in (0.02, 0.29, 0.61, 0.97):
        at = max(64, int(len(whole) * share))
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        for what, content in (("cut", whole[:at]), ("bit", bytes(flipped))):
            path.write_bytes(content)
            done = env.command("report", str(path), nobody=True)
            if done.returncode != 0 or str(path) not in done.stderr:
                raise Failure("%s at %d of %d: expected status 0 and a word, found %d: %s"
                              % (what, at, len(whole), done.returncode, done.stderr.strip()))
    return "8 kinds of damage to %d bytes" % len(whole)


def newer(env: Env) -> str:
    """A recording of a later major version is refused in one line."""
    whole = bytearray(make_recording(env))
    major = struct.unpack_from("<H", whole, 8)[0]
    struct.pack_into("<H", whole, 8, major + 1)
    path = env.folder / "newer.stall"
    path.write_bytes(bytes(whole))
    done = env.command("report", str(path))
    lines = done.stderr.strip().splitlines()
    if done.returncode != 1 or len(lines) != 1 or "newer" not in lines[0].replace(str(path), ""):
        raise Failure("expected status 1 and one line, found %d: %s"
                      % (done.returncode, done.stderr))
    return lines[0]


def formats(env: Env) -> str:
    """Each format from the one recording; the folded one adds up there, too."""
    make_recording(env)
    recording = str(env.folder / "out.stall")
    stalls = [r for r in parse_jsonl(env.command("report", recording, "-F", "jsonl").stdout)
              if r["type"] == "stall"]
    folded = env.command("report", recording, "-f").stdout
    problems = check_folded(folded, sum(s["dur_ns"] for s in stalls))
    if problems:
        raise Failure("\n".join(problems))
    if not any("settle (" in m["frames"] for m in map(FOLDED_LINE.match, folded.splitlines()) if m):
        raise Failure("folded: expected a frame `settle (PATH:LINE)`:\n" + folded[:600])
    svg = env.command("report", recording, "-F", "svg").stdout
    if not svg.lstrip().startswith(("<?xml", "<svg")) or "settle" not in svg:
        raise Failure("svg: %r" % svg[:200])
    return "jsonl, folded and svg of %d stalls" % len(stalls)


def lifecycle(kind: str) -> Case:
    return Case("life-" + kind, lambda env: check_run(env, ("lifecycle.py", kind)))


def children(env: Env) -> str:
    """The process watched only waits for the one that works: it is told which that is."""
    target = env.start(["sh", "-c", '"$@"; exit', "sh", env.python, str(TARGETS / "forever.py"),
                        "--wait"], behind=True)
    worker = target.records[0]["ready"]
    try:
        watch = env.watch("-p", str(target.pid)).attached()
        watch.proc.send_signal(signal.SIGINT)
        run = watch.end(10)
    finally:
        os.kill(worker, signal.SIGKILL)
    missing = [r for r in run.records() if r["type"] == "attach"][0]["missing"]
    if not any("children of %d" % target.pid in m["what"] and "%d is not watched" % worker
               in m["why"] and "-p %d;" % worker in m["cure"] for m in missing):
        raise Failure("expected to be told of %d, found %s" % (worker, missing))
    return "named %d, child of %d" % (worker, target.pid)


CASES: List[Case] = [
    lifecycle("fork"), lifecycle("exec"), lifecycle("threads"),
    Case("life-exit", exiting),
    Case("life-gone-at-once", gone_at_once),
    Case("life-privileges", privileges),
    Case("life-killed-target", killed_target),
    Case("started", started),
    Case("started-left", left, alone=False),
    Case("started-missing", command_missing),
    Case("ongoing", ongoing),
    Case("interrupted", interrupted),
    Case("killed", killed),
    Case("lines", lines_on_stderr),
    Case("quiet", quiet),
    Case("unwatched-children", children),
    Case("recording-damaged", damaged),
    Case("recording-newer", newer),
    Case("recording-formats", formats),
]
