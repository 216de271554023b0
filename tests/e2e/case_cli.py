"""The command line when something is wrong: one line, the cure, the right status, nothing half
done.

Most of these need neither root nor BPF.
"""

import os
import subprocess
from pathlib import Path
from typing import List

from harness import Case, Env, Failure, Skip


def expect(done: "subprocess.CompletedProcess[str]", status: int, *words: str) -> str:
    """The status, nothing on stdout, and one line on stderr that has all the words."""
    lines = done.stderr.strip().splitlines()
    what = "%s\nfound status %d, stderr: %s" % (" ".join(done.args), done.returncode,
                                               done.stderr.strip() or "(nothing)")
    if done.returncode != status:
        raise Failure("expected status %d: %s" % (status, what))
    if done.stdout:
        raise Failure("expected nothing on stdout: %s\nstdout: %s" % (what, done.stdout[:200]))
    if len(lines) != 1:
        raise Failure("expected one line on stderr: %s" % what)
    missing = [w for w in words if w.lower() not in lines[0].lower()]
    if missing:
        raise Failure("expected the line to name %s: %s" % (", ".join(missing), what))
    return lines[0]


def bad_options(env: Env) -> str:
    expect(env.command("--tresh", "5ms"), 2, "--tresh")
    expect(env.command("-Z"), 2, "-Z")
    expect(env.command("frobnicate"), 2, "frobnicate")
    expect(env.command("report"), 2, "report")
    expect(env.command(), 2)
    return "5 wrong command lines"


def bad_times(env: Env) -> str:
    me = str(os.getpid())
    for text in ("5x", "", "-1", "ms", "1e", "99999999999999999999s"):
        expect(env.command("-p", me, "--threshold", text), 2, "--threshold")
        expect(env.command("-p", me, "-d" + text if text else "--duration="), 2)
    return "6 wrong times, twice"


def bad_pids(env: Env) -> str:
    for text in ("abc", "0", "-5", "1,,2", "12x"):
        expect(env.command("-p", text), 2, "-p")
    return "5 wrong pids"


def no_such_pid(env: Env) -> str:
    gone = subprocess.Popen(["true"])
    gone.wait()
    expect(env.command("-p", str(gone.pid), "-d", "1"), 1, str(gone.pid))
    return "pid %d" % gone.pid


def kernel_thread(env: Env) -> str:
    if Path("/proc/2/comm").read_text().strip() != "kthreadd":
        raise Skip("pid 2 is no kernel thread here")
    return expect(env.command("-p", "2", "-d", "1"), 1, "2", "kernel")


def unwritable(env: Env) -> str:
    """Found before measuring: at once, and without a trace of the other outputs."""
    missing = str(env.folder / "no" / "such" / "out.svg")
    good = env.folder / "out.jsonl"
    for bad in (missing, str(env.folder), "/proc/version/x.folded"):
        done = env.command("-p", str(os.getpid()), "-d", "30", "-o", str(good), "-F", "jsonl",
                           "-o", bad, seconds=10)
        expect(done, 1, bad)
        left = sorted(p.name for p in env.folder.iterdir())
        if left:
            raise Failure("expected nothing to be left, found %s" % left)
    return "3 places"


def bad_outputs(env: Env) -> str:
    me = str(os.getpid())
    expect(env.command("-p", me, "-o", str(env.folder / "x.nonsense")), 2, "x.nonsense")
    expect(env.command("-p", me, "-F", "nonsense"), 2, "nonsense")
    expect(env.command("-p", me, "-F", "stall"), 2, "stall")
    return "a suffix, a format, a recording to stdout"


def not_a_recording(env: Env) -> str:
    for name, content in (("empty", b""), ("short", b"STALLPRF"), ("text", b"x" * 4096)):
        path = env.folder / name
        path.write_bytes(content)
        expect(env.command("report", str(path)), 1, str(path))
    expect(env.command("report", str(env.folder / "absent")), 1, "absent")
    expect(env.command("report", str(env.folder)), 1, str(env.folder))
    return "5 wrong files"


def no_privilege(env: Env) -> str:
    """One line that says what is missing and the cure."""
    outbox = env.folder / "outbox"
    outbox.mkdir()
    outbox.chmod(0o777)
    done = env.command("-p", str(os.getpid()), "-d", "1", "-o", str(outbox / "x.stall"),
                       nobody=True)
    line = expect(done, 1)
    if not any(word in line.lower() for word in ("root", "sudo", "cap_", "capab", "privilege",
                                                 "permission", "permitted")):
        raise Failure("expected the missing privilege and the cure: %s" % line)
    left = sorted(p.name for p in outbox.iterdir())
    if left:
        raise Failure("expected nothing to be left, found %s" % left)
    return line


def help_fits(env: Env) -> str:
    """Help is data: stdout, status 0, a screen that starts with examples."""
    done = env.command("--help")
    lines = done.stdout.splitlines()
    if done.returncode != 0 or done.stderr or not lines:
        raise Failure("--help: status %d, stderr %r" % (done.returncode, done.stderr))
    wide = [line for line in lines if len(line) > 100]
    if wide or len(lines) > 50:
        raise Failure("--help: %d lines, too wide: %s" % (len(lines), wide))
    if "stallprof -p PID" not in "\n".join(lines[:6]):
        raise Failure("--help: no example at the top:\n" + "\n".join(lines[:6]))
    return "%d lines" % len(lines)


CASES: List[Case] = [
    Case("cli-options", bad_options, measures=False),
    Case("cli-times", bad_times, measures=False),
    Case("cli-pids", bad_pids, measures=False),
    Case("cli-outputs", bad_outputs, measures=False),
    Case("cli-recordings", not_a_recording, measures=False),
    Case("cli-help", help_fits, measures=False),
    Case("cli-no-privilege", no_privilege, measures=False),
    Case("cli-unwritable", unwritable),
    Case("cli-no-such-pid", no_such_pid),
    Case("cli-kernel-thread", kernel_thread),
]
