"""Code made at run time: named by the perf map of its process, and by nothing else.

The target says where its two functions lie; mostly the case writes the map, in all the ways that a
process could to hurt whoever reads it.
"""

import os
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List

from case_builds import need, need_unshare, python_3
from compare import pair_up
from harness import Case, Env, Failure, Record, Run, Target, end_by_itself

COUNT = 7
CHAIN = ["sleep_long", "jit_inner", "jit_outer"]
SECRET = "not_to_be_told"


def frames_of(stall: Record) -> List[Record]:
    return stall["stacks"][0]["frames"] if stall["stacks"] else []


def check_named(run: Run) -> None:
    """Each stack has both functions, in order, between the others."""
    for stall in run.stalls():
        frames = [f for f in frames_of(stall) if f["kind"] == "native"]
        names = [f["fn"] for f in frames]
        found = [n for n in names if n in CHAIN]
        if found != CHAIN:
            raise Failure("expected among the frames %s, found %s" % (CHAIN, names))
        for f in frames:
            if f["fn"].startswith("jit_") != bool(f.get("jit")):
                raise Failure("jit is not right of %s" % f)
    folded = run.path("folded").read_text()
    if ";jit_outer_[j];jit_inner_[j];sleep_long;" not in folded:
        raise Failure("folded without jit_outer_[j];jit_inner_[j]: %s" % folded)


def check_right(run: Run) -> None:
    """The functions have their own names or none, as fast as the machine could read them."""
    for stall in run.stalls():
        made = made_of(stall)
        if [f["fn"] for f in made] not in (CHAIN[1:], ["", ""]):
            raise Failure("expected %s or no names, found %s" % (CHAIN[1:], made))


def made_of(stall: Record) -> List[Record]:
    return [f for f in frames_of(stall) if f.get("module") in ("[anonymous]", "[jit]")]


def check_none_named(stalls: List[Record]) -> None:
    for stall in stalls:
        made = made_of(stall)
        if len(made) != 2 or any(f["fn"] or f.get("jit") for f in made):
            raise Failure("expected two frames without a name, found %s" % made)


def check_nameless(run: Run) -> None:
    """Nothing of the map is to be seen: neither its names nor what is behind it."""
    check_none_named(run.stalls())
    everything = run.out + run.err + "".join(
        run.path(s).read_bytes().decode(errors="replace") for s in ("jsonl", "folded", "stall"))
    for word in ("jit_inner", "jit_outer", SECRET, "root:"):
        if word in everything:
            raise Failure("%s is in the output" % word)


def count(run: Run, target: Target) -> str:
    """Every stall is there; how long and why is for other cases: maps cost the machine time."""
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    if problems:
        raise Failure("%d of %d stalls found\n%s" % (len(pairs), len(target.truths),
                                                     "\n".join(problems)))
    return "%d of %d stalls" % (len(pairs), len(target.truths))


def check(env: Env, target: Target, check_frames: Callable[[Run], None]) -> str:
    run = env.measure(target)
    detail = count(run, target)
    check_frames(run)
    return detail


def own(env: Env) -> str:
    """The map that the target itself wrote; of several lines the last counts."""
    target = env.target(env.compile("jitted"), "--count", str(COUNT), "--map")
    with removed(map_path(target)):
        return check(env, target, check_named)


def check_executed(run: Run) -> None:
    stalls = sorted(run.stalls(), key=lambda s: s["start_ns"])
    for stall in stalls[:COUNT]:
        if [f["fn"] for f in made_of(stall)] != CHAIN[1:]:
            raise Failure("expected %s, found %s" % (CHAIN[1:], made_of(stall)))
    check_none_named(stalls[COUNT:])


def executed(env: Env) -> str:
    """The map of the program that ran before, in the same process: its code is gone."""
    target = env.target(env.compile("jitted"), "--count", str(COUNT), "--map", "--exec")
    with removed(map_path(target)):
        return check(env, target, check_executed)


NAMESPACES = """
mount -t tmpfs none /tmp
exec "$@"
"""


def namespaces(env: Env) -> str:
    """In a pid namespace and a /tmp of its own it writes where nobody else sees it."""
    need_unshare("-p", "-f", "-m")
    program = shutil.copy(env.compile("jitted"), "/var/tmp/stallprof-jitted-%d" % os.getpid())
    with removed(Path(program)):
        target = env.start(["unshare", "-p", "-f", "-m", "--mount-proc", "sh", "-ec", NAMESPACES,
                            "sh", program, "--count", str(COUNT), "--map", "--wait"], behind=True)
        inner = subprocess.run(["pgrep", "-P", str(target.pid)], capture_output=True, text=True,
                               timeout=20).stdout.split()
        if len(inner) != 1 or Path("/tmp/perf-1.map").exists():
            raise Failure("the namespaces are not as they should be: %s" % inner)
        watch = env.watch("-p", inner[0], "--threshold", "50ms").attached()
        target.go()
        target.finish()
        run = watch.end()
        if len(run.stalls()) != COUNT:
            raise Failure("expected %d stalls, found %d: %s" % (COUNT, len(run.stalls()), run.err))
        check_named(run)
    return "%d stalls" % COUNT


# --- hostile maps


def map_path(target: Target) -> Path:
    return Path("/tmp/perf-%d.map" % target.pid)


@contextmanager
def removed(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        if path.is_dir():
            path.rmdir()
        elif path.exists() or path.is_symlink():
            path.unlink()


def good_lines(place: Record) -> bytes:
    return b"".join(b"%x %x jit_%s\n" % (place[w], place["size"], w.encode())
                    for w in ("outer", "inner"))


def make_fifo(path: Path, env: Env, lines: bytes) -> None:
    os.mkfifo(path)


def make_folder(path: Path, env: Env, lines: bytes) -> None:
    path.mkdir()


def secret_file(env: Env, lines: bytes) -> Path:
    secret = env.folder / "secret"
    secret.write_bytes(lines.replace(b"jit_", SECRET.encode()) + b"root:x:0\n")
    return secret


def make_link(path: Path, env: Env, lines: bytes) -> None:
    path.symlink_to(secret_file(env, lines))


def make_second_name(path: Path, env: Env, lines: bytes) -> None:
    os.link(secret_file(env, lines), path)


def make_device(path: Path, env: Env, lines: bytes) -> None:
    path.symlink_to("/dev/zero")


def make_of_other(path: Path, env: Env, lines: bytes) -> None:
    path.write_bytes(lines)
    os.chown(path, 7919, 7919)


def make_older(path: Path, env: Env, lines: bytes) -> None:
    path.write_bytes(lines)
    os.utime(path, (1, 1))


def make_huge_line(path: Path, env: Env, lines: bytes) -> None:
    path.write_bytes(b"x" * (40 << 20))


def make_huge(path: Path, env: Env, lines: bytes) -> None:
    path.write_bytes(lines)
    os.truncate(path, 10 << 30)


HOSTILE = [make_fifo, make_folder, make_link, make_second_name, make_device, make_of_other,
           make_older, make_huge_line, make_huge]


def hostile(make: Callable[[Path, Env, bytes], None]) -> Case:
    def run(env: Env) -> str:
        target = env.target(env.compile("jitted"), "--count", str(COUNT))
        path = map_path(target)
        with removed(path):
            make(path, env, good_lines(target.wait_line("outer")))
            return check(env, target, check_nameless)
    return Case("jit-" + make.__name__[5:].replace("_", "-"), run)


def growing(env: Env) -> str:
    """A map that is written without pause: the stalls are there, and no name is a wrong one."""
    target = env.target(env.compile("jitted"), "--count", str(COUNT), "--linger", "5")
    lines = good_lines(target.wait_line("outer"))
    noise = b"".join(b"%x 10 \x1b[31m%d;\xff\n" % (0x1000 + 16 * i, i) for i in range(30000))
    stop = threading.Event()

    def write() -> None:
        with open(map_path(target), "wb", buffering=0) as f:
            while not stop.is_set() and f.tell() < 2 << 30:
                f.write(noise + lines)
                time.sleep(0.005)

    with removed(map_path(target)):
        writer = threading.Thread(target=write)
        writer.start()
        try:
            detail = check(env, target, check_right)
        finally:
            stop.set()
            writer.join()
    return detail


# --- runtimes


NODE = """
let sink = 1;
function compute(ms) {
    const end = Date.now() + ms;
    while (Date.now() < end)
        for (let i = 0; i < 300000; i++) sink = (sink * 31 + i) | 0;
}
for (let i = 0; i < 31; i++) compute(3);
let n = 0;
function handle() {
    compute(130);
    // names are read while it lives, and the reader may be busy with its files at first
    if (++n === %d) setTimeout(() => process.exit(0), 5000);
    else setTimeout(handle, 61);
}
console.log(JSON.stringify({ ready: process.pid }));
setInterval(() => {}, 7);
process.stdin.once('data', () => setTimeout(handle, 61));
""" % (3 * COUNT)


def node(env: Env) -> str:
    """node --perf-basic-prof: what its compiler made has the function's name."""
    need("node")
    script = env.folder / "app.js"
    script.write_text(NODE)
    target = env.start(["node", "--perf-basic-prof", "--no-logfile-per-isolate",
                        "--logfile=%s" % (env.folder / "v8.log"), str(script)])
    with removed(map_path(target)):
        watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
        target.go()
        end_by_itself(target.proc, "the target")
        run = watch.end()
        stalls = [s for s in run.stalls() if s["dur_ns"] > 120_000_000]
        if len(stalls) < 2:  # the first ones may come before the thread is known as a loop
            raise Failure("expected %d stalls, found %d: %s" % (3 * COUNT, len(stalls), run.err))
        named = [s for s in stalls if any("compute" in f["fn"] for f in frames_of(s))]
        if len(named) < 2:
            raise Failure("expected compute among %s" % [[f["fn"] for f in frames_of(s)]
                                                         for s in stalls])
    return "%d stalls" % len(stalls)


JAVA = """
import java.nio.channels.Selector;
public class App {
    static int sink = 1;
    static int inner(int n) {
        int s = sink;
        for (int i = 0; i < n; i++) s = s * 31 + i;
        return s;
    }
    static void compute(long ms) {
        long end = System.nanoTime() + ms * 1000000;
        while (System.nanoTime() < end) sink += inner(200000);
    }
    static void poll(Selector s, long ms) throws Exception {
        long end = System.nanoTime() + ms * 1000000;
        while (System.nanoTime() < end) s.select(7);
    }
    public static void main(String[] a) throws Exception {
        for (int i = 0; i < 31; i++) compute(30);
        Selector s = Selector.open();
        System.out.println("{\\"ready\\": " + ProcessHandle.current().pid() + "}");
        while (System.in.available() == 0) poll(s, 30);
        for (int i = 0; i < %d; i++) { compute(130); poll(s, 61); }
        poll(s, 3000);
    }
}
""" % (3 * COUNT)


def java(env: Env) -> str:
    """A JVM that was asked for its map: methods by name, down through its interpreter."""
    for program in ("java", "javac", "jcmd"):
        need(program)
    source = env.folder / "App.java"
    source.write_text(JAVA)
    subprocess.run(["javac", "-d", str(env.folder), str(source)], check=True)
    target = env.start(["java", "-XX:+PreserveFramePointer", "-cp", str(env.folder), "App"])
    with removed(map_path(target)):
        subprocess.run(["jcmd", str(target.pid), "Compiler.perfmap"], check=True,
                       stdout=subprocess.DEVNULL, timeout=40)
        watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
        target.go()
        end_by_itself(target.proc, "the target")
        run = watch.end()
        stalls = [s for s in run.stalls() if s["dur_ns"] > 120_000_000]
        if len(stalls) < 2:  # as above
            raise Failure("expected %d stalls, found %d: %s" % (3 * COUNT, len(stalls), run.err))
        named = [s for s in stalls if any(f["fn"] == "int App.inner(int)" and f.get("jit")
                                          for f in frames_of(s))]
        if len(named) < 2:
            raise Failure("expected App.inner among %s" % [[f["fn"] for f in frames_of(s)]
                                                           for s in stalls])
    if ";JavaMain;" not in run.path("folded").read_text():
        raise Failure("no stack goes on through the interpreter")
    return "%d stalls" % len(stalls)


def python_perf(env: Env) -> str:
    """python -X perf: its trampolines do not stand between its own frames, nor hide them."""
    env.python = python_3(12)
    target = env.start([env.python, "-X", "perf", str(Path(__file__).parents[1] / "targets" /
                                                      "sleepy.py"), "--count", "5", "--wait"])
    with removed(map_path(target)):
        run = env.measure(target)
        detail = count(run, target)
        for stall in run.stalls():
            made = [f["fn"] for f in frames_of(stall) if f.get("jit")]
            if made:
                raise Failure("expected Python's own frames, found %s" % made)
    return detail


CASES: List[Case] = [
    Case("jit", own),
    Case("jit-exec", executed),
    Case("jit-namespaces", namespaces),
    *[hostile(make) for make in HOSTILE],
    Case("jit-growing", growing),
    Case("jit-node", node),
    Case("jit-java", java),
    Case("jit-python", python_perf),
]
