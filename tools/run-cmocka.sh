#!/bin/sh
# Runs cmocka programs one after the other and ends with one line of counts.
# Cases are counted, not programs; what did not finish (a crash, a sanitizer report) has failed.
# Usage: [AGAIN=N] tools/run-cmocka.sh GROUP PROGRAM...
# AGAIN: as many programs that failed are run a second time, which then counts; both are shown.
set -u

group=$1
shift
# An allocation that cannot be is an error to handle here, not one to abort on.
export ASAN_OPTIONS="allocator_may_return_null=1:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
passed=0 failed=0 skipped=0 again=${AGAIN:-0}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Runs a program into the log; sets status and the counts ok, skip and bad.
run() {
	"$1" >"$log" 2>&1 </dev/null
	status=$?
	planned=$(sed -n 's/^\[==========\].*Running \([0-9]*\) test(s).*/\1/p' "$log" |
		awk '{ n += $1 } END { print n + 0 }')
	ok=$(grep -c '^\[       OK \]' "$log")
	skip=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s).*/\1/p' "$log" |
		awk '{ n += $1 } END { print n + 0 }')
	bad=$((planned - ok - skip))
	if [ $status -ne 0 ] && [ $bad -le 0 ]; then
		bad=1
	fi
}

fail() {
	cat "$log"
	echo "FAIL $group/$name: $bad failed, exit status $status$1"
}

for program in "$@"; do
	name=${program##*/}
	run "$program"
	# What a test measures another program can disturb, a fault of ours it cannot take away.
	if [ $bad -gt 0 ] && [ "$again" -gt 0 ]; then
		fail ", once more:"
		again=$((again - 1))
		run "$program"
	fi
	if [ $bad -gt 0 ]; then
		fail ""
	else
		printf 'ok   %s/%s: %d\n' "$group" "$name" "$ok"
	fi
	if [ "$skip" -gt 0 ]; then
		# The reason is what the case printed with the word SKIP; else its name must do.
		grep '^SKIP ' "$log" || sed -n "s|^\[  SKIPPED \] \([a-z].*\)|SKIP $group/$name: \1|p" "$log" | sort -u
	fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "$group: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
