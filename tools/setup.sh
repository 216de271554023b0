#!/bin/sh
# Installs what a build, a test run or the demo needs and this machine lacks; nothing else, and
# never silently.  Each row of the table below is probed by use (a command, a header, a module of the
# system's Python), not by package name, so that what was built by hand counts too.
# liblzma unpacks the symbol tables that some distributions compress into stripped files; libiberty
# knows the mangled names of C++ and Rust.
# Usage: tools/setup.sh build|test|demo|vm...      Debian and its relatives, apt-get.
set -eu

PATH=$PATH:/usr/sbin:/sbin

# set, package, how to see that it is there
packages() {
	cat <<-'END'
		build gcc               command cc
		build libc6-dev         header stdio.h
		build clang             command clang
		build llvm              command llvm-strip
		build bpftool           command bpftool
		build libbpf-dev        header bpf/libbpf.h
		build libelf-dev        header gelf.h
		build libdw-dev         header elfutils/libdwfl.h
		build zlib1g-dev        header zlib.h
		build liblzma-dev       header lzma.h
		build libiberty-dev     header libiberty/demangle.h
		build libjansson-dev    header jansson.h
		build libseccomp-dev    header seccomp.h
		build libcap-dev        header sys/capability.h
		build uthash-dev        header uthash.h
		build pkg-config        command pkg-config
		test  libcmocka-dev     header stdarg.h stddef.h stdint.h setjmp.h cmocka.h
		test  libclang-rt-dev   fuzzer
		test  clang-format      command clang-format
		test  cppcheck          command cppcheck
		test  dwz               command dwz
		test  shellcheck        command shellcheck
		test  g++               command g++
		test  musl-tools        command musl-gcc
		test  elfutils          command eu-stack
		test  debuginfod        command debuginfod
		test  nodejs            command node
		test  python3           command python3
		test  python3-aiohttp   module aiohttp
		test  python3-fastapi   module fastapi
		test  python3-greenlet  module greenlet
		test  python3-requests  module requests
		test  python3-uvicorn   module uvicorn
		test  python3-uvloop    module uvloop
		demo  python3           command python3
		vm    qemu-system-x86   command qemu-system-x86_64
		vm    busybox-static    command busybox
		vm    cpio              command cpio
		vm    python3           command python3
	END
}

has_header() {
	for header in "$@"; do
		echo "#include <$header>"
	done | "${CC:-cc}" -E -x c - >/dev/null 2>&1
}

# Its package carries the version of clang in its name.
has_fuzzer() {
	runtime=$(clang --print-runtime-dir 2>/dev/null) || return 1
	[ -e "$runtime/libclang_rt.fuzzer-x86_64.a" ]
}

has() {
	kind=$1
	shift
	case $kind in
	command) command -v "$1" >/dev/null ;;
	header) has_header "$@" ;;
	module) /usr/bin/python3 -c "import $1" 2>/dev/null ;;
	fuzzer) has_fuzzer ;;
	esac
}

# The packages of the asked sets that are not there, in one line.
missing() {
	packages | while read -r set package probe; do
		case " build $* " in
		*" $set "*) ;;
		*) continue ;;
		esac
		# shellcheck disable=SC2086 # the probe is a list of words
		has $probe || printf ' %s' "$package"
	done
}

# libclang-rt-dev is not a package: that of the clang which is, or will be, installed.
real_names() {
	for package in "$@"; do
		if [ "$package" = libclang-rt-dev ]; then
			version=$(clang -dumpversion 2>/dev/null ||
				apt-cache show clang 2>/dev/null |
				sed -n 's/^Version: *\([0-9]*:\)\{0,1\}//p' | head -1)
			package=libclang-rt-${version%%.*}-dev
		fi
		printf ' %s' "$package"
	done
}

cannot() {
	echo "setup: missing:$names" >&2
	echo "setup: $1; as root, run" >&2
	echo "  apt-get update && apt-get install --no-install-recommends$names" >&2
	exit 1
}

names=$(missing "$@")
if [ -z "$names" ]; then
	exit 0
fi
command -v apt-get >/dev/null || {
	echo "setup: missing (by their names in Debian):$names" >&2
	echo "setup: there is no apt-get here; install them by hand and run this again" >&2
	exit 1
}
as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	# shellcheck disable=SC2086 # a list of words, here and below
	command -v sudo >/dev/null || { names=$(real_names $names); cannot "not root, and there is no sudo"; }
	if [ ! -t 0 ] && ! sudo -n true 2>/dev/null; then
		# shellcheck disable=SC2086
		names=$(real_names $names)
		cannot "sudo asks for a password, and there is no terminal to type it"
	fi
fi
$as_root apt-get -q update
# shellcheck disable=SC2086
names=$(real_names $names)
echo "installing:$names"
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get -q install -y --no-install-recommends --no-upgrade $names

names=$(missing "$@")
if [ -n "$names" ]; then
	echo "setup: installed, but still not usable:$names" >&2
	exit 1
fi
