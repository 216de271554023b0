"""JavaScript stacks, frame by frame, of the Node.js that is here.

A target prints the stack that V8 itself would show at the very place where it then stalls; what
stallprof shows of that stall must be the same functions, files and lines in the same order.
"""

import os
import shutil
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, List, Tuple

from compare import overlap
from harness import TARGETS, Case, Env, Failure, Record, Run, Skip, Target

ADDONS = 5
ADDON = ["addon_wait", "addon_middle", "addon_open"]

Frame = Tuple[str, str, int]  # name, base file name, line


def node() -> str:
    """The program; NODE names another."""
    program = os.environ.get("NODE") or shutil.which("node") or shutil.which("nodejs")
    if not program:
        raise Skip("no Node.js here")
    return program


def start(env: Env, name: str, *argv: str) -> Target:
    return env.start([node(), str(TARGETS / name), *argv, "--wait"])


def wanted(truth: Record) -> List[Frame]:
    """V8's own code has no file and is left out."""
    frames = []
    for f in truth["stack"]:
        file = "<eval>" if f["evaluated"] else os.path.basename(f["file"])
        if f["file"].startswith("node:"):
            file = f["file"]
        if file:
            frames.append((f["fn"], file, f["line"]))
    return frames


def found(stall: Record, klass: str = "lock") -> List[Frame]:
    """The frames of the longest wait."""
    waits = [p for p in stall["parts"] if p["class"] == klass and "stack" in p]
    if not waits:
        return []
    stack = stall["stacks"][max(waits, key=lambda p: p["dur_ns"])["stack"]]
    return [(f.get("fn", ""), file_of(f), f.get("line", 0)) for f in stack["frames"]
            if f["kind"] == "js" and f.get("file")]


def file_of(frame: Record) -> str:
    file = frame["file"]
    if file.startswith("<eval in "):
        return "<eval>"
    return file if file.startswith("node:") else os.path.basename(file)


def same(want: Frame, have: Frame) -> bool:
    """A function may have a name that V8 inferred, and show it where it has none, or where that
    ends in its own."""
    return ((want[0] == have[0] or not want[0] or have[0].endswith("." + want[0]))
            and want[1:] == have[1:])


def difference(want: List[Frame], have: List[Frame]) -> Iterable[str]:
    for i, (a, b) in enumerate(zip(want, have)):
        if not same(a, b):
            yield "frame %d: expected %s, found %s" % (i, a, b)
            return
    if len(want) != len(have):
        yield "expected %d frames, found %d: %s" % (len(want), len(have), have)


def stall_of(truth: Record, run: Run) -> Record:
    stalls = [s for s in run.stalls() if s.get("state") == "ended"]
    best = max(stalls, key=lambda s: overlap(truth, s), default=None)
    if not best or overlap(truth, best) < truth["dur_ns"] * 9 // 10:
        raise Failure("no stall at %s" % truth["kind"])
    return best


def measure(env: Env, name: str, *argv: str) -> Tuple[Target, Run]:
    target = start(env, name, *argv)
    return target, env.measure(target)


def frames(env: Env) -> str:
    target, run = measure(env, "node_frames.js")
    problems: List[str] = []
    count = 0
    for truth in target.truths:
        want = wanted(truth)
        count += len(want)
        problems += ["%s: %s" % (truth["kind"], d)
                     for d in difference(want, found(stall_of(truth, run)))]
    if problems:
        raise Failure("%d stacks\n%s" % (len(target.truths), "\n".join(problems)))
    return "%d stacks, %d frames" % (len(target.truths), count)


def addon(env: Env) -> str:
    """C code of a library that was opened in that moment: its own frames, which have no frame
    pointers, and those of the functions that opened it, or word that they are missing."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler")
    libraries = [str(env.folder / ("addon%d.so" % i)) for i in range(ADDONS)]
    for path in libraries:
        subprocess.run([compiler, "-std=gnu11", "-O2", "-g", "-fomit-frame-pointer", "-shared",
                        "-fPIC", "-Wl,-z,nodelete", "-o", path,
                        str(TARGETS / "node_addon.c")], check=True)
    target, run = measure(env, "node_addon.js", *libraries)
    told = [m for r in run.records() if r["type"] == "attach" for m in r["missing"]]
    problems: List[str] = []
    for truth in target.truths:
        stall = stall_of(truth, run)
        stack = max(stall["stacks"], key=lambda s: s["weight_ns"])
        native = [f["fn"] for f in stack["frames"] if f["kind"] == "native"][1:1 + len(ADDON)]
        if native != ADDON:
            problems.append("expected native %s, found %s" % (ADDON, native))
        if stall["quality"]["python"] == "full":
            problems += difference(wanted(truth), found(stall, "syscall"))
        elif not any("JavaScript" in m["what"] for m in told):
            problems.append("JavaScript frames are lost, and nothing says so")
    if problems:
        raise Failure("%d stacks\n%s" % (len(target.truths), "\n".join(problems)))
    return "%d stacks" % len(target.truths)


# --- functions that come and go

NAMELESS = ("<moved>", "<unknown>")
LATE_S, AWAKE_S, LATE = 0.31, 0.07, 17


@contextmanager
def late(proc: "subprocess.Popen[bytes]", target: Target) -> Iterator[None]:
    """Holds the process up again and again, as a machine with too much to do would; the last stalls
    of the target it may see in time."""
    stop = threading.Event()

    def hold() -> None:
        while len(target.truths) < LATE and not stop.wait(AWAKE_S) and proc.poll() is None:
            proc.send_signal(signal.SIGSTOP)
            stop.wait(LATE_S)
            proc.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def made(truth: Record, stall: Record) -> Iterable[Tuple[List[Any], List[Any]]]:
    """Name and line of each function that was made for the stall, and those that are shown."""
    for part in stall["parts"]:
        if part["class"] != "lock" or "stack" not in part or part["dur_ns"] < 20_000_000:
            continue
        frames = [f for f in stall["stacks"][part["stack"]]["frames"] if f["kind"] == "js"]
        below = [i for i, f in enumerate(frames) if f["fn"] == "rest"]
        if below:
            yield from zip(truth["stack"], ([f["fn"], f.get("line", 0)]
                                            for f in frames[below[0] + 1:]))


def is_wrong(want: List[Any], have: List[Any]) -> bool:
    return have[0] not in NAMELESS and (have[0] != want[0] or have[1] not in (want[1], 0))


def reuse(env: Env) -> str:
    """Whatever lies by now where a function was: it has its own name or none."""
    target = start(env, "node_reuse.js")
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    with late(watch.proc, target):
        target.go()
        target.finish()
    run = watch.end()
    pairs = [pair for truth in target.truths for pair in made(truth, stall_of(truth, run))]
    wrong = [pair for pair in pairs if is_wrong(*pair)]
    right = sum(a == b for a, b in pairs)
    if wrong:
        raise Failure("%d of %d names are wrong: %s" % (len(wrong), len(pairs), wrong[:5]))
    if right < 10:
        raise Failure("%d of %d frames have a name" % (right, len(pairs)))
    return "%d names, none of them wrong; %d frames without" % (right, len(pairs) - right)


# --- what a stall is


def check_kind(truth: Record, stall: Record) -> Iterable[str]:
    at = stall.get("at", {})
    # what computes asks for the time, too
    names = [truth.get("inner") or truth["fn"]] + ["now"] * (truth["class"] == "cpu")
    if at.get("fn") not in names:
        yield "expected at %s, found %s" % (names[0], at)
    if truth["line"] and at.get("line") != truth["line"]:
        yield "expected line %s, found %s" % (truth["line"], at.get("line"))
    # computing may have to wait for a processor, too
    klass = stall["why"]["class"]
    if klass != truth["class"] and not (truth["class"] == "cpu" and klass == "runqueue"):
        yield "expected class %s, found %s" % (truth["class"], klass)
    kind = stall["why"].get("target", {}).get("kind")
    if truth.get("target") and kind != truth["target"]:
        yield "expected target %s, found %s" % (truth["target"], kind)


def kinds(env: Env) -> str:
    target, run = measure(env, "node_kinds.js")
    problems: List[str] = []
    for truth in target.truths:
        problems += ["%s: %s" % (truth["fn"], d)
                     for d in check_kind(truth, stall_of(truth, run))]
    proc = [r for r in run.records() if r["type"] == "attach"]
    if not proc or proc[0].get("runtime", {}).get("name") != "node":
        problems.append("runtime: expected node, found %s" % proc[:1])
    if any(loop["kind"] != "libuv" for loop in run.summary()["loops"]):
        problems.append("loops: expected libuv, found %s" % run.summary()["loops"])
    if problems:
        raise Failure("%d stalls\n%s" % (len(target.truths), "\n".join(problems)))
    return "%d stalls" % len(target.truths)


CASES = [
    Case("node-frames", frames),
    Case("node-addon", addon),
    Case("node-kinds", kinds),
    Case("node-reuse", reuse),
]
