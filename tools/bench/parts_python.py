"""Part 7: what Python costs: a frame under every interpreter, the GIL under contention, a framework.

Loads are deepwait.py, convoy.py and fastapi_pong.py.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import parts_server
import processes
from parts_switch import CPU, Rounds, measure_orders
from processes import Load, Skip
from samples import Measure

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


def frames(rounds: Rounds, ms: int) -> Dict[str, Measure]:
    """A wait below so many Python frames, whose stack is taken; the name is `VERSION DEPTH`."""
    loads = {v: processes.deepwait(CPU, python) for v, python in interpreters().items()}
    try:
        orders: Dict[str, Tuple[Load, List[Any]]] = {
            "%s %d" % (v, depth): (load, ["sleep", ms, depth])
            for v, load in loads.items() for depth in DEPTHS}
        every = list(loads.values())
        return measure_orders(rounds, every, [load.pid for load in every], orders)
    finally:
        for load in loads.values():
            load.close()


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
