#!/bin/sh
# What `make vm-test` runs on each kernel: which hooks stallprof finds there, whether every rung that
# `stallprof check` calls usable finds the stalls of a small target, and the BPF tests.
set -u

echo "kernel $(uname -r)"
[ -x ./stallprof ] || exit 0
./stallprof check | tee /tmp/check
passed=0 failed=0

# 7 stalls of 150 ms in a sleep, between them a loop that is back in time; the first iterations are
# for the loop to be known as one.
cat >/tmp/target.py <<'END'
import asyncio, time

def stall():
    time.sleep(0.15)

async def main():
    for i in range(20):
        await asyncio.sleep(0.05)
    for i in range(7):
        stall()
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)

asyncio.run(main())
END

# An emulated machine may stall by itself; such periods have no long system call.
cat >/tmp/count.py <<'END'
import json, sys

records = [json.loads(line) for line in open("/tmp/out.jsonl")]
attach = next(r for r in records if r["type"] == "attach")
need, rung = sys.argv[1].split("=")
if attach["hooks"].get(need) != rung:
    sys.exit("asked for %s, hooks are %s" % (sys.argv[1], attach["hooks"]))
found = [r for r in records if r["type"] == "stall" and r["state"] == "ended"
         and r["ns"]["syscall"] >= 140e6
         and r["at"] == {"fn": "stall", "file": "/tmp/target.py", "line": 4}]
if len(found) != 7:
    sys.exit("%d stalls of 7" % len(found))
END

# rung NEED=RUNG: the target's stalls, found by this rung.
rung() {
	./stallprof --hooks "$1" -d 60 -F jsonl -o /tmp/out.jsonl -- python3 /tmp/target.py >/tmp/log 2>&1
	status=$?
	if [ $status = 0 ] && python3 /tmp/count.py "$1" 2>/tmp/why; then
		echo "ok   $1"
		passed=$((passed + 1))
	else
		echo "FAIL $1: status $status: $(cat /tmp/why)"
		tail -5 /tmp/log
		failed=$((failed + 1))
	fi
	rm -f /tmp/out.jsonl /tmp/why
}

# The name of a need stands only in its first line.
sed -n '2,/^$/s/^       */- /p; 2,/^$/{/^[a-z]/p}' /tmp/check >/tmp/rungs
while read -r name step state _; do
	[ "$name" = - ] || need=$name
	case $need-$state in
	poll-used | poll-works | offcpu-used | offcpu-works | stack-used | stack-works | runqueue-used | \
		runqueue-works | oncpu-used | oncpu-works | waker-used | waker-works) rung "$need=$step" ;;
	esac
done </tmp/rungs

# The timed ones are left out: an emulated machine is late by itself, and QEMU 7.2 can hang for good when the
# kernel patches its own code on one CPU while another runs it, which attaching and detaching do all the time.
skipped=0
for program in build/tests/bpf/test_*; do
	[ -x "$program" ] || continue
	case $program in
	*/test_live*)
		echo "SKIP bpf-test/${program##*/}: timed, and this machine is emulated"
		skipped=$((skipped + 1))
		continue
		;;
	esac
	if tools/run-cmocka.sh bpf-test "$program"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "guest: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
