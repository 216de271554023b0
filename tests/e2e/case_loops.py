"""Loops of C libraries, known by the functions in the stack of their poll."""

import ctypes
from typing import List

from compare import check_invariants, check_truths
from harness import Case, Env, Failure, Skip

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


CASES: List[Case] = [
    Case("loop-libuv", lambda env: loop(env, "libuv"), alone=False),
    Case("loop-libevent", lambda env: loop(env, "libevent"), alone=False),
    Case("loop-glib", lambda env: loop(env, "glib"), alone=False),
]
