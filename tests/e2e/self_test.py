#!/usr/bin/env python3
"""The comparison compared: every kind of wrong record must be found out.

Takes right truths and records, breaks one thing at a time, and expects a Failure that names it.
  Needs neither stallprof nor privilege.
"""

import copy
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Callable, Dict, List

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import unwind_truth  # noqa: E402
from case_gil import check_gil  # noqa: E402
from case_mixed import check_gaps  # noqa: E402
from case_native import before_or_after, matches, plain  # noqa: E402
from case_offcpu import NEAR_SWITCH, check_threads  # noqa: E402
from case_python import check_frames  # noqa: E402
from case_truth import compare_thread  # noqa: E402
from compare import CLASSES, check_folded, check_sums, check_truths  # noqa: E402
from harness import Failure, Run, Target  # noqa: E402

Record = Dict[str, Any]
MS = 1_000_000


def truth(start_ms: int) -> Record:
    return {"class": "syscall", "syscall": "recvfrom", "func": "get_user", "file": "app.py",
            "line": 41, "line_to": 41, "cpu_ns": MS, "tid": 7, "start_ns": start_ms * MS,
            "dur_ns": 200 * MS, "target": {"kind": "tcp", "peer": "127.0.0.1:1"}}


def stall(start_ms: int) -> Record:
    ns = dict.fromkeys(CLASSES, 0)
    ns.update(cpu=MS, syscall=200 * MS)
    return {"id": "a%d" % start_ms, "state": "ended", "start_ns": start_ms * MS - 1000,
            "dur_ns": 201 * MS, "threshold_ns": 50 * MS, "clipped": False, "ns": ns,
            "proc": {"pid": 7, "tid": 7}, "parts_dropped": 0,
            "parts": [{"class": "cpu", "dur_ns": MS}, {"class": "syscall", "dur_ns": 200 * MS}],
            "why": {"class": "syscall", "share": 0.99, "syscall": "recvfrom",
                    "target": {"kind": "tcp", "peer": "127.0.0.1:1", "fd": 5}},
            "at": {"fn": "get_user", "file": "/srv/app.py", "line": 41}}


class Broken(unittest.TestCase):
    """Each case is one change to records that are right."""

    def setUp(self) -> None:
        self.truths = [truth(1000), truth(2000), truth(3000)]
        self.stalls = [stall(1000), stall(2000), stall(3000)]

    def expect(self, word: str, change: Callable[[List[Record]], Any]) -> None:
        stalls = copy.deepcopy(self.stalls)
        change(stalls)
        with self.assertRaises(Failure) as caught:
            check_truths(self.truths, stalls, [])
        self.assertIn(word, str(caught.exception))

    def test_right_records_pass(self) -> None:
        self.assertEqual(check_truths(self.truths, self.stalls, []), "3 of 3 stalls")

    def test_count(self) -> None:
        self.expect("not found", lambda s: s.pop())
        self.expect("found 2 times", lambda s: s.append(copy.deepcopy(s[0])))
        self.expect("invented", lambda s: s.append(stall(5000)))

    def test_noise_excuses_what_overlaps_it(self) -> None:
        noise: List[Record] = [{"start_ns": 5010 * MS, "dur_ns": 90 * MS, "tid": 7}]
        check_truths(self.truths, self.stalls + [stall(5000)], noise)
        with self.assertRaises(Failure):
            check_truths(self.truths, self.stalls + [stall(6000)], noise)
        with self.assertRaises(Failure):
            noise[0]["only"] = ("cpu",)
            check_truths(self.truths, self.stalls + [stall(5000)], noise)

    def test_other_thread(self) -> None:
        self.expect("not found", lambda s: s[1]["proc"].update(tid=8))

    def test_length(self) -> None:
        self.expect("length", lambda s: s[0].update(dur_ns=190 * MS))
        self.expect("length", lambda s: s[0].update(dur_ns=230 * MS))
        self.expect("start", lambda s: s[0].update(start_ns=1005 * MS))
        self.expect("clipped", lambda s: s[0].update(clipped=True))

    def test_why(self) -> None:
        self.expect("class", lambda s: s[0]["why"].update({"class": "lock"}))
        self.expect("share", lambda s: s[0]["ns"].update(syscall=100 * MS))
        self.expect("syscall", lambda s: s[0]["why"].update(syscall="read"))
        self.expect("target.kind", lambda s: s[0]["why"]["target"].update(kind="udp"))
        self.expect("target.peer", lambda s: s[0]["why"]["target"].pop("peer"))

    def test_place(self) -> None:
        self.expect("at:", lambda s: s[0]["at"].update(line=42))
        self.expect("at:", lambda s: s[0]["at"].update(file="/srv/other.py"))
        self.expect("at:", lambda s: s[0]["at"].update(fn="put_user"))
        self.expect("at:", lambda s: s[0].pop("at"))

    def test_sums(self) -> None:
        self.assertEqual(check_sums(self.stalls[0]), [])
        for change in ({"cpu": 2 * MS}, {"unexplained": 5 * MS}):
            broken = copy.deepcopy(self.stalls[0])
            broken["ns"].update(change)
            self.assertTrue(check_sums(broken))
        broken = copy.deepcopy(self.stalls[0])
        broken["parts"][1]["dur_ns"] -= 1
        self.assertTrue(check_sums(broken))
        broken["parts_dropped"] = 1
        self.assertEqual(check_sums(broken), [])

    def test_frames(self) -> None:
        """A frame that is missing, too much, renamed, moved or on another line."""
        want = dict(self.truths[0], kind="x", stack=[["a", "a.py", 1], ["b", "a.py", 2]])
        right = [{"kind": "python", "fn": "a", "file": "/x/a.py", "line": 41},
                 {"kind": "python", "fn": "b", "file": "/x/a.py", "line": 2}]
        parts = [{"class": "syscall", "dur_ns": MS, "stack": 0}]

        def problems(frames: List[Any], quality: str = "full") -> List[str]:
            return check_frames(want, dict(self.stalls[0], parts=parts, stacks=[{"frames": frames}],
                                           quality={"python": quality}))
        self.assertEqual(problems(right), [])
        for wrong in (right[:1], right[::-1], right + right[:1], [right[0], dict(right[1], fn="c")],
                      [right[0], dict(right[1], line=3)], [right[0], dict(right[1], file="b.py")]):
            self.assertTrue(problems(wrong))
        self.assertTrue(problems(right, "partial"))

    def test_holders(self) -> None:
        """Another thread, name, function or share; an innocent thread; a convoy that is none."""
        thread = {"tid": 8, "name": "hog", "func": "f", "holds": True, "cpu_ns": 90 * MS,
                  "delay_ns": 0}
        idle = dict(thread, tid=9, name="idle", holds=False)
        want = dict(self.truths[0], kind="x", threads=[thread, idle])
        right = {"kind": "gil", "tid": 8, "comm": "hog", "share": 0.97, "ns": 97 * MS,
                 "at": {"fn": "C.f"}}

        def problems(holder: Record, truth: Record = want, **extra: Any) -> List[str]:
            stall = dict(self.stalls[0], holder=holder, **extra)
            return check_gil(truth, dict(stall, ns=dict(stall["ns"], gil=100 * MS)))
        self.assertEqual(problems(right), [])
        for change in ({"tid": 10}, {"tid": 9}, {"comm": "x"}, {"share": 0.5}, {"at": {"fn": "g"}},
                       {"kind": "lock"}):
            self.assertTrue(problems(dict(right, **change)), change)
        self.assertTrue(problems(right, convoy=True))
        # With the GIL and without a processor: nobody can tell, but by no more than that.
        late = dict(thread, cpu_ns=40 * MS, delay_ns=25 * MS)
        other = dict(late, tid=7, cpu_ns=60 * MS, delay_ns=0)
        pair = dict(want, threads=[late, other])
        half = dict(right, share=0.5)
        rest = dict(right, tid=7, share=0.5)
        self.assertEqual(problems(half, pair, holders=[half, rest]), [])
        half, rest = dict(half, share=0.65), dict(rest, share=0.35)
        self.assertTrue(problems(half, pair, holders=[half, rest]))

    def test_convoy(self) -> None:
        """A stall that is one by plan must be called one, unless one thread may have had half."""
        threads = [{"tid": tid, "name": "hog", "func": "f", "holds": True, "cpu_ns": 20 * MS,
                    "delay_ns": 0} for tid in range(7, 12)]
        holders = [{"kind": "gil", "tid": t["tid"], "comm": "hog", "share": 0.2, "ns": 20 * MS,
                    "at": {"fn": "f"}} for t in threads]
        want = dict(self.truths[0], kind="convoy", threads=threads)
        stall = dict(self.stalls[0], holders=holders, holder=holders[0])
        stall["ns"] = dict(stall["ns"], gil=100 * MS)
        self.assertEqual(check_gil(want, dict(stall, convoy=True)), [])
        self.assertTrue(check_gil(want, stall))
        threads[0]["delay_ns"] = 110 * MS
        self.assertEqual(check_gil(want, stall), [])

    def test_folded(self) -> None:
        right = "app;main (a.py:1);[cpu] 7\napp;main (a.py:1);[syscall read pipe] 13\n"
        self.assertEqual(check_folded(right, 20_999), [])
        self.assertTrue(check_folded(right, 21_000))
        self.assertTrue(check_folded(right.replace("[cpu]", "[cup]"), 20_000))
        self.assertTrue(check_folded("".join(reversed(right.splitlines(True))), 20_000))
        self.assertTrue(check_folded(right + "app;main\n", 20_000))


class Native(unittest.TestCase):
    """Frames against a pattern, and addresses against another unwinder's."""

    WANT = ["~", "n_rest", "n_deep", "n_deep", "~", "?n_tail", "n_shape", "main"]
    HAVE = ["nanosleep", "n_rest", "n_deep", "n_deep", "qsort", "n_shape", "main", "_start"]

    def test_right_frames_pass(self) -> None:
        self.assertTrue(matches(self.WANT, self.HAVE))
        self.assertTrue(matches(self.WANT, self.HAVE[:5] + ["n_tail"] + self.HAVE[5:]))

    def test_a_frame_missing_or_too_many(self) -> None:
        for i in (1, 2, 5, 6):
            self.assertFalse(matches(self.WANT, self.HAVE[:i] + self.HAVE[i + 1:]), i)
        for i in range(len(self.HAVE) + 1):
            self.assertFalse(matches(self.WANT, self.HAVE[:i] + ["n_deep"] + self.HAVE[i:]), i)
        self.assertFalse(matches(self.WANT, self.HAVE[:3] + ["qsort"] + self.HAVE[3:]))
        self.assertFalse(matches(self.WANT, self.HAVE[:2]))

    def test_samples_beside_the_shape(self) -> None:
        shape = {"stack": ["n_rest", "n_work", "n_coroutine"]}
        loop = ["snprintf", "print_truth", "n_run", "n_loop", "main", "_start"]
        self.assertTrue(before_or_after(shape, loop))
        self.assertTrue(before_or_after(shape, ["n_coroutine"]))
        self.assertFalse(before_or_after(shape, ["n_rest", "n_coroutine"]))
        self.assertFalse(before_or_after(shape, ["n_rest"] + loop))

    def test_stacks_that_end_early(self) -> None:
        def gaps(module: str, stacks: int) -> List[str]:
            return check_gaps({"stacks": 20, "gaps": [{"module": module, "stacks": stacks}]}, 14)
        self.assertEqual(gaps("python3.11", 2) + gaps("ld-linux-x86-64.so.2", 3), [])
        self.assertTrue(gaps("python3.11", 3))
        self.assertTrue(check_gaps({"stacks": 13, "gaps": []}, 14))

    def test_time_off_the_cpu(self) -> None:
        thread = {"tid": 7, "comm": "ping", "switches": 100, "off_ns": 60 * MS, "wall_ns": 100 * MS}
        target = Target(None, [{"thread": thread}])  # type: ignore[arg-type]

        def problems(count: int, ns: int) -> List[str]:
            row = {"type": "offcpu", "by": "thread", "thread": {"tid": 7, "comm": "ping"},
                   "count": count, "sum_ns": ns}
            return check_threads(target, Run(0, "", "", Path(), [row]), NEAR_SWITCH)
        self.assertEqual(problems(100, 60 * MS) + problems(100, 75 * MS), [])
        for count, ns in ((100, 53 * MS), (100, 77 * MS), (88, 60 * MS), (112, 60 * MS)):
            self.assertTrue(problems(count, ns))

    def test_plain_names(self) -> None:
        for name, own in (("native::Deep<double, 3>::n_deep(double)", "n_deep"),
                          ("n_work.constprop.0", "n_work"), ("n_recurse.part.0.lto_priv.1", "n_recurse"),
                          ("<native::Chain<T> as native::Visit>::n_visit", "n_visit"),
                          ("native::n_loop::<core::iter::Map<A, B>>", "n_loop"),
                          ("native::n_shape::{{closure}}", "{closure}"),
                          ("n_f()::{lambda(int)#1}::operator()(int) const", "{lambda}"),
                          ("native::n_coroutine(int) [clone .actor]", "n_coroutine")):
            self.assertEqual(plain(name), own)

    def test_addresses(self) -> None:
        want = [0x1000, 0x2000, 0x3000]
        body = {"tid": 7, "stop": 1, "user": [0x1002, 0x2000, 0x3000]}
        self.assertEqual(compare_thread(7, want, [body], ("root",)), "")
        for change in ({"user": [0x1003, 0x2000, 0x3000]}, {"user": [0x1002, 0x2001, 0x3000]},
                       {"user": [0x1002, 0x2000]}, {"user": want + [0x4000]}, {"stop": 4}):
            self.assertTrue(compare_thread(7, want, [dict(body, **change)], ("root",)), change)


@unittest.skipUnless(shutil.which("readelf"), "no readelf")
class BrokenRows(unittest.TestCase):
    """Rows of a real file, one of them changed, moved, left out or too many."""

    def compared(self, rows: List[Any]) -> List[str]:
        text = "".join("%x %s\n" % (place, " ".join(map(str, rule))) for place, rule in rows)
        with tempfile.TemporaryDirectory() as folder:
            dumper = Path(folder) / "dumper"
            dumper.write_text("#!/bin/sh\ncat <<E\n%sE\n" % text)
            dumper.chmod(0o755)
            result = unwind_truth.compare(str(dumper), self.path)
        assert result
        return result.different

    def test_rows(self) -> None:
        self.path = str(Path(shutil.which("cat") or "").resolve())
        ranges = unwind_truth.executable_ranges(self.path)
        assert ranges
        right, _seen = unwind_truth.expected_rows(self.path, ranges, False)
        self.assertGreater(len(right), 101)
        self.assertEqual(self.compared(right), [])
        place, rule = right[61]
        for i in range(len(rule)):
            wrong = rule[:i] + (rule[i] + 1,) + rule[i + 1:]
            self.assertTrue(self.compared(right[:61] + [(place, wrong)] + right[62:]), wrong)
        self.assertTrue(self.compared(right[:61] + [(place + 1, rule)] + right[62:]))
        self.assertTrue(self.compared(right[:61] + right[62:]))
        self.assertTrue(self.compared(right[:62] + [(place + 1, unwind_truth.bare(7))] + right[62:]))
        self.assertTrue(self.compared([]))


if __name__ == "__main__":
    unittest.main()
