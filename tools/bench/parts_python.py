"""Part 7: what Python costs: a frame under every interpreter, the GIL under contention, a framework.

Loads are deepwait.py, convoy.py and fastapi_pong.py.
"""

import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import parts_server
import processes
from parts_switch import CPU, STATS, Rounds, measure_orders, program_times
from processes import Skip
from samples import Measure, Spread

DEPTHS = (5, 30, 120)
THREADS = 7
SYSTEM = "/usr/bin/python3"


def version_of(python: str) -> str:
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    return subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def interpreters() -> Dict[str, str]:
    """The system's, and pyenv's from 3.8 on, by version."""
    found = {}
    try:
        root = subprocess.run(["pyenv", "root"], stdout=subprocess.PIPE, text=True).stdout.strip()
        for path in Path(root or "/nonexistent").glob("versions/3.*/bin/python3"):
            found[version_of(str(path))] = str(path)
    except OSError:
        pass
    if Path(SYSTEM).exists():
        found[version_of(SYSTEM)] = SYSTEM
    rows = sorted((tuple(map(int, v.split("."))), v) for v in found)
    return {v: found[v] for numbers, v in rows if numbers >= (3, 8)}


def spent(pid: int) -> int:
    """ns so far in the process's programs at the scheduler's hooks, as the kernel itself counts."""
    return sum(ns for name, (_, ns) in program_times(pid).items()
               if name.startswith(("switch", "resume")))


def frames(ms: int, times: int) -> Dict[str, Dict[int, Spread]]:
    """ns at the scheduler's hooks for a wait whose stack is taken, by version and depth.

    The kernel's own count is steadier by far than the load's CPU time, which others disturb; their
    switches are in it, the same for each depth.
    """
    loads = {v: processes.deepwait(CPU, python) for v, python in interpreters().items()}
    found: Dict[str, Dict[int, List[float]]] = {v: {d: [] for d in DEPTHS} for v in loads}
    before = STATS.read_text()
    try:
        STATS.write_text("1")
        tool = processes.start("stallprof", [load.pid for load in loads.values()])
        try:
            for _ in range(times):
                for version, load in loads.items():
                    for depth in DEPTHS:
                        first = spent(tool.pid)
                        turns = load.order("sleep", ms, depth)["turns"]
                        found[version][depth].append((spent(tool.pid) - first) / turns)
        finally:
            processes.end(tool)
    except (OSError, subprocess.CalledProcessError) as why:
        raise Skip(str(why)) from None
    finally:
        STATS.write_text(before)
        for load in loads.values():
            load.close()
    return {v: {d: Spread(values) for d, values in by.items()} for v, by in found.items()}


def contention(rounds: Rounds, ms: int) -> Dict[str, Measure]:
    """A piece of work of threads that fight for the GIL beside a loop that wants it, too."""
    load = processes.load([sys.executable, str(processes.TARGETS / "convoy.py"), str(CPU),
                           str(THREADS)])
    try:
        return measure_orders(rounds, [load], [load.pid], {"piece": (load, ["turns", ms])})
    finally:
        load.close()


def framework(rounds: Rounds, seconds: float) -> Dict[str, Measure]:
    parts_server.need("wrk")
    for module in ("fastapi", "uvicorn"):
        if subprocess.run([SYSTEM, "-c", "import " + module], capture_output=True).returncode:
            raise Skip("no %s for %s" % (module, SYSTEM))
    port = processes.port_free()
    argv = [SYSTEM, str(processes.TARGETS / "fastapi_pong.py"), str(port)]
    return parts_server.measure_server(rounds, argv, port, seconds, parts_server.wrk_load)
