#!/usr/bin/env python3
"""The benchmark: everything side by side and interleaved in one run, results as ratios.

Owns the order of the parts, the table and build/bench.json.  Not a test: noise never makes it fail,
and a value beyond its aim is only marked.  `make bench`, or `make bench QUICK=1` for a short one;
names of parts as arguments of run.sh run only those.
"""

import json
import os
import platform
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import parts_footprint
import parts_native
import parts_python
import parts_server
import parts_switch
import processes
from parts_switch import DEPTHS, Rounds
from samples import BARE, Measure, Spread, over

QUICK = bool(os.environ.get("QUICK"))
OTHERS = ["offcputime", "bpftrace", "perf trace"]
BEFORE = ["before"] if processes.BEFORE else []
MIB = 1 << 20
Result = Dict[str, Any]
started = time.monotonic()


def say(text: str) -> None:
    print("[%3.0f s] %s" % (time.monotonic() - started, text), file=sys.stderr, flush=True)


def row(what: str, value: str, aim: str = "", above: Optional[bool] = None) -> None:
    mark = "" if above is None else "above" if above else "ok"
    print("%-44s %-30s %-12s %s" % (what, value, aim, mark), flush=True)


def shown(s: Optional[Spread], unit: str = "", digits: int = 0) -> str:
    if not s:
        return "-"
    return "%.*f%s  (%.*f..%.*f)" % (digits, s.median, unit, digits, s.low, digits, s.high)


def columns(width: int, first: str, cells: Sequence[str]) -> None:
    line = "%-19s %s" % (first, " ".join(cell.ljust(width) for cell in cells))
    print(line.rstrip(), flush=True)


def aimed(what: str, ratio: Optional[float], aim: float) -> None:
    row(what, "-" if ratio is None else "%.2f x" % ratio, "<= %.2f x" % aim,
        None if ratio is None else ratio > aim)


def table_head(title: str, rounds: Optional[Rounds] = None) -> None:
    print("\n%s" % title)
    for tool, why in (rounds.skipped if rounds else {}).items():
        print("  %s does not run here: %s" % (tool, why))


def disturbance(measures: Dict[str, Measure]) -> Result:
    every = sum(len(s) for m in measures.values() for s in m.samples.values())
    return {"samples": every, "disturbed": sum(m.disturbed() for m in measures.values())}


def part_switches() -> Result:
    tools = ["stallprof", "empty switch", "offcputime"]
    tools += ["no CPU samples", "same, poll=switch", "empty poll"] + ([] if QUICK else OTHERS[1:])
    rounds = Rounds(tools, 1 if QUICK else 4, say)
    m = parts_switch.switches(rounds, 150 if QUICK else 200)
    table_head("1. ns of CPU added to a turn of two context switches", rounds)
    columns(24, "", ["foreign", "in poll, with its calls", "inside the poll"])
    columns(24, BARE, [shown(m[n].plain(BARE)) for n in parts_switch.SWITCHES])
    for tool in m["foreign"].tools():
        columns(24, "+ " + tool, [shown(m[n].added(tool)) for n in parts_switch.SWITCHES])
    added = {n: {t: m[n].added(t) for t in m[n].tools()} for n in m}
    foreign = over(added["foreign"].get("stallprof"), added["foreign"].get("empty switch"))
    inside = over(added["inside"].get("stallprof"), added["inside"].get("offcputime"))
    in_poll = over(added["poll"].get("stallprof"), added["poll"].get("offcputime"))
    aimed("foreign switch: stallprof / empty program", foreign, 1.5)
    aimed("target inside poll: stallprof / offcputime", inside, 0.1)
    aimed("target in and out of poll: same", in_poll, 0.1)
    return {"measures": {n: x.json() for n, x in m.items()}, "skipped": rounds.skipped,
            "foreign_over_empty": foreign, "inside_over_offcputime": inside,
            "poll_over_offcputime": in_poll, **disturbance(m)}


def part_server(title: str, run: Callable[[Rounds, float], Dict[str, Measure]]) -> Result:
    tools = ["stallprof"] + BEFORE
    if not QUICK:
        tools += ["no CPU samples", "same, poll=switch", "offcputime", "perf trace"]
    rounds = Rounds(tools, 2 if QUICK else 3, say)
    try:
        m = run(rounds, 1.0)
    except processes.Skip as why:
        table_head("2. %s: skipped: %s" % (title, why))
        return {"skipped": str(why)}
    table_head("2. %s at full load, ratios to bare" % title, rounds)
    columns(26, "", ["throughput", "p99", "CPU for a request"])
    columns(26, BARE, [shown(m["rate"].plain(BARE), "/s"), shown(m["p99"].plain(BARE), " ms", 2),
                       shown(m["cpu"].plain(BARE), " ns")])
    for tool in m["rate"].tools():
        columns(26, tool, [shown(m[n].ratio(tool), " x", 2) for n in m])
    rate, p99 = m["rate"].ratio("stallprof"), m["p99"].ratio("stallprof")
    if rate and p99:
        row("throughput with stallprof", "%.3f" % rate.median, ">= 0.97", rate.median < 0.97)
        row("p99 with stallprof", "%.2f x" % p99.median, "<= 1.05 x", p99.median > 1.05)
    return {"measures": {n: x.json() for n, x in m.items()}, "skipped": rounds.skipped,
            **disturbance(m)}


def part_attach() -> Result:
    found = parts_footprint.attach(3 if QUICK else 7)
    table_head("3. from exec, with a target that stalls all the time")
    row("until the first hook is attached", shown(found["first_hook"], " ms"))
    row("until the first stall is printed", shown(found["first_stall"], " ms"), "<= 250 ms",
        found["first_stall"].median > 250)
    row("CPU time used until then", shown(found["cpu"], " ms"))
    return {name: spread.json() for name, spread in found.items()}


def part_memory() -> Result:
    found = parts_footprint.memory(2 if QUICK else 10)
    table_head("4. memory of the tool, one target")
    usual, maps = found["kb"]["median"] / 1024, found["maps_bytes"] / MIB
    row("resident, each page once (Pss)", "%.1f MiB" % usual, "<= 32 MiB", usual > 32)
    row("the same at most, %d processes" % found["processes"], "%.1f MiB" % (found["kb_most"] / 1024))
    row("maps (memlock)", "%.1f MiB" % maps, "<= 8 MiB", maps > 8)
    largest = ("%s %.0f KiB" % (name, size / 1024) for name, size in found["maps"].items())
    print("  largest: " + ", ".join(largest))
    return found


def slope(m: Dict[str, Measure], kind: str, tool: str) -> Optional[float]:
    """ns for each frame, between the shallowest and the deepest."""
    low, high = (m["%s %d" % (kind, d)].added(tool) for d in (DEPTHS[0], DEPTHS[-1]))
    return (high.median - low.median) / (DEPTHS[-1] - DEPTHS[0]) if low and high else None


def part_waits() -> Result:
    tools = ["stallprof", "no CPU samples", "offcputime"] + BEFORE
    result: Result = {}
    for kind in ("native", "tables", "python"):
        rounds = Rounds(tools, 1 if QUICK else 4, say)
        m = parts_switch.waits(kind, rounds, 100 if QUICK else 150)
        table_head("5. ns of CPU added to a wait outside the poll, by %s frames" % kind, rounds)
        columns(22, "", list(m))
        columns(22, BARE, [shown(x.plain(BARE)) for x in m.values()])
        for tool in tools:
            if any(x.added(tool) for x in m.values()):
                columns(22, "+ " + tool, [shown(x.added(tool)) for x in m.values()])
        result[kind] = {"measures": {n: x.json() for n, x in m.items()}, **disturbance(m)}
        per_frame = slope(m, kind, "no CPU samples")
        at32 = m["%s 32" % kind].added("stallprof")
        if at32:
            row("wait below 32 %s frames" % kind, shown(at32, " ns"), "<= 10000 ns",
                at32.median > 10000)
        if per_frame is not None:
            aim = 100 if kind == "python" else 60
            row("ns for a %s frame" % kind, "%.0f ns" % per_frame, "<= %d ns" % aim,
                per_frame > aim)
        result[kind]["ns_per_frame"] = per_frame
    return result


def part_programs() -> Result:
    found = parts_switch.program_costs(200 if QUICK else 400)
    table_head("   the kernel's own count: average ns of each program's runs, by load")
    for load, progs in found.items():
        if load == "skipped":
            print("  cannot be had here: %s" % progs["why"])
            continue
        text = ["%s %.0f" % (name, progs[name]["ns"]) for name in sorted(progs)
                if not name.startswith("life_")]
        print("  %-18s %s" % (load, ", ".join(text)))
    return found


def part_recording() -> Result:
    found = parts_footprint.recording(5 if QUICK else 20)
    low, high = found["low_10min"] / MIB, found["high_10min"] / MIB
    worst = max(found["report_ms"].values(), key=lambda s: s["median"])["median"] / 1000
    worst *= parts_footprint.STALLS_10MIN / found["stalls"]
    table_head("6. a recording of 10 minutes at 1 stall a second, from %d stalls" % found["stalls"])
    row("size, with few to many different stacks", "%.1f to %.1f MiB" % (low, high), "<= 5 MiB",
        high > 5)
    row("  of it: fixed; a stall's event, its new names", "%.0f; %.0f, %.0f bytes" % (
        found["fixed_bytes"], found["event_bytes_per_stall"], found["name_bytes_per_stall"]))
    row("report, slowest format", "%.2f s" % worst, "<= 1 s", worst > 1)
    return found


def part_pythons() -> Result:
    title = "7. ns at the switch hooks for a wait with its stack, cold, by interpreter"
    try:
        found = parts_python.frames(150 if QUICK else 300, 2 if QUICK else 5)
    except processes.Skip as why:
        table_head("%s: skipped: %s" % (title, why))
        return {"skipped": str(why)}
    table_head(title)
    low, mid, high = parts_python.DEPTHS
    columns(24, "", ["%d frames" % d for d in parts_python.DEPTHS])
    for version, by in found.items():
        columns(24, version, [shown(s) for s in by.values()])
    result: Result = {}
    for version, by in found.items():
        frame = (by[high].median - by[low].median) / (high - low)
        result[version] = {"wait_ns": by[mid].median, "frame_ns": frame}
        row("%s: %d frames, each frame" % (version, mid), "%.1f us, %.0f ns" % (
            by[mid].median / 1000, frame), "10 us, 100 ns", by[mid].median > 10000 or frame > 100)
    return result


def part_gil() -> Result:
    rounds = Rounds(["stallprof"] + ([] if QUICK else ["offcputime", "bpftrace"]),
                    2 if QUICK else 4, say)
    m = parts_python.contention(rounds, 300)
    table_head("8. CPU time of a piece of work, %d threads that fight for the GIL"
               % parts_python.THREADS, rounds)
    row(BARE, shown(m["piece"].plain(BARE), " ns"))
    for tool in m["piece"].tools():
        row("with " + tool, shown(m["piece"].ratio(tool), " x", 3))
    return {"measures": {n: x.json() for n, x in m.items()}, **disturbance(m)}


def native_tables() -> Result:
    found = parts_native.tables()
    table_head("9. unwind tables")
    columns(16, "", ["rows", "ns a row", "MiB of code", "MiB", "MiB a MiB"])
    for t in found:
        size, code = t["words"] * 8 / MIB, t["code"] / MIB
        columns(16, os.path.basename(t["file"])[:19], [
            "%d" % t["rows"], "%.0f" % (t["ns"] / t["rows"]), "%.2f" % code, "%.2f" % size,
            "%.3f" % (size / code)])
    rows, ns = sum(t["rows"] for t in found), sum(t["ns"] for t in found)
    row("ns a row, all", "%.0f ns" % (ns / rows), "<= 100 ns", ns / rows > 100)
    return {"tables": found}


def native_ready() -> Result:
    found = parts_native.ready()
    row("%d libraries: exec to all tables" % found["libraries"], "%.0f ms" % found["ms"])
    row("  CPU time of it; resident then; known", "%.0f ms; %.1f MiB; %d of %d" % (
        found["cpu_ms"], found["resident_kb"] / 1024, found["known"], found["files"]))
    return {"ready": found}


def native_sampled(seconds: float) -> Result:
    result: Result = {}
    for name, what in (("py", "busy Python"), ("js", "busy Node")):
        try:
            found = result[name] = parts_native.sampled(name, seconds)
        except processes.Skip as why:
            print("  %s: skipped: %s" % (what, why))
            continue
        frames = found["native"] + found["script"]
        for program, cost in found["programs"].items():
            row("%s: %s, %.0f frames" % (what, program, frames), "%.1f us, %.0f ns a frame" % (
                cost["ns"] / 1000, cost["ns"] / max(1, frames)), "<= 350 ns",
                cost["ns"] / max(1, frames) > 350)
    return result


def part_native() -> Result:
    result = native_tables()
    result.update(native_ready())
    result.update(native_sampled(5 if QUICK else 15))
    return result


PARTS: Dict[str, Callable[[], Result]] = {
    "switches": part_switches,
    "redis": lambda: part_server("Redis", parts_server.redis),
    "nginx": lambda: part_server("nginx", parts_server.nginx),
    "asyncio": lambda: part_server("asyncio", parts_server.asyncio),
    "fastapi": lambda: part_server("FastAPI", parts_python.framework),
    "attach": part_attach,
    "memory": part_memory,
    "waits": part_waits,
    "programs": part_programs,
    "recording": part_recording,
    "pythons": part_pythons,
    "gil": part_gil,
    "native": part_native,
}


def environment() -> Result:
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "load": os.getloadavg()[0],
            "python": platform.python_version(), "others_programs": processes.strangers([])}


def main(wanted: List[str]) -> int:
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print("bench: no part %s; there are: %s" % (", ".join(unknown), " ".join(PARTS)),
              file=sys.stderr)
        return 2
    # A shell's background job ignores SIGINT, and what it starts would, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not processes.quiet_wait(10):
        say("other BPF programs hang on the hooks: bare is not bare")
    result: Result = {"environment": environment(), "quick": QUICK}
    before = {p["id"] for p in processes.programs()}
    for name in wanted or PARTS:
        say(name)
        result[name] = PARTS[name]()
    left = {p["id"]: p.get("name") for p in processes.programs() if p["id"] not in before}
    result["seconds"] = time.monotonic() - started
    result["programs_left"] = list(left.values())
    disturbed: List[Tuple[int, int]] = [(r["disturbed"], r["samples"]) for r in result.values()
                                        if isinstance(r, dict) and "disturbed" in r]
    print("\n%.0f s, %s, %s CPUs; others' programs were attached in %d of %d samples" % (
        result["seconds"], result["environment"]["kernel"], result["environment"]["cpus"],
        sum(d for d, _ in disturbed), sum(n for _, n in disturbed)))
    path = processes.BUILD.parent / "bench.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
