#!/bin/sh
# What `make vm-test` runs on each kernel: which hooks stallprof finds here, and whether every rung
# that this kernel offers catches the stalls of a small target.
set -u

uname -r
ls /sys/kernel/btf/vmlinux
[ -d /sys/kernel/tracing/events ] && echo tracefs mounted
python3 -c 'import asyncio, sys; print(sys.version)'
