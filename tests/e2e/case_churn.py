"""A process whose code never stays: nothing breaks, grows without end, or gets a wrong name.

Libraries come and go at the same addresses, code is made at run time, children are made, killed and
execute (tests/targets/churn.c).  What stallprof cannot know it must leave nameless.
"""

import re
import time
from pathlib import Path
from typing import Dict, List

from case_native import compiler, libraries, run_compiler
from harness import TARGETS, Case, Env, Failure, Record, Run, Watch

SECONDS = 12
RESIDENT_MIB = 192
# The functions of the target in the order in which they may call each other, innermost first.
ORDER = [re.compile(r"^(work )?(n_visit )?(open_one )?(run_loop )?(main |open_many )?$"),
         re.compile(r"^(work )?(make_one )?(fork_one )?(make_many |fork_many )?$")]
OURS = ("work", "n_visit", "open_one", "run_loop", "main", "open_many", "make_one", "fork_one",
        "make_many", "fork_many")


def bpf_maps(watch: Watch) -> int:
    return watch.files().count("anon_inode:bpf-map")


def resident_mib(watch: Watch) -> float:
    status = Path("/proc/%d/status" % watch.proc.pid).read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def own_frames(stack: Record) -> str:
    return "".join(f["fn"] + " " for f in stack["frames"]
                   if f["kind"] == "native" and not f.get("inlined") and f["fn"] in OURS)


def check_names(stalls: List[Record]) -> List[str]:
    return ["no such stack: " + own for stall in stalls for own in map(own_frames, stall["stacks"])
            if not any(order.match(own) for order in ORDER)]


def check_run(run: Run, counts: Record) -> List[str]:
    problems = check_names(run.stalls())
    if run.status != 0:
        problems.append("status %d: %s" % (run.status, run.err[-500:]))
    if not run.stalls():
        problems.append("no stalls")
    # What found no room is counted, whatever it is.
    lost: Dict[str, int] = run.summary()["lost"]
    if any(not isinstance(n, int) or n < 0 for n in lost.values()):
        problems.append("lost: %r" % lost)
    if counts["opened"] < 100 or counts["forked"] < 7:
        problems.append("the target did too little: %r" % counts)
    return problems


def churn(env: Env) -> str:
    cc, program = compiler("gcc", "cc"), str(env.folder / "churn")
    run_compiler([cc, "-std=gnu11", "-O2", "-g", "-pthread", "-I", str(TARGETS), "-o", program,
                  str(TARGETS / "churn.c")])
    target = env.start([program, str(SECONDS + 6), *libraries(env, cc)])
    watch = env.watch("--follow", "-p", str(target.pid), "--threshold", "20ms", "-d", str(SECONDS))
    watch.attached(changing=True)
    time.sleep(SECONDS / 4)
    maps = bpf_maps(watch)
    time.sleep(SECONDS / 2)
    problems, resident = [], resident_mib(watch)
    if bpf_maps(watch) > maps + 2:
        problems.append("BPF maps: %d, then %d" % (maps, bpf_maps(watch)))
    if resident > RESIDENT_MIB:
        problems.append("%.0f MiB resident" % resident)
    run = watch.end()
    counts = target.wait_line("opened")
    problems += check_run(run, counts)
    if problems:
        raise Failure("\n".join(problems[:20]))
    return "%d stalls, %d libraries opened, %d children, %.0f MiB" % (
        len(run.stalls()), counts["opened"], counts["forked"], resident)


CASES: List[Case] = [Case("native-churn", churn)]
