#!/bin/bash
# Runs a script in a virtual machine on each of several Debian kernels, and shows what it prints.
# For the hooks and fallbacks that the kernel of this machine does not have: it needs no privilege
# and changes nothing here.  Plain emulation by default, which works everywhere; VM_KVM=1 where there
# is a KVM to use.
# Usage: tools/vm/run.sh [GUEST-SCRIPT [SUITE...]]      VM_SECONDS bounds each machine, default 600
set -u

cd "$(dirname "$0")/../.." || exit 1
export B=${B:-build}
script=${1:-tools/vm/guest.sh}
shift $(($# > 0))
suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(bookworm bookworm-backports trixie-backports)
passed=0 failed=0 skipped=0
# QEMU 7.2 emulates cmpxchg16b wrongly: the guest's allocator breaks at random.
accel=(-accel "tcg,thread=multi" -cpu "max,cx16=off")
[ -z "${VM_KVM:-}" ] || accel=(-accel kvm -cpu host)

boot()
{
	timeout -k 5 "${VM_SECONDS:-600}" nice qemu-system-x86_64 "${accel[@]}" -m 2G -smp 2 \
		-kernel "$1" -initrd "$2" -nographic -no-reboot -nic none \
		-append "console=ttyS0 no_timer_check quiet loglevel=3 panic=-1 random.trust_cpu=on mitigations=off" \
		</dev/null 2>&1 | sed -u 's/\r//g; s/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1bc//g'
}

tools/setup.sh vm || exit 1
mkdir -p "$B/vm"
for suite in "${suites[@]}"; do
	log=$B/vm/$suite.log
	if ! kernel=$(tools/vm/kernel.sh "$suite") || [ -z "$kernel" ]; then
		echo "SKIP vm-test/$suite: no kernel could be fetched"
		skipped=$((skipped + 1))
		continue
	fi
	tools/vm/initramfs.sh "$B/vm/$suite.cpio" "$script" || exit 1
	echo "== $suite: ${kernel##*/}"
	boot "$kernel" "$B/vm/$suite.cpio" | tee "$log"
	rm -f "$B/vm/$suite.cpio"
	if grep -qaE 'vm: exit status 0([^0-9]|$)' "$log"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL vm-test/$suite"
	fi
done
echo "vm-test: $passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
