"""Native stacks against another unwinder, and how many of them reach their root.

stack-...: every thread of a sleeping program at one stop, seen by stallprof and by eu-stack, address
by address.  eu-stack stops the threads, which makes them leave their system calls: that is when
stallprof takes their stacks.
samples-...: programs under load, sampled; the walk of at least 999 of 1000 samples must end at the
outermost frame.  STALLPROF_SECONDS makes the load last longer than the test needs.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Callable, Dict, List, Sequence, Tuple

import servers
from case_native import built, built_cxx, built_rust, compiler
from harness import TARGETS, TOP, Case, Env, Failure, Record, Run, Target
from recording import STOPS, samples_by_stop

BODIES = TOP / os.environ.get("B", "build") / "tests" / "support" / "bodies"
SECONDS = float(os.environ.get("STALLPROF_SECONDS", "4"))
SAMPLES_MIN = 199
AT_ROOT = 0.999
TRACE_FRAMES = 120  # fewer than stallprof shows

Threads = Dict[int, List[int]]  # by tid: addresses, innermost first


# --- one stop, two views


def eu_stack(pid: int) -> Threads:
    servers.need("eu-stack")
    done = subprocess.run(["eu-stack", "-p", str(pid), "-n", "400"], capture_output=True, text=True,
                          timeout=120)
    threads: Threads = {}
    for line in done.stdout.splitlines():
        if line.startswith("TID "):
            threads[int(line[4:].rstrip(":"))] = stack = []
        frame = re.match(r"#\d+\s+0x([0-9a-f]+)", line)
        if frame:
            stack.append(int(frame[1], 16))
    if not threads:
        raise Failure("eu-stack said nothing: " + done.stderr)
    return threads


def same_place(index: int, ours: int, theirs: int) -> bool:
    """Innermost: the system call's instruction, or the one behind it."""
    return abs(ours - theirs) <= 2 if index == 0 else ours == theirs


def common_frames(ours: List[int], theirs: List[int]) -> int:
    count = 0
    while (count < min(len(ours), len(theirs))
           and same_place(count, ours[count], theirs[count])):
        count += 1
    return count


def bodies_of(path: Path) -> List[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def watch_all(env: Env, pid: int) -> Tuple[Threads, List[Record]]:
    """What eu-stack says, and every stack that stallprof took meanwhile."""
    if not os.access(BODIES, os.X_OK):
        raise Failure("no %s: make support-programs first" % BODIES)
    path = env.folder / "bodies"
    os.environ["STALLPROF_BODIES"] = str(path)
    try:
        watch = env.watch("--off-cpu", "-p", str(pid), "-d", "7", program=str(BODIES))
    finally:
        del os.environ["STALLPROF_BODIES"]
    watch.attached().settled()
    threads = eu_stack(pid)
    run = watch.end()
    if run.status != 0:
        raise Failure("stallprof ended with status %d: %s" % (run.status, run.err))
    return threads, bodies_of(path)


def compare_thread(tid: int, want: List[int], bodies: List[Record], ends: Sequence[str]) -> str:
    """Empty when a stack of the thread is the same, else the difference to the nearest one."""
    mine = [b for b in bodies if b["tid"] == tid] or bodies
    if not mine:
        return "thread %d: no stack" % tid
    best = max(mine, key=lambda b: common_frames(b["user"], want))
    count = common_frames(best["user"], want)
    if count == len(want) == len(best["user"]) and STOPS[best["stop"]] in ends:
        return ""
    return "thread %d: eu-stack %d frames, stallprof %d (%s), %d the same, then %s / %s" % (
        tid, len(want), len(best["user"]), STOPS[best["stop"]], count,
        [hex(a) for a in want[count:count + 2]], [hex(a) for a in best["user"][count:count + 2]])


def compare_process(env: Env, pid: int, threads_min: int, ends: Sequence[str]) -> str:
    want, bodies = watch_all(env, pid)
    if len(want) < threads_min:
        raise Failure("expected %d threads, found %d" % (threads_min, len(want)))
    problems = [compare_thread(tid, stack, bodies, ends) for tid, stack in want.items()]
    wrong = [p for p in problems if p]
    if wrong:
        raise Failure("%d of %d threads differ\n%s" % (len(wrong), len(want), "\n".join(wrong)))
    return "%d threads, %d frames" % (len(want), sum(map(len, want.values())))


def stack_case(name: str, start: Callable[[Env], int], threads_min: int, *ends: str) -> Case:
    def run(env: Env) -> str:
        return compare_process(env, start(env), threads_min, ("root", *ends))
    return Case("stack-" + name, run, alone=False)


def together(build: Callable[[Env], List[str]]) -> Callable[[Env], int]:
    return lambda env: env.start([*build(env), "--together"]).pid


def node(env: Env) -> int:
    servers.need("node")
    return env.start(["node", str(TARGETS / "sleeper.js")]).pid


def c_program(env: Env) -> List[str]:
    return built(env, compiler("gcc", "cc"), "-O2")


def cxx_program(env: Env) -> List[str]:
    return built_cxx(env, compiler("g++"), "-O2", "-std=c++20")


# --- samples


def say_samples(run: Run) -> str:
    found = samples_by_stop(run.path("stall"))
    total, root = sum(found.values()), found.get("root", 0)
    said = "%d samples, %.3f %% at the root" % (total, 100.0 * root / max(1, total))
    rest = ["%s %d" % (stop, n) for stop, n in sorted(found.items()) if stop != "root"]
    said = ", ".join([said, *rest])
    if total < SAMPLES_MIN:
        raise Failure("expected at least %d samples, found %s" % (SAMPLES_MIN, said))
    if root < AT_ROOT * total:
        raise Failure("expected %.1f %% at the root, found %s" % (100 * AT_ROOT, said))
    return said


def sample(env: Env, pid: int, begin: Callable[[], None], threshold: str = "20ms") -> str:
    """From when stallprof knows the code."""
    watch = env.watch("-p", str(pid), "--threshold", threshold, "-d", "%g" % (SECONDS + 6))
    watch.attached().settled()
    begin()
    run = watch.end(SECONDS + 60)
    if run.status != 0:
        raise Failure("stallprof ended with status %d: %s" % (run.status, run.err))
    return say_samples(run)


def sample_target(env: Env, target: Target) -> str:
    return sample(env, target.pid, target.go)


def busy_shapes(build: Callable[[Env], List[str]]) -> Callable[[Env], str]:
    """All but libc's coroutine, whose stack has no root."""
    def run(env: Env) -> str:
        program = build(env)[0]  # without the libraries that come and go
        return sample_target(env, env.start([program, "--busy", "--skip", "context", "--wait",
                                             "--count", str(int(SECONDS) * 2 + 9)]))
    return run


def busy_python(env: Env) -> str:
    return sample_target(env, env.start([env.python, str(TARGETS / "busy.py"),
                                         "%g" % (SECONDS + 9)]))


def busy_node(env: Env) -> str:
    servers.need("node")
    return sample_target(env, env.start(["node", str(TARGETS / "busy.js"), "%g" % (SECONDS + 9)]))


def busy_server(start: Callable[[Env, int], int], ask: "Callable[..., None]", threads: int,
                threshold: str) -> Callable[[Env], str]:
    def run(env: Env) -> str:
        port = servers.port_free()
        pid = start(env, port)
        loads: List[servers.Loads] = []
        try:
            return sample(env, pid, lambda: loads.append(servers.Loads(port, ask, threads)),
                          threshold)
        finally:
            for load in loads:
                load.end()
    return run


def on_port(start: Callable[[Env, int], int]) -> Callable[[Env], int]:
    return lambda env: start(env, servers.port_free())


CASES: List[Case] = [
    stack_case("c", together(c_program), 17, "mapping"),  # libc's coroutine has no root
    stack_case("c-static", together(lambda env: built(env, compiler("gcc"), "-O2", "-static",
                                                      static=True)), 17),
    stack_case("c++", together(cxx_program), 7),
    stack_case("rust", together(lambda env: built_rust(env, "-C", "opt-level=3")), 7),
    stack_case("python", lambda env: env.target("sleepers.py", wait=False).pid, 8),
    stack_case("nginx", on_port(servers.nginx), 1),
    stack_case("redis", on_port(servers.redis), 5),
    stack_case("node", node, 7),
    Case("samples-c", busy_shapes(c_program)),
    Case("samples-c++", busy_shapes(cxx_program)),
    Case("samples-python", busy_python),
    Case("samples-nginx", busy_server(servers.nginx, servers.nginx_ask, 6, "2ms")),
    Case("samples-redis", busy_server(servers.redis, servers.redis_turn, 3, "5ms")),
    Case("samples-node", busy_node),
]
