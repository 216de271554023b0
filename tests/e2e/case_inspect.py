"""What a live interpreter is seen to be at, from outside, against what it says itself.

Asked through tests/support/look, which prints all that the two questions of a runtime answer: loops
with their depths and tasks, names of threads, pools.
"""

import json
import os
import subprocess
from typing import Any, Dict, List

from harness import TOP, Case, Env, Failure, Skip

LOOK = TOP / os.environ.get("B", "build") / "tests" / "support" / "look"
MINORS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15")
ROUNDS = 20
TRIES = 5  # one look may find that what it looks at changes: it says so, and is made again

Truth = Dict[str, Any]


def has_module(env: Env, module: str) -> bool:
    return subprocess.run([env.python, "-c", "import " + module], capture_output=True,
                          timeout=20).returncode == 0


def look_once(pid: int, pointers: List[str]) -> Dict[str, Dict[str, Any]]:
    """Question: thread pointer: answer."""
    done = subprocess.run([str(LOOK), str(pid), str(ROUNDS), *pointers], capture_output=True,
                          text=True, timeout=60)
    if done.returncode != 0 or done.stderr:
        raise Failure("look ended with status %d: %s" % (done.returncode, done.stderr.strip()))
    answers: Dict[str, Dict[str, Any]] = {"loop": {}, "thread": {}}
    for line in done.stdout.splitlines():
        record = json.loads(line)
        answers[record["ask"]][str(record["pointer"])] = record
    return answers


def failed(answers: Dict[str, Dict[str, Any]]) -> List[str]:
    return ["%s of %s: %d" % (ask, pointer, record["r"]) for ask, found in answers.items()
            for pointer, record in found.items() if record["r"] != 0]


def look(pid: int, pointers: List[str]) -> Dict[str, Dict[str, Any]]:
    for _ in range(TRIES):
        answers = look_once(pid, pointers)
        if not failed(answers):
            return answers
    raise Failure("looks that found nothing:\n" + "\n".join(failed(answers)))


def compare(what: str, expected: Any, found: Any) -> None:
    if expected != found:
        raise Failure("%s: expected %r, found %r" % (what, expected, found))


def check_loops(truth: Truth, answers: Dict[str, Any]) -> None:
    for pointer, name in truth["threads"].items():
        expected = truth["loops"].get(pointer)
        found = answers[pointer]["answer"]
        if not expected:
            compare("loop of %s" % name, 0, found["loop"])
            continue
        if not found["loop"]:
            raise Failure("%s: no loop found" % name)
        compare("loop of %s" % name, expected, {key: found[key] for key in expected})


def check_pools(truth: Truth, answers: Dict[str, Any]) -> None:
    pools: Dict[str, Dict[str, Any]] = {}
    addresses = set()
    for record in answers.values():
        found = record["answer"]
        if not found["pool_kind"]:
            continue
        compare("pool of %s is known" % found["name"], True, bool(found["pool"]))
        addresses.add(found["pool"])
        pool = pools.setdefault(found["pool_name"], {
            "kind": found["pool_kind"], "max": found["pool_max"], "workers": 0, "idle": 0,
            "queued": found["queued"]})
        pool["workers"] += 1
        pool["idle"] += found["idle"]
        compare("queue of %s" % found["pool_name"], pool["queued"], found["queued"])
    compare("pools", truth["pools"], pools)
    compare("number of pools", len(pools), len(addresses))


def check_mode(env: Env, mode: str) -> str:
    if os.geteuid() != 0:
        raise Skip("needs root")
    if not LOOK.exists():
        raise Failure("no %s: make support-programs first" % LOOK)
    target = env.target("inspected.py", mode, wait=False)
    truth = target.wait_line("inspect")["inspect"]
    answers = look(target.pid, list(truth["threads"]))
    for pointer, name in truth["threads"].items():
        compare("name", name, answers["thread"][pointer]["answer"]["name"])
    check_pools(truth, answers["thread"])
    if mode != "anyio":
        check_loops(truth, answers["loop"])
    mean = sum(r["ns"] for r in answers["thread"].values()) / len(answers["thread"])
    return "%d threads, %d pools, %d loops; %.0f us a thread" % (
        len(truth["threads"]), len(truth["pools"]), len(truth["loops"]), mean / 1000)


def needs(env: Env, mode: str) -> str:
    if not has_module(env, mode):
        raise Skip("%s has no %s" % (env.python, mode))
    return check_mode(env, mode)


CASES: List[Case] = [
    Case("inspect-blocked", lambda env: check_mode(env, "blocked"), measures=False, minors=MINORS),
    Case("inspect-idle", lambda env: check_mode(env, "idle"), measures=False, minors=MINORS),
    Case("inspect-uvloop", lambda env: needs(env, "uvloop"), measures=False),
    Case("inspect-anyio", lambda env: needs(env, "anyio"), measures=False),
]
