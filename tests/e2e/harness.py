"""Runs a target and stallprof beside each other, and owns what that leaves behind.

A case gets an Env: a folder of its own, the interpreter, ways to start things.  Everything that was
started is ended by its own pid, the folder is removed.  Knows nothing of what is right or wrong:
that is compare.py.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

TOP = Path(__file__).resolve().parents[2]
TARGETS = TOP / "tests" / "targets"
STALLPROF = Path(os.environ.get("STALLPROF", str(TOP / "stallprof"))).resolve()

THRESHOLD_NS = 50_000_000
ATTACH_S = 20.0
END_S = 40.0
NOBODY = 65534

Record = Dict[str, Any]


class Failure(Exception):
    """What was expected and what was found; one thing on each line."""


class Skip(Exception):
    """Why a case cannot say anything here."""


@dataclass
class Case:
    """One row of the table: a name, a function, and whether it needs to measure."""

    name: str
    run: Callable[["Env"], str]
    measures: bool = True
    python: bool = False  # run it again under every other interpreter
    minors: Sequence[str] = ()  # and under these versions, as name@3.8, skipped where not there
    alone: bool = True  # not beside another: one processor is not enough for it


def noise_of(records: List[Record]) -> List[Record]:
    """Spans in which the machine was late; the end of an interpreter is work that may be, and a
    wait for its threads to end."""
    late = [r["noise"] for r in records if "noise" in r]
    ends = [{"start_ns": r["end_ns"], "dur_ns": 1_000_000, "tid": r["tid"],
             "only": ("cpu", "runqueue", "gil", "lock")} for r in records if "end_ns" in r]
    return late + ends


@dataclass
class Target:
    """A target and the lines it has printed so far."""

    proc: "subprocess.Popen[bytes]"
    records: List[Record] = field(default_factory=list)

    def read_all(self) -> None:
        assert self.proc.stdout
        for line in self.proc.stdout:
            try:
                self.records.append(json.loads(line))
            except ValueError:
                self.records.append({"garbage": line.decode(errors="replace")})

    @property
    def pid(self) -> int:
        return self.proc.pid

    def wait_line(self, key: str, seconds: float = END_S) -> Record:
        """The first line with that key, now or later."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for record in list(self.records):
                if key in record:
                    return record
            time.sleep(0.01)
        raise Failure("the target printed no %r in %.0f s: %r" % (key, seconds, self.records[-3:]))

    def go(self) -> None:
        assert self.proc.stdin
        self.proc.stdin.write(b"go\n")
        self.proc.stdin.close()

    def finish(self, seconds: float = END_S) -> None:
        """The target ends by itself and has printed as many truths as it says."""
        end_by_itself(self.proc, "the target", seconds)
        self.reader.join(5)
        done = [r for r in self.records if r.get("done")]
        if len(done) != 1 or done[0]["expected"] != len(self.truths):
            raise Failure("the target is broken: %d truths, then %r" % (len(self.truths), done))

    @property
    def truths(self) -> List[Record]:
        return [r for r in self.records if "class" in r]

    @property
    def noise(self) -> List[Record]:
        return noise_of(self.records)

    reader: threading.Thread = field(default_factory=threading.Thread)


@dataclass
class Run:
    """What stallprof left: its words, its files, its status."""

    status: int
    out: str
    err: str
    folder: Path
    _records: Optional[List[Record]] = None

    def path(self, suffix: str) -> Path:
        return self.folder / ("out." + suffix)

    def records(self) -> List[Record]:
        if self._records is None:
            self._records = parse_jsonl(self.path("jsonl").read_text())
        return self._records

    def stalls(self) -> List[Record]:
        return [r for r in self.records() if r["type"] == "stall"]

    def printed(self) -> List[Record]:
        """What a target printed that stallprof started, into the same output."""
        return parse_jsonl("\n".join(line for line in self.out.splitlines()
                                     if line.startswith("{")))

    def summary(self) -> Record:
        found = [r for r in self.records() if r["type"] == "summary"]
        if len(found) != 1:
            raise Failure("expected one summary record, found %d" % len(found))
        return found[0]


def parse_jsonl(text: str) -> List[Record]:
    records = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            records.append(json.loads(line))
        except ValueError as e:
            raise Failure("line %d is no JSON (%s): %s" % (number, e, line[:200])) from None
    return records


def end_by_itself(proc: "subprocess.Popen[Any]", who: str, seconds: float = END_S) -> int:
    """The exit status of a process that ends without help."""
    try:
        return proc.wait(seconds)
    except subprocess.TimeoutExpired:
        raise Failure("%s did not end in %.0f s" % (who, seconds)) from None


class Watch:
    """A running stallprof whose output goes to files."""

    def __init__(self, folder: Path, argv: Sequence[str]) -> None:
        self.folder = folder
        self.argv = list(argv)
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
            self.proc = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out,
                                         stderr=err)

    @property
    def err(self) -> str:
        return (self.folder / "stderr").read_text(errors="replace")

    def files(self) -> List[str]:
        """What it has open; some of it may be closed meanwhile."""
        names, base = [], "/proc/%d/fd" % self.proc.pid
        with contextlib.suppress(OSError):
            for fd in os.listdir(base):
                with contextlib.suppress(OSError):
                    names.append(os.readlink(os.path.join(base, fd)))
        return names

    def hooks(self) -> int:
        """How many programs it has attached: open links and perf events."""
        names = self.files()
        links = sum(n.startswith(("anon_inode:bpf-link", "anon_inode:bpf_link")) for n in names)
        events = names.count("anon_inode:[perf_event]")
        return links + events if links else 0  # events that tell of mappings come long before

    def attached(self, changing: bool = False) -> "Watch":
        """Return once it has attached everything: hooks exist and no more come.  `changing`: the
        target's threads come and go, and with them the events on each."""
        until = time.monotonic() + ATTACH_S
        steady_since, before = time.monotonic(), 0
        while time.monotonic() < until:
            if self.proc.poll() is not None:
                raise Failure("stallprof ended with status %d before it had attached: %s"
                              % (self.proc.returncode, self.err.strip()))
            now = self.hooks()
            now = min(now, 1) if changing else now
            if now != before:
                steady_since, before = time.monotonic(), now
            if now and time.monotonic() - steady_since > 0.3:
                return self
            time.sleep(0.02)
        raise Failure("stallprof had attached nothing after %.0f s: %s" % (ATTACH_S, self.err))

    def cpu_ticks(self) -> int:
        """Of it and the workers that it has."""
        pids = [self.proc.pid]
        with contextlib.suppress(OSError):
            for task in Path("/proc/%d/task" % self.proc.pid).iterdir():
                pids += map(int, (task / "children").read_text().split())
        ticks = 0
        for pid in pids:
            with contextlib.suppress(OSError):
                fields = Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
                ticks += sum(map(int, fields[11:13]))
        return ticks

    def settled(self) -> "Watch":
        """Return once it has nothing left to do: it knows the code of its targets by then."""
        until, steady_since, before = time.monotonic() + ATTACH_S, time.monotonic(), -1
        while time.monotonic() < until and time.monotonic() - steady_since < 0.6:
            now = self.cpu_ticks()
            if now > before + 1:
                steady_since, before = time.monotonic(), now
            time.sleep(0.05)
        return self

    def wait_err(self, text: str, seconds: float = 10) -> None:
        until = time.monotonic() + seconds
        while text not in self.err:
            if time.monotonic() > until:
                raise Failure("expected on stderr within %.0f s: %s\nfound: %s"
                              % (seconds, text, self.err or "(nothing)"))
            time.sleep(0.02)

    def end(self, seconds: float = END_S) -> Run:
        """Wait for it; statuses other than 0 are the case's business."""
        status = end_by_itself(self.proc, "stallprof", seconds)
        out = (self.folder / "stdout").read_text(errors="replace")
        return Run(status, out, self.err, self.folder)


class Env:
    """What one case has at hand."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.folder = Path(tempfile.mkdtemp(prefix="stallprof-e2e-"))
        self.folder.chmod(0o755)
        self._procs: List["subprocess.Popen[Any]"] = []

    def close(self) -> None:
        for proc in self._procs:
            if proc.poll() is None:
                proc.send_signal(signal.SIGCONT)
                proc.kill()
            proc.wait()
            for stream in (proc.stdin, proc.stdout):
                if stream:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        pass
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- targets

    def target(self, *argv: str, wait: bool = True) -> Target:
        """Start a target: a script of tests/targets, or a C one after compile()."""
        name, rest = argv[0], list(argv[1:])
        command = [self.python, str(TARGETS / name)] if name.endswith(".py") else [name]
        return self.start(command + rest + (["--wait"] if wait else []))

    def start(self, command: Sequence[str], behind: bool = False, early: bool = False,
              **environ: str) -> Target:
        """Start a target by its whole command; `behind`: the process started is not the target,
        but its parent; `early`: come back before it is ready."""
        proc = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **environ))
        self._procs.append(proc)
        target = Target(proc)
        target.reader = threading.Thread(target=target.read_all, daemon=True)
        target.reader.start()
        if not early and target.wait_line("ready")["ready"] != proc.pid and not behind:
            raise Failure("the target is behind a wrapper: its pid is not the one started")
        return target

    def compile(self, name: str) -> str:
        """Build a C target with frame pointers; the path of the program."""
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if not compiler:
            raise Skip("no C compiler")
        program = str(self.folder / name)
        subprocess.run([compiler, "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror",
                        "-fno-omit-frame-pointer", "-pthread", "-o", program,
                        str(TARGETS / (name + ".c"))], check=True)
        return program

    # --- stallprof

    def watch(self, *argv: str, outputs: Sequence[str] = ("jsonl", "folded", "stall"),
              program: Optional[str] = None) -> Watch:
        """Start stallprof with the arguments, the outputs out.SUFFIX and a summary on stdout."""
        command = [program or str(STALLPROF), *argv, "-o", "-"]
        for suffix in outputs:
            command += ["-o", str(self.folder / ("out." + suffix))]
        watch = Watch(self.folder, self.before_operands(command))
        self._procs.append(watch.proc)
        return watch

    @staticmethod
    def before_operands(command: List[str]) -> List[str]:
        """Options belong before `--`."""
        if "--" not in command:
            return command
        at = command.index("--")
        last = command.index("-o", at)
        return command[:at] + command[last:] + command[at:last]

    def measure(self, target: Target, *options: str, who: Sequence[str] = (),
                settled: bool = False) -> Run:
        """Watch the target from before its first stall to its end."""
        watch = self.watch(*(who or ("-p", str(target.pid))), "--threshold", "50ms", *options)
        watch.attached()
        if settled:
            watch.settled()
        target.go()
        target.finish()
        run = watch.end()
        if run.status != 0:
            raise Failure("stallprof ended with status %d: %s" % (run.status, run.err.strip()))
        return run

    def command(self, *argv: str, nobody: bool = False,
                seconds: float = 20) -> "subprocess.CompletedProcess[str]":
        """Run stallprof to its end; `nobody`: without any privilege."""
        command = [str(self.public_program() if nobody else STALLPROF), *argv]
        if nobody and os.geteuid() == 0:
            command = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups",
                       "--bounding-set=-all", *command]
        try:
            return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=seconds, cwd=self.folder, errors="replace")
        except subprocess.TimeoutExpired:
            raise Failure("did not end in %.0f s: %s" % (seconds, " ".join(argv))) from None

    def public_program(self) -> Path:
        """A copy that everybody may run: the tree may be in a private home."""
        copy = self.folder / "stallprof"
        if not copy.exists():
            shutil.copy(STALLPROF, copy)
            copy.chmod(0o755)
        return copy
