"""FastAPI on uvicorn and aiohttp under load, on asyncio's loop and on uvloop.

Views that block the loop among healthy ones are found with their line, class and task; a healthy
application gives nothing.  Needs Debian's packages of them, which `tools/setup.sh test` installs.
"""

import subprocess
from typing import List

from case_gil import check_gil
from compare import check_invariants, check_truths, pair_up
from harness import Case, Env, Failure, Record, Run, Skip, Target

SYSTEM_MODULES = ("uvicorn", "fastapi", "aiohttp", "uvloop", "requests")
DEFAULT_THRESHOLD = ("--threshold", "100ms")


def need_modules(env: Env) -> None:
    for module in SYSTEM_MODULES:
        if subprocess.run([env.python, "-c", "import " + module], capture_output=True).returncode:
            raise Skip("no %s for %s" % (module, env.python))


def check_owed(truth: Record, stall: Record) -> List[str]:
    """The task: its coroutine always, its name if it is said; for the GIL who held it."""
    task = stall.get("task", {})
    problems = []
    if task.get("coro") != truth["coro"] or task.get("name", truth["task"]) != truth["task"]:
        problems.append("task: expected %s of %s, found %s" % (truth["task"], truth["coro"], task))
    if truth["class"] == "gil":
        problems += check_gil(truth, stall)
    return ["%s: %s" % (truth["kind"], p) for p in problems]


def check_views(target: Target, run: Run) -> str:
    detail = check_truths(target.truths, run.stalls(), target.noise)
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    for truth, stall in pairs:
        problems += check_owed(truth, stall)
    if problems:
        raise Failure("%s, but\n%s" % (detail, "\n".join(problems)))
    return detail


def blocking(env: Env, *options: str) -> str:
    need_modules(env)
    target = env.target("web.py", *options)
    run = env.measure(target)
    check_invariants(run, target.truths)
    return check_views(target, run)


def workers(env: Env) -> str:
    """Uvicorn starts two processes after stallprof has come; the time of their start is excused."""
    need_modules(env)
    target = env.target("web.py", "fastapi", "--workers", "2")
    run = env.measure(target, "--follow")
    serving = {r["worker"] for r in target.records if "worker" in r}
    found = {s["proc"]["pid"] for s in run.stalls()}
    if len(serving) != 2 or not found or not found <= serving:
        raise Failure("stalls of the workers %s expected, found of %s" % (serving, found))
    return "%s in %d workers" % (check_views(target, run), len(found))


def healthy(env: Env, *options: str) -> str:
    need_modules(env)
    target = env.target("web.py", "--healthy", *options)
    run = env.measure(target, *DEFAULT_THRESHOLD)
    check_truths([], run.stalls(), target.noise)
    check_invariants(run, [])
    iterations = max(loop["iterations"] for loop in run.summary()["loops"])
    if iterations < 200:
        raise Failure("iterations: expected at least 200, found %d" % iterations)
    return "0 stalls in %d iterations" % iterations


CASES: List[Case] = [
    Case("web-fastapi", lambda env: blocking(env, "fastapi")),
    Case("web-fastapi-uvloop", lambda env: blocking(env, "fastapi", "--uvloop")),
    Case("web-aiohttp", lambda env: blocking(env, "aiohttp")),
    Case("web-aiohttp-uvloop", lambda env: blocking(env, "aiohttp", "--uvloop")),
    Case("web-workers", workers),
    Case("web-healthy-fastapi", lambda env: healthy(env, "fastapi", "--uvloop")),
    Case("web-healthy-aiohttp", lambda env: healthy(env, "aiohttp")),
]
