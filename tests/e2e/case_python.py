"""Python stacks, frame by frame, under every interpreter that is here.

A target prints the list of frames that the interpreter itself keeps; what stallprof shows of that
stall must be the same list: names, files, lines, order, nothing missing and nothing more.
"""

import os
from typing import Any, List, Tuple

from compare import check_invariants, check_truths, pair_up
from harness import Case, Env, Failure, Record, Target

FRAMES_MAX = 512
MINORS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def python_frames(stall: Record, part: Record) -> List[List[Any]]:
    """The Python frames of one part of a stall: name, base file name, line."""
    return [[f.get("fn"), os.path.basename(f.get("file", "")), f.get("line")]
            for f in stall["stacks"][part["stack"]]["frames"] if f["kind"] == "python"]


def frames_of(stall: Record) -> List[List[Any]]:
    """Those of its longest wait."""
    waits = [p for p in stall["parts"] if p["class"] == stall["why"]["class"] and "stack" in p]
    return python_frames(stall, max(waits, key=lambda p: p["dur_ns"])) if waits else []


def first_difference(want: List[Any], have: List[Any]) -> str:
    for i, (a, b) in enumerate(zip(want, have)):
        if a != b:
            return "frame %d: expected %s, found %s" % (i, a, b)
    return "expected %d frames, found %d, the rest is right" % (len(want), len(have))


def check_frames(truth: Record, stall: Record) -> List[str]:
    want, have = [list(f) for f in truth["stack"]], frames_of(stall)
    want[0][2] = truth["line"]  # the stack was printed above the line that rests
    quality = "partial" if len(want) > FRAMES_MAX else "full"
    problems = []
    if have != want[:FRAMES_MAX]:
        problems.append(first_difference(want[:FRAMES_MAX], have))
    if stall["quality"]["python"] != quality:
        problems.append("quality of %d frames: expected %s, found %s"
                        % (len(want), quality, stall["quality"]["python"]))
    return ["%s: %s" % (truth["kind"], p) for p in problems]


def compare(env: Env, target: Target) -> str:
    """Every stall of a started frames.py."""
    run = env.measure(target)
    check_truths(target.truths, run.stalls(), target.noise)
    check_invariants(run, target.truths)
    pairs, _, _ = pair_up(target.truths, run.stalls())
    problems: List[str] = []
    for truth, stall in pairs:
        problems += check_frames(truth, stall)
    if problems or len(pairs) != len(target.truths):
        raise Failure("%d of %d stacks compared\n%s" % (len(pairs), len(target.truths),
                                                        "\n".join(problems)))
    return "%d stacks, %d frames, the deepest %d" % (
        len(pairs), sum(len(t["stack"]) for t, _ in pairs),
        max(len(t["stack"]) for t, _ in pairs))


def frames(env: Env) -> str:
    return compare(env, env.target("frames.py"))


# --- memory that is used again


def is_honest(frame: List[Any]) -> bool:
    """Says itself that it does not know."""
    return not frame[0] or frame[0].startswith(("<stale code", "<unknown"))


def check_rests(truth: Record, stall: Record) -> Tuple[int, int, List[str]]:
    """Each wait beside what the target logged for that moment: right frames, honest ones, lies."""
    right, honest, lies = 0, 0, []
    for part in stall["parts"]:
        begin = stall["start_ns"] + part["at_ns"]
        at = [r for r in truth["rests"] if r["start_ns"] <= begin <= r["end_ns"]]
        if part["class"] != "syscall" or "stack" not in part or not at:
            continue
        want, have = at[0]["stack"], python_frames(stall, part)
        for i, frame in enumerate(have):
            same = i < len(want) and frame == want[i]
            right += same
            honest += not same and is_honest(frame)
            if not same and not is_honest(frame):
                lies.append("frame %d: expected %s, found %s" % (i, want[i:i + 1], frame))
    return right, honest, lies


def check_names(truth: Record, stall: Record) -> List[str]:
    """No stack of the stall has a made name from another time."""
    ran = {frame[0] for r in truth["rests"] for frame in r["stack"]}
    return ["from another time: %s" % f["fn"] for stack in stall["stacks"] for f in stack["frames"]
            if f["kind"] == "python" and f["fn"].startswith("made_") and f["fn"] not in ran]


def reuse(env: Env, *options: str) -> str:
    target = env.target("reuse.py", *options)
    run = env.measure(target)
    check_invariants(run, target.truths)
    pairs, problems, _ = pair_up(target.truths, run.stalls())
    right, honest = 0, 0
    for truth, stall in pairs:
        some_right, some_honest, lies = check_rests(truth, stall)
        right, honest = right + some_right, honest + some_honest
        problems += lies + check_names(truth, stall)
    rests = sum(len(t["rests"]) for t in target.truths)
    if right < honest or right < rests:
        problems.append("in %d rests: %d right frames, %d stale" % (rests, right, honest))
    if problems:
        raise Failure("%d wrong, %d right, %d stale\n%s" % (len(problems), right, honest,
                                                            "\n".join(problems)))
    return "%d rests: %d frames right, %d said to be stale" % (rests, right, honest)


CASES: List[Case] = [
    Case("frames", frames, minors=MINORS, alone=False),
    Case("reuse", reuse, minors=("3.8", "3.12", "3.13"), alone=False),
    Case("reuse-same-lines", lambda env: reuse(env, "--same-lines"),
         minors=("3.8", "3.12", "3.13"), alone=False),
]
