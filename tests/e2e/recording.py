"""Reads a .stall file as far as tests need it: its chunks, stacks and parts of stalls.

The layouts are those of src/recording/layout.h, src/recording/chunk.h and bpf/event.h.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

HEADER, CHUNK_HEAD, BLOCK, INNER_HEAD = 64, 12, 0x5a, 8
CHUNK_EVENT, CHUNK_STACK_NAMES = 1, 6
EVENT_STALL = 2
STALL_HEAD = struct.Struct("<HHIQIIIHBBQQQQ9Q9QII")
PART = struct.Struct("<QQQQIBBhII6Q168s40s")
PART_SAMPLED = 1 << 1

STOPS = ("kernel", "root", "busy", "mapping", "pointer", "read", "rule", "depth", "table", "short")


def chunks(path: Path) -> Iterator[Tuple[int, bytes]]:
    data, at = path.read_bytes(), HEADER
    while at + CHUNK_HEAD <= len(data):
        kind, length, _ = struct.unpack_from("<III", data, at)
        payload = data[at + CHUNK_HEAD:at + CHUNK_HEAD + length]
        at += (CHUNK_HEAD + length + 7) // 8 * 8
        if kind != BLOCK:
            yield kind, payload
            continue
        inner, raw = 0, zlib.decompress(payload[4:])
        while inner < len(raw):
            kind, length = struct.unpack_from("<II", raw, inner)
            yield kind, raw[inner + INNER_HEAD:inner + INNER_HEAD + length]
            inner += INNER_HEAD + length


@dataclass
class Part:
    """Samples or waits with one stack."""

    stack: int
    count: int
    sampled: bool


def stall_parts(event: bytes) -> List[Part]:
    n_parts = STALL_HEAD.unpack_from(event)[7]
    found = []
    for i in range(n_parts):
        part = PART.unpack_from(event, STALL_HEAD.size + i * PART.size)
        found.append(Part(part[3], part[4], bool(part[6] & PART_SAMPLED)))
    return found


def read(path: Path) -> Tuple[Dict[int, str], List[Part]]:
    """Where the walk of each stack ended, by hash, and the parts of all stalls."""
    stops: Dict[int, str] = {}
    parts: List[Part] = []
    for kind, payload in chunks(path):
        if kind == CHUNK_STACK_NAMES:
            stack, flags = struct.unpack_from("<QI", payload)
            stops[stack] = STOPS[flags >> 16]
        elif kind == CHUNK_EVENT and struct.unpack_from("<H", payload)[0] == EVENT_STALL:
            parts += stall_parts(payload)
    return stops, parts


def samples_by_stop(path: Path) -> Dict[str, int]:
    """How many cpu-clock samples ended where."""
    stops, parts = read(path)
    found: Dict[str, int] = {}
    for part in parts:
        if part.sampled:
            stop = stops.get(part.stack, "unnamed") if part.stack else "none taken"
            found[stop] = found.get(stop, 0) + part.count
    return found
