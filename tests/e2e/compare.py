"""What is right: truths of a target against records of stallprof, and records against themselves.

Every function raises Failure with expected and found side by side.  A truth names only what it is
sure of; a list in it stands for alternatives.  Knows nothing of processes.
"""

import os
import re
from typing import Any, Dict, Iterable, List, Tuple

from harness import Failure, Record, Run, THRESHOLD_NS

CLASSES = ("cpu", "runqueue", "quota", "syscall", "gil", "lock", "fault", "stopped", "unexplained")
EARLY_NS = 1_000_000
FOLDED_LINE = re.compile(r"^(?P<comm>[^;]+);(?P<frames>.*) (?P<us>\d+)$")
TIP = re.compile(r"^\[(syscall( \S+.*)?|cpu|runqueue|quota|gil|lock|fault.*|stopped|unexplained)\]$")


def ms(ns: float) -> str:
    return "%.1fms" % (ns / 1e6)


def one_of(expected: Any, found: Any) -> bool:
    return found in expected if isinstance(expected, list) else found == expected


def overlap(a: Record, b: Record) -> int:
    """Nanoseconds that two spans share."""
    return (min(a["start_ns"] + a["dur_ns"], b["start_ns"] + b["dur_ns"])
            - max(a["start_ns"], b["start_ns"]))


# --- truths and records


def expected_class(truth: Record) -> str:
    """On a loaded machine CPU work is mostly waiting for the CPU; the target measured how much."""
    cpu = truth.get("cpu_ns")
    if truth["class"] in ("cpu", "runqueue") and cpu is not None:
        return "cpu" if cpu * 2 >= truth["dur_ns"] else "runqueue"
    return str(truth["class"])


def near_tie(truth: Record) -> bool:
    cpu = truth.get("cpu_ns")
    return (truth["class"] in ("cpu", "runqueue") and cpu is not None
            and 0.4 < cpu / truth["dur_ns"] < 0.6)


def check_length(truth: Record, stall: Record) -> Iterable[str]:
    """The record covers the iteration around the stall: never shorter, a little longer, and on a
    loaded machine by what it waited for a CPU before and after the target's own measurement."""
    low = truth["dur_ns"] - max(EARLY_NS, truth["dur_ns"] // 100)
    high = truth["dur_ns"] + max(20_000_000, truth["dur_ns"] // 10) + stall["ns"]["runqueue"]
    if not low <= stall["dur_ns"] <= high and not truth.get("last"):
        yield "length: expected %s to %s, found %s" % (ms(low), ms(high), ms(stall["dur_ns"]))
    if stall["start_ns"] > truth["start_ns"] + EARLY_NS:
        yield "start: %s after the stall began" % ms(stall["start_ns"] - truth["start_ns"])
    if stall["clipped"]:
        yield "clipped: expected false, found true"


def check_class(truth: Record, stall: Record) -> Iterable[str]:
    klass, why = expected_class(truth), stall["why"]
    if why["class"] != klass and not near_tie(truth):
        yield "class: expected %s, found %s (%s)" % (
            klass, why["class"], ", ".join("%s %s" % (k, ms(v)) for k, v in stall["ns"].items() if v))
    elif stall["ns"][klass] < (stall["dur_ns"] - stall["ns"]["runqueue"]) * 0.75 and klass not in ("cpu", "runqueue"):
        yield "share: expected %s to be most of it, found %s of %s" % (
            klass, ms(stall["ns"][klass]), ms(stall["dur_ns"]))
    if truth.get("cpu_ns") is not None and klass == "cpu":
        missing = truth["cpu_ns"] - stall["ns"]["cpu"]
        if abs(missing) > max(10_000_000, truth["dur_ns"] // 10):
            yield "cpu: expected %s, found %s" % (ms(truth["cpu_ns"]), ms(stall["ns"]["cpu"]))
    if truth["syscall"] and not one_of(truth["syscall"], why.get("syscall")) and klass == "syscall":
        yield "syscall: expected %s, found %s" % (truth["syscall"], why.get("syscall"))


def check_target(truth: Record, stall: Record) -> Iterable[str]:
    found = stall["why"].get("target", {})
    for key, want in truth["target"].items():
        have = found.get(key)
        same = one_of(want, have)
        if key == "path" and isinstance(have, str):
            same = os.path.basename(have) == os.path.basename(want)
        if not same:
            yield "target.%s: expected %s, found %s" % (key, want, found)


def check_place(truth: Record, stall: Record) -> Iterable[str]:
    at = stall.get("at") or {}
    fn = str(at.get("fn", ""))
    where = "%s:%s:%s" % (os.path.basename(at.get("file", "")), at.get("line"), fn)
    if not one_of(truth["func"], fn.rsplit(".", 1)[-1]):
        yield "at: expected %s in %s, found %s" % (truth["func"], truth.get("file", "C"), where)
    elif "line" in truth:
        right = (os.path.basename(at.get("file", "")) == truth["file"]
                 and truth["line"] <= at.get("line", 0) <= truth["line_to"])
        if not right:
            yield "at: expected %s:%d..%d, found %s" % (
                truth["file"], truth["line"], truth["line_to"], where)


def check_pair(truth: Record, stall: Record) -> List[str]:
    problems: List[str] = []
    for check in (check_length, check_class, check_target, check_place):
        problems += check(truth, stall)
    return problems


def name_of(truth: Record) -> str:
    return "%s %s in %s" % (truth.get("kind", truth["class"]), ms(truth["dur_ns"]),
                             truth["func"])


def describe(stall: Record) -> str:
    why, at = stall["why"], stall.get("at") or {}
    return "%s %s %s %s tid %s at %s:%s:%s%s" % (
        ms(stall["dur_ns"]), why["class"], why.get("syscall", ""), why.get("target", {}).get("kind", ""),
        stall["proc"]["tid"], os.path.basename(at.get("file", "")), at.get("line"), at.get("fn"),
        " clipped" if stall["clipped"] else "")


def pair_up(truths: List[Record], stalls: List[Record]) -> Tuple[List[Tuple[Record, Record]],
                                                                 List[str], List[Record]]:
    """Truths with their records, problems, and the records that no truth explains."""
    pairs, problems, used = [], [], set()
    for truth in truths:
        found = [s for s in stalls if s["proc"]["tid"] == truth["tid"]
                 and overlap(truth, s) * 2 > min(truth["dur_ns"], s["dur_ns"])]
        used.update(id(s) for s in found)
        if len(found) == 1:
            pairs.append((truth, found[0]))
        elif found:
            problems.append("found %d times: %s" % (len(found), name_of(truth)))
        elif truth["dur_ns"] > THRESHOLD_NS + EARLY_NS:
            problems.append("not found: %s" % name_of(truth))
    return pairs, problems, [s for s in stalls if id(s) not in used]


def excuses(noise: Record, stall: Record) -> bool:
    """The machine, not the plan, made this stall."""
    return overlap(stall, noise) > 0 and stall["why"]["class"] in noise.get("only", CLASSES)


def check_truths(truths: List[Record], stalls: List[Record], noise: List[Record]) -> str:
    """Every truth found once and right, nothing invented; a sentence of numbers."""
    pairs, problems, rest = pair_up(truths, stalls)
    excused = [s for s in rest if any(excuses(n, s) for n in noise)]
    problems += ["invented: " + describe(s) for s in rest if s not in excused]
    for truth, stall in pairs:
        problems += ["%s: %s" % (name_of(truth), p) for p in check_pair(truth, stall)]
    if problems:
        raise Failure("%d of %d stalls found\n%s" % (len(pairs), len(truths), "\n".join(problems)))
    return "%d of %d stalls%s" % (len(pairs), len(truths),
                                  ", %d by noise of the machine" % len(excused) if excused else "")


# --- records against themselves


def check_sums(stall: Record) -> List[str]:
    problems = []
    if set(stall["ns"]) != set(CLASSES):
        problems.append("classes: expected %s, found %s" % (CLASSES, tuple(stall["ns"])))
    if sum(stall["ns"].values()) != stall["dur_ns"]:
        problems.append("sum of ns: expected %d, found %d"
                        % (stall["dur_ns"], sum(stall["ns"].values())))
    if stall["ns"].get("unexplained", 0) > max(100_000, stall["dur_ns"] // 100):
        problems.append("unexplained: %s of %s" % (ms(stall["ns"]["unexplained"]),
                                                   ms(stall["dur_ns"])))
    largest = max(stall["ns"].values())
    if stall["ns"][stall["why"]["class"]] != largest:
        problems.append("why.class %s is not the largest" % stall["why"]["class"])
    if stall["threshold_ns"] > stall["dur_ns"]:
        problems.append("shorter than its threshold: %s" % ms(stall["dur_ns"]))
    return problems + check_parts(stall)


def check_parts(stall: Record) -> List[str]:
    """Parts of a class add up to it, unless parts were dropped: then to no more."""
    sums: Dict[str, int] = {}
    for part in stall["parts"]:
        sums[part["class"]] = sums.get(part["class"], 0) + part["dur_ns"]
    problems = []
    for klass, ns in stall["ns"].items():
        have = sums.get(klass, 0)
        if have > ns or (have != ns and not stall["parts_dropped"] and klass != "unexplained"):
            problems.append("parts of %s: expected %d, found %d" % (klass, ns, have))
    return problems


def check_summary(run: Run, stalls: List[Record]) -> List[str]:
    summary, problems = run.summary(), []

    def same(what: str, expected: Any, found: Any) -> None:
        if expected != found:
            problems.append("summary %s: expected %s, found %s" % (what, expected, found))

    loops, rows = summary["loops"], summary["rows"]
    same("stalls", len(stalls), sum(loop["stalls"] for loop in loops))
    same("stalled_ns", sum(s["dur_ns"] for s in stalls), sum(loop["stalled_ns"] for loop in loops))
    same("rows count", len(stalls), sum(row["count"] for row in rows))
    same("rows sum", sum(s["dur_ns"] for s in stalls), sum(row["sum_ns"] for row in rows))
    lost = {what: n for what, n in summary["lost"].items() if n}
    same("lost", {}, lost)
    for loop in loops:
        mine = [s["dur_ns"] for s in stalls if s["proc"]["tid"] == loop["tid"]]
        if mine:
            same("longest of loop %d" % loop["tid"], max(mine), loop["longest_ns"])
        if loop["poll_ns"] + loop["busy_ns"] > summary["duration_ns"] + EARLY_NS:
            problems.append("loop %d: busy %s + poll %s is more than the %s it was watched" % (
                loop["tid"], ms(loop["busy_ns"]), ms(loop["poll_ns"]), ms(summary["duration_ns"])))
    return problems


def check_observed(run: Run, truths: List[Record]) -> List[str]:
    """Busy and poll time cover at least the time from the first truth to the last."""
    problems = []
    for loop in run.summary()["loops"]:
        mine = [t for t in truths if t["tid"] == loop["tid"]]
        if not mine:
            continue
        span = mine[-1]["start_ns"] + mine[-1]["dur_ns"] - mine[0]["start_ns"]
        if loop["poll_ns"] + loop["busy_ns"] < span - EARLY_NS:
            problems.append("loop %d: busy %s + poll %s is less than the %s of its stalls and gaps" % (
                loop["tid"], ms(loop["busy_ns"]), ms(loop["poll_ns"]), ms(span)))
    return problems


def check_folded(text: str, total_ns: int) -> List[str]:
    """Lines as the contract words them; their sum is the stalled time in microseconds."""
    problems, total, stacks = [], 0, []
    for line in text.splitlines():
        m = FOLDED_LINE.match(line)
        if not m:
            problems.append("folded: no `stack weight`: %s" % line[:160])
            continue
        tip = m["frames"].split(";")[-1]
        if not TIP.match(tip):
            problems.append("folded: the last frame is no cause: %s" % tip)
        total += int(m["us"])
        stacks.append(line.rsplit(" ", 1)[0])
    if stacks != sorted(stacks, key=lambda s: s.encode()) or len(set(stacks)) != len(stacks):
        problems.append("folded: lines are not sorted, or a stack comes twice")
    if total != total_ns // 1000:
        problems.append("folded: expected %d us in all, found %d" % (total_ns // 1000, total))
    return problems


def check_invariants(run: Run, truths: List[Record]) -> None:
    """Everything that must hold whatever the target did."""
    stalls = run.stalls()
    problems: List[str] = []
    for stall in stalls:
        problems += ["%s: %s" % (describe(stall), p) for p in check_sums(stall)]
    if len({s["id"] for s in stalls}) != len(stalls):
        problems.append("two stalls with the same id")
    problems += check_summary(run, stalls) + check_observed(run, truths)
    problems += check_folded(run.path("folded").read_text(), sum(s["dur_ns"] for s in stalls))
    if problems:
        raise Failure("\n".join(problems))
