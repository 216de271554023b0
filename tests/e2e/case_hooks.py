"""Every rung of every ladder, forced by --hooks, gives the same stalls.

A rung that the machine does not have is skipped with stallprof's own reason.  `poll=switch` sees
only polls that sleep, which those between the stalls of this target do.
"""

import re
from typing import Dict, List

from case_stalls import check_report
from compare import check_invariants, check_truths
from harness import Case, Env, Failure, Skip

# Without stack=resume a kernel may keep a switch in some hundred from the hook; a run that says that
# it lost one is made again, one that does not say so must be right.
TRIES = 7
ROW = re.compile(r"^(\S*) +(\S+) +(used|works|no)\b *(.*)$")


def ladder(env: Env) -> Dict[str, str]:
    """need=rung -> state and reason, as `stallprof check` shows them."""
    found, need = {}, ""
    for line in env.command("check").stdout.splitlines():
        m = ROW.match(line)
        if m:
            need = m[1] or need
            found["%s=%s" % (need, m[2])] = "%s %s" % (m[3], m[4])
    return found


def check_rung(env: Env, rung: str) -> str:
    state = ladder(env).get(rung)
    if state is None:
        raise Failure("stallprof check has no row for %s" % rung)
    if state.startswith("no"):
        raise Skip(state[3:] or "not here")
    for _ in range(TRIES):
        target = env.target("sleepy.py", "--count", "7")
        run = env.measure(target, "--hooks", rung)
        if rung != "stack=switch" or not run.summary()["lost"].get("switches"):
            break
    attach = [r for r in run.records() if r["type"] == "attach"]
    need, name = rung.split("=")
    used = attach[0]["hooks"].get(need) if attach else None
    if used != name:
        raise Failure("hooks.%s: expected %s, found %s" % (need, name, used))
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    check_report(env, run)
    return detail


def hooks(rung: str) -> Case:
    return Case("hooks-" + rung.replace("=", "-"), lambda env: check_rung(env, rung))


def refused(env: Env) -> str:
    """An unknown rung is an error in one line, before anything is measured."""
    target = env.target("sleepy.py", "--count", "1", wait=True)
    for text in ("poll=nonsense", "nonsense=switch", "poll"):
        done = env.command("-p", str(target.pid), "-d", "1", "--hooks", text)
        if done.returncode not in (1, 2) or len(done.stderr.strip().splitlines()) != 1:
            raise Failure("--hooks %s: expected one line and status 1 or 2, found %d: %s"
                          % (text, done.returncode, done.stderr.strip()))
    return "three wrong ones"


CASES: List[Case] = [
    hooks("poll=fentry"), hooks("poll=tracepoint"), hooks("poll=switch"),
    hooks("offcpu=btf4"), hooks("offcpu=btf3"),
    hooks("stack=resume"), hooks("stack=switch"),
    hooks("runqueue=waking"), hooks("runqueue=off"), hooks("oncpu=off"), hooks("waker=off"),
    Case("hooks-refused", refused),
]
