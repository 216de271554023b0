"""Native stacks of code that comes and goes: libraries opened, closed and replaced, exec, fork.

Nothing here has frame pointers.  Each wait of the target prints the functions that it stood in; the
stack of its stall must have exactly these, in this order, down to main.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, List, Sequence

from compare import overlap
from harness import TARGETS, Case, Env, Failure, Record, Run, Skip, Target, Watch

FLAGS = ("-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-fomit-frame-pointer",
         "-fno-ipa-sra")
MANY = 300
PAUSE = ["tick"] * 12  # 0.3 s: on a busy machine names are found later than code is replaced


def build(env: Env, source: str, name: str, *flags: str) -> str:
    """Compile a target without frame pointers; its path."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler")
    path = str(env.folder / name)
    done = subprocess.run([compiler, *FLAGS, "-o", path, str(TARGETS / source), *flags],
                          capture_output=True, text=True)
    if done.returncode != 0:
        if "-static" in flags:
            raise Skip("no static C library")
        raise Failure(done.stderr)
    return path


def plugin(env: Env, name: str, room: int = 40) -> str:
    return build(env, "unwind_plugin.c", "lib%s.so" % name, "-shared", "-fPIC",
                 "-DNAME=" + name, "-DROOM=%d" % room)


def program(env: Env, name: str = "unwind_life", *flags: str) -> str:
    return build(env, "unwind_life.c", name, *flags)


def native(stack: Record) -> List[str]:
    return [f["fn"] for f in stack["frames"] if f["kind"] == "native"]


def stands_in(chain: List[str], stack: Record) -> bool:
    """The chain as a whole, and nothing of the program's or a library's before it but libc."""
    names = native(stack)
    if chain[0] not in names:
        return False
    at = names.index(chain[0])
    return names[at:at + len(chain)] == chain and \
        all(n.lstrip("_").startswith("clock_nanosleep") for n in names[:at])


def check_chains(truths: List[Record], run: Run) -> str:
    """Each wait is one stall, and all stacks of any weight that it waited in stand in the chain;
    what an iteration opens before it may take its time, too."""
    stalls = [s for s in run.stalls() if s["state"] == "ended"]
    problems = []
    for truth in truths:
        found = [s for s in stalls if s["proc"]["tid"] == truth["tid"]
                 and overlap(truth, s) > truth["dur_ns"] * 0.8]
        if len(found) != 1:
            problems.append("expected one stall in %s, found %d" % (truth["chain"][0], len(found)))
            continue
        heavy = [found[0]["stacks"][p["stack"]] for p in found[0]["parts"] if "stack" in p
                 and p["class"] == truth["class"] and p["dur_ns"] > 0.3 * truth["dur_ns"]]
        if not heavy or not all(stands_in(truth["chain"], s) for s in heavy):
            problems.append("expected %s\nfound    %s"
                            % (truth["chain"], [native(s) for s in heavy or found[0]["stacks"]]))
    if problems:
        raise Failure("\n".join(problems))
    return "%d of %d stacks whole" % (len(truths), len(truths))


def measure(env: Env, command: Sequence[str], *options: str, **popen: Any) -> "tuple[Target, Run]":
    target = env.start([command[0], "--wait", *command[1:]], **popen)
    return target, env.measure(target, *options, settled=True)


def warm(env: Env, *steps: str) -> "tuple[Target, Watch]":
    """A target that takes the steps once stallprof knows the names of what is there from the start:
    on a busy machine that takes longer than a library lives here."""
    flag = env.folder / "warm"
    target = env.start([program(env), "--wait", "stall", "until:%s" % flag, *steps])
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    target.go()
    watch.wait_err("own_wait", 30)
    flag.touch()
    return target, watch


def wait_for(true: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise Failure("what was waited for has not come in %.0f s" % seconds)
        time.sleep(0.01)


def opened(env: Env) -> str:
    """dlopen while watched; the first call is right behind it."""
    target, run = measure(env, [program(env), "stall", "open:" + plugin(env, "alpha"), "call",
                                "tick", "call"])
    return check_chains(target.truths, run)


def beside_made(env: Env) -> str:
    """dlopen in a process that makes code at run time, where unknown code may have frame pointers:
    a library that has none, whose caller has, is no reason to leave out what lies between."""
    steps = []
    for name in ("alpha", "beta", "gamma"):
        steps += ["open:" + plugin(env, name), "call", "tick"]
    target, run = measure(env, [program(env, "handed_on", "-ffixed-rbp"), "make", "stall", *PAUSE,
                                *steps])
    return check_chains(target.truths, run)


def swapped(env: Env) -> str:
    """Another library comes to the address of one that went: with the same shape, so that the
    addresses are the same to the byte, and with another, which is walked by other rules."""
    alpha, gamma = plugin(env, "alpha"), plugin(env, "gamma")
    beta = plugin(env, "beta", 2008)
    steps = ["open:" + alpha, "call", *PAUSE]
    for path in (gamma, beta, alpha, beta, gamma, alpha):
        steps += ["swap:" + path, "call", *PAUSE, "call", *PAUSE]
    target, watch = warm(env, *steps)
    target.finish()
    run = watch.end()
    same = sum(r["same_address"] for r in target.records if r.get("swapped"))
    if not same:
        raise Skip("no library came to the address of another")
    return "%s, %d times at the same address" % (check_chains(target.truths, run), same)


def replaced_library(env: Env) -> str:
    """A library is closed, deleted, and another one written in its place: by its path it is the
    same file, and by its inode it may be."""
    place, flag = plugin(env, "alpha"), env.folder / "flag"
    beta = plugin(env, "beta", 2008)
    inode = os.stat(place).st_ino
    target, watch = warm(env, "open:" + place, "call", "close", "until:%s" % flag, "open:" + place,
                         "call", "tick", "call")
    maps = Path("/proc/%d/maps" % target.pid)
    wait_for(lambda: len(target.truths) == 2 and place not in maps.read_text())
    os.unlink(place)
    shutil.copy(beta, place)
    flag.touch()
    target.finish()
    return "%s, %s inode" % (check_chains(target.truths, watch.end()),
                             "the same" if os.stat(place).st_ino == inode else "another")


def executed(env: Env) -> str:
    """exec: from then on the stacks are those of the other program."""
    second = program(env, "second", "-DSECOND", "-static-pie")
    target = env.start([program(env), "--wait", "stall", *PAUSE, "exec:" + second, "tick",
                        "long", "stall"])
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached().settled()
    target.go()
    run = watch.end()
    target.reader.join(5)
    if len(target.truths) != 3:
        raise Failure("the target is broken: %s" % target.records)
    return check_chains(target.truths, run)


def same_place(env: Env) -> str:
    """exec of a program that is mapped where the one before was, with other functions there."""
    fixed = ("-static", "-no-pie")
    first = program(env, "first", *fixed)
    second = program(env, "second", "-Down_wait=other_wait", "-Down_middle=other_middle", *fixed)
    target = env.start([first, "--wait", "stall", *PAUSE, "exec:" + second, "tick",
                        "long"])
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached().settled()
    target.go()
    run = watch.end()
    target.reader.join(5)
    truths = target.truths
    truths[1]["chain"] = ["other_wait", "other_middle", *truths[1]["chain"][2:]]
    return check_chains(truths, run)


def forked(env: Env) -> str:
    """--follow: a child, with a library of its own."""
    target = env.start([program(env), "--wait", "stall", "fork", "long",
                        "open:" + plugin(env, "alpha"), "call"])
    watch = env.watch("-p", str(target.pid), "--follow", "--threshold", "50ms").attached().settled()
    target.go()
    run = watch.end()
    target.reader.join(5)
    children = [t for t in target.truths if t["tid"] != target.pid]
    if len(children) != 2 or len(target.truths) != 3:
        raise Failure("the target is broken: %s" % target.records)
    return check_chains(target.truths, run)


def deleted(env: Env) -> str:
    """The program and its library are deleted, and others put in their places, while it runs."""
    life, alpha = program(env), plugin(env, "alpha")
    target = env.start([life, "--wait", "stall", "open:" + alpha, "tick", "call", "stall", "tick",
                        "call"])
    os.unlink(life)
    shutil.copy("/bin/true", life)
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached().settled()
    target.go()
    target.wait_line("chain")
    target.finish()
    return check_chains(target.truths, watch.end())


def chrooted(env: Env) -> str:
    """A program whose path means another file outside of its root."""
    life = program(env, "true", "-static")
    root = env.folder / "root"
    (root / "bin").mkdir(parents=True)
    shutil.move(life, root / "bin" / "true")
    target = env.start(["chroot", str(root), "/bin/true", "--wait", "stall", "stall"])
    run = env.measure(target, settled=True)
    return check_chains(target.truths, run)


def mounted(env: Env) -> str:
    """In a mount namespace another library lies at the path than outside."""
    alpha, beta = plugin(env, "alpha"), plugin(env, "beta", 2008)
    command = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        raise Skip("no mount namespace can be made")
    target = env.start(["unshare", "-m", "sh", "-c", command, "sh", beta, alpha, program(env),
                        "--wait", "open:" + alpha, "call", "tick", "call"])
    run = env.measure(target, settled=True)
    if target.truths[0]["chain"][0] != "beta_wait":
        raise Failure("the target is broken: %s" % target.truths[0])
    return check_chains(target.truths, run)


def many(env: Env) -> str:
    """300 libraries, opened while watched; each is its own file, the last ones are called.  To read
    so many takes a busy machine longer than the first call."""
    template = Path(plugin(env, "number_000")).read_bytes()
    steps, flag = [], env.folder / "flag"
    for i in range(MANY):
        path = env.folder / ("lib%d.so" % i)
        path.write_bytes(template.replace(b"number_000_", b"number_%03d_" % i))
        steps += ["also:" + str(path)] if i < MANY - 3 else ["open:" + str(path), "call"]
    steps.insert(MANY - 2, "until:%s" % flag)
    target = env.start([program(env), "--wait", "stall", "tick", *steps, "stall"])
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached().settled()
    target.go()
    maps = Path("/proc/%d/maps" % target.pid)
    wait_for(lambda: "/lib%d.so" % (MANY - 3) in maps.read_text())
    watch.settled()
    flag.touch()
    target.finish()
    names = {t["chain"][0] for t in target.truths}
    if "number_299_wait" not in names or len(target.truths) != 5:
        raise Failure("the target is broken: %s" % names)
    return check_chains(target.truths, watch.end())


def started(env: Env) -> str:
    """`-- COMMAND`: a stall in the first moments of a process, in a library just opened."""
    alpha = plugin(env, "alpha")
    watch = env.watch("--threshold", "50ms", "--", program(env), "long", "open:" + alpha, "call",
                      "stall")
    run = watch.end()
    truths = [r for r in run.printed() if "class" in r]
    if len(truths) != 3:
        raise Failure("the target is broken: %s" % run.out[:500])
    return check_chains(truths, run)


def unprivileged(env: Env) -> str:
    """Room for tables is made after capabilities were dropped, for a program that needs much."""
    big = "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1"
    if not os.path.exists(big):
        raise Skip("no large library")
    target, run = measure(env, [program(env), "stall", "also:" + big, "stall",
                                "open:" + plugin(env, "alpha"), "call"])
    return check_chains(target.truths, run)


def off_cpu(env: Env) -> str:
    """--off-cpu, and what is reported of the recording, go the same way."""
    target = env.start([program(env), "--wait", "stall", "open:" + plugin(env, "alpha"), "call"])
    watch = env.watch("-p", str(target.pid), "--off-cpu", "-m", "50ms").attached().settled()
    target.go()
    target.finish()
    run = watch.end()
    report = env.command("report", str(run.path("stall")), "-F", "folded")
    for what, text in ("capture", run.path("folded").read_text()), ("report", report.stdout):
        for truth in target.truths:
            chain = ";".join(reversed(truth["chain"]))
            if not any(chain in line for line in text.splitlines()):
                raise Failure("%s: no line has %s:\n%s" % (what, chain, text[:2000]))
    return "%d stacks whole, live and reported" % len(target.truths)


CASES = [
    Case("unwind-open", opened),
    Case("unwind-beside-made", beside_made),
    Case("unwind-swap", swapped),
    Case("unwind-replaced-library", replaced_library),
    Case("unwind-exec", executed),
    Case("unwind-exec-same-place", same_place),
    Case("unwind-fork", forked),
    Case("unwind-deleted", deleted),
    Case("unwind-chroot", chrooted),
    Case("unwind-mounted", mounted),
    Case("unwind-many", many),
    Case("unwind-started", started),
    Case("unwind-big", unprivileged),
    Case("unwind-off-cpu", off_cpu),
]
