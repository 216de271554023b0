#!/bin/sh
# Gives every fuzzer a few seconds on its corpus, as a smoke test; a crash is a failure and leaves
# its input in the build folder.  New inputs go there too: the corpus in the tree is only read.
# Usage: tools/run-fuzz.sh SECONDS PROGRAM...
set -u

seconds=$1
shift
passed=0 failed=0
for program in "$@"; do
	name=${program##*/}
	found=$program.found
	mkdir -p "$found"
	set -- "$found"
	[ -d "tests/fuzz/corpus/${name#fuzz_}" ] && set -- "$@" "tests/fuzz/corpus/${name#fuzz_}"
	if "$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$found/" "$@" >"$program.log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		echo "ok   fuzz/$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$program.log") runs"
	else
		failed=$((failed + 1))
		tail -40 "$program.log"
		echo "FAIL fuzz/$name"
	fi
done
echo "fuzz: $passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
