#!/bin/sh
# Compares what the writers print for the fixtures with expected/; `record` replaces that.
# Read the difference before you record: a changed output is a changed promise.
# From the top of the repository, after `make`; B names the build directory.
set -eu
mode=${1:-check}
build=${B:-build}
here=tests/golden
program=$build/$here/golden_writers
library=$build/libstallprof.a
passed=0
failed=0
skipped=0

mkdir -p "$build/$here/actual" "$here/expected"
# shellcheck disable=SC2046 # the flags are words
${CC:-cc} -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -g -Isrc -I. -o "$program" \
	$here/golden_writers.c $here/fixtures.c "$library" $(pkg-config --libs jansson)

"$program" >"$build/$here/list"
while read -r fixture format; do
	name=$fixture.$format
	[ "$fixture" != - ] || name=$format
	actual=$build/$here/actual/$name
	"$program" "$fixture" "$format" >"$actual"
	if [ "$mode" = record ]; then
		cp "$actual" "$here/expected/$name"
		passed=$((passed + 1))
	elif diff -u "$here/expected/$name" "$actual" | head -n 40 >"$actual.diff" &&
		[ ! -s "$actual.diff" ] && [ -e "$here/expected/$name" ]; then
		passed=$((passed + 1))
	else
		echo "FAIL $name"
		cat "$actual.diff"
		failed=$((failed + 1))
	fi
done <"$build/$here/list"

# Something expected that no writer makes any more is a mistake as well.
for file in "$here"/expected/*; do
	name=${file##*/}
	[ -e "$build/$here/actual/$name" ] && continue
	echo "FAIL $name: expected, but nothing prints it"
	failed=$((failed + 1))
done

# The script inside the flame graph, where there is a browser to run it.
status=0
python3 "$here/browser.py" "$build/$here/actual/demo.svg" || status=$?
case $status in
0) passed=$((passed + 1)) ;;
77)
	echo "SKIP golden/browser: chromium is not installed"
	skipped=$((skipped + 1))
	;;
*)
	echo "FAIL golden/browser"
	failed=$((failed + 1))
	;;
esac
echo "golden: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
