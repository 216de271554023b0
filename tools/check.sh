#!/bin/bash
# Everything that reads the sources without running them, each check counted as one test.
# Called by `make check`; a check whose program is not installed is skipped.
set -u

cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
mapfile -t c_files < <(find bpf src tests -name '*.[ch]' ! -name vmlinux.h ! -path '*/fixtures/*' | sort)
mapfile -t scripts < <(find tools tests .ci -name '*.sh' ! -path '*/fixtures/*' | sort)
scripts+=(.ci/run)

# check NAME COMMAND...: silent when it succeeds.
check()
{
	local name=$1

	shift
	if ! command -v "$1" >/dev/null; then
		echo "SKIP check/$name: $1 is not installed"
		skipped=$((skipped + 1))
	elif "$@" >"$log" 2>&1; then
		echo "ok   check/$name"
		passed=$((passed + 1))
	else
		head -40 "$log"
		echo "FAIL check/$name"
		failed=$((failed + 1))
	fi
}

# Kernel code is left out: cppcheck does not know its dialect, and the verifier reads it anyway.
# So is the skeleton, whose byte array takes it many minutes.
run_cppcheck()
{
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr --max-configs=1 -j 2 \
		--enable=warning,performance,portability --library=posix,gnu \
		--suppressions-list=tools/cppcheck.txt -Isrc -I. -D_GNU_SOURCE \
		'-DLIBBPF_OPTS(type, name, ...)=struct type name = { 0 }' \
		'-Dbpf_object__for_each_program(p, o)=while ((p = bpf_object__next_program(o, p)))' src
}

# `make format` is the cure.
check format clang-format --dry-run -Werror "${c_files[@]}"
if command -v cppcheck >/dev/null; then
	check cppcheck run_cppcheck
else
	check cppcheck cppcheck
fi
check structure tools/check-structure.sh
check structure-test tools/check-structure-test.sh
check e2e-self-test python3 tests/e2e/self_test.py
check shellcheck shellcheck "${scripts[@]}"
check headers "${MAKE:-make}" --no-print-directory "B=$B" -k headers
echo "check: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
