"""Who held the GIL, who held the lock: the thread, its name, its function and its share.

The target knows it from the CPU clock of each of its threads; see targets/holders.py.
"""

from typing import Any, Callable, Dict, List

from compare import check_invariants, check_truths, ms, pair_up
from harness import Case, Env, Failure, Record

MINORS = ("3.8", "3.12", "3.13")
SHARE_SLACK = 0.2
INNOCENT_SHARE = 0.1  # they, too, have the GIL for a moment now and then


def holders_of(stall: Record, kind: str) -> List[Record]:
    every = stall.get("holders") or [stall["holder"]] if "holder" in stall else []
    return [h for h in every if h["kind"] == kind]


def function_of(holder: Record) -> str:
    return str(holder.get("at", {}).get("fn", "")).rsplit(".", 1)[-1]


def described(holder: Record) -> str:
    return "thread %s %r in %r, %s, %.0f %%" % (holder.get("tid"), holder.get("comm"),
                                                 function_of(holder), ms(holder.get("ns", 0)),
                                                 100 * holder.get("share", 0))


def check_identity(want: Record, holder: Record) -> List[str]:
    found = (holder.get("tid"), holder.get("comm"), function_of(holder))
    expected = (want["tid"], want["name"], want["func"])
    return [] if found == expected else ["holder: expected %s, found %s"
                                         % (expected, described(holder))]


def check_shares(truth: Record, holders: List[Record]) -> List[str]:
    """Each thread's share of the wait is its share of the CPU time burned with the GIL held."""
    problems = []
    by_tid = {h.get("tid"): h for h in holders}
    guilty = [t for t in truth["threads"] if t["holds"]]
    burned = sum(t["cpu_ns"] for t in guilty) or 1
    for thread in truth["threads"]:
        found = by_tid.get(thread["tid"], {}).get("share", 0.0)
        want = thread["cpu_ns"] / burned if thread["holds"] else 0.0
        slack = SHARE_SLACK if thread["holds"] else INNOCENT_SHARE
        if abs(found - want) > slack:
            problems.append("share of %s: expected %.2f, found %.2f" % (thread["name"], want, found))
    strange = set(by_tid) - {t["tid"] for t in truth["threads"]} - {truth["tid"]}
    return problems + ["a holder that is none: %s" % described(by_tid[tid]) for tid in strange]


def check_gil(truth: Record, stall: Record) -> List[str]:
    holders = holders_of(stall, "gil")
    if truth["kind"] == "nobody":
        return ["blamed: %s" % described(h) for h in holders
                if h["ns"] > stall["dur_ns"] * INNOCENT_SHARE]
    if not holders:
        return ["no holder"]
    guilty = sorted((t for t in truth["threads"] if t["holds"]), key=lambda t: -t["cpu_ns"])
    problems = check_shares(truth, holders)
    second = guilty[1]["cpu_ns"] if len(guilty) > 1 else 0
    if guilty[0]["cpu_ns"] > 2 * second:
        problems += check_identity(guilty[0], holders[0])
    else:
        threads = {t["tid"]: t for t in guilty}
        problems += check_identity(threads.get(holders[0].get("tid"), guilty[0]), holders[0])
    convoy = len(guilty) >= 3 and guilty[0]["cpu_ns"] * 2 < sum(t["cpu_ns"] for t in guilty)
    if bool(stall.get("convoy")) != convoy:
        problems.append("convoy: expected %s, found %s" % (convoy, stall.get("convoy")))
    return problems


def check_lock(truth: Record, stall: Record) -> List[str]:
    holders = holders_of(stall, "lock")
    if not holders:
        return ["nobody released it"]
    return check_identity(truth["by"], holders[0])


def check_kinds(env: Env, check: Callable[[Record, Record], List[str]], kinds: List[str]) -> str:
    target = env.target("holders.py", *kinds)
    run = env.measure(target)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    pairs, _, _ = pair_up(target.truths, run.stalls())
    problems: List[str] = []
    seen: Dict[str, Any] = {}
    for truth, stall in pairs:
        problems += ["%s: %s" % (truth["kind"], p) for p in check(truth, stall)]
        seen[truth["kind"]] = True
    if problems or len(seen) != len(kinds):
        raise Failure("%d kinds of %d\n%s" % (len(seen), len(kinds), "\n".join(problems)))
    return detail


def gil(env: Env) -> str:
    return check_kinds(env, check_gil, ["json", "python", "two", "convoy", "after-poll"])


def innocents(env: Env) -> str:
    """Threads that burn CPU time without the GIL are not its holders."""
    return check_kinds(env, check_gil, ["innocent", "nobody"])


def locks(env: Env) -> str:
    return check_kinds(env, check_lock, ["lock", "rlock", "condition", "queue"])


CASES: List[Case] = [
    Case("gil-holder", gil, minors=MINORS),
    Case("gil-innocent", innocents, minors=("3.13",)),
    Case("lock-holder", locks, minors=MINORS, alone=False),
]
