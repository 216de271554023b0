"""Parts 1 and 5: what a context switch and a wait cost more while something watches.

Loads are switches.c and deepwait.py; their answer is CPU time of one turn (two switches).
"""

import re
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple

import processes
from processes import Load, Skip
from samples import BARE, Measure

SWITCHES = ("foreign", "poll", "inside")
DEPTHS = (8, 32, 100)
STATS = Path("/proc/sys/kernel/bpf_stats_enabled")
CPU = 0
LEFT_S = 5.0  # what a tool leaves behind goes away by then


class Rounds:
    """Visits every tool once a round, each round in another order, and remembers who cannot run."""

    def __init__(self, tools: Sequence[str], rounds: int, say: Callable[[str], None]) -> None:
        self.tools = list(tools)
        self.rounds = rounds
        self.say = say
        self.skipped: Dict[str, str] = {}

    def run(self, pids: Sequence[int],
            visit: Callable[[str, int, Callable[[], bool]], None]) -> None:
        """visit(tool, number, clean): clean() tells whether nobody else hangs on the hooks now.

        Bare comes before and after every tool.
        """
        number = 0
        for i in range(self.rounds):
            for tool in self._order(i):
                try:
                    proc = processes.start(tool, pids) if tool != BARE else None
                except Skip as why:
                    self.skipped[tool] = str(why)
                    self.say("%s: skipped: %s" % (tool, why))
                    continue
                holders = [proc.pid] if proc else []
                try:
                    visit(tool, number, lambda: processes.strangers(holders) == 0)
                finally:
                    if proc:
                        processes.end(proc)
                        processes.quiet_wait(LEFT_S)
                number += 1
            self.say("round %d of %d" % (i + 1, self.rounds))

    def _order(self, i: int) -> List[str]:
        """Turned by one each round."""
        left = [t for t in self.tools if t not in self.skipped]
        turn = i % max(1, len(left))
        order = [] if i else [BARE]
        for tool in left[turn:] + left[:turn]:
            order += [tool, BARE]
        return order


def measure_orders(rounds: Rounds, loads: Sequence[Load], watched: Sequence[int],
                   orders: Dict[str, Tuple[Load, List[Any]]]) -> Dict[str, Measure]:
    """Each order under each tool.  The value is ns of CPU for one turn."""
    measures = {name: Measure() for name in orders}

    def visit(tool: str, at: int, clean: Callable[[], bool]) -> None:
        before = clean()
        answers = {name: load.order(*words)["ns"] for name, (load, words) in orders.items()}
        after = clean()
        for name, ns in answers.items():
            measures[name].add(tool, at, ns, before and after)

    for load in loads:  # warm: the first turns of a process fault its pages in
        for other, words in orders.values():
            if other is load:
                load.order(*words)
    rounds.run(watched, visit)
    return measures


def switches(rounds: Rounds, ms: int) -> Dict[str, Measure]:
    """Foreign, in the poll with its calls, and inside the poll without them."""
    watched, foreign = processes.switches(CPU), processes.switches(CPU)
    try:
        orders: Dict[str, Tuple[Load, List[Any]]] = {
            name: (foreign if name == "foreign" else watched, [name, ms]) for name in SWITCHES}
        return measure_orders(rounds, [watched, foreign], [watched.pid], orders)
    finally:
        watched.close()
        foreign.close()


def waits(kind: str, rounds: Rounds, ms: int) -> Dict[str, Measure]:
    """Waits outside the poll, by depth of frames: native ones, those that only tables lead through,
    or Python's; native also over the budget."""
    load = (processes.deepwait(CPU) if kind == "python" else processes.switches(
        CPU, "switches-tables" if kind == "tables" else "switches"))
    try:
        orders: Dict[str, Tuple[Load, List[Any]]] = {
            "%s %d" % (kind, depth): (load, ["wait", ms, depth]) for depth in DEPTHS}
        if kind == "native":
            orders["flood"] = (load, ["flood", min(ms, 90), 8])
        return measure_orders(rounds, [load], [load.pid], orders)
    finally:
        load.close()


def program_times(pid: int) -> Dict[str, Tuple[int, int]]:
    """Runs and their ns so far, of each program that the process holds."""
    ours = processes.programs_of(pid)
    return {p.get("name", "?"): (p.get("run_cnt", 0), p.get("run_time_ns", 0))
            for p in processes.programs() if p["id"] in ours}


def program_costs(ms: int) -> Dict[str, Dict[str, Any]]:
    """By load: average ns of each of stallprof's programs, as the kernel itself counts them."""
    found: Dict[str, Dict[str, Any]] = {}
    before = STATS.read_text()
    loads = [processes.switches(CPU), processes.switches(CPU), processes.deepwait(CPU)]
    watched, foreign, python = loads
    try:
        STATS.write_text("1")
        tool = processes.start("stallprof", [watched.pid, python.pid])
        floor = processes.start("empty switch", [])
        try:
            for name, load, words in (("foreign", foreign, ["foreign", ms]),
                                      ("poll", watched, ["poll", ms]),
                                      ("inside", watched, ["inside", ms]),
                                      ("wait, 8 native", watched, ["wait", ms, 8]),
                                      ("wait, 100 native", watched, ["wait", ms, 100]),
                                      ("wait, 32 python", python, ["wait", ms, 32]),
                                      ("wait, 100 python", python, ["wait", ms, 100])):
                first = {**program_times(tool.pid), **program_times(floor.pid)}
                load.order(*words)
                last = {**program_times(tool.pid), **program_times(floor.pid)}
                found[name] = {prog: {"runs": n - first[prog][0],
                                      "ns": (t - first[prog][1]) / (n - first[prog][0])}
                               for prog, (n, t) in last.items()
                               if prog in first and n > first[prog][0] + 20}
        finally:
            processes.end(floor)
            processes.end(tool)
    except (OSError, Skip, subprocess.CalledProcessError) as why:
        found["skipped"] = {"why": re.sub(r"\s+", " ", str(why))}
    finally:
        STATS.write_text(before)
        for load in loads:
            load.close()
    return found
