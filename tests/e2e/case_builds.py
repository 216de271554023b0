"""Python as it is found in the wild: other roots and namespaces, embedded, forked, replaced.

Each case starts the interpreter in its own way; what must come out is the same as of the plainest
target.  STALLPROF_PYTHON_ROOTS names root folders with further interpreters, parted by colons.
"""

import glob
import os
import shutil
import subprocess
from pathlib import Path
from typing import List, Sequence, Tuple

from case_python import compare
from compare import check_invariants, check_truths, ms
from harness import TARGETS, TOP, Case, Env, Failure, Skip, Target, noise_of

SLEEPY = [str(TARGETS / "sleepy.py"), "--count", "7", "--wait"]


def check(env: Env, target: Target, *options: str, who: Sequence[str] = ()) -> str:
    run = env.measure(target, *options, who=who)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    return detail


def need(program: str) -> None:
    if not shutil.which(program):
        raise Skip("no " + program)


def need_unshare(*options: str) -> None:
    need("unshare")
    tried = subprocess.run(["unshare", *options, "true"], capture_output=True, text=True,
                           timeout=20)
    if tried.returncode != 0:
        raise Skip("namespaces: " + tried.stderr.strip())


def python_3(minor: int) -> str:
    """Any interpreter of that minor version or a later one, outside root folders."""
    found = []
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    paths = glob.glob(root + "/versions/3.*/bin/python3")
    paths += [p for p in os.environ.get("E2E_PYTHONS", "").split(":") if p]
    for path in paths + ["/usr/bin/python3"]:
        try:
            out = subprocess.run([path, "-c", "import sys; print(sys.version_info[1])"],
                                 capture_output=True, text=True, timeout=20)
        except OSError:
            continue
        if out.returncode == 0 and int(out.stdout) >= minor:
            found.append((int(out.stdout), os.path.realpath(path)))
    if not found:
        raise Skip("no Python 3.%d" % minor)
    return min(found)[1]


# --- roots and namespaces

HIDDEN = """
mount -t tmpfs none "$1"
cd "$1"
mkdir -p proc tmp dev top hidden
for name in usr etc lib lib64 bin; do
    if [ -L "/$name" ]; then cp -P "/$name" "$name"; else mkdir "$name"; mount --rbind "/$name" "$name"; fi
done
mount --rbind /proc proc
mount --rbind /dev dev
mount --bind "$2" top
cp "$3" hidden/python3
shift 3
exec chroot . "$@"
"""


def chroot(env: Env) -> str:
    """The interpreter's file exists only in the target's own root, in its own mount namespace."""
    need_unshare("-m")
    need("chroot")
    if not env.python.startswith("/usr/bin/"):
        raise Skip("%s is not in /usr" % env.python)
    root = env.folder / "root"
    root.mkdir()
    targets = "/top/tests/targets/"
    target = env.start(["unshare", "-m", "--propagation", "private", "sh", "-ec", HIDDEN, "sh",
                        str(root), str(TOP), env.python, "/hidden/python3",
                        targets + "sleepy.py", *SLEEPY[1:]], PYTHONHOME="/usr")
    if (root / "hidden").exists():
        raise Failure("the file is to be seen from outside")
    return check(env, target)


IN_ROOT = """
mount --bind "$1" "$2/mnt"
mkdir -p "$2/mnt/targets"
mount --bind "$3" "$2/mnt/targets"
root=$2
shift 3
exec chroot "$root" "$@"
"""


def start_in(env: Env, folder: str, *command: str,
             script: Sequence[str] = ("sleepy.py", *SLEEPY[1:])) -> Target:
    """A target inside a root folder: under an interpreter, or the C program."""
    os.makedirs(folder + "/mnt", exist_ok=True)
    return env.start(["unshare", "-m", "--propagation", "private", "sh", "-ec", IN_ROOT, "sh",
                      str(env.folder), folder, str(TARGETS), *command,
                      "/mnt/targets/" + script[0], *script[1:]])


def folders_given() -> List[str]:
    folders = [f for f in os.environ.get("STALLPROF_PYTHON_ROOTS", "").split(":") if f]
    if not folders:
        raise Skip("STALLPROF_PYTHON_ROOTS names no folder")
    need_unshare("-m")
    return folders


def libraries_given() -> List[Tuple[str, str]]:
    return [(folder, path) for folder in folders_given()
            for path in sorted(glob.glob(folder + "/usr/lib/*/libpython3.*.so.1.0"))]


def pythons_given() -> List[Tuple[str, str]]:
    return [(folder, path[len(folder):]) for folder in folders_given()
            for path in sorted(glob.glob(folder + "/usr/bin/python3.[0-9]*"))]


def roots(env: Env) -> str:
    """Every interpreter of the root folders given."""
    return ", ".join("%s %s" % (os.path.basename(python), check(env, start_in(env, folder, python)))
                     for folder, python in pythons_given())


def roots_frames(env: Env) -> str:
    """Their stacks, frame by frame."""
    said = []
    for folder, python in pythons_given():
        target = start_in(env, folder, python, script=("frames.py", "--wait"))
        said.append("%s %s" % (os.path.basename(python), compare(env, target)))
    return ", ".join(said)


def roots_embedded(env: Env) -> str:
    """Every shared libpython of the root folders given, linked with the C program."""
    said = []
    for folder, library in libraries_given():
        program = Path(embed(env, library))
        target = start_in(env, folder, "/mnt/" + program.name, "0", "-")
        said.append("%s %s" % (os.path.basename(library), check(env, target)))
    return ", ".join(said)


def roots_opened(env: Env) -> str:
    """The same, opened by the running program: from 3.15 on its threads cannot be told then."""
    said = []
    for folder, library in libraries_given():
        name = os.path.basename(library)
        target = start_in(env, folder, "/mnt/" + Path(embed(env)).name, "0",
                          library[len(folder):])
        if name < "libpython3.15":
            said.append("%s %s" % (name, check(env, target)))
            continue
        run = env.measure(target)
        if "libpython was loaded late" not in run.out or len(run.stalls()) != len(target.truths):
            raise Failure("%s: expected %d stalls and the reason, found %d:\n%s" % (
                name, len(target.truths), len(run.stalls()), run.out))
        said.append(name + " refused")
    return ", ".join(said)


def pid_namespace(env: Env) -> str:
    """The target is process 1 of a namespace of its own."""
    options = ["--pid", "--fork", "--kill-child", "--mount-proc"]
    need_unshare(*options)
    target = env.start(["unshare", *options, env.python, *SLEEPY], behind=True)
    if target.records[0]["ready"] != 1:
        raise Failure("expected to be process 1, found %r" % target.records[0])
    children = Path("/proc/%d/task/%d/children" % (target.pid, target.pid)).read_text().split()
    run = env.measure(target, who=("-p", children[0]))
    for record in target.records:
        for part in (record, record.get("noise", {})):
            if part.get("tid") == 1:
                part["tid"] = int(children[0])
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    return detail


# --- embedded


def library_of(python: str) -> Tuple[str, str]:
    """The shared library of an interpreter, its version; Skip where it has none."""
    out = subprocess.run([python, "-c", "import sysconfig as s; print(s.get_config_var('LIBDIR'), "
                          "s.get_config_var('INSTSONAME'), s.get_config_var('VERSION'), "
                          "s.get_config_var('MULTIARCH') or '')"],
                         capture_output=True, text=True, check=True, timeout=20).stdout.split()
    for folder in (out[0], "/usr/lib/" + (out[3] if len(out) > 3 else "")):
        path = os.path.join(folder, out[1])
        if ".so" in out[1] and os.path.exists(path):
            return path, out[2]
    raise Skip("%s has no shared library" % python)


def embed(env: Env, linked: str = "") -> str:
    """Build the C program; linked: with that library from the start."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Skip("no C compiler")
    program = str(env.folder / ("linked" if linked else "opening"))
    link = ["-Wl,--no-as-needed", linked, "-Wl,--as-needed", "-Wl,--allow-shlib-undefined",
            "-Wl,-rpath," + os.path.dirname(linked)] if linked else []
    subprocess.run([compiler, "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
                    "-o", program, str(TARGETS / "embed.c"), *link, "-ldl"], check=True)
    return program


def home_of(python: str) -> str:
    return subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True,
                          text=True, check=True, timeout=20).stdout.strip()


def embedded(env: Env) -> str:
    """A C program linked with libpython; the loop's thread is made by C."""
    python = python_3(11)
    library, version = library_of(python)
    target = env.start([embed(env, library), "0", "-", *SLEEPY], PYTHONHOME=home_of(python))
    return "%s: %s" % (version, check(env, target))


def opened(env: Env) -> str:
    """libpython is opened while the program runs."""
    python = python_3(11)
    library, version = library_of(python)
    target = env.start([embed(env), "0", library, *SLEEPY], PYTHONHOME=home_of(python))
    return "%s: %s" % (version, check(env, target))


def young(env: Env) -> str:
    """A process given by its pid that has just begun: Python comes later."""
    python = python_3(11)
    library, version = library_of(python)
    target = env.start([embed(env), "1500", library, *SLEEPY], early=True,
                       PYTHONHOME=home_of(python))
    watch = env.watch("-p", str(target.pid), "--threshold", "50ms").attached()
    if target.records:
        raise Skip("the machine was too slow to attach before Python was there")
    target.wait_line("ready")
    target.go()
    target.finish()
    first = target.truths[0]["start_ns"]
    stalls = [s for s in watch.end().stalls() if s["start_ns"] + s["dur_ns"] > first]
    return "%s: %s" % (version, check_truths(target.truths, stalls, target.noise))


def late(env: Env) -> str:
    """Watched from its exec on, when nothing tells yet that Python will come; and with the library
    there, but not started."""
    python = python_3(11)
    library, version = library_of(python)
    said = []
    for program, argument in ((embed(env), library), (embed(env, library), "-")):
        watch = env.watch("--threshold", "50ms", "--", "env", "PYTHONHOME=" + home_of(python),
                          program, "700", argument, *SLEEPY[:-1])
        run = watch.end()
        printed = run.printed()
        truths = [r for r in printed if "class" in r]
        if run.status != 0 or len(truths) != 7:
            raise Failure("expected status 0 and 7 truths, found %d and %d: %s"
                          % (run.status, len(truths), run.err))
        # what starting takes is no event loop's, but the thread may look like one
        first = truths[0]["start_ns"]
        stalls = [s for s in run.stalls() if s["start_ns"] + s["dur_ns"] > first]
        said.append(check_truths(truths, stalls, noise_of(printed)))
    return "%s: %s" % (version, ", ".join(said))


# --- other ways to live


def venv(env: Env) -> str:
    """A virtual environment: the program is a link, its packages are not the user's code."""
    folder = env.folder / "venv"
    made = subprocess.run([env.python, "-m", "venv", "--without-pip", str(folder)],
                          capture_output=True, text=True, timeout=60)
    if made.returncode != 0:
        raise Skip("no venv: " + (made.stderr or made.stdout).strip().splitlines()[-1])
    return check(env, env.start([str(folder / "bin" / "python"), *SLEEPY]))


def deleted(env: Env) -> str:
    """The interpreter's file is removed, then another one put in its place, while it runs."""
    if not env.python.startswith("/usr/bin/"):
        raise Skip("%s is not in /usr" % env.python)
    copy = env.folder / "python3"
    shutil.copy(env.python, copy)
    target = env.start([str(copy), *SLEEPY], PYTHONHOME="/usr")
    copy.unlink()
    shutil.copy("/bin/true", copy)
    return check(env, target)


def too_old(env: Env) -> str:
    """Versions that are not supported are recognised, and refused with the reason."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    found = sorted(glob.glob(root + "/versions/3.[67].*/bin/python3"))
    if not found:
        raise Skip("no Python 3.6 or 3.7")
    said = []
    for python in found:
        target = env.start([python, "-u", "-c", "import os, sys; print('{\"ready\": %d}' % "
                            "os.getpid()); sys.stdin.read()"])
        done = env.command("check", "-p", str(target.pid))
        lines = [line for line in done.stdout.splitlines() if "runtime" in line]
        if not any("not supported" in line for line in lines):
            raise Failure("expected the reason, found %r" % (lines or done.stdout))
        said += lines
    return " / ".join(" ".join(line.split()) for line in said)


def workers(env: Env) -> str:
    """Workers by fork are followed, each with its own loop and its own interpreter state."""
    target = env.target("builds.py", "workers")
    return check(env, target, "--follow")


def exec_other(env: Env) -> str:
    """Another version of Python under the same pid."""
    other = python_3(12)
    if other == env.python:
        raise Skip("only one Python")
    target = env.target("builds.py", "exec", "--python", other)
    return "%s: %s" % (os.path.basename(other), check(env, target))


def sub_interpreter(env: Env) -> str:
    """From 3.12 on the frames of a sub-interpreter are seen like any other."""
    python = python_3(12)
    return check(env, env.start([python, str(TARGETS / "builds.py"), "sub", "--wait"]))


def many_gils(env: Env) -> str:
    """More interpreters with a lock of their own than are watched: that is said."""
    python = python_3(12)
    target = env.start([python, str(TARGETS / "builds.py"), "sub", "--interpreters", "7",
                        "--wait"])
    run = env.measure(target)
    if "more GILs" not in run.out:
        raise Failure("expected a word of the GILs:\n" + run.out)
    return check_truths(target.truths, run.stalls(), target.noise)


def late_gil(env: Env) -> str:
    """A lock that was made after attach is known, and who holds it."""
    target = env.start([python_3(12), str(TARGETS / "builds.py"), "late", "--wait"])
    run = env.measure(target)
    gil = sum(s["ns"]["gil"] for s in run.stalls())
    lock = sum(s["ns"]["lock"] for s in run.stalls())
    held = [s for s in run.stalls()
            if (s.get("holder") or {}).get("at", {}).get("fn") == "hog"]
    if not held or gil < 9 * lock:
        raise Failure("expected waits for a GIL that hog holds, found:\n" + run.out)
    return "%d stalls, %s for a GIL made late" % (len(run.stalls()), ms(gil))


def sub_interpreter_old(env: Env) -> str:
    """Up to 3.11 they cannot be seen, and that is said."""
    if "3.12" <= os.path.basename(env.python)[6:10]:
        raise Skip("%s is no old Python" % env.python)
    target = env.start([env.python, str(TARGETS / "builds.py"), "sub", "--wait"])
    run = env.measure(target)
    if "sub-interpreter" not in run.out:
        raise Failure("expected a word of the sub-interpreter:\n" + run.out)
    wrong = [s for s in run.stalls() if (s.get("at") or {}).get("fn")]
    if len(run.stalls()) != len(target.truths) or wrong:
        raise Failure("expected %d stalls without a place, found %d, with one: %r"
                      % (len(target.truths), len(run.stalls()), wrong[:1]))
    return "%d stalls, told" % len(run.stalls())


CASES: List[Case] = [
    Case("build-chroot", chroot),
    Case("build-roots", roots),
    Case("build-roots-frames", roots_frames),
    Case("build-roots-embedded", roots_embedded),
    Case("build-roots-opened", roots_opened),
    Case("build-pid-namespace", pid_namespace),
    Case("build-embedded", embedded),
    Case("build-opened", opened),
    Case("build-late", late),
    Case("build-young", young),
    Case("build-venv", venv),
    Case("build-deleted", deleted),
    Case("build-too-old", too_old),
    Case("build-workers", workers),
    Case("build-exec", exec_other),
    Case("build-sub-interpreter", sub_interpreter),
    Case("build-many-gils", many_gils),
    Case("build-late-gil", late_gil),
    Case("build-sub-interpreter-old", sub_interpreter_old),
]
