#!/bin/sh
# Runs a command as root: directly when we are root, through sudo when it may be used.
# Otherwise says so in the form that tools/test.sh counts, and succeeds: a test that cannot run is
# skipped, not failed.  Usage: tools/as-root.sh NAME COMMAND [ARG...]
set -eu

name=$1
shift
if [ "$(id -u)" = 0 ]; then
	exec "$@"
fi
if ! command -v sudo >/dev/null; then
	echo "SKIP $name: needs root, and there is no sudo"
	echo "$name: 0 passed, 0 failed, 1 skipped"
	exit 0
fi
# A password is asked for only where somebody can type one.
if ! sudo -n true 2>/dev/null && ! { [ -t 0 ] && sudo -v; }; then
	echo "SKIP $name: needs root, and sudo is not allowed here"
	echo "$name: 0 passed, 0 failed, 1 skipped"
	exit 0
fi
exec sudo --preserve-env=PATH,CI,B "$@"
