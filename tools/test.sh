#!/bin/bash
# Runs every group of tests, goes on after a failing one, and ends with one line of counts over all.
# A group is a make target whose output ends in "GROUP: N passed, N failed, N skipped" and which
# says "SKIP NAME: REASON" for every case that it could not run.
# Called by `make test`, after set-up.
set -uo pipefail

MAKE=${MAKE:-make}
# Options of the calling make (-k, -n, a jobserver) are not for the groups.
unset MAKEFLAGS MFLAGS MAKELEVEL
export B=${B:-build}
groups=(unit bpf-test golden e2e fuzz check)
counts='^([a-z0-9-]+: )?[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'
passed=0 failed=0 skipped=0
mkdir -p "$B"
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

# Adds the counts of one group; one that broke before it could count has failed.
add_counts()
{
	local group=$1 status=$2 line p f s

	line=$(grep -E "$counts" "$log/$group" | tail -1)
	read -r p f s < <(sed -E 's/^[^:]*: //; s/[^0-9]+/ /g' <<<"${line:-0 0 0}")
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
		echo "FAIL $group: exit status $status" | tee -a "$log/$group"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

run_group()
{
	echo "== $1"
	"$MAKE" --no-print-directory "B=$B" "$1" </dev/null 2>&1 | tee "$log/$1"
	add_counts "$1" "$?"
}

# Whoever may type a password does it once, now.
if [ "$(id -u)" != 0 ] && [ -t 0 ] && command -v sudo >/dev/null; then
	sudo -v || true
fi
echo "== build"
if "$MAKE" --no-print-directory "B=$B" -j "$(nproc)" all </dev/null; then
	for group in "${groups[@]}"; do
		run_group "$group"
	done
else
	failed=1
	echo "FAIL build" >"$log/build"
fi

echo "=="
cat "$log"/* 2>/dev/null | grep -iE '^(fail|skip) ' || true
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
