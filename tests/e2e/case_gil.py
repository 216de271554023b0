"""Who held the GIL, who held the lock: the thread, its name, its function and its share.

The target knows it from the CPU clock of each of its threads; see targets/holders.py.
"""

from typing import Any, Callable, Dict, List, Tuple

from compare import check_invariants, check_truths, ms, pair_up
from harness import Case, Env, Failure, Record

MINORS = ("3.8", "3.12", "3.13")
SHARE_SLACK = 0.1
INNOCENT_SHARE = 0.1  # they, too, have the GIL for a moment now and then

Shares = Dict[int, Tuple[float, float]]  # of each thread: the least, the greatest


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


def shares_of(truth: Record, waited: int) -> Shares:
    """Each thread's least and greatest share of a wait for the GIL: it had it while it burned CPU
    time, and perhaps while it waited for a processor.  A wait longer than all that was one for a
    free GIL: who let it go has to lock a mutex to do so, and may have lost its processor then."""
    guilty = [t for t in truth["threads"] if t["holds"]]
    burned = sum(t["cpu_ns"] for t in guilty) or 1
    delayed = sum(t["delay_ns"] for t in guilty)
    shares = {t["tid"]: (0.0, 0.0) for t in truth["threads"]}
    for t in guilty:
        most = t["cpu_ns"] + t["delay_ns"]
        shares[t["tid"]] = (t["cpu_ns"] / max(burned + delayed, waited),
                            most / (burned + t["delay_ns"]))
    return shares


def check_shares(truth: Record, shares: Shares, holders: List[Record]) -> List[str]:
    problems = []
    by_tid = {h.get("tid"): h for h in holders}
    for thread in truth["threads"]:
        found = by_tid.get(thread["tid"], {}).get("share", 0.0)
        low, high = shares[thread["tid"]]
        slack = SHARE_SLACK if thread["holds"] else INNOCENT_SHARE
        if not low - slack <= found <= high + slack:
            problems.append("share of %s: expected %.2f to %.2f, found %.2f"
                            % (thread["name"], low, high, found))
    strange = set(by_tid) - set(shares) - {truth["tid"]}
    return problems + ["a holder that is none: %s" % described(by_tid[tid]) for tid in strange]


def check_first(truth: Record, shares: Shares, first: Record) -> List[str]:
    """The one that had the GIL for longest; where that is close, one of those that had it."""
    guilty = sorted((t for t in truth["threads"] if t["holds"]), key=lambda t: -shares[t["tid"]][0])
    others = [shares[t["tid"]][1] for t in guilty[1:]]
    if shares[guilty[0]["tid"]][0] > 2 * max(others, default=0):
        return check_identity(guilty[0], first)
    by_tid = {t["tid"]: t for t in guilty}
    return check_identity(by_tid.get(first.get("tid"), guilty[0]), first)


def check_convoy(truth: Record, shares: Shares, stall: Record) -> List[str]:
    """Nobody has half.  Only one of the kinds is one, and by far: no share comes near to a half."""
    expected = truth["kind"] == "convoy"
    if bool(stall.get("convoy")) != expected and (
            not expected or max(high for _, high in shares.values()) < 0.5):
        return ["convoy: expected %s, found %s" % (expected, stall.get("convoy"))]
    return []


def check_gil(truth: Record, stall: Record) -> List[str]:
    holders = holders_of(stall, "gil")
    if truth["kind"] == "nobody":
        return ["blamed: %s" % described(h) for h in holders
                if h["ns"] > stall["dur_ns"] * INNOCENT_SHARE]
    if not holders:
        return ["no holder"]
    shares = shares_of(truth, stall["ns"]["gil"])
    return (check_shares(truth, shares, holders) + check_first(truth, shares, holders[0])
            + check_convoy(truth, shares, stall))


def check_lock(truth: Record, stall: Record) -> List[str]:
    holders = holders_of(stall, "lock")
    if not holders:
        return ["nobody released it"]
    if holders[0].get("comm", "").startswith("python"):  # its end was faster than the question
        return check_identity(dict(truth["by"], name=holders[0]["comm"]), holders[0])
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
    if "by" in target.truths[0] and not any(
            h["comm"] == "keeper-7" for s in run.stalls() for h in holders_of(s, "lock")):
        problems.append("no thread has the name that the program gave it")
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
