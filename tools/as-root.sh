#!/bin/sh
# Runs a command as root: directly when we are root, through sudo when it may be used.
# Otherwise says so in the form that tools/test.sh counts, and succeeds: a test that cannot run is
# skipped, not failed; with --must it is an error.  What the command leaves in this tree goes back
# to the user who called, so that a later `make clean` works.
# Usage: tools/as-root.sh [--must] NAME COMMAND [ARG...]
set -eu

must=false
if [ "$1" = --must ]; then
	must=true
	shift
fi
name=$1
shift

cannot() {
	if $must; then
		echo "$name: needs root, and $1" >&2
		exit 1
	fi
	echo "SKIP $name: needs root, and $1"
	echo "$name: 0 passed, 0 failed, 1 skipped"
	exit 0
}

if [ "$(id -u)" = 0 ]; then
	exec "$@"
fi
command -v sudo >/dev/null || cannot "there is no sudo"
# A password is asked for only where somebody can type one.
if ! sudo -n true 2>/dev/null; then
	[ -t 0 ] || cannot "sudo asks for a password and there is no terminal"
	sudo -v || cannot "sudo refused"
fi

stamp=$(mktemp)
status=0
# sudo has a PATH of its own and drops the rest of the environment.
sudo env PATH="$PATH" B="${B:-build}" CI="${CI:-}" "$@" || status=$?
sudo find . -xdev -path ./.git -prune -o -user root -cnewer "$stamp" \
	-exec chown -h "$(id -u):$(id -g)" {} +
rm -f "$stamp"
exit $status
