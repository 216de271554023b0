#!/usr/bin/env python3
"""End-to-end tests: targets that print their own truth against what stallprof says about them.

    run.py              all cases, one at a time
    run.py NAME...      these; a NAME may be a glob, `sleep*`
    run.py --list       their names
    run.py --once       without a second run of what failed

A case is a row in the CASES of a case_*.py.  One line for each: `ok`, `FAIL` with expected and
found, or `skip` with the reason.  Those that do not mind run two at a time.

The machine is shared, and a case measures time: what others did in a moment can be taken for a fault
of the program.  So what failed is run once more at the end, alone, and both results are printed; a
fault of the program fails again.  More than AGAIN_MAX failures are no accident and stay failures.
`--once` judges by the first run.

Measuring needs root and a kernel that allows BPF.  STALLPROF names the program, E2E_PYTHONS further
interpreters, parted by colons.
"""

import argparse
import fnmatch
import importlib
import os
import shutil
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import List, Optional, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from harness import STALLPROF, Case, Env, Failure, Skip  # noqa: E402

SYSTEM_PYTHON = "/usr/bin/python3"
AGAIN_MAX = 5

Row = Tuple[str, Optional[str], Case]  # name, interpreter if there is one


def real_python(python: str) -> Optional[str]:
    """The interpreter itself, not a shim in front of it; None if it does not run."""
    try:
        out = subprocess.run([python, "-c", "import sys; print(sys.executable)"], check=True,
                             capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return os.path.realpath(out.stdout.strip())


def pyenv_versions() -> Path:
    """Where pyenv keeps its interpreters; a folder that need not exist."""
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, timeout=20).stdout
        return Path(root.strip() or "/nonexistent") / "versions"
    except OSError:
        return Path("/nonexistent")


def other_pythons(versions: Path) -> List[Tuple[str, str]]:
    """Further interpreters: label and path.  pyenv's 3.11.7, and those of E2E_PYTHONS."""
    paths = os.environ.get("E2E_PYTHONS", "").split(":") + [str(versions / "3.11.7/bin/python3")]
    found = [(Path(p).parent.parent.name, real_python(p)) for p in paths if p and os.path.exists(p)]
    return [(label, path) for label, path in found if path]


def python_of_minor(versions: Path, minor: str) -> Optional[str]:
    """pyenv's newest of that version, else one on the PATH."""
    found = sorted(versions.glob(minor + ".*/bin/python3"))
    path = str(found[-1]) if found else shutil.which("python" + minor)
    return real_python(path) if path else None


def all_cases() -> List[Row]:
    """Name, interpreter and case: the table, then the Python cases once more per interpreter."""
    cases: List[Case] = []
    for path in sorted(HERE.glob("case_*.py")):
        cases += importlib.import_module(path.stem).CASES
    versions = pyenv_versions()
    python = real_python(SYSTEM_PYTHON) or os.path.realpath(sys.executable)
    minors = {m: python_of_minor(versions, m) for m in {m for c in cases for m in c.minors}}
    rows: List[Row] = []
    for case in cases:
        rows.append((case.name, python, case))
        rows += [("%s@%s" % (case.name, m), minors[m], case) for m in case.minors]
    for label, other in other_pythons(versions):
        rows += [("%s@%s" % (case.name, label), other, case) for case in cases if case.python]
    return rows


def why_not_measure() -> str:
    """Empty when stallprof can measure here, else the reason in a line."""
    if not os.access(STALLPROF, os.X_OK):
        return "no %s: run make first" % STALLPROF
    if os.geteuid() != 0:
        return "needs root"
    check = subprocess.run([str(STALLPROF), "check"], stdin=subprocess.DEVNULL, capture_output=True,
                           text=True, timeout=60)
    if check.returncode == 0:
        return ""
    lines = (check.stdout + check.stderr).strip().splitlines()
    return "stallprof check: " + (lines[-1] if lines else "status %d" % check.returncode)


def run_case(python: Optional[str], case: Case, obstacle: str) -> Tuple[str, str]:
    """`ok`, `FAIL` or `skip`, and the detail."""
    if not python:
        return "skip", "no such interpreter here"
    if not os.access(STALLPROF, os.X_OK) or (case.measures and obstacle):
        return "skip", obstacle
    env = Env(python)
    try:
        return "ok", case.run(env)
    except Skip as e:
        return "skip", str(e)
    except Failure as e:
        return "FAIL", str(e)
    except Exception:  # a broken case must not hide the others
        return "FAIL", traceback.format_exc().strip()
    finally:
        env.close()


def shown(status: str, name: str, detail: str, seconds: float) -> str:
    """One line, and for failures the rest of the detail below it."""
    first, *rest = detail.splitlines() or [""]
    line = "%-4s %s: %s (%.1f s)" % (status, name, first, seconds)
    return "\n".join([line] + ["       " + text for text in rest[:40]]
                     + (["       ... %d more lines" % (len(rest) - 40)] if len(rest) > 40 else []))


def chosen(rows: List[Row], names: List[str]) -> List[Row]:
    for name in names:
        if not any(fnmatch.fnmatchcase(row[0], name) for row in rows):
            sys.exit("run.py: %s: no such case: --list names them" % name)
    return [row for row in rows if not names or any(fnmatch.fnmatchcase(row[0], n) for n in names)]


def run_row(row: Row, obstacle: str, again: bool = False) -> str:
    name, python, case = row
    start = time.monotonic()
    status, detail = run_case(python, case, obstacle)
    label = name + " (second run)" if again else name
    print(shown(status, label, detail, time.monotonic() - start), flush=True)
    return status


def run_rows(rows: List[Row], obstacle: str) -> List[str]:
    """Those that must be alone one by one, then the others two at a time; what became of each, in
    the order of the rows."""
    alone = [i for i, row in enumerate(rows) if row[2].alone]
    others = [i for i, row in enumerate(rows) if not row[2].alone]
    statuses = {i: run_row(rows[i], obstacle) for i in alone}
    with ThreadPoolExecutor(2) as pool:
        statuses.update(zip(others, pool.map(lambda i: run_row(rows[i], obstacle), others)))
    return [statuses[i] for i in range(len(rows))]


def run_failed_again(rows: List[Row], statuses: List[str], obstacle: str) -> List[str]:
    """The statuses after a second run of the few that failed."""
    failed = [i for i, status in enumerate(statuses) if status == "FAIL"]
    if not failed or len(failed) > AGAIN_MAX:
        return statuses
    second = {i: run_row(rows[i], obstacle, again=True) for i in failed}
    passed = [rows[i][0] for i in failed if second[i] == "ok"]
    if passed:
        print("passed only in the second run: " + ", ".join(passed))
    return [second.get(i, status) for i, status in enumerate(statuses)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--once", action="store_true", help="no second run for what failed")
    args = parser.parse_args()
    rows = chosen(all_cases(), args.names)
    if args.list:
        print("\n".join(name for name, _, _ in rows))
        return 0
    obstacle = why_not_measure()
    statuses = run_rows(rows, obstacle)
    if not args.once:
        statuses = run_failed_again(rows, statuses, obstacle)
    counts = {s: statuses.count(s) for s in ("ok", "FAIL", "skip")}
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["FAIL"], counts["skip"]))
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
