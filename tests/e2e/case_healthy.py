"""Negative controls: programs that wait a lot and never stall must give nothing, with a reason.

Nothing found is a result: the iterations watched are in the summary.
"""

from typing import List

from compare import check_invariants, check_truths
from harness import Case, Env, Failure


def check_healthy(env: Env, kind: str) -> str:
    target = env.target("healthy.py", kind)
    run = env.measure(target)
    check_truths([], run.stalls(), target.noise)
    check_invariants(run, [])
    loops = run.summary()["loops"]
    if [loop["tid"] for loop in loops] != [target.pid]:
        raise Failure("loops: expected only thread %d, found %s"
                      % (target.pid, [loop["tid"] for loop in loops]))
    if loops[0]["iterations"] < 50:
        raise Failure("iterations: expected at least 50, found %d" % loops[0]["iterations"])
    return "0 stalls in %d iterations" % loops[0]["iterations"]


def healthy(kind: str) -> Case:
    return Case("healthy-" + kind, lambda env: check_healthy(env, kind))


CASES: List[Case] = [
    healthy(kind) for kind in ("sleep", "thread", "busy", "executor", "sockets", "queue", "after")
]
