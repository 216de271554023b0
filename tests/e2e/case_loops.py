"""Loops of C libraries, known by the functions in the stack of their poll."""

import ctypes
import shutil
import subprocess
from typing import List

from compare import check_invariants, check_truths
from harness import TARGETS, Case, Env, Failure, Skip

LIBRARIES = {"libuv": "libuv.so.1", "libevent": "libevent-2.1.so.7", "glib": "libglib-2.0.so.0"}


def loop(env: Env, kind: str) -> str:
    """Every stall found with its function, in a loop of the right kind."""
    try:
        ctypes.CDLL(LIBRARIES[kind])
    except OSError:
        raise Skip("no " + LIBRARIES[kind]) from None
    target = env.target(env.compile("cloops"), kind)
    run = env.measure(target)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    found = {s["loop"]["kind"] for s in run.stalls()}
    if found != {kind}:
        raise Failure("kind of loop: expected %s, found %s" % (kind, ", ".join(sorted(found))))
    return detail


def standard(env: Env, *options: str) -> str:
    """The place is the author's function, not code of the standard library made in the program."""
    if not shutil.which("g++"):
        raise Skip("no g++")
    program = str(env.folder / "standard")
    subprocess.run(["g++", *options, "-Wall", "-Wextra", "-Werror", "-o", program,
                    str(TARGETS / "standard.cc")], check=True)
    target = env.target(program)
    run = env.measure(target)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    if not any(f["fn"].startswith(("std::", "void std::")) for s in run.stalls()
               for stack in s["stacks"] for f in stack["frames"]):
        raise Failure("no frame of the standard library: this test tests nothing")
    return detail


CASES: List[Case] = [
    Case("loop-libuv", lambda env: loop(env, "libuv"), alone=False),
    Case("loop-libevent", lambda env: loop(env, "libevent"), alone=False),
    Case("loop-glib", lambda env: loop(env, "glib"), alone=False),
    Case("standard", lambda env: standard(env, "-O0", "-g"), alone=False),
    Case("standard-bare", lambda env: standard(env, "-O0"), alone=False),
    Case("standard-inlined", lambda env: standard(env, "-O2", "-g"), alone=False),
]
