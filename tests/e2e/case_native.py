"""Native stacks, frame by frame: programs without frame pointers, by how they were compiled.

A target stalls below stacks of known shapes (tests/targets/native*.c and relatives, which print the
frames that must be there).  What stallprof shows must be those frames: none missing, none more,
from the innermost function of the target to its main, and the stack must be whole.  Frames of
libraries count only where the target says that there may be some.
"""

import os
import re
import shutil
import subprocess
from typing import Any, Callable, Dict, List, Sequence

from case_builds import HIDDEN, need, need_unshare
from compare import check_class, check_length, name_of, pair_up
from harness import TARGETS, TOP, Case, Env, Failure, Record, Skip, Target

PARTS = ("frames", "signals", "roots", "library")
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
# Code without tables is left by frame pointer, which is no proof.  A coroutine of libc returns to the
# beginning of a function that nobody called: its caller is what lies there.
GUESSED = ("bare", "made", "context")
LOOP = [["n_run", "n_loop", "main"], ["n_run", "n_loop", "n_thread"]]


# --- building


def compiler(*names: str) -> str:
    for name in names:
        if shutil.which(name):
            return name
    raise Skip("no " + " and no ".join(names))


def run_compiler(command: List[str], why_skip: str = "", **environ: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, **environ))
    if done.returncode != 0:
        text = "%s:\n%s" % (" ".join(command), done.stderr[-2000:])
        raise Skip(why_skip) if why_skip else Failure(text)


def c_sources(parts: Sequence[str]) -> List[str]:
    return [str(TARGETS / ("native_%s.c" % p)) for p in ("loop", *parts)]


def libraries(env: Env, cc: str) -> List[str]:
    """Two with the same functions at other addresses and in other frames."""
    paths = []
    for room in (24, 5000):
        path = str(env.folder / ("libn%d.so" % room))
        run_compiler([cc, "-std=gnu11", "-O2", "-fPIC", "-shared", "-fomit-frame-pointer",
                      *WARNINGS, "-DN_INSIDE=%d" % room, "-I", str(TARGETS), "-o", path,
                      str(TARGETS / "native_library.c")])
        paths.append(path)
    return paths


def built(env: Env, cc: str, *flags: str, static: bool = False, why_skip: str = "") -> List[str]:
    """The C program as a command."""
    program = str(env.folder / "native")
    command = [cc, "-std=gnu11", *flags, "-g", "-fomit-frame-pointer", "-pthread", *WARNINGS,
               "-I", str(TARGETS), "-o", program]
    if static:
        run_compiler(command + c_sources(PARTS[:-1]), why_skip)
        return [program]
    found = libraries(env, cc)
    run_compiler(command + c_sources(PARTS) + [found[0]], why_skip)
    return [program, "--library", found[0], "--library", found[1]]


def built_cxx(env: Env, cxx: str, *flags: str) -> List[str]:
    program, loop = str(env.folder / "native"), str(env.folder / "loop.o")
    common = ["-g", "-fomit-frame-pointer", "-pthread", *WARNINGS, "-I", str(TARGETS)]
    run_compiler([compiler("gcc", "cc"), "-std=gnu11", "-O2", *common, "-c", "-o", loop,
                  *c_sources(())])
    run_compiler([cxx, *flags, *common, "-o", program, loop, str(TARGETS / "native_cxx.cc")])
    return [program]


def built_rust(env: Env, *flags: str) -> List[str]:
    program = str(env.folder / "native")
    run_compiler([compiler("rustc"), "--edition", "2021", "-g", "-C", "force-frame-pointers=no",
                  *flags, "-o", program, str(TARGETS / "native.rs")], "this rustc cannot",
                 RUSTC_BOOTSTRAP="1")
    return [program]


# --- comparing


def without_arguments(name: str) -> str:
    """Without what stands in angle brackets and parentheses."""
    depth, kept = 0, ""
    for i, c in enumerate(name):
        if c in "<(" and not name.endswith("operator", 0, i):
            depth += 1
        elif c in ">)" and depth and name[i - 1] != "-":
            depth -= 1
        elif not depth:
            kept += c
    return kept


def plain(name: str) -> str:
    """A function's own name: no class, no arguments, none of a compiler's endings."""
    if "{lambda" in name and name.rsplit("::", 1)[-1].startswith(("operator", "_FUN", "{lambda")):
        return "{lambda}"
    name = without_arguments(name.split(" [clone")[0])
    last = name.rstrip(":").rsplit("::", 1)[-1]
    if last.startswith(("{closure", "{{closure")):
        return "{closure}"
    return re.sub(r"\.(\d+|part|isra|constprop|cold|llvm|lto_priv|specialized|actor|destroy)\b.*",
                  "", last)


def is_ours(name: str) -> bool:
    return name.startswith("n_")


def matches(want: List[str], have: List[str]) -> bool:
    """Frames as native.h writes them; what follows the last one is up to libraries."""
    if not want:
        return not any(is_ours(name) for name in have)
    first, rest = want[0], want[1:]
    if first == "~":
        return matches(rest, have) or bool(have and not is_ours(have[0])
                                           and matches(want, have[1:]))
    if first.startswith("?"):
        return matches(rest, have) or matches([first[1:]] + rest, have)
    return bool(have) and have[0] == first and matches(rest, have[1:])


def frames_of(stall: Record, part: Record) -> List[str]:
    frames = stall["stacks"][part["stack"]]["frames"]
    return [plain(f["fn"]) or "%s+0x%x" % (f["module"] or "?", f.get("offset", 0))
            for f in frames if f["kind"] == "native" and not f.get("inlined")]


def parts_of(truth: Record, stall: Record) -> List[Record]:
    """What has a stack: of a wait the longest one, of work on the CPU every sample."""
    parts = [p for p in stall["parts"] if p["class"] == truth["class"] and "stack" in p]
    return parts if truth["class"] == "cpu" else sorted(parts, key=lambda p: -p["dur_ns"])[:1]


def before_or_after(truth: Record, have: List[str]) -> bool:
    """A sample of one of the outer functions, which has not called the next one, or has already;
    where the shape has a root of its own, also of the loop that called it."""
    outer = [truth["stack"][i:] for i in range(1, len(truth["stack"]))
             if is_ours(truth["stack"][i])] + LOOP
    return any(matches(["~", *frames], have) for frames in outer)


def check_stacks(truth: Record, stall: Record, rooted: bool) -> List[str]:
    want = ["~", *truth["stack"]]
    stacks = [frames_of(stall, p) for p in parts_of(truth, stall)]
    if not rooted and "~" in truth["stack"]:
        want = want[:2 + truth["stack"].index("~")]  # where libc is
        stacks = [s[:s.index(want[-2]) + 1] if want[-2] in s else s for s in stacks]
    if not rooted:
        stacks = [s for s in stacks if any(map(is_ours, s))]
    wrong = [s for s in stacks if not matches(want, s)]
    if truth["class"] == "cpu":
        excused = [s for s in wrong if before_or_after(truth, s)][:max(3, len(stacks) // 3)]
        wrong = [s for s in wrong if s not in excused]
    if not stacks and truth["class"] != "cpu":
        return ["no stack"]
    return ["stack: %d of %d wrong, the first\n  expected %s\n  found    %s" % (
        len(wrong), len(stacks), " < ".join(truth["stack"]), " < ".join(wrong[0]))] if wrong else []


def check_at(truth: Record, stall: Record) -> List[str]:
    """The innermost frame that is no library's; a static program has the libraries in itself."""
    fn = plain((stall.get("at") or {}).get("fn", ""))
    allowed = []
    for part in parts_of(truth, stall):
        for frame in stall["stacks"][part["stack"]]["frames"]:
            if frame["kind"] == "native" and not frame["module"].startswith("libc.so"):
                allowed.append(plain(frame["fn"]))
            if plain(frame["fn"]) in truth["stack"]:
                break
    if allowed and fn not in allowed:
        return ["at: expected %s, found %s" % (" or ".join(set(allowed)), fn or "nothing")]
    return []


def check_shape(truth: Record, stall: Record, rooted: bool) -> List[str]:
    problems = list(check_length(truth, stall))
    # On a busy machine most of it may be waiting for a CPU.
    if stall["why"]["class"] != "runqueue":
        problems += [*check_class(truth, stall), *check_at(truth, stall)]
    if not rooted and truth["kind"] == "vfork":
        return problems  # nothing but libc
    problems += check_stacks(truth, stall, rooted)
    quality = stall["quality"]["native"]
    if rooted and quality != "full" and truth["kind"] not in GUESSED:
        problems.append("native quality: expected full, found " + quality)
    return problems


def check_shapes(target: Target, stalls: List[Record], rooted: bool = True) -> str:
    pairs, problems, rest = pair_up(target.truths, stalls)
    problems += ["invented: %s" % s["why"] for s in rest if s["why"]["class"] != "runqueue"]
    for truth, stall in pairs:
        problems += ["%s: %s" % (name_of(dict(truth, func=truth["kind"])), p)
                     for p in check_shape(truth, stall, rooted)]
    frames = sum(len(t["stack"]) for t, _ in pairs)
    if problems:
        raise Failure("%d of %d stalls, %d problems\n%s" % (
            len(pairs), len(target.truths), len(problems), "\n".join(problems)))
    return "%d stacks, %d frames" % (len(pairs), frames)


# --- cases


def check(env: Env, command: Sequence[str], rooted: bool = True) -> str:
    """rooted: libc has tables, so that the stack is known beyond main, and below its functions."""
    target = env.start([*command, "--wait"])
    return check_shapes(target, env.measure(target, settled=True).stalls(), rooted)


def c_case(name: str, cc: str, *flags: str, argv: Sequence[str] = (), rooted: bool = True,
           **how: Any) -> Case:
    def run(env: Env) -> str:
        return check(env, [*built(env, compiler(cc), *flags, **how), *argv], rooted)
    return Case("native-" + name, run, alone=False)


def other_case(name: str, build: Callable[[Env], List[str]]) -> Case:
    return Case("native-" + name, lambda env: check(env, build(env)), alone=False)


def deleted(env: Env) -> str:
    """The program's file is gone."""
    command = built(env, compiler("gcc", "cc"), "-O2")
    target = env.start([*command, "--wait"])
    os.unlink(command[0])
    return check_shapes(target, env.measure(target, settled=True).stalls())


def hidden(env: Env) -> str:
    """The program's file exists only in the target's own root, in its own mount namespace."""
    need_unshare("-m")
    need("chroot")
    program = built(env, compiler("gcc", "cc"), "-O2", "-static", static=True)[0]
    root = env.folder / "root"
    root.mkdir()
    target = env.start(["unshare", "-m", "--propagation", "private", "sh", "-ec", HIDDEN, "sh",
                        str(root), str(TOP), program, "/hidden/python3", "--wait"])
    os.unlink(program)
    return check_shapes(target, env.measure(target, settled=True).stalls())


CXX: Dict[str, Sequence[str]] = {"O0": ["-O0"], "O2": ["-O2", "-std=c++20"],
                                 "lto": ["-O3", "-flto"]}
RUST: Dict[str, Sequence[str]] = {
    "O0": [], "v0": ["-C", "opt-level=3", "-C", "symbol-mangling-version=v0"],
    "legacy": ["-Z", "unstable-options", "-C", "symbol-mangling-version=legacy",
               "-C", "opt-level=2", "-C", "lto=fat"]}

CASES: List[Case] = [
    c_case("gcc-O0", "gcc", "-O0"),
    c_case("gcc-O2", "gcc", "-O2"),
    c_case("gcc-Os", "gcc", "-Os"),
    # Nearly every frame is realigned: where it begins is an expression.
    c_case("gcc-realign", "gcc", "-O2", "-mpreferred-stack-boundary=5",
           "-mincoming-stack-boundary=4", static=True),
    c_case("gcc-lto", "gcc", "-O3", "-flto"),
    c_case("gcc-cet", "gcc", "-O2", "-fcf-protection=full", "-Wl,-z,ibtplt", "-Wl,-z,lazy"),
    c_case("gcc-no-pie", "gcc", "-O2", "-no-pie", "-fno-pie"),
    c_case("gcc-thread", "gcc", "-O2", argv=["--thread"]),
    c_case("gcc-busy", "gcc", "-O2", argv=["--busy"]),
    c_case("clang-O2", "clang", "-O2"),
    c_case("static", "gcc", "-O2", "-static", static=True),
    c_case("static-pie", "gcc", "-O2", "-static-pie", "-fPIE", static=True),
    c_case("musl", "musl-gcc", "-O2", "-DN_OWN_CALLS", static=True, rooted=False),
    c_case("musl-static", "musl-gcc", "-O2", "-static", "-DN_OWN_CALLS", static=True,
           rooted=False),
    Case("native-deleted", deleted, alone=False),
    Case("native-hidden", hidden, alone=False),
    *(other_case("g++-" + name, lambda env, f=tuple(flags): built_cxx(env, compiler("g++"), *f))
      for name, flags in CXX.items()),
    *(other_case("rust-" + name, lambda env, f=tuple(flags): built_rust(env, *f))
      for name, flags in RUST.items()),
]
