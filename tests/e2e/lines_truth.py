#!/usr/bin/env python3
"""Source lines and inlined functions of many addresses against addr2line's and llvm-symbolizer's.

    lines_truth.py PROGRAM COUNT FILE...    PROGRAM: tests/support/lines

At each of COUNT addresses, drawn from the functions of each file, file name and line of every place
of the chain must be those of one of the two (binutils 2.40 leaves inlined functions out where clang
wrote DWARF 5, and files of a link-time optimised unit), and so must the names of inlined functions,
before which stallprof puts the namespace or class where there is no linkage name.
Names of concrete functions are the symbols' in stallprof, and not compared where they differ from
DWARF's.  Knows nothing of how stallprof reads the information.
"""

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from typing import Dict, List, Sequence, Tuple

Place = Tuple[str, str, str]  # function, file name, line
Chains = Dict[int, List[Place]]

SYMBOL = re.compile(r"^\s*\d+: ([0-9a-f]+)\s+(\w+) FUNC\s+\S+\s+\S+\s+\d+ (\S+)", re.M)


def sample(path: str, count: int) -> List[int]:
    """Addresses in functions that have a size, the same ones in each run."""
    out = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True)
    ranges = sorted({(int(a, 16), int(n, 0)) for a, n, _ in SYMBOL.findall(out.stdout)
                     if int(a, 16) and int(n, 0)})
    dice = random.Random(count)
    if not ranges:
        return []
    picks = dice.choices(ranges, weights=[n for _, n in ranges], k=count)
    return sorted({a + dice.randrange(n) for a, n in picks})


def parse(text: str) -> Chains:
    """Lines of an address, then pairs of a function and its place."""
    chains: Chains = {}
    lines = [line for line in text.splitlines() if line]
    at, i = 0, 0
    while i < len(lines):
        if re.fullmatch(r"0x[0-9a-f]+", lines[i]):
            at = int(lines[i], 16)
            chains[at] = []
            i += 1
            continue
        place = re.sub(r" \(discriminator \d+\)", "", lines[i + 1])
        file, _, line = place.rpartition(":")
        if line in ("?", "0"):
            file, line = "??", "0"
        chains[at].append((lines[i], file.rsplit("/", 1)[-1], line))
        i += 2
    return chains


def ask(command: Sequence[str], addresses: List[int]) -> Tuple[Chains, str]:
    run = subprocess.run(command, input="".join("%#x\n" % a for a in addresses),
                         capture_output=True, text=True, timeout=300)
    return parse(run.stdout), run.stderr.strip()


def oracles(path: str) -> List[List[str]]:
    found = [["addr2line", "-a", "-i", "-f", "-e", path]]
    if shutil.which("llvm-symbolizer"):
        found.append(["llvm-symbolizer", "--no-demangle", "--functions=linkage", "--inlines",
                      "--output-style=GNU", "-a", "--obj=" + path])
    return found


def has_line(chain: List[Place]) -> bool:
    return any(line != "0" for _, _, line in chain)


def verdict(mine: List[Place], theirs: List[List[Place]]) -> str:
    """Empty if it is right, else what is wrong."""
    same = [t for t in theirs if [p[1:] for p in t] == [p[1:] for p in mine]]
    if not has_line(mine):
        return "" if not all(has_line(t) for t in theirs) else "no line"
    if not same:
        return "line or depth"
    for i, (fn, _, _) in enumerate(mine[:-1]):
        if not any(fn == t[i][0] or fn.endswith("::" + t[i][0]) for t in same):
            return "name of an inlined function"
    return ""


def compare(program: str, path: str, count: int, *alternate: str) -> Tuple[Counter, List[str], str]:
    """How many addresses were what, the first differences, and the time it took."""
    addresses = sample(path, count)
    mine, times = ask([program, path, *alternate], addresses)
    theirs = [ask(command, addresses)[0] for command in oracles(path)]
    counts: Counter = Counter()
    wrong: List[str] = []
    for a in addresses:
        chain = mine.get(a, [])
        what = verdict(chain, [t[a] for t in theirs if a in t])
        counts[what or ("inlined" if len(chain) > 1 else "plain" if has_line(chain) else "none")] += 1
        if what and len(wrong) < 10:
            wrong += ["%s %#x: %s" % (path, a, what), "  found    %s" % chain]
            wrong += ["  expected %s" % t.get(a) for t in theirs]
    return counts, wrong, times


def main() -> int:
    status = 0
    for path in sys.argv[3:]:
        counts, wrong, times = compare(sys.argv[1], path, int(sys.argv[2]))
        print("%s: %s; %s" % (path, dict(counts), times))
        print("\n".join(wrong), end="\n" if wrong else "")
        status |= bool(wrong)
    return status


if __name__ == "__main__":
    sys.exit(main())
