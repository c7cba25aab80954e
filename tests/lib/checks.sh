# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh disable=SC2154
# Sourced behind functions.sh by tests that run commands and look at what they say.

out=$tmp/stdout.out err=$tmp/stderr.out

# Mounts that a test has made by itself and, failing, left behind.
unmount_rest() {
	rest=$(awk -v below="$tmp/" 'index($5, below) == 1 && / - fuse/ { print $5 }' /proc/self/mountinfo)
	for left in $rest; do
		note "$left is left mounted"
		timeout 10 umount -l "$left" || timeout 10 fusermount3 -uz "$left" || :
	done
	[ -z "$rest" ]
}
cleanup_fn unmount_rest

# run STATUS COMMAND...: it ends within 20 s, with that exit status; output in $out and $err.
# STATUS "fails" is any but 0, of a program that ended by itself.
run() {
	want=$1
	shift
	got=0
	timeout -s KILL 20 "$@" >"$out" 2>"$err" </dev/null || got=$?
	case $want:$got in
	fails:0 | fails:12[4-9] | fails:1[3-9]? | fails:2??) ;;
	fails:*) return 0 ;;
	"$got:$want") return 0 ;;
	esac
	cat "$err" >&2
	fail "$*: exit status $got, expected: $want"
}

says() { # TEXT: on stderr
	grep -qF -e "$1" "$err" || { cat "$err" >&2; fail "no '$1' on stderr"; }
}

# The last command said one line, with every TEXT in it, and nothing else.
says_only() { # TEXT...
	[ ! -s "$out" ] || { cat "$out" >&2; fail "something on stdout"; }
	[ "$(wc -l <"$err")" = 1 ] || { cat "$err" >&2; fail "not one line on stderr, expected '$1'"; }
	for text in "$@"; do
		says "$text"
	done
}

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: got '$3', expected '$2'"
}

at_most() { # WHAT LIMIT GOT
	[ "$3" -le "$2" ] || fail "$1: $3, at most $2 were expected"
}

# A program reading below the mount, which must come to an end.
within() { # SECONDS COMMAND...
	within=$1
	shift
	timeout -s KILL "$within" "$@"
}

# The word behind a strerror(3) text: `errno_of COMMAND...` prints the error name that python3 sees.
errno_of() { # PYTHON-STATEMENT [ARGUMENT...]: with os imported
	timeout -s KILL 60 python3 -c 'import errno, os, sys
try:
    exec(sys.argv[1])
    print("none")
except OSError as error:
    print(errno.errorcode[error.errno])' "$@"
}

json_of() { # FILE EXPRESSION over d
	timeout -s KILL 20 cat "$1" | python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$2"
}

log_has() { # TEXT: the daemon's log at $mnt
	timeout -s KILL 20 cat "$mnt/.mdcfs/log" | grep -qF -e "$1"
}

# Is the program under test built with sanitizers?  They have memory of their own, and take time.
is_sanitized() {
	grep -qaE '__(asan|tsan|msan|ubsan)_' "$MDCFS"
}
