"""Source lines of native code, and the functions that the compiler inlined there.

What stallprof's own look-up says of many addresses is compared with addr2line and llvm-symbolizer,
for what several compilers make of one source; and a stall in inlined functions must be told with
their names and lines in every output.
"""

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import List, Sequence

from compare import check_invariants, check_truths, pair_up
from harness import TARGETS, TOP, Case, Env, Failure, Record, Run, Skip
from lines_truth import compare

PROGRAM = Path(os.environ.get("B", "build")) / "tests" / "support" / "lines"
ADDRESSES = 1009
SOURCES = {"cpoll.c": ["-pthread"], "lines.cc": []}
BUILDS = (
    ("gcc", ["-O2", "-g"]),
    ("gcc", ["-O3", "-g", "-flto"]),
    ("gcc", ["-O2", "-g", "-gdwarf-4", "-ffunction-sections", "-Wl,--gc-sections"]),
    ("gcc", ["-O2", "-g1", "-gz"]),
    ("clang", ["-O2", "-g"]),
    ("clang", ["-O2", "-gline-tables-only"]),
)
UNITS = 250_000  # take some 0.7 s to open
COMPILERS = {"gcc": {".c": "gcc", ".cc": "g++"}, "clang": {".c": "clang", ".cc": "clang++"}}


def build(env: Env, compiler: str, options: Sequence[str], source: str) -> str:
    name = COMPILERS[compiler][Path(source).suffix]
    if not shutil.which(name):
        raise Skip("no " + name)
    out = str(env.folder / "program")
    subprocess.run([name, *options, *SOURCES.get(source, []), "-o", out, str(TARGETS / source)],
                   check=True)
    return out


def against_tools(env: Env) -> str:
    """Each address has the line, depth and inlined names that the tools know."""
    program = str(PROGRAM if PROGRAM.is_absolute() else TOP / PROGRAM)
    if not shutil.which("addr2line"):
        raise Skip("no addr2line")
    total: Counter = Counter()
    skipped: List[str] = []
    for compiler, options in BUILDS:
        for source in SOURCES:
            try:
                path = build(env, compiler, options, source)
            except Skip as e:
                skipped.append(str(e))
                continue
            counts, wrong, _ = compare(program, path, ADDRESSES)
            if wrong:
                raise Failure("%s %s of %s: %s\n%s" % (compiler, " ".join(options), source,
                                                       dict(counts), "\n".join(wrong)))
            total += counts
    if not total["plain"] or not total["inlined"]:
        raise Failure("expected plain and inlined places, found %s" % dict(total))
    return "%d addresses, %d of them in inlined functions%s" % (
        sum(total.values()), total["inlined"], "; " + ", ".join(set(skipped)) if skipped else "")


def plain_name(frame: Record) -> str:
    return str(frame["fn"]).split("<")[0].rsplit("::", 1)[-1]


def check_stack(truth: Record, stall: Record) -> List[str]:
    """The frames of the truth stand in their order, the inner ones inlined, each with a line."""
    frames = max(stall["stacks"], key=lambda s: s["weight_ns"])["frames"]
    ours = [f for f in frames if plain_name(f).startswith("l_")]
    names = [plain_name(f) for f in ours]
    problems = []
    if names != truth["stack"]:
        problems.append("stack: expected %s, found %s" % (truth["stack"], [f["fn"] for f in frames]))
    if [f.get("inlined", False) for f in ours] != [True] * (len(ours) - 1) + [False]:
        problems.append("inlined: all but the last expected, found %s" % ours)
    if any(os.path.basename(f["file"]) != "lines.cc" or not f["line"] for f in ours):
        problems.append("lines: expected in lines.cc, found %s" % ours)
    return problems


def check_outputs(run: Run) -> None:
    """Folded stacks mark them, the stall line names the innermost one's line."""
    folded = run.path("folded").read_text()
    if not re.search(r";l_handle;[^;]*l_middle[^;]*_\[i\];[^;]*l_rest_\[i\];", folded):
        raise Failure("folded: expected l_handle;..l_middle_[i];..l_rest_[i], found\n" + folded)
    if not re.search(r" at=lines\.cc:\d+:\S*l_rest ", run.err):
        raise Failure("stall line: expected at=lines.cc:LINE:..l_rest, found\n" + run.err)


def inlined(env: Env) -> str:
    """Each stall is told with the line of the innermost inlined function."""
    if not shutil.which("g++"):
        raise Skip("no g++")
    target = env.target(build(env, "gcc", ["-O2", "-g"], "lines.cc"))
    run = env.measure(target)
    detail = check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    pairs, _, _ = pair_up(target.truths, run.stalls())
    problems = [p for truth, stall in pairs for p in check_stack(truth, stall)]
    if problems:
        raise Failure("\n".join(problems))
    check_outputs(run)
    return detail


def late(env: Env) -> str:
    """Debug information that takes longer to open than the first stall: its live line has none, and
    all that is written at the end has, live and from the recording."""
    if not shutil.which("g++"):
        raise Skip("no g++")
    large = str(env.folder / "large.o")
    subprocess.run(["gcc", "-c", "-Wa,--defsym,UNITS=%d" % UNITS, "-o", large,
                    str(TARGETS / "lines_large.s")], check=True)
    program = build(env, "gcc", ["-O2", "-g", large], "lines.cc")
    target = env.target(program, "--count", "23")
    # the tables for whole stacks are there by then, no stack has been named
    run = env.measure(target, settled=True)
    truths = target.truths
    pairs, _, _ = pair_up(truths, run.stalls())
    if not truths or len(pairs) != len(truths):
        raise Failure("%d of %d stalls found" % (len(pairs), len(truths)))
    problems = [p for truth, stall in pairs for p in check_stack(truth, stall)]
    if "may lack source lines" in run.out:
        problems.append("summary: lines are missing for want of time")
    if not re.search(r"lines\.cc:\d+ shop::Cart::l_rest", run.out):
        problems.append("summary: expected lines.cc:LINE shop::Cart::l_rest, found\n" + run.out)
    if not re.search(r";l_handle;[^;]*l_middle[^;]*_\[i\];", run.path("folded").read_text()):
        problems.append("folded: expected l_handle;..l_middle_[i];")
    for suffix in ("folded", "jsonl"):
        report = env.command("report", str(run.path("stall")), "-F", suffix).stdout
        if report != run.path(suffix).read_text():
            problems.append("%s of the recording is not that of the run" % suffix)
    report = env.command("report", str(run.path("stall"))).stdout
    if report != run.out:
        problems.append("the recording's summary is not that of the run:\n" + report + run.out)
    if problems:
        raise Failure("\n".join(problems))
    bare = len(re.findall(r" at=program:\S*l_handle ", run.err))
    if not bare:
        raise Skip("the lines of %d units came before the first stall" % UNITS)
    return "%d stalls, %d lines before theirs were known" % (len(pairs), bare)


def hostile(env: Env) -> str:
    """Circles in the debug information end; more rows than any program has cost a worker its life,
    and whoever asked no more than its deadline."""
    if not shutil.which("gcc"):
        raise Skip("no gcc")
    program = str(PROGRAM if PROGRAM.is_absolute() else TOP / PROGRAM)
    path = str(env.folder / "hostile")
    details = []
    for rows in (3, 80_000_000):
        subprocess.run(["gcc", "-shared", "-nostdlib", "-Wa,--defsym,ROWS=%d" % rows, "-o", path,
                        str(TARGETS / "lines_hostile.s")], check=True)
        (address, *_), = re.findall(r"^([0-9a-f]+) (T) outer$", subprocess.run(
            ["nm", path], capture_output=True, text=True, check=True).stdout, re.M)
        start = time.monotonic()
        run = subprocess.run([program, path], input=address, capture_output=True, text=True,
                             timeout=60)
        seconds = time.monotonic() - start
        details.append("%d rows %.1f s" % (rows, seconds))
        if seconds > 15 or run.returncode not in (0, 1):
            raise Failure("%d rows: status %d after %.1f s: %s" % (rows, run.returncode, seconds,
                                                                 run.stderr))
        if rows < 10 and "x.c:7\n" not in run.stdout:
            raise Failure("expected x.c:7, found %s%s" % (run.stdout, run.stderr))
    return ", ".join(details)


CASES = [
    Case("native_lines", against_tools, measures=False, alone=False),
    Case("native_hostile", hostile, measures=False, alone=False),
    Case("native_inlined", inlined),
    Case("native_late_lines", late),
]
