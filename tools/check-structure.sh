#!/bin/sh
# Holds the rules that a reviewer would forget: which layer may include which, how long functions
# and files may grow, that sources open with a comment, carry no notes-to-self, and have unit tests.
# Knows the shape of the sources (kernel style: a function's braces stand in column one), not C.
# Prints `file:line: rule` for each breach.  Usage: tools/check-structure.sh [ROOT]
set -eu

cd "${1:-$(dirname "$0")/..}"

# Folder, then what its files may include of this project and of libbpf.  Includes go down only.
# Capture asks for names while the process still lives, through the two headers named here.
layers='
src/base/      base/
src/target/    base/ target/ bpf/event.h bpf/unwind.h
src/runtime/   base/ target/ recording/chunk.h runtime/ bpf/event.h bpf/control.h bpf/unwind.h bpf/walk_python.h
src/recording/ base/ recording/ bpf/event.h
src/model/     base/ recording/ model/ bpf/event.h
src/output/    base/ model/profile.h output/
src/capture/   base/ target/ recording/ capture/ bpf/event.h bpf/control.h bpf/unwind.h bpf/walk_native.h stallprof.skel.h <bpf/ runtime/resolver.h runtime/walk_host.h
src/cli/       base/ target/ runtime/ recording/ model/ output/ capture/ cli/ bpf/event.h bpf/control.h
src/main.c     base/ cli/
bpf/           bpf/ vmlinux.h <bpf/
'

# All files below the given folders that are ours, of the given shell patterns.
files() {
	patterns=$1
	shift
	for folder in "$@"; do
		[ -d "$folder" ] || continue
		for pattern in $patterns; do
			find "$folder" -type f -name "$pattern" ! -name vmlinux.h ! -path '*/fixtures/*' \
				! -path '*/corpus/*' ! -path '*/expected/*'
		done
	done | sort
}

check_includes() {
	# shellcheck disable=SC2046 # names in this tree hold no blanks
	awk -v layers="$layers" '
		BEGIN {
			n = split(layers, rows, "\n")
			for (i = 1; i <= n; i++)
				if (split(rows[i], words, " "))
					allowed[words[1]] = rows[i]
		}
		FNR == 1 {
			split("", may)
			for (folder in allowed)
				if (index(FILENAME, folder) == 1)
					split(allowed[folder], may, " ")
		}
		/^[ \t]*#[ \t]*include[ \t]*("|<bpf\/)/ {
			name = $0
			sub(/^[ \t]*#[ \t]*include[ \t]*"?/, "", name)
			sub(/[">].*/, "", name)
			if (FILENAME ~ /^bpf\// && name !~ /\//)
				next
			for (i in may)
				if (i > 1 && index(name, may[i]) == 1)
					next
			printf "%s:%d: this layer may not include %s\n", FILENAME, FNR, name
		}' /dev/null $(files '*.c *.h' src bpf)
}

check_lengths() {
	# shellcheck disable=SC2046
	awk '
		function file_end() {
			if (lines > 400)
				printf "%s:%d: file of %d lines, 400 are allowed\n", name, lines, lines
		}
		FNR == 1 { file_end(); name = FILENAME; head = 0; body = 0 }
		{ lines = FNR }
		# The signature: from the first line after a blank, a comment or a closing brace.
		!body && !head && /^[a-zA-Z_]/ { head = FNR; signature = $0 }
		!body && /^[a-zA-Z_].*\(/ { signature = $0 }
		/^\{/ { body = head ? head : FNR }
		body && /^\}/ {
			limit = signature ~ /[ *]main\(/ ? 40 : 60
			length_ = FNR - body + 1
			if (length_ > limit) {
				sub(/\(.*/, "", signature)
				sub(/.*[ *]/, "", signature)
				printf "%s:%d: %s() has %d lines, %d are allowed\n", FILENAME, body, \
					signature, length_, limit
			}
			body = 0
		}
		!body && (/^$/ || /^\}/ || /;[ \t]*$/ || /\*\/[ \t]*$/ || /^#/) { head = 0 }
		END { file_end() }' /dev/null $(files '*.c *.h' src bpf)
}

check_notes() {
	# shellcheck disable=SC2046
	grep -nwE 'TO''DO|FIX''ME|X''XX' /dev/null \
		$(files '*.c *.h *.py *.sh *.js *.md' src bpf tests tools doc .ci) |
		sed -E 's/^([^:]*:[0-9]+):.*/\1: a note-to-self; do it, or leave it out/'
}

check_unit_tests() {
	for layer in base target runtime recording model output cli; do
		for file in $(files '*.c' "src/$layer"); do
			module=$(basename "$file" .c)
			[ ! -e "tests/unit/$layer/test_$module.c" ] || continue
			! grep -qs "^$file: ." tools/untested.txt || continue
			echo "$file:1: no tests/unit/$layer/test_$module.c, and no reason in tools/untested.txt"
		done
	done
	[ -e tools/untested.txt ] || return 0
	grep -n '^src/' tools/untested.txt | while IFS=: read -r line file _; do
		layer=$(basename "$(dirname "$file")")
		if [ ! -e "$file" ] || [ -e "tests/unit/$layer/test_$(basename "$file" .c).c" ]; then
			echo "tools/untested.txt:$line: $file is gone, or tested by now"
		fi
	done
}

check_opening() {
	for file in $(files '*.c *.h' src bpf tests); do
		head -3 "$file" | grep -qE '^(/\*|//)' || echo "$file:1: does not open with a comment"
	done
	for file in $(files '*.sh *.py *.js' src bpf tests tools .ci); do
		head -3 "$file" | grep -v '^#!' | grep -qE '^(#|"""|/\*|//)' ||
			echo "$file:1: does not open with a comment"
	done
}

breaches=$(check_includes; check_lengths; check_notes; check_unit_tests; check_opening)
[ -z "$breaches" ] || {
	echo "$breaches"
	exit 1
}
