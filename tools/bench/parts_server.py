"""Part 2: servers at full load: throughput, p99, and CPU time of the server for a request.

Server and load have a CPU each.  On a machine that others use too the CPU time for a request is the
steadiest of the three; at full load its inverse is the throughput.
"""

import csv
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import processes
from parts_switch import Rounds
from processes import Skip
from samples import Measure

SERVER_CPU, LOAD_CPU = 0, 1
WARM_S = 1.0
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
Answer = Tuple[float, float, int]  # requests a second, p99 in ms, requests


def need(program: str) -> None:
    if not shutil.which(program):
        raise Skip("%s is not installed" % program)


def load_run(argv: Sequence[str]) -> str:
    proc = processes.pinned(argv, LOAD_CPU, subprocess.PIPE)
    try:
        return proc.communicate(timeout=60)[0]
    finally:
        processes.end(proc)


def redis_load(port: int, seconds: float, rate: float) -> Answer:
    """redis-benchmark counts requests, not time: so many as `seconds` took at the last rate."""
    n = int(max(2000, seconds * rate))
    out = load_run(["redis-benchmark", "-p", str(port), "-t", "get", "-n", str(n), "-c", "50",
                    "--csv"])
    rows = [row for row in csv.reader(out.splitlines()) if row and row[0].startswith("GET")]
    if not rows:
        raise Skip("redis-benchmark said: " + out[:120])
    return float(rows[0][1]), float(rows[0][6]), n


def wrk_load(port: int, seconds: float, _rate: float) -> Answer:
    out = load_run(["wrk", "-t1", "-c16", "-d%ds" % max(1, round(seconds)), "--latency",
                    "http://127.0.0.1:%d/" % port])
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    total = re.search(r"(\d+) requests in", out)
    if not rate or not p99 or not total:
        raise Skip("wrk said: " + out[:120])
    return float(rate[1]), float(p99[1]) * UNITS[p99[2]], int(total[1])


def cpu_ns(pid: int) -> int:
    """Of the main thread, which is the loop in both servers."""
    return int(Path("/proc/%d/task/%d/schedstat" % (pid, pid)).read_text().split()[0])


def measure_server(rounds: Rounds, argv: List[str], port: int, seconds: float,
                   run: Callable[[int, float, float], Answer]) -> Dict[str, Measure]:
    measures = {"rate": Measure(), "p99": Measure(), "cpu": Measure()}
    server = processes.pinned(argv, SERVER_CPU)

    def visit(tool: str, at: int, clean: Callable[[], bool]) -> None:
        before = clean()
        run(port, WARM_S, warm)  # what a tool does once, at the first requests, is done by then
        start = cpu_ns(server.pid)
        rate, p99, n = run(port, seconds, warm)
        used = (cpu_ns(server.pid) - start) / n
        both = before and clean()
        for name, value in (("rate", rate), ("p99", p99), ("cpu", used)):
            measures[name].add(tool, at, value, both)

    try:
        processes.port_wait(port)
        warm = run(port, 0.3, 20000)[0]
        rounds.run([server.pid], visit)
    finally:
        processes.end(server)
    return measures


def redis(rounds: Rounds, seconds: float) -> Dict[str, Measure]:
    need("redis-server")
    need("redis-benchmark")
    port = processes.port_free()
    argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no"]
    return measure_server(rounds, argv, port, seconds, redis_load)


NGINX = """
daemon off; master_process off; pid %(folder)s/pid; error_log %(folder)s/error; user root;
events { worker_connections 128; }
http {
    access_log off; root %(folder)s;
    client_body_temp_path %(folder)s/1; proxy_temp_path %(folder)s/2;
    fastcgi_temp_path %(folder)s/3; uwsgi_temp_path %(folder)s/4; scgi_temp_path %(folder)s/5;
    server { listen 127.0.0.1:%(port)d; }
}
"""


def nginx(rounds: Rounds, seconds: float) -> Dict[str, Measure]:
    need("nginx")
    need("wrk")
    port = processes.port_free()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "index.html").write_text("pong\n")
        conf = Path(folder, "conf")
        conf.write_text(NGINX % {"folder": folder, "port": port})
        return measure_server(rounds, ["nginx", "-c", str(conf), "-p", folder], port, seconds,
                              wrk_load)


def asyncio(rounds: Rounds, seconds: float) -> Dict[str, Measure]:
    need("wrk")
    port = processes.port_free()
    argv = [sys.executable, str(processes.TARGETS / "pong.py"), str(port)]
    return measure_server(rounds, argv, port, seconds, wrk_load)
