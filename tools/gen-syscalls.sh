#!/bin/sh
# gen-syscalls.sh: writes src/model/syscall_names.h, the names of the x86-64 system calls by number,
# from the kernel's own header (Debian package linux-libc-dev).  Run from the top of the tree when a
# newer kernel brings new calls; the result is committed, so that a build needs no such step and a
# recording reads the same on every machine.
set -eu
header=${1:-/usr/include/x86_64-linux-gnu/asm/unistd_64.h}
out=src/model/syscall_names.h
{
	echo '/* syscall_names.h: names of the x86-64 system calls by number, rows of an array.'
	echo ' *'
	echo ' * Made by tools/gen-syscalls.sh from <asm/unistd_64.h>; not edited by hand.'
	echo ' */'
	awk '$1 == "#define" && $2 ~ /^__NR_/ { printf "[%d] = \"%s\",\n", $3, substr($2, 6) }' "$header"
} > "$out.new"
mv "$out.new" "$out"
