"""The rows by which native stacks are walked, of files as they are installed, against readelf.

A selection that takes under a minute; `make unwind-rows` compares every file there is.
"""

import os
import shutil
from typing import List

from harness import TOP, Case, Env, Failure, Skip
from unwind_truth import compare_all, elf_files

DUMPER = TOP / os.environ.get("B", "build") / "tests" / "support" / "unwind_rows"
LIBRARIES = "/usr/lib/x86_64-linux-gnu/"
STRIDE = 61
LARGEST = 4 << 20  # bytes of a file of the sample


def chosen(env: Env) -> List[str]:
    """What the other cases run, what has rare rules (libcrypto: expressions), and one file in 61."""
    names = [env.python, "/usr/sbin/nginx", "/usr/bin/redis-server"]
    names += [LIBRARIES + n for n in ("libc.so.6", "libcrypto.so.3", "libstdc++.so.6", "libm.so.6",
                                      "ld-linux-x86-64.so.2", "libpython3.11.so.1.0")]
    sample = [p for p in elf_files(["/usr/bin", "/usr/sbin", "/usr/lib"])[::STRIDE]
              if os.path.getsize(p) <= LARGEST]
    return sorted({os.path.realpath(p) for p in names + sample if os.path.exists(p)})


def rows(env: Env) -> str:
    if not shutil.which("readelf"):
        raise Skip("no readelf")
    if not DUMPER.exists():
        raise Failure("no %s: make support-programs first" % DUMPER)
    files = chosen(env)
    results = list(compare_all(str(DUMPER), files))
    wrong = [r for r in results if r.different]
    if wrong:
        raise Failure("%d of %d files differ; - is what readelf says\n%s" % (
            len(wrong), len(results), "\n".join(line for r in wrong for line in
                                                [r.path] + ["  " + t for t in r.different[:7]])))
    if not results or sum(r.rows for r in results) < 23 * len(results):
        raise Failure("expected rows, found %d in %d files" % (
            sum(r.rows for r in results), len(results)))
    return "%d files, %d rows" % (len(results), sum(r.rows for r in results))


CASES: List[Case] = [Case("unwind-rows", rows, measures=False, alone=False)]
