"""Which asyncio task stalled the loop, by name and coroutine, on asyncio's own loop and on uvloop."""

import subprocess
from typing import List

from compare import check_invariants, check_truths, pair_up
from harness import Case, Env, Failure, Record, Skip


def check_task(truth: Record, stall: Record) -> List[str]:
    """A name that is not there is no lie; one task among twins may be nameless."""
    task = stall.get("task", {})
    problems = []
    if task.get("coro") not in truth["coro"]:
        problems.append("coro: expected %s, found %s" % (truth["coro"], task))
    if truth["task"] and task.get("name", truth["task"]) != truth["task"]:
        problems.append("task: expected %s, found %s" % (truth["task"], task))
    if truth["task"] and "name" not in task and not truth["twins"]:
        problems.append("task: expected %s, found no name" % truth["task"])
    return problems


def named(env: Env, *options: str) -> str:
    target = env.target("named.py", *options)
    run = env.measure(target)
    check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    for truth, stall in pairs:
        problems += check_task(truth, stall)
    twins = [s.get("task", {}).get("name") for t, s in pairs if t["twins"]]
    if problems:
        raise Failure("%d stalls of tasks\n%s" % (len(pairs), "\n".join(problems)))
    return "%d stalls of tasks, %d of %d twins named" % (
        len(pairs), sum(n is not None for n in twins), len(twins))


def on_uvloop(env: Env) -> str:
    if subprocess.run([env.python, "-c", "import uvloop"], capture_output=True).returncode:
        raise Skip("no uvloop for this interpreter")
    return named(env, "--uvloop")


CASES: List[Case] = [
    Case("tasks", named, minors=("3.8", "3.12", "3.13"), alone=False),
    Case("tasks-uvloop", on_uvloop, alone=False),
]
