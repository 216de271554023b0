#!/bin/sh
# What `make vm-test` runs on each kernel: which hooks stallprof finds there, and whether every rung
# that `stallprof check` calls usable finds the stalls of a small target, which says how many they are.
set -u

echo "kernel $(uname -r), btf $(ls /sys/kernel/btf/vmlinux 2>&1)"
[ -x ./stallprof ] || exit 0
./stallprof check || exit 1
failed=0

# 7 stalls of 150 ms by a sleep, between them a loop that is back in time; the first iterations are
# for the loop to be found.
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

time.sleep(3)
asyncio.run(main())
END

# rung NAME=RUNG: the target's stalls, found by this rung.
rung() {
	python3 /tmp/target.py &
	./stallprof -p $! --hooks "$1" -d 60 -F jsonl -o /tmp/out.jsonl >/tmp/log 2>&1
	status=$?
	wait
	found=$(grep -c '"type":"stall","state":"ended"' /tmp/out.jsonl)
	if [ $status = 0 ] && [ "$found" = 7 ]; then
		echo "ok   $1"
	else
		echo "FAIL $1: status $status, $found stalls of 7"
		tail -5 /tmp/log
		failed=1
	fi
	rm -f /tmp/out.jsonl
}

need=
# The name of a need stands only in its first line.
./stallprof check | sed -n '2,/^$/p' | sed 's/^       */- /' >/tmp/rungs
while read -r name step state _; do
	[ -n "$step" ] || continue
	[ "$name" = - ] || need=$name
	case $need-$state in
	poll-used | poll-works | offcpu-used | offcpu-works | stack-used | stack-works | runqueue-used | \
		runqueue-works | oncpu-used | oncpu-works) rung "$need=$step" ;;
	esac
done </tmp/rungs

for program in build/asan/tests/bpf/test_*; do
	[ ! -x "$program" ] || tools/run-cmocka.sh bpf-test "$program" || failed=1
done
exit $failed
