#!/bin/sh
# gen-syscalls.sh: writes src/model/syscall_names.h, the names of the x86-64 system calls by number,
# from the kernel's own header (Debian package linux-libc-dev).  Run from the top of the tree when a
# newer kernel brings new calls; the result is committed, so that a build needs no such step and a
# recording reads the same on every machine.
set -eu
header=${1:-/usr/include/x86_64-linux-gnu/asm/unistd_64.h}
out=src/model/syscall_names.h
{
	echo '/* syscall_names.h: names of the x86-64 system calls by number.'
	echo ' *'
	echo ' * Made by tools/gen-syscalls.sh from <asm/unistd_64.h>; not edited by hand.'
	echo ' */'
	echo '#ifndef STALLPROF_MODEL_SYSCALL_NAMES_H'
	echo '#define STALLPROF_MODEL_SYSCALL_NAMES_H'
	echo
	echo 'static const char *const syscall_names[] = {'
	awk '$1 == "#define" && $2 ~ /^__NR_/ { printf "\t[%d] = \"%s\",\n", $3, substr($2, 6) }' "$header"
	echo '};'
	echo
	echo '#endif'
} > "$out.new"
mv "$out.new" "$out"
