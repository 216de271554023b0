"""Python and native frames of one stack, in the order in which the program called them.

The target's extension calls back into Python and blocks in C between; the target says for each
stall what must stand between the native function that blocks and the function that began it all,
nothing missing and nothing more.  Below that only Python frames may follow: what starts the
interpreter tells nothing.
"""

import shutil
import subprocess
from typing import List, Sequence, Tuple

from case_builds import SLEEPY, embed, home_of, library_of, python_3
from case_python import check_frames
from compare import check_invariants, check_truths, pair_up
from harness import TARGETS, Case, Env, Failure, Record, Skip

MINORS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
ASK = ("import os, sysconfig as s; print(s.get_paths()['include'], s.get_config_var('EXT_SUFFIX'), "
       "os.path.exists(s.get_paths()['include'] + '/Python.h'))")


def build(env: Env) -> str:
    """The extension for the interpreter of this run; the folder that it lies in."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler")
    out = subprocess.run([env.python, "-c", ASK], capture_output=True, text=True, timeout=20)
    include, suffix, there = out.stdout.split()
    if there != "True":
        raise Skip("no Python.h for " + env.python)
    subprocess.run([compiler, "-O2", "-g", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror",
                    "-fomit-frame-pointer", "-isystem", include,
                    "-o", "%s/mixed_extension%s" % (env.folder, suffix),
                    str(TARGETS / "mixed_extension.c")], check=True)
    return str(env.folder)


Frames = List[Record]


def matches(want: str, frame: Record) -> bool:
    kind, _, name = want.partition(":")
    if kind == "m":
        return frame["kind"] == "native" and frame.get("module", "").startswith(name)
    if kind == "p":
        return frame["kind"] == "python" and frame["fn"].rsplit(".", 1)[-1] == name
    return frame["kind"] == "native" and frame["fn"] == name


def spell(frame: Record) -> str:
    return "%s:%s" % (frame["kind"][0], frame["fn"] or frame.get("module"))


def match_order(order: List[str], frames: Frames) -> Tuple[int, str]:
    """How many frames the order took, and what does not fit; "" if all do."""
    at = 0
    for want in order:
        if at >= len(frames) or not matches(want, frames[at]):
            have = spell(frames[at]) if at < len(frames) else "the end"
            return at, "frame %d: expected %s, found %s" % (at, want, have)
        at += 1
        while want.startswith("m:") and at < len(frames) and matches(want, frames[at]):
            at += 1
    return at, ""


def longest_stack(stall: Record) -> Frames:
    waits = [p for p in stall["parts"] if p["class"] == stall["why"]["class"] and "stack" in p]
    if not waits:
        return []
    part = max(waits, key=lambda p: p["dur_ns"])
    return list(stall["stacks"][part["stack"]]["frames"])


def check_order(truth: Record, stall: Record, loop: Sequence[str]) -> List[str]:
    """`loop`: how modules of native frames below the order may begin; the first must be there."""
    frames = [f for f in longest_stack(stall) if f["kind"] != "kernel"]
    first = next((i for i, f in enumerate(frames) if matches(truth["order"][0], f)), len(frames))
    if any(not matches("m:libc", f) for f in frames[:first]):
        return ["above what blocks: found %s" % [spell(f) for f in frames[:first]]]
    taken, problem = match_order(truth["order"], frames[first:])
    if problem:
        return [problem + "\n    of " + " ".join(spell(f) for f in frames)]
    rest = [f for f in frames[first + taken:] if f["kind"] == "native"]
    wrong = [spell(f) for f in rest if not any(matches("m:" + name, f) for name in loop)]
    problems = ["below the order: found %s" % wrong] if wrong else []
    problems += ["no native frame of %s" % name for name in loop[:1]
                 if not any(matches("m:" + name, f) for f in rest)]
    if stall["quality"]["native"] != "full":
        problems.append("quality: expected full, found %s" % stall["quality"]["native"])
    return problems


def check_gaps(native: Record, stalls: int) -> List[str]:
    """The stacks of the stalls are whole, see check_order().  Others need not be: a sample may fall
    into the dynamic linker, whose rules are its own, or at the program's end into a library's code
    for it, which has none; and a deep stack of the first moments ends with what was copied of it."""
    gaps = sum(g["stacks"] for g in native["gaps"] if not g["module"].startswith("ld-"))
    return ["native stacks: %s" % native] if gaps > 2 or native["stacks"] < stalls else []


def mixed(env: Env, *options: str, kind: str = "asyncio", loop: Sequence[str] = ()) -> str:
    target = env.target("mixed.py", build(env), *options)
    run = env.measure(target, settled=True)
    check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    for truth, stall in pairs:
        problems += ["%s: %s" % (truth["kind"], p) for p in check_order(truth, stall, loop)]
        problems += check_frames(truth, stall)
        problems += ["no line: %s" % spell(f) for f in longest_stack(stall)
                     if matches("m:mixed_extension", f) and not f.get("line")]
        if stall["loop"]["kind"] != kind:
            problems.append("loop: expected %s, found %s" % (kind, stall["loop"]["kind"]))
    native = run.summary().get("native", {"stacks": 0, "gaps": []})
    problems += check_gaps(native, len(pairs))
    if problems:
        raise Failure("%d stacks compared\n%s" % (len(pairs), "\n".join(problems)))
    return "%d orders in %d stacks" % (len(pairs), native["stacks"])


def uvloop(env: Env) -> str:
    """The loop itself is native code, between its callbacks and whoever started it."""
    found = subprocess.run([env.python, "-c", "import uvloop"], capture_output=True, timeout=20)
    if found.returncode != 0:
        raise Skip("no uvloop for " + env.python)
    return mixed(env, "direct", "callbacks", "task", "--uvloop", kind="uvloop", loop=("loop.", "libuv"))


def embedded(env: Env) -> str:
    """A C program that calls Python: what it called it from stays below the Python frames."""
    python = python_3(11)
    library, version = library_of(python)
    target = env.start([embed(env, library), "0", "-", *SLEEPY], PYTHONHOME=home_of(python))
    stalls = env.measure(target).stalls()
    problems = []
    for stall in stalls:
        frames = longest_stack(stall)
        last = max(i for i, f in enumerate(frames) if f["kind"] == "python")
        below = [spell(f) for f in frames[last + 1:]]
        if below[:1] != ["n:serve"] or any(not matches("m:libc", f) for f in frames[last + 2:]):
            problems.append("below Python: expected serve and the C library, found %s" % below)
    if problems or not stalls:
        raise Failure("%d stalls\n%s" % (len(stalls), "\n".join(problems)))
    return "%s: %d stacks" % (version, len(stalls))


CASES: List[Case] = [
    Case("mixed", mixed, minors=MINORS, alone=False),
    Case("mixed-uvloop", uvloop, alone=False),
    Case("mixed-embedded", embedded, alone=False),
]
