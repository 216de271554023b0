"""--off-cpu: the totals against what the kernel counted for the target's own threads.

A switch storm must lose nothing, and more stacks than any table holds must still add up.
"""

from typing import Any, Dict, List

from harness import Case, Env, Failure, Record, Run, Target

# To the kernel's clock a thread has the CPU from the moment in which it was picked, to an observer
# from when the switch is over: part of its CPU time is wait to one of them.  A twelfth of it where
# two threads of a program call each other, half and more where other programs were in between.
NEAR_SWITCH, FAR_SWITCH = 0.25, 0.8


def offcpu_rows(run: Run, by: str) -> List[Record]:
    return [r for r in run.records() if r["type"] == "offcpu" and r.get("by") == by]


def total(rows: List[Record], key: str) -> int:
    return sum(r[key] for r in rows)


def watch_storm(env: Env, *argv: str) -> "tuple[Target, Run]":
    """Run storm.c under --off-cpu from before its start to its end."""
    target = env.target(env.compile("storm"), *argv)
    watch = env.watch("--off-cpu", "-p", str(target.pid)).attached()
    target.go()
    target.finish()
    run = watch.end()
    if run.status != 0:
        raise Failure("status %d: %s" % (run.status, run.err))
    return target, run


def near(what: str, expected: float, found: float, slack: float) -> List[str]:
    if abs(found - expected) <= slack:
        return []
    return ["%s: expected %.0f (+- %.0f), found %.0f" % (what, expected, slack, found)]


def check_threads(target: Target, run: Run, switch: float) -> List[str]:
    """Each thread: as many waits as the kernel counted switches, as long as it was off the CPU."""
    problems: List[str] = []
    threads: List[Dict[str, Any]] = [r["thread"] for r in target.records if "thread" in r]
    for thread in threads:
        rows = [r for r in offcpu_rows(run, "thread") if r["thread"]["tid"] == thread["tid"]]
        name, switches = "thread " + thread["comm"], thread["switches"]
        if {r["thread"]["comm"] for r in rows} != {thread["comm"]}:
            problems.append("%s: expected rows with this comm, found %s"
                            % (name, sorted({r["thread"]["comm"] for r in rows})))
        problems += near(name + " switches", switches, total(rows, "count"),
                         max(11, switches * 0.01))
        slack, found = thread["off_ns"] * 0.1, total(rows, "sum_ns")
        switching = (thread["wall_ns"] - thread["off_ns"]) * switch
        if not -slack <= found - thread["off_ns"] <= slack + switching:
            problems.append("%s off-CPU ns: expected %.0f (-%.0f, +%.0f), found %.0f"
                            % (name, thread["off_ns"], slack, slack + switching, found))
    return problems


def check_totals(run: Run) -> List[str]:
    """The same waits three times: by stack, by syscall and by thread; overflow rows included."""
    problems: List[str] = []
    want = offcpu_rows(run, "thread")
    for by in ("stack", "syscall"):
        rows = offcpu_rows(run, by)
        for key in ("count", "sum_ns"):
            if total(rows, key) != total(want, key):
                problems.append("%s by %s: expected %d as by thread, found %d"
                                % (key, by, total(want, key), total(rows, key)))
    for row in offcpu_rows(run, "stack"):
        if sum(count for _, count in row["hist_ns"]) != row["count"]:
            problems.append("a histogram does not add up to its %d waits" % row["count"])
            break
    lines = run.path("folded").read_text().splitlines()
    found, expected = sum(int(line.rsplit(" ", 1)[1]) for line in lines), total(want, "sum_ns")
    if found != expected // 1000:
        problems.append("folded: expected %d us, found %d" % (expected // 1000, found))
    return problems


def pingpong(env: Env) -> str:
    target, run = watch_storm(env, "pingpong", "3")
    problems = check_threads(target, run, NEAR_SWITCH) + check_totals(run)
    if problems:
        raise Failure("\n".join(problems))
    return "%d waits" % total(offcpu_rows(run, "thread"), "count")


def stacks(env: Env) -> str:
    target, run = watch_storm(env, "stacks", "50000")
    problems = check_threads(target, run, FAR_SWITCH) + check_totals(run)
    rows = offcpu_rows(run, "stack")
    spilled = [r for r in rows if r.get("overflow")]
    # Where its timer fires before it has gone to sleep, a thread is not switched out: hardly ever.
    waits = sum(r["thread"]["switches"] for r in target.records if "thread" in r)
    if waits < 45_000:
        problems.append("50000 stacks: only %d of them waited" % waits)
    if len(rows) < waits * 0.98 and not spilled:
        problems.append("%d waits, each of its own stack: found %d rows and no overflow row"
                        % (waits, len(rows)))
    if spilled and not sum(run.summary()["lost"].values()):
        problems.append("an overflow row, but nothing under lost")
    if problems:
        raise Failure("\n".join(problems))
    return "%d rows, %d waits in overflow" % (len(rows), total(spilled, "count"))


CASES: List[Case] = [Case("offcpu-pingpong", pingpong), Case("offcpu-stacks", stacks)]
