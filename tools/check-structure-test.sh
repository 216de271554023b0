#!/bin/sh
# Tests check-structure.sh on a tree that holds one breach of each rule next to harmless look-alikes:
# exactly these breaches must be found, and none in the same tree without them.
set -eu

check=$(cd "$(dirname "$0")" && pwd)/check-structure.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cd "$tree"
mkdir -p src/base src/model src/output src/capture bpf tests/unit/base tests/unit/model tools

repeat() {
	yes "$2" | head -n "$1"
}

# c_function NAME LINES: a function of so many lines, signature and braces included.
c_function() {
	printf 'int %s(int a,\n\t int b)\n{\n' "$1"
	repeat $(($2 - 4)) '	a += b;'
	printf '}\n\n'
}

clean_tree() {
	{
		echo '/* good.c: clean. */'
		echo '#include "base/good.h"'
		echo '#include <string.h>'
		echo
		printf 'static const int table[] = {\n'
		repeat 70 '	1,'
		printf '};\n\n'
		c_function longest_allowed 60
	} >src/base/good.c
	echo '/* good.h: clean; mkstemp(3) wants XXXXXX. */' >src/base/good.h
	echo '/* test_good.c: clean. */' >tests/unit/base/test_good.c
	printf '/* file.c: clean. */\n#include "bpf/event.h"\n#include <bpf/bpf.h>\n' >src/capture/file.c
	{
		echo '/* main.c: clean. */'
		printf 'int main(void)\n{\n'
		repeat 37 '	f();'
		printf '}\n'
	} >src/main.c
	printf '/* prog.bpf.c: clean. */\n#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n' >bpf/prog.bpf.c
	echo '/* plain.c: clean. */' >src/model/plain.c
	echo 'src/model/plain.c: glue, covered by a golden test' >tools/untested.txt
	printf '#!/bin/sh\n# Clean.\n' >tools/clean.sh
}

breach() {
	sed -i 's/mkstemp/TO''DO: mkstemp/' src/base/good.h
	c_function too_long 61 >>src/base/good.c
	echo '	f();' | sed -i '4r /dev/stdin' src/main.c
	{
		echo '/* long.c: 401 lines. */'
		repeat 400 ''
	} >src/capture/long.c
	printf '/* up.c: two includes that go up. */\n#include "base/good.h"\n#include "model/model.h"\n' \
		>src/output/up.c
	printf '/* test_up.c */\n#include <bpf/libbpf.h>\n' >src/output/down.c
	echo 'src/output/up.c: another reason' >>tools/untested.txt
	echo 'src/output/gone.c: it was removed' >>tools/untested.txt
	echo 'int bare;' >bpf/bare.h
	printf '#!/bin/sh\necho\n' >tools/bare.sh
}

expected='bpf/bare.h:1: does not open with a comment
src/base/good.c:139: too_long() has 61 lines, 60 are allowed
src/base/good.h:1: a note-to-self; do it, or leave it out
src/capture/long.c:401: file of 401 lines, 400 are allowed
src/main.c:2: main() has 41 lines, 40 are allowed
src/output/down.c:1: no tests/unit/output/test_down.c, and no reason in tools/untested.txt
src/output/down.c:2: this layer may not include <bpf/libbpf.h
src/output/up.c:3: this layer may not include model/model.h
tools/bare.sh:1: does not open with a comment
tools/untested.txt:3: src/output/gone.c is gone, or tested by now'

clean_tree
if ! found=$("$check" "$tree"); then
	printf 'found in a clean tree:\n%s\n' "$found"
	exit 1
fi
breach
if found=$("$check" "$tree" | LC_ALL=C sort) && [ "$found" = "$expected" ]; then
	exit 0
fi
printf 'expected:\n%s\nfound:\n%s\n' "$expected" "$found"
exit 1
