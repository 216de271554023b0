#!/bin/bash
# Builds the loads and comparison programs of the benchmark and runs it, as root.
# Called by `make bench`; QUICK=1 measures less.  Not a test: it fails only if it cannot run at all.
set -eu

cd "$(dirname "$0")/../.."
PATH=$PATH:/usr/sbin:/sbin
export B=${B:-build} QUICK=${QUICK:-}
out=$B/bench
mkdir -p "$out"

clang -target bpf -O2 -g -mcpu=v3 -Wall -Werror -D__TARGET_ARCH_x86 -Ivmlinux/x86 \
	-c -o "$out/empty.bpf.o" tools/bench/empty.bpf.c
bpftool gen skeleton "$out/empty.bpf.o" name empty_bpf >"$out/empty.skel.h"
# shellcheck disable=SC2046 # pkg-config prints words
gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$out" -o "$out/empty" tools/bench/empty.c \
	$(pkg-config --cflags --libs libbpf)
# Frame pointers and real calls: the kernel walks this stack.
gcc -std=gnu11 -D_GNU_SOURCE -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
	-fno-optimize-sibling-calls -o "$out/switches" tools/bench/targets/switches.c
# And without, as Debian builds: only tables lead through it.
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -fomit-frame-pointer \
	-fno-optimize-sibling-calls -o "$out/switches-tables" tools/bench/targets/switches.c
exec tools/as-root.sh bench env QUICK="$QUICK" python3 tools/bench/bench.py "$@"
