"""Names of functions that a program does not carry: from debug files beside it, given later, or from
a debuginfod server.

The target is the C loop without its symbols: its functions are named by their debug file alone.
"""

import os
import re
import resource
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

from case_builds import need
from compare import pair_up
from harness import Case, Env, Failure, Run, Target, parse_jsonl

NAMES = ("write_to_disk", "ask_peer", "lock_file", "lock_word")


def build(env: Env) -> Tuple[str, Path, str]:
    """The program without symbols, its debug file apart from it as packages have it, its build id."""
    need("objcopy")
    program = env.compile("cpoll")
    debug = env.folder / "debug"
    debug.mkdir()
    subprocess.run(["objcopy", "--only-keep-debug", "--compress-debug-sections", program,
                    str(debug / "cpoll.debug")], check=True)
    subprocess.run(["strip", program], check=True)
    notes = subprocess.run(["readelf", "-n", program], check=True, capture_output=True, text=True)
    found = re.search("Build ID: ([0-9a-f]+)", notes.stdout)
    if not found:
        raise Failure("the program has no build id: %s" % notes.stdout)
    return program, debug, found.group(1)


def tree(env: Env, debug: Path, build_id: str) -> Path:
    """Laid out like /usr/lib/debug, as packages of debug symbols are."""
    folder = env.folder / "tree"
    place = folder / ".build-id" / build_id[:2]
    place.mkdir(parents=True)
    (place / (build_id[2:] + ".debug")).write_bytes((debug / "cpoll.debug").read_bytes())
    return folder


def names_in(text: str) -> List[str]:
    return [n for n in NAMES if ";%s;" % n in text]


def record(env: Env, program: str) -> Tuple[Run, Target]:
    target = env.target(program, "--count", "3")
    run = env.measure(target)
    run.path("stall").chmod(0o644)
    found = names_in(run.path("folded").read_text())
    if found:
        raise Failure("the program is not stripped: %s" % found)
    return run, target


def report(env: Env, run: Run, target: Target, *options: str, **environ: str) -> str:
    """As somebody else, later; what was said on standard error."""
    def get(form: str) -> "subprocess.CompletedProcess[str]":
        old = dict(os.environ)
        os.environ.update(environ)
        try:
            return env.command("report", str(run.path("stall")), "-F", form, *options, nobody=True,
                               seconds=60)
        finally:
            os.environ.clear()
            os.environ.update(old)
    folded, records = get("folded"), get("jsonl")
    for done in (folded, records):
        if done.returncode != 0:
            raise Failure("status %d: %s" % (done.returncode, done.stderr))
    if names_in(folded.stdout) != list(NAMES):
        return folded.stderr or "only %s are named" % names_in(folded.stdout)
    pairs, problems, _ = pair_up(target.truths, [r for r in parse_jsonl(records.stdout)
                                                 if r["type"] == "stall"])
    if problems:
        raise Failure("%d stalls\n%s" % (len(pairs), "\n".join(problems)))
    return folded.stderr


def debug_dir(env: Env) -> str:
    """report --debug-dir: the tree of a package, and a folder of files."""
    program, debug, build_id = build(env)
    run, target = record(env, program)
    for folder in (tree(env, debug, build_id), debug):
        said = report(env, run, target, "--debug-dir", str(folder))
        if said:
            raise Failure("--debug-dir %s: %s" % (folder, said))
    said = report(env, run, target, "--debug-dir", str(env.folder / "tree" / ".build-id"))
    if "has no file for any" not in said:
        raise Failure("expected that there is no file, found: %s" % said)
    return "%d names" % len(NAMES)


@contextmanager
def installed(path: Path, content: bytes) -> Iterator[None]:
    """A file as a package would put it there, for as long as the case runs."""
    new = [p for p in path.parents if not p.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        yield
    finally:
        path.unlink()
        for folder in new:
            folder.rmdir()


def debug_live(env: Env) -> str:
    """A file in /usr/lib/debug names the functions while the program runs."""
    program, debug, build_id = build(env)
    place = Path("/usr/lib/debug/.build-id") / build_id[:2] / (build_id[2:] + ".debug")
    with installed(place, (debug / "cpoll.debug").read_bytes()):
        target = env.target(program, "--count", "3")
        run = env.measure(target)
        found = names_in(run.path("folded").read_text())
        if found != list(NAMES):
            raise Failure("expected %s, found %s" % (list(NAMES), found))
    return "%d names" % len(found)


# --- servers


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def server(env: Env, folder: Path, path: str) -> Iterator[str]:
    """debuginfod on loopback; its URL, once it has what is at the path."""
    need("debuginfod")
    url = "http://127.0.0.1:%d" % free_port()
    proc = subprocess.Popen(["debuginfod", "-F", str(folder), "-p", url.rsplit(":", 1)[1],
                             "-d", ":memory:", "-t", "0", "-g", "0"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env={k: v for k, v in os.environ.items() if k != "DEBUGINFOD_URLS"})
    try:
        until = time.monotonic() + 30
        while not has(url + path):
            if proc.poll() is not None or time.monotonic() > until:
                raise Failure("the server does not have %s" % path)
            time.sleep(0.1)
        yield url
    finally:
        proc.kill()
        proc.wait()


def has(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def silent_server() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        kept: List[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    kept.append(listener.accept()[0])
            except OSError:
                pass
        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield "http://127.0.0.1:%d" % listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in kept:
            connection.close()


def forget(cache: Path) -> None:
    """What was fetched, or was not to be had, is remembered there."""
    for kept in list(cache.iterdir()):
        if kept.is_dir():
            shutil.rmtree(kept)


def debuginfod(env: Env) -> str:
    """report --debuginfod: found, not there, silent, nobody listens, no server named."""
    program, debug, build_id = build(env)
    run, target = record(env, program)
    cache = env.folder / "cache"
    cache.mkdir()
    cache.chmod(0o777)
    own = {"DEBUGINFOD_CACHE_PATH": str(cache), "DEBUGINFOD_TIMEOUT": "1", "no_proxy": "127.0.0.1"}
    with server(env, debug, "/buildid/%s/debuginfo" % build_id) as url:
        said = report(env, run, target, "--debuginfod", DEBUGINFOD_URLS=url, **own)
        if said:
            raise Failure("--debuginfod: %s" % said)
    forget(cache)
    empty = env.folder / "empty"
    empty.mkdir()
    with server(env, empty, "/metrics") as url:
        said = report(env, run, target, "--debuginfod", DEBUGINFOD_URLS=url, **own)
        if "no server of DEBUGINFOD_URLS has a file" not in said:
            raise Failure("a server that has nothing: %s" % said)
    forget(cache)
    with silent_server() as url:
        began = time.monotonic()
        said = report(env, run, target, "--debuginfod", DEBUGINFOD_URLS=url, **own)
        if "names may be missing" not in said or time.monotonic() - began > 40:
            raise Failure("silent server, %.0f s: %s" % (time.monotonic() - began, said))
    said = report(env, run, target, "--debuginfod",
                  DEBUGINFOD_URLS="http://127.0.0.1:%d" % free_port(), **own)
    if "Connection refused" not in said:
        raise Failure("nobody listens: %s" % said)
    return "%d names" % len(NAMES)


# --- names that hurt


def doubling(first: str) -> str:
    """A C++ name of some 275 bytes, each argument of which holds the one before it twice."""
    name = "_Z%d%sI1PI1aS0_ES_IS0_S0_E" % (len(first), first)
    for c in "123456789ABCDEFGHIJKLMNOPQRST":
        name += "S_IS%s_S%s_E" % (c, c)
    return name + "Evv"


def hostile_name(env: Env) -> str:
    """Functions whose names stand for gigabytes cost neither time nor memory, only being read."""
    need("objcopy")
    program = env.compile("cpoll")
    hurting = {name: doubling(name) for name in NAMES}
    subprocess.run(["objcopy"] + ["--redefine-sym=%s=%s" % pair for pair in hurting.items()]
                   + [program], check=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    target = env.target(program, "--count", "1")
    run = env.measure(target)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    if problems:
        raise Failure("\n".join(problems))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if seconds > 15 or after.ru_maxrss > 1 << 20:
        raise Failure("took %.1f s and %d KiB" % (seconds, after.ru_maxrss))
    shown = [f["fn"] for s in run.stalls() for f in s["stacks"][0]["frames"]
             if any(name in f["fn"] for name in NAMES)]
    if len(shown) < len(NAMES) or max(map(len, shown)) > 1023:
        raise Failure("expected %d names of at most 1023 bytes, found %s" % (len(NAMES), shown))
    return "%d stalls, %d bytes at most" % (len(pairs), max(map(len, shown)))


CASES: List[Case] = [
    Case("debug-dir", debug_dir),
    Case("debug-live", debug_live),
    Case("debuginfod", debuginfod),
    Case("hostile-name", hostile_name),
]
