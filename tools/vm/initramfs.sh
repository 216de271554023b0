#!/bin/sh
# Packs an initramfs from files of this machine: busybox, python3 with its library, ./stallprof and
# the tests with every shared library they need.  The guest has nothing else, and no disk.
# Usage: tools/vm/initramfs.sh OUTPUT GUEST-SCRIPT
set -eu

cd "$(dirname "$0")/../.."
output=$PWD/$1
script=$2
build=${B:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# A program or library, at the same place as here, and what it is linked with.
add_binary() {
	for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		[ ! -e "$root$file" ] || continue
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
}

mkdir -p "$root/bin" "$root/sbin" "$root/tmp" "$root/proc" "$root/sys" "$root/dev" "$root/run" \
	"$root/etc" "$root/root" "$root/lib64" "$root/src"
cp "$(command -v busybox)" "$root/bin/busybox"
cp tools/vm/init "$root/init"
cp "$script" "$root/guest.sh"
chmod +x "$root/init" "$root/guest.sh"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
# The distribution's interpreter: one in a home folder has its library elsewhere.
python=$(readlink -f /usr/bin/python3)
version=$(basename "$python")
add_binary "$python"
ln -sf "$python" "$root/bin/python3"
ln -sf "$version" "$root/usr/bin/python3"
mkdir -p "$root/usr/lib/$version"
(cd "/usr/lib/$version" && find . -type f \
	! -path './test/*' ! -path './idlelib/*' ! -path './config-*' ! -path './lib2to3/*' \
	! -path './ensurepip/*' ! -path './pydoc_data/*' ! -path '*/__pycache__/*' | cpio -pdm --quiet "$root/usr/lib/$version")
for module in "/usr/lib/$version/lib-dynload"/*.so; do
	add_binary "$module"
done

# For a look by hand at what the verifier says: bpftool, and the objects.
add_binary "$(command -v bpftool || echo /usr/sbin/bpftool)"
mkdir -p "$root/src/build/bpf"
cp "$build"/bpf/*.bpf.o "$root/src/build/bpf/" 2>/dev/null || true

cp -a tests "$root/src/"
mkdir -p "$root/src/tools"
cp -a tools/*.sh "$root/src/tools/"
for program in stallprof "$build"/tests/bpf/test_*; do
	case $program in *.o | *.d) continue ;; esac
	[ -x "$program" ] || continue
	# The guest script knows one build folder.
	place=$root/src/$(echo "$program" | sed "s|^$build/|build/|")
	mkdir -p "$(dirname "$place")"
	cp "$program" "$place"
	for library in $(ldd "$program" | grep -o '/[^ ]*'); do
		add_binary "$library"
	done
done
(cd "$root" && find . -print0 | cpio --null -o -H newc --quiet -R 0:0) >"$output"
