"""Threads at large: pools that run out, loops for one request each, servers without a loop, growth.

All of it is sampled by stallprof, so that a length may be off by two of its samples.
"""

import os
from typing import Any, List, Tuple

from compare import check_truths, ms
from harness import Case, Env, Failure, Record, Run


def measured(env: Env, kind: str) -> Tuple[Record, Run]:
    """The one truth of the target, and what stallprof left; there are no stalls."""
    target = env.target("pools.py", kind)
    run = env.measure(target)
    if kind not in ("server", "worker"):
        check_truths([], run.stalls(), target.noise)
    return target.wait_line("kind"), run


def the_one(run: Run, kind: str, name: str = "") -> Record:
    found = [r for r in run.records() if r["type"] == kind and name in r.get("name", "")]
    if len(found) != 1:
        raise Failure("expected one record %s %s, found %d; there are %s" % (
            kind, name, len(found), sorted({r["type"] for r in run.records()})))
    return found[0]


def near(what: str, expected: float, found: Any, slack: float) -> List[str]:
    if found is not None and abs(found - expected) <= slack:
        return []
    return ["%s: expected %.0f +- %.0f, found %s" % (what, expected, slack, found)]


def same(what: str, expected: Any, found: Any) -> List[str]:
    return [] if expected == found else ["%s: expected %s, found %s" % (what, expected, found)]


def is_place(truth: Record, at: Record) -> bool:
    return (at.get("fn", "").rsplit(".", 1)[-1] == truth["func"]
            and os.path.basename(at.get("file", "")) == truth["file"]
            and truth.get("line", at.get("line")) == at.get("line"))


def waits_for(truth: Record, waits: List[Record]) -> List[Record]:
    """The waits of the planned place for the planned peer."""
    return [w for w in waits if is_place(truth, w.get("at", {})) and w["class"] == "syscall"
            and w.get("syscall") == "recvfrom" and w.get("target", {}).get("peer") == truth["peer"]]


def fail_with(problems: List[str], record: Record) -> None:
    if problems:
        shown = {k: v for k, v in record.items() if k not in ("stacks", "counts", "made_from")}
        raise Failure("\n".join(problems + [str(shown)[:1500]]))


def slack_of(record: Record) -> float:
    """Two samples, and what a busy machine adds."""
    return 2 * record["observed_ns"] / max(1, record["samples"]) + 150_000_000


def exhausted(env: Env) -> str:
    truth, run = measured(env, "pool")
    record = the_one(run, "pool", truth["name"])
    slack = slack_of(record)
    problems = same("kind", "ThreadPoolExecutor", record["kind"])
    for key, want in (("threads_max", truth["workers"]), ("max", truth["workers"]),
                      ("busy_max", truth["workers"]), ("queued_max", truth["queued"])):
        problems += same(key, want, record.get(key))
    problems += near("exhausted_ns", truth["exhausted_ns"], record["exhausted_ns"], slack)
    if not 0 < record["queue_wait_max_ns"] <= truth["exhausted_ns"] + slack:
        problems.append("queue_wait_max_ns: found %d" % record["queue_wait_max_ns"])
    problems += near("busiest", truth["busy_ns"], max(record["busy_ns"], default=0), slack)
    waits = waits_for(truth, record["waits"])
    if max((w["at_once"] for w in waits), default=0) != truth["workers"]:
        problems.append("waits: expected %d workers at once in recvfrom from %s"
                        % (truth["workers"], truth["peer"]))
    fail_with(problems, record)
    return "exhausted %s of %s, %d queued" % (ms(record["exhausted_ns"]), ms(truth["exhausted_ns"]),
                                              record["queued_max"])


def to_thread(env: Env) -> str:
    truth, run = measured(env, "to-thread")
    record = the_one(run, "pool")
    problems = near("busy_max", truth["workers"], record["busy_max"], 0)
    problems += same("exhausted_ns", 0, record["exhausted_ns"])
    problems += same("queued_max", 0, record["queued_max"])
    problems += near("busiest", truth["busy_ns"], max(record["busy_ns"], default=0),
                     slack_of(record))
    if not waits_for(truth, record["waits"]):
        problems.append("waits: none in recvfrom from %s" % truth["peer"])
    fail_with(problems, record)
    return "%s, %d of %s busy" % (record["name"], record["busy_max"], record.get("max"))


def loops(env: Env) -> str:
    truth, run = measured(env, "loops")
    record = the_one(run, "churn")
    problems = near("loops_created", truth["made"], record["loops_created"], 0)
    made_at = [s for s in record["stacks"] if is_place(truth, s.get("at", {}))]
    problems += same("made there", truth["made"], sum(s["count"] for s in made_at))
    # The loop of the program itself was there before.
    problems += near("alive_max", truth["alive_max"], record["alive_max"], 1)
    fail_with(problems, record)
    return "%d loops" % record["loops_created"]


def growth(env: Env) -> str:
    truth, run = measured(env, "growth")
    record = the_one(run, "threads")
    made_at = [s for s in record["made_from"] if is_place(truth, s.get("at", {}))]
    problems = same("made there", truth["made"], sum(s["count"] for s in made_at))
    problems += near("made", truth["made"], record.get("made"), 2)
    problems += near("max", truth["made"] + 1, record.get("max"), 3)
    fail_with(problems, record)
    return "%d threads, at most %d" % (record["made"], record["max"])


def without_a_loop(env: Env, kind: str) -> str:
    truth, run = measured(env, kind)
    record = the_one(run, "threads")
    waits = waits_for(truth, record["waits"])
    problems = same("at once", truth["at_once"], max((w["at_once"] for w in waits), default=0))
    problems += near("waited", truth["waited_ns"], sum(w["weight_ns"] for w in waits),
                     truth["waited_ns"] * 0.25)
    if run.stalls():
        problems.append("%d stalls without a loop" % len(run.stalls()))
    if "loop" not in run.out:
        problems.append("no word of there being no loop: %s" % run.out[:300])
    fail_with(problems, record)
    return "%s in %s" % (ms(sum(w["weight_ns"] for w in waits)), truth["func"])


CASES: List[Case] = [
    Case("pool-exhausted", exhausted, minors=("3.8", "3.13"), alone=False),
    Case("pool-to-thread", to_thread, alone=False),
    Case("loop-churn", loops, minors=("3.8", "3.13"), alone=False),
    Case("thread-growth", growth, alone=False),
    Case("no-loop-threads", lambda env: without_a_loop(env, "server"), alone=False),
    Case("no-loop-worker", lambda env: without_a_loop(env, "worker"), alone=False),
]
