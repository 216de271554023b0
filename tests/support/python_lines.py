"""Prints line tables of standard library code and what this interpreter makes of them.

For each code object: "code MINOR FIRSTLINE HEXTABLE LENGTH", then "START END LINE" for each range of
bytes (LINE 0: none), then "end".  Works from Python 3.8 on.
"""
import argparse
import asyncio.base_events
import dataclasses
import dis
import json.decoder
import os
import sys
import types

MINOR = sys.version_info[1]


def codes_of(path):
    with open(path, "rb") as source:
        pending = [compile(source.read(), path, "exec")]
    while pending:
        code = pending.pop()
        yield code
        pending.extend(c for c in code.co_consts if isinstance(c, types.CodeType))


def ranges(code):
    if MINOR >= 10:
        for start, end, line in code.co_lines():
            yield start, end, line or 0
        return
    starts = list(dis.findlinestarts(code)) + [(len(code.co_code), 0)]
    for (start, line), (end, _) in zip(starts, starts[1:]):
        yield start, end, line


def show(code):
    table = code.co_linetable if MINOR >= 10 else code.co_lnotab
    print("code", MINOR, code.co_firstlineno, table.hex() or "-", len(code.co_code))
    for start, end, line in ranges(code):
        if end > start:
            print(start, end, line)
    print("end")


for module in (argparse, asyncio.base_events, dataclasses, json.decoder, os):
    for code in codes_of(module.__file__):
        show(code)
