#!/bin/sh
# Writes vmlinux/x86/vmlinux.h, the types of the running kernel, from its BTF.
# Run it only to move to a newer kernel; a build uses the committed file and needs no BTF.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin:/sbin
btf=${1:-/sys/kernel/btf/vmlinux}
bpftool btf dump file "$btf" format c >vmlinux/x86/vmlinux.h.new
mv vmlinux/x86/vmlinux.h.new vmlinux/x86/vmlinux.h
echo "vmlinux/x86/vmlinux.h: $(uname -r), $(wc -l <vmlinux/x86/vmlinux.h) lines"
