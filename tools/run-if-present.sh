#!/bin/sh
# Runs a group of tests that is a script of its own, or says that there is none.
# Usage: tools/run-if-present.sh GROUP SCRIPT [ARG...]
set -eu

group=$1
script=$2
shift 2
if [ ! -e "$script" ]; then
	echo "SKIP $group: $script does not exist"
	echo "$group: 0 passed, 0 failed, 1 skipped"
	exit 0
fi
case $script in
*.py) exec python3 "$script" "$@" ;;
*) exec "$script" "$@" ;;
esac
