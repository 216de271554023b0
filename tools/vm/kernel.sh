#!/bin/sh
# Fetches the newest Debian kernel of a suite without installing it, and prints its image's path.
# apt gets lists and a cache of its own under build/, so that neither the machine's sources nor
# its package state change.  Signatures are checked as always.
# Usage: tools/vm/kernel.sh SUITE          such as bookworm, bookworm-backports
set -eu

cd "$(dirname "$0")/../.."
suite=$1
home=$PWD/${B:-build}/vm/$suite
mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
	"http://deb.debian.org/debian $suite main" >"$home/sources.list"

own_apt() {
	command=$1
	shift
	"$command" -qq -o "Dir::Etc::sourcelist=$home/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o "Dir::State::lists=$home/lists" -o "Dir::Cache=$home/cache" \
		-o APT::Sandbox::User= -o Acquire::Languages=none "$@"
}

image=$(find "$home/root/boot" -name 'vmlinuz-*' 2>/dev/null | sort -V | tail -1)
if [ -z "$image" ]; then
	own_apt apt-get update >&2
	package=$(own_apt apt-cache depends linux-image-cloud-amd64 |
		sed -n 's/^ *Depends: //p' | grep '^linux-image-[0-9]' | head -1)
	(cd "$home" && own_apt apt-get download "$package" >&2)
	dpkg-deb -x "$home/$package"_*.deb "$home/root"
	rm -rf "$home/root/lib" "$home/$package"_*.deb
	image=$(find "$home/root/boot" -name 'vmlinuz-*' | sort -V | tail -1)
fi
echo "$image"
