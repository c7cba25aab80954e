#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs login: a key is tried without a download, kept where nobody else reads it, used by mounts, forgotten.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
kept=$HOME/.config/mdcfs/credentials
good=$MDC_API_KEY

login() { # STATUS KEY ARGUMENT...
	want_login=$1
	printf '%s\n' "$2" >"$tmp/typed"
	shift 2
	run_login=0
	(cd "$tmp" && timeout -s KILL 20 "$MDCFS" login "$@" <"$tmp/typed" >"$out" 2>"$err") || run_login=$?
	[ "$run_login" = "$want_login" ] || { cat "$err" >&2; fail "login $*: exit status $run_login, not $want_login"; }
	for word in "$good" wrong-key-7; do
		! grep -qF -e "$word" "$out" "$err" || fail "the key is in a message"
	done
}

unset MDC_API_KEY
# --- what is no key, and what the service does not take
login 1 ''; says "no key was given"
login 1 'two words'; says "this is no key"
login 1 wrong-key-7; says "does not take this key"
[ ! -e "$kept" ] || fail "a refused key is kept"
login 2 x ods:; says "is not ods:DOMAIN"
login 2 x "ods:a b"
login 2 x one two; says "no argument"

# --- a good one: no download for it
login 0 "  $good	"; grep -qx "The API takes the key." "$out" || fail "not tried"
expect "mode" 600 "$(stat -c %a "$kept")"
expect "folder's mode" 700 "$(stat -c %a "${kept%/*}")"
expect "content" "mdc:${api_url%/api} $good" "$(cat "$kept")"
expect "downloads" 0 "$(posts)"
mount_mdcfs "$slug"
cmp -n 100000 "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "reading with the kept key"
umount_mdcfs

# --- it goes to that service only, and what was given elsewhere wins
other=http://localhost:${api_url##*:}
login 0 wrong-key-7 --no-check -o "api_url=$other"
expect "two services" 2 "$(wc -l <"$kept" | tr -d ' ')"
rm -rf "$cache"
run 1 env MDC_API_KEY= "$MDCFS" mount "$slug" "$mnt"; says "an API key is needed"
run 1 "$MDCFS" mount -o "api_url=$other" "$slug" "$mnt"; says "the API key was refused"
MDC_API_KEY=$good login 0 wrong-key-7 --no-check -o "api_url=$other"; says "that one is used"
login 0 x --remove -o "api_url=$other"
login 1 x --remove -o "api_url=$other"; says "nothing is kept"

# --- portals: USER:PASSWORD may have blanks
login 0 'me:my pass word' ods:Data.Example.ORG
grep -qx 'ods:data.example.org me:my pass word' "$kept" || fail "the portal's line"
login 0 x --remove ods:data.example.org
expect "what is left" "mdc:${api_url%/api} $good" "$(cat "$kept")"

# --- a service out of reach, or one that does not tell
login 0 wrong-key-7 -o api_url=http://127.0.0.1:1/api; says "could not be tried"
login 0 wrong-key-7 -o "api_url=$storage_url/api"; says "could not be tried"

# --- others may read it: not used, and not written to
chmod 644 "$kept"
run 1 "$MDCFS" mount "$slug" "$mnt"; says "chmod 600"; says "an API key is needed"
login 1 "$good"; says "chmod 600"
chmod 600 "$kept"

# --- typed: no echo, and Ctrl-C leaves things as they are
cat >"$tmp/type.py" <<'PYTHON'
import os, pty, sys, termios
typed, command = sys.argv[1].encode().replace(b"^C", b"\x03"), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b""
while b": " not in seen:
    seen += os.read(fd, 4096)
while termios.tcgetattr(fd)[3] & termios.ECHO:
    pass
os.write(fd, typed + b"\n")
try:
    while data := os.read(fd, 4096):
        seen += data
except OSError:
    pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
run 0 python3 "$tmp/type.py" "$good" "$MDCFS" login
! grep -qF "$good" "$out" || fail "the key was echoed"
grep -qF "API key for ${api_url%/api}: " "$out" || fail "no prompt"
run 130 python3 "$tmp/type.py" "ab^C" "$MDCFS" login
exit 0
