"""stallprof tasks: the tasks of a target of every Python that is installed, against its own truth.

Needs no BPF: only the right to read the target's memory.
"""

import glob
import os
import shutil
import subprocess
import time
from typing import Any, Callable, Dict, List, Tuple

from harness import Case, Env, Failure, Record, Skip, Target, parse_jsonl

LOOKS = 150
HOSTILE_LOOKS = 60
SLOW_S = 20  # one look, on a machine that does other things


def interpreters() -> List[Tuple[str, str]]:
    """Version and path of each CPython from 3.8 on: those of pyenv, and the system's."""
    found = [("system", "/usr/bin/python3")]
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True,
                              timeout=20).stdout.strip()
    except OSError:
        root = ""
    for path in sorted(glob.glob(root + "/versions/3.*/bin/python3")) if root else []:
        version = path.split("/")[-3]
        if int(version.split(".")[1]) >= 8:
            found.append((version, os.path.realpath(path)))
    return found


def look(env: Env, pid: int, *options: str) -> "subprocess.CompletedProcess[str]":
    """One run of the command."""
    done = env.command("tasks", "-p", str(pid), *options, seconds=SLOW_S)
    if "not permitted" in done.stderr and os.geteuid() != 0:
        raise Skip("needs root")
    return done


def lists_of(env: Env, pid: int) -> List[Record]:
    done = look(env, pid, "-F", "jsonl")
    if done.returncode != 0:
        raise Failure("expected status 0, found %d: %s" % (done.returncode, done.stderr.strip()))
    return [r for r in parse_jsonl(done.stdout) if r["type"] == "tasks"]


def frames_of(task: Record) -> List[Record]:
    return [a for a in task["awaits"] if a["kind"] == "frame"]


def short(fn: str) -> str:
    return fn.split(".")[-1]


class Expect:
    """Collects what is not as expected, so that one run tells all of it."""

    def __init__(self) -> None:
        self.wrong: List[str] = []
        self.count = 0

    def same(self, what: str, found: Any, expected: Any) -> None:
        self.count += 1
        if found != expected:
            self.wrong.append("%s: expected %r, found %r" % (what, expected, found))

    def done(self) -> None:
        if self.wrong:
            raise Failure("\n".join(self.wrong))


def compare_frames(e: Expect, truth: Record, task: Record, file: str) -> None:
    """The target's own frames, by function, line and file; then the library's, from the label."""
    frames = frames_of(task)
    n = len(truth["frames"])
    mine = [[short(f["fn"]), f["line"]] for f in frames[:n]]
    e.same(truth["name"] + " frames", mine, truth["frames"])
    e.same(truth["name"] + " files", {os.path.basename(f["file"]) for f in frames[:n]},
           {file} if n else set())
    if truth["frames"]:
        e.same(truth["name"] + " line", task["line"], truth["frames"][0][1])
    if "label" in truth:
        library = [f["fn"] for f in frames if f.get("library")]
        e.same(truth["name"] + " library", library[:1], [truth["label"]])


def compare_end(e: Expect, truth: Record, task: Record, record: Record) -> None:
    """What stands at the end of the chain."""
    tasks = record["tasks"]
    ends = [a for a in task["awaits"] if a["kind"] not in ("frame", "task")]
    children = [tasks[a["task"]] for a in task["awaits"] if a["kind"] == "task"]
    kind = {"Future": "future", "thread": "future"}.get(truth["end"], truth["end"])
    if kind == "task":
        e.same(truth["name"] + " end", [a["kind"] for a in ends], [])
    else:
        e.same(truth["name"] + " end", [a["kind"] for a in ends], [kind])
    if kind == "future" and ends:
        e.same(truth["name"] + " future", ends[0].get("fn"), truth["end"])
    if kind == "lock" and ends:
        e.same(truth["name"] + " lock", ends[0].get("fn"), truth["type"])
    e.same(truth["name"] + " children", sorted(c["coro"] for c in children),
           truth.get("children", []))
    for child in children:
        e.same(truth["name"] + " awaits it", task["id"] in child.get("awaited_by", []), True)


def compare_lock(e: Expect, truth: Record, task: Record, record: Record) -> None:
    """The group of those that wait for the same lock, and who holds it."""
    tasks = record["tasks"]
    locks = [lock for lock in record["locks"] if task["id"] in lock["waiters"]]
    e.same(truth["name"] + " locks", len(locks), 1)
    for lock in locks:
        e.same(truth["name"] + " type", lock["type"], truth["type"])
        if "owner" in truth:
            owner = tasks[lock["owner"]]["name"] if "owner" in lock else None
            e.same(truth["name"] + " owner", owner, truth["owner"])
            e.same(truth["name"] + " waiters", len(lock["waiters"]), truth["waiters"])


def compare(e: Expect, plan: Record, record: Record, file: str) -> None:
    """One loop."""
    tasks: Dict[str, Record] = {}
    for task in record["tasks"]:
        e.same(task["name"] + " is told once", task["name"] in tasks, False)
        tasks[task["name"]] = task
    e.same("tid", record["loop"].get("tid"), plan["tid"])
    e.same("lost", (record["vanished"], record["skipped"]), (0, 0))
    for truth in plan["tasks"]:
        found = tasks.get(truth["name"])
        e.same(truth["name"] + " is there", found is not None, True)
        if found is None:
            continue
        e.same(truth["name"] + " state", found["state"], truth["state"])
        e.same(truth["name"] + " coro", short(found["coro"]), short(truth["coro"]))
        compare_frames(e, truth, found, file)
        compare_end(e, truth, found, record)
        if truth["end"] == "lock":
            compare_lock(e, truth, found, record)
    known = {truth["name"] for truth in plan["tasks"]}
    others = {short(t["coro"]) for name, t in tasks.items() if name not in known}
    e.same("others", others - {"amain", "sleeper_a", "sleeper_b"}, set())


def compare_text(e: Expect, env: Env, pid: int) -> None:
    """For people: inside the width, a cycle marked, tasks that stand alike together."""
    text, tree = look(env, pid).stdout, look(env, pid, "--tree").stdout
    wide = [line for line in (text + tree).splitlines() if len(line) > 100]
    e.same("lines wider than 100", wide, [])
    e.same("the loop's line", "pid %d " % pid in text, True)
    e.same("three wait together", " 3  wants (" in text, True)
    e.same("the cycle is marked", "a cycle" in tree, True)


def kinds(env: Env, loops: int = 1, *options: str) -> str:
    target = env.target("tasks.py", "--loops", str(loops), *options, wait=False)
    plan = target.wait_line("tasks")
    records = lists_of(env, target.pid)
    e = Expect()
    e.same("loops", sorted(r["loop"].get("tid", 0) for r in records),
           sorted(p["tid"] for p in plan["tasks"]))
    e.same("kinds", {r["loop"]["kind"] for r in records},
           {"uvloop" if "--uvloop" in options else "asyncio"})
    for one in plan["tasks"]:
        for record in records:
            if record["loop"].get("tid") == one["tid"]:
                compare(e, one, record, plan["file"])
    compare_text(e, env, target.pid)
    e.done()
    return "%d tasks in %d loops, %d comparisons" % (
        sum(len(r["tasks"]) for r in records), len(records), e.count)


def all_kinds(env: Env) -> str:
    return kinds(env)


def three_loops(env: Env) -> str:
    return kinds(env, 3)


def with_uvloop(env: Env) -> str:
    if subprocess.run([env.python, "-c", "import uvloop"], capture_output=True).returncode != 0:
        raise Skip("no uvloop for %s" % env.python)
    return kinds(env, 1, "--uvloop")


COROS = {"even": ["churned", "sleep"], "odd": ["churned_outer", "churned", "sleep"]}


def churned(e: Expect, task: Record) -> None:
    """Name, coroutine and frames of one task belong together, whenever they were read."""
    chain = COROS.get(task["name"].split("-")[0])
    if not chain:  # not named yet, or one of the others
        e.same(task["name"], task["coro"] in ("churn", "until_stdin_ends", "churned",
                                              "churned_outer"), True)
        return
    e.same(task["name"] + " coro", task["coro"], chain[0])
    fns = [short(f["fn"]) for f in frames_of(task)]
    e.same(task["name"] + " frames", fns, (chain + ["__sleep0"])[:max(len(fns), 1)])


def churn(env: Env) -> str:
    target = env.target("tasks.py", "--churn", wait=False)
    target.wait_line("churning")
    e = Expect()
    tasks = vanished = 0
    for _ in range(LOOKS):
        records = lists_of(env, target.pid)
        e.same("loops", len(records), 1)
        for record in records:
            vanished += record["vanished"]
            tasks += len(record["tasks"])
            for task in record["tasks"]:
                churned(e, task)
        e.done()
    if tasks < LOOKS:
        raise Failure("%d looks showed only %d tasks" % (LOOKS, tasks))
    return "%d looks: %d tasks, %d vanished" % (LOOKS, tasks, vanished)


def damage(target: Target) -> None:
    """One round, and its acknowledgement."""
    before = len(target.records)
    assert target.proc.stdin
    target.proc.stdin.write(b"go\n")
    target.proc.stdin.flush()
    until = time.monotonic() + SLOW_S
    while len(target.records) == before:
        if time.monotonic() > until:
            raise Failure("the target did not answer")
        time.sleep(0.002)


def hostile(env: Env) -> str:
    """Whatever stands in the target's memory: an answer, in time."""
    target = env.target("tasks.py", "--hostile", wait=False)
    target.wait_line("hostile")
    shown = vanished = 0
    for _ in range(HOSTILE_LOOKS):
        damage(target)
        done = look(env, target.pid, "-F", "jsonl")
        talk = done.stderr.splitlines()
        refused = done.returncode == 1 and len(talk) == 1 and talk[0].startswith("stallprof: ")
        if done.returncode != 0 and not refused:
            raise Failure("status %d: %s" % (done.returncode, done.stderr[-2000:]))
        for record in parse_jsonl(done.stdout):
            shown += len(record.get("tasks", []))
            vanished += record.get("vanished", 0)
    return "%d looks: %d tasks shown, %d refused" % (HOSTILE_LOOKS, shown, vanished)


def refusals(env: Env) -> str:
    """What is no Python with tasks: one line, the cure, the right status."""
    e = Expect()

    def refused(status: int, done: "subprocess.CompletedProcess[str]", *words: str) -> None:
        what = " ".join(done.args[1:])
        e.same(what, (done.returncode, done.stdout), (status, ""))
        e.same(what + " lines", len(done.stderr.strip().splitlines()), 1)
        e.same(what + " words", [w for w in words if w not in done.stderr], [])

    sleeper = subprocess.Popen(["sleep", "60"])
    plain = subprocess.Popen([env.python, "-c", "import time; print(1, flush=True); time.sleep(60)"],
                             stdout=subprocess.PIPE)
    others: List["subprocess.Popen[bytes]"] = []
    gone = subprocess.Popen(["true"])
    gone.wait()
    try:
        assert plain.stdout
        plain.stdout.readline()
        refused(1, env.command("tasks", "-p", str(gone.pid)), "no such process")
        refused(1, look(env, sleeper.pid), "no Python", "sleep")
        refused(1, env.command("tasks", "-p", str(plain.pid), nobody=True), "not permitted", "root")
        refused(2, env.command("tasks"), "-p PID")
        refused(2, env.command("tasks", "-p", str(plain.pid), "-F", "svg"), "text or jsonl")
        if shutil.which("node"):
            node = subprocess.Popen(["node", "-e", "console.log(1); setTimeout(() => {}, 60000)"],
                                    stdout=subprocess.PIPE)
            others.append(node)
            assert node.stdout
            node.stdout.readline()
            refused(1, look(env, node.pid), "asyncio", "stallprof -p %d" % node.pid)
        done = look(env, plain.pid)
        e.same("no loop", (done.returncode, "No event loop" in done.stdout), (0, True))
    finally:
        for proc in (sleeper, plain, *others):
            proc.kill()
            proc.wait()
    e.done()
    return "%d comparisons" % e.count


def on(python: str, run: Callable[[Env], str]) -> Callable[[Env], str]:
    def with_python(env: Env) -> str:
        if not os.access(python, os.X_OK):
            raise Skip("no " + python)
        env.python = python
        return run(env)

    return with_python


CASES: List[Case] = [Case("tasks-refusals", refusals, measures=False)]
for label, path in interpreters():
    CASES += [Case("tasks-%s-%s" % (name, label), on(path, run), measures=False)
              for name, run in (("kinds", all_kinds), ("loops", three_loops), ("churn", churn),
                                ("hostile", hostile), ("uvloop", with_uvloop))]
