#!/bin/sh
# The demo: a server that stalls, some load, ten seconds of stallprof, and the files to look at.
#
# Owns the processes it starts and ends exactly those.  Everything is on loopback, on free ports.
# Where the kernel does not let us measure, it says what is missing and shows the bundled recording.
#
#     sudo tests/demo/run.sh [FOLDER]      demo.svg, demo.folded, demo.stall go to FOLDER (here: .)

set -eu

demo=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$demo/../.." && pwd)
out=${1:-.}
stallprof=${STALLPROF:-$top/stallprof}
python=${PYTHON:-python3}
seconds=${SECONDS_TO_WATCH:-10}
work=$(mktemp -d "${TMPDIR:-/tmp}/stallprof-demo.XXXXXX")
db_pid=''
server_pid=''
load_pid=''

finish() {
	for pid in $load_pid $server_pid $db_pid; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Waits for the line {"port": N, ...} in a file and prints N.
port_of() {
	tries=0
	while [ "$tries" -lt 100 ]; do
		port=$(sed -n 's/.*"port": \([0-9]*\).*/\1/p' "$1" 2>/dev/null || :)
		[ -n "$port" ] && { echo "$port"; return; }
		tries=$((tries + 1))
		sleep 0.1
	done
	cat "$1" >&2
	echo "demo: a part of the demo did not start, see above" >&2
	return 1
}

start_server() {
	: >"$work/db"
	: >"$work/server"
	"$python" "$demo/slowdb.py" --folder "$work" >"$work/db" 2>&1 &
	db_pid=$!
	db_port=$(port_of "$work/db")
	"$python" "$demo/server.py" --db "127.0.0.1:$db_port" --folder "$work" >"$work/server" 2>&1 &
	server_pid=$!
	server_port=$(port_of "$work/server")
	"$python" "$demo/load.py" --port "$server_port" --seconds $((seconds + 2)) >"$work/load" 2>&1 &
	load_pid=$!
}

measure() {
	start_server
	echo "demo: watching pid $server_pid, an asyncio server under load, for $seconds s" >&2
	"$stallprof" -q -p "$server_pid" -d "$seconds" --threshold 50ms -o - \
		-o "$out/demo.svg" -o "$out/demo.folded" -o "$out/demo.stall"
	wait "$load_pid" || :
	load_pid=
	echo
	sed 's/^/the load saw  /' "$work/load"
}

replay() {
	bundled=$demo/demo.stall
	echo "demo: this machine does not let us measure; here is the report of a bundled recording" >&2
	if [ ! -r "$bundled" ]; then
		echo "demo: $bundled is missing" >&2
		return 1
	fi
	"$stallprof" report "$bundled" -o -
	"$stallprof" report "$bundled" -o "$out/demo.svg" -o "$out/demo.folded"
	cp "$bundled" "$out/demo.stall"
}

# Files made under sudo belong to whoever called it.
hand_over() {
	if [ -n "${SUDO_UID:-}" ] && [ "$(id -u)" = 0 ]; then
		for file in demo.svg demo.folded demo.stall; do
			[ -e "$out/$file" ] && chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$out/$file"
		done
	fi
}

[ -x "$stallprof" ] || { echo "demo: no $stallprof: run make first" >&2; exit 1; }

if "$stallprof" check >"$work/check" 2>&1; then
	measure
else
	cat "$work/check" >&2
	replay
fi
hand_over

cat <<END

Files: $out/demo.svg $out/demo.folded $out/demo.stall
Open demo.svg in a browser: the width of a box is the time the loop could not run, the tip of each
tower says why.  The recording can be looked at again, without root:
    stallprof report $out/demo.stall
END
