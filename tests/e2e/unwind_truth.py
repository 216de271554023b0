#!/usr/bin/env python3
"""The rows of whole ELF files against readelf's reading of the same .eh_frame.

    unwind_truth.py DUMPER PATH...     files, and all ELF files below folders

Each file's rows, as unwind_rows prints them, must be those that follow from `readelf -wF` (places and
registers) and `readelf -wf` (expressions), all of them and no other.  Knows nothing of how
stallprof reads the section.
"""

import bisect
import os
import re
import struct
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

NONE, RSP, RBP, PLT, RSP_DEREF, RBP_DEREF, SIGNAL, END, REGISTER, _, OTHER = range(11)
SAME, AT_CFA, AT_RBP, LOST = range(4)
RA_AT_CFA = 255
PADDING_MAX = 15
NAMES = ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + ["r%d" % i for i in range(8, 16)]
NUMBERS = {name: number for number, name in enumerate(NAMES)}

Rule = Tuple[int, ...]  # cfa, off, add, rbp, rbp_off, reg, ra
Range = Tuple[int, int]


def bare(cfa: int) -> Rule:
    return (cfa, 0, 0, SAME, 0, 0, RA_AT_CFA)


class Cells(NamedTuple):
    """Of a row of -wF, those that a walk needs."""

    cfa: str
    rbp: str
    rsp: str
    ra: str


class Fde(NamedTuple):
    start: int
    end: int
    signal: bool
    rows: List[Tuple[int, Cells]]


def executable_ranges(path: str) -> Optional[List[Range]]:
    """Of the segments; None: no executable or library for x86-64."""
    try:
        with open(path, "rb") as f:
            head = f.read(64)
            if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
                return None
            kind, machine = struct.unpack_from("<HH", head, 16)
            if kind not in (2, 3) or machine != 62:
                return None
            offset, = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            f.seek(offset)
            table = f.read(size * count)
    except OSError:
        return None
    found = []
    for i in range(count):
        p_type, flags, _offset, vaddr, _paddr, filesz = struct.unpack_from("<IIQQQQ", table, i * size)
        if p_type == 1 and flags & 1:
            found.append((vaddr, vaddr + filesz))
    return found


def readelf(option: str, path: str) -> Iterator[str]:
    """Its lines about .eh_frame; a .debug_frame may be there too, which no process loads."""
    done = subprocess.run(["readelf", option, "--wide", path], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace", check=False)
    wanted = False
    for line in done.stdout.splitlines():
        if line.startswith("Contents of the "):
            wanted = line.startswith("Contents of the .eh_frame ")
        if wanted:
            yield line


ROW = re.compile(r"[0-9a-f]{16}\s")
BY_REGISTER = re.compile(r"(\w+)([+-]\d+)$")
IN_REGISTER = re.compile(r"r(\d+)$")
TWO_WORDS = re.compile(r"\s\((\w+)\)")  # a register's other name, behind it


def read_fdes(path: str) -> Dict[str, Fde]:
    """By their own offset, as readelf prints it, in the order of the file.

    Of an FDE without instructions it prints no row: then the row of its CIE holds.
    """
    fdes: Dict[str, Fde] = {}
    cies: Dict[str, Fde] = {}
    first: Dict[str, Fde] = {}
    columns: List[int] = []
    fde: Optional[Fde] = None
    for line in readelf("-wF", path):
        if fde and ROW.match(line):
            cells = (TWO_WORDS.sub("", line) if "(" in line else line).split() + ["u"]
            fde.rows.append((int(cells[0], 16), Cells(*[cells[i] for i in columns])))
        elif line.startswith("   LOC"):
            names = line.split()
            columns = [names.index(n) if n in names else -1 for n in ("CFA", "rbp", "rsp", "ra")]
        elif " CIE " in line:
            words = line.split()
            fde = cies[words[0]] = Fde(0, 0, "S" in words[4], [])
        elif " FDE " in line:
            words = line.split()
            start, end = (int(n, 16) for n in words[5][3:].split(".."))
            first[words[0]] = cies[words[4][4:]]
            fde = fdes[words[0]] = Fde(start, end, first[words[0]].signal, [])
    for key, fde in fdes.items():
        if not fde.rows:
            fde.rows.append((fde.start, first[key].rows[-1][1]))
    return fdes


NOTHING: Dict[str, str] = {}


class Expressions:
    """What -wF leaves out, from -wf: the expressions in force, and what is said to be undefined."""

    def __init__(self, path: str, wanted: Set[str]) -> None:
        """`wanted` are the offsets of the FDEs asked about; CIEs are read anyway."""
        self.at: Dict[str, List[Tuple[int, Dict[str, str]]]] = {}  # by record, ascending
        key, place = "", 0
        now: Dict[str, str] = {}
        kept: List[Dict[str, str]] = []
        for line in readelf("-wf", path):
            if line.endswith(" CIE"):
                key, now, kept, place = line.split()[0], {}, [], 0
            elif " FDE " in line:
                words = line.split()
                if words[0] not in wanted:
                    key = ""
                    continue
                first = self.at.get(words[4][4:])
                key, now, kept = words[0], dict(first[-1][1]) if first else {}, []
                place = int(words[5][3:].split("..")[0], 16)
            elif key and line.startswith("  DW_CFA_"):
                name, _space, rest = line[9:].partition(" ")
                name = name.rstrip(":")
                if name.startswith("advance") or name == "set_loc":
                    place = int(line.split()[-1], 16)
                elif name == "remember_state":
                    kept.append(dict(now))
                elif name == "restore_state":
                    now = kept.pop() if kept else now
                else:
                    self.note(now, name, rest)
            else:
                continue
            rows = self.at.setdefault(key, [])
            if now != (rows[-1][1] if rows else {}):
                rows.append((place, dict(now)))

    @staticmethod
    def note(now: Dict[str, str], name: str, rest: str) -> None:
        if name == "def_cfa_expression":
            now["CFA"] = rest[1:-1]
            return
        found = re.match(r"r\d+ \((\w+)\)(?: \((.*)\))?", rest)
        if not found:
            return
        register = found.group(1)
        if name == "expression":
            now[register] = found.group(2)
        elif name == "undefined":
            now[register] = "undefined"
        elif not name.startswith("def_cfa"):
            now.pop(register, None)

    def of(self, key: str, place: int) -> Dict[str, str]:
        rows = self.at.get(key, [])
        i = bisect.bisect_right(rows, place, key=lambda row: row[0])
        return rows[i - 1][1] if i else {}


def of_expression(text: str) -> Tuple[int, int, int, int]:
    """cfa, off, add, reg."""
    words = text.split("; ")
    first = re.match(r"DW_OP_breg(\d+) \(\w+\): (-?\d+)$", words[0])
    if not first:
        return OTHER, 0, 0, 0
    reg, off, rest = int(first.group(1)), int(first.group(2)), words[1:]
    if not rest:
        return {7: RSP, 6: RBP}.get(reg, REGISTER), off, 0, reg if reg not in (6, 7) else 0
    plt = re.match(r"DW_OP_breg16 \(rip\): 0; DW_OP_lit15; DW_OP_and; DW_OP_lit(\d+); DW_OP_ge; "
                   r"DW_OP_lit3; DW_OP_shl; DW_OP_plus$", "; ".join(rest))
    if reg == 7 and plt:
        return PLT, off, int(plt.group(1)), 0
    if reg in (6, 7) and rest[0] == "DW_OP_deref":
        kind = RSP_DEREF if reg == 7 else RBP_DEREF
        add = re.match(r"DW_OP_plus_uconst: (\d+)$", rest[1]) if len(rest) == 2 else None
        if len(rest) == 1 or add:
            return kind, off, int(add.group(1)) if add else 0, 0
    return OTHER, 0, 0, 0


@lru_cache(maxsize=4096)
def rule_of(cells: Cells, said_cfa: str, said_rbp: str, said_ra: str, signal: bool) -> Rule:
    """What the row must be: `cells` from -wF, the rest from Expressions."""
    if cells.ra == "u":
        return bare(END)
    if signal:
        there = (said_cfa, said_ra) == ("DW_OP_breg7 (rsp): 160; DW_OP_deref",
                                        "DW_OP_breg7 (rsp): 168")
        return bare(SIGNAL if there else OTHER)
    by_register = BY_REGISTER.match(cells.cfa)
    if by_register:
        reg, off, add = NUMBERS[by_register.group(1)], int(by_register.group(2)), 0
        cfa = {7: RSP, 6: RBP}.get(reg, REGISTER)
        reg = reg if cfa == REGISTER else 0
    else:
        cfa, off, add, reg = of_expression(said_cfa)
    in_register = IN_REGISTER.match(cells.ra)
    if cfa == OTHER or not (cells.ra == "c-8" or in_register) or cells.rsp not in ("u", "v+0"):
        return bare(OTHER)
    rbp, rbp_off = rbp_of(cells.rbp, said_rbp)
    return cfa, off, add, rbp, rbp_off, reg, int(in_register.group(1)) if in_register else RA_AT_CFA


def rbp_of(cell: str, said: str) -> Tuple[int, int]:
    if cell in ("u", "s", "r6"):
        return (LOST if said == "undefined" else SAME), 0
    if cell.startswith("c"):
        return AT_CFA, int(cell[1:])
    saved = re.match(r"DW_OP_breg6 \(rbp\): (-?\d+)$", said) if cell == "exp" else None
    return (AT_RBP, int(saved.group(1))) if saved else (LOST, 0)


def expected_rows(path: str, ranges: List[Range], full: bool) -> Tuple[List[Tuple[int, Rule]], Counter]:
    """The rows of the file, in order, none equal to the one before, and what was out of order."""
    fdes = read_fdes(path)
    seen: Counter = Counter(fdes=len(fdes))
    wanted = {key for key, fde in fdes.items() if full or any("exp" in cells for _, cells in fde.rows)}
    expressions = Expressions(path, wanted) if wanted else None
    there = []
    for number, (key, fde) in enumerate(fdes.items()):
        inside = [r for r in ranges if r[0] <= fde.start < r[1]]
        if fde.end <= fde.start:
            seen["empty"] += 1
        elif not inside or not fde.start:
            seen["elsewhere"] += 1
        else:
            there.append((fde.start, number, key, min(fde.end, inside[0][1]), fde))
    there.sort(key=lambda row: row[:2])
    first = [row for i, row in enumerate(there) if not i or there[i - 1][0] != row[0]]
    seen["twice"] = len(there) - len(first)
    rows: List[Tuple[int, Rule]] = []
    last_end = None
    for i, (start, _number, key, end, fde) in enumerate(first):
        if i + 1 < len(first) and first[i + 1][0] < end:
            seen["overlapping"] += 1
            end = first[i + 1][0]
        if last_end is not None and start - last_end > PADDING_MAX:
            rows.append((last_end, bare(NONE)))
        for place, cells in fde.rows:
            if place < end:
                said = expressions.of(key, place) if expressions else NOTHING
                rows.append((place, rule_of(cells, said.get("CFA", ""), said.get("rbp", ""),
                                            said.get("rip", ""), fde.signal)))
        last_end = end
    if last_end is not None:
        rows.append((last_end, bare(NONE)))
    return merged(rows), seen


def merged(rows: List[Tuple[int, Rule]]) -> List[Tuple[int, Rule]]:
    """Of rows of one place the last holds, as where an instruction advances by 0."""
    kept: List[Tuple[int, Rule]] = []
    for place, rule in rows:
        if kept and kept[-1][0] == place:
            kept.pop()
        if not kept or kept[-1][1] != rule:
            kept.append((place, rule))
    return kept


def rows_of(dumper: str, path: str) -> List[Tuple[int, Rule]]:
    """As the dumper says.  The rows that only begin a page are equal to the one before."""
    out = subprocess.run([dumper, path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                         check=False)
    if out.returncode != 0:
        raise ValueError(out.stderr.strip() or "status %d" % out.returncode)
    rows = []
    for line in out.stdout.splitlines():
        place, *numbers = line.split()
        rows.append((int(place, 16), tuple(map(int, numbers))))
    rows = merged(rows)
    while rows and rows[0][1][0] == NONE:
        rows.pop(0)
    if rows and rows[-1][1][0] == NONE:
        rows.pop()  # where it is the first byte of a page it is left out
    return rows


class Result(NamedTuple):
    path: str
    rows: int
    seen: Counter  # kinds of rules by number, and what was out of order by name
    different: List[str]


def compare(dumper: str, path: str) -> Optional[Result]:
    """None: not a file that could be executed."""
    ranges = executable_ranges(path)
    if ranges is None:
        return None
    try:
        found = rows_of(dumper, path)
    except ValueError as e:
        return Result(path, 0, Counter(), [str(e)])
    full = any(rule[3] == LOST for _, rule in found)
    expected, seen = expected_rows(path, ranges, full)
    if expected:
        expected.pop()  # the end, as in rows_of
    seen.update(rule[0] for _, rule in found)
    different = []
    if found != expected:
        for sign, rows, others in ("-", expected, set(found)), ("+", found, set(expected)):
            different += ["%s %x %s" % (sign, *row) for row in rows if row not in others]
    return Result(path, len(found), seen, different)


def elf_files(paths: List[str]) -> List[str]:
    """Each file once, by its real path."""
    found = set()
    for path in paths:
        for folder, _folders, names in os.walk(path):
            found.update(os.path.realpath(os.path.join(folder, name)) for name in names)
        if os.path.isfile(path):
            found.add(os.path.realpath(path))
    return sorted(p for p in found if executable_ranges(p) is not None)


def compare_all(dumper: str, files: List[str]) -> Iterator[Result]:
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for result in pool.map(compare, [dumper] * len(files), files):
            if result:
                yield result


def main() -> int:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    files, rows, wrong = 0, 0, 0
    seen: Counter = Counter()
    for result in compare_all(sys.argv[1], elf_files(sys.argv[2:])):
        files += 1
        rows += result.rows
        seen.update(result.seen)
        if result.different:
            wrong += 1
            print("%s: %d rows, %d differ" % (result.path, result.rows, len(result.different)))
            print("\n".join("    " + text for text in sorted(
                result.different, key=lambda text: text[1:])[:20]), flush=True)
    print("%d files, %d rows, %d files differ" % (files, rows, wrong))
    print(", ".join("%s %d" % row for row in sorted(seen.items(), key=str)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
