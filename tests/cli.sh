#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The front door: help, messages that say what to do, exit statuses, where settings come from.
[ -x "${MDCFS:-./mdcfs}" ] || { echo "no ${MDCFS:-./mdcfs}: skipped" >&2; exit 77; }
. "${srcdir:-.}/tests/functions.sh"

cd "$tmp"
out=$tmp/stdout.out err=$tmp/stderr.out

# run STATUS COMMAND...: runs it with that exit status, output in $out and $err.
run() {
	want=$1
	shift
	got=0
	"$@" >"$out" 2>"$err" </dev/null || got=$?
	[ "$got" = "$want" ] || { cat "$err" >&2; fail "$*: exit status $got, not $want"; }
}

says() { # TEXT: on stderr
	grep -qF -- "$1" "$err" || { cat "$err" >&2; fail "no '$1' on stderr"; }
}

shows() { # TEXT: on stdout
	grep -qF -- "$1" "$out" || { cat "$out" >&2; fail "no '$1' on stdout"; }
}

quiet() { # nothing on stderr
	[ ! -s "$err" ] || { cat "$err" >&2; fail "something on stderr"; }
}

# --- help and version
run 0 "$MDCFS" --help; shows "Usage: mdcfs COMMAND"; quiet
run 0 "$MDCFS" -h; shows "Usage: mdcfs COMMAND"
run 0 "$MDCFS" help; shows "  umount "
run 0 "$MDCFS" help umount; shows "Usage: mdcfs umount"
for command in $("$MDCFS" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
	run 0 "$MDCFS" "$command" --help; shows "Usage: mdcfs $command"; quiet
	run 2 "$MDCFS" "$command" --no-such-option; says "Try 'mdcfs $command --help'"
	[ ! -s "$out" ] || fail "$command: wrong usage writes to stdout"
done
run 0 "$MDCFS" --version; version=$(sed -n 1p "$out")
run 0 "$MDCFS" version; [ "$version" = "$(sed -n 1p "$out")" ] || fail "two versions"
shows "tarballs by block or frame: "
case $version in "mdcfs "*) ;; *) fail "version: $version" ;; esac
run 0 "$MDCFS" version --json; shows "{\"version\":\"${version#mdcfs }\",\"codecs\":\""
run 0 "$MDCFS" --dump-options; shows cache_size
[ "$(grep -cv '^[a-z_]*$' "$out")" = 0 ] || fail "--dump-options: more than names"

# --- wrong usage
run 2 "$MDCFS"; says "no command is given"
run 2 "$MDCFS" umonut; says "unknown command 'umonut'; did you mean umount?"
run 2 "$MDCFS" frobnicate; says "unknown command 'frobnicate'"
run 2 "$MDCFS" help frobnicate; says "unknown command"
run 2 "$MDCFS" --frobnicate; says "unknown option '--frobnicate'"
run 2 "$MDCFS" umount; says "no mount point"
run 2 "$MDCFS" info; says "one SOURCE"
run 2 "$MDCFS" info a b; says "one SOURCE"
run 2 "$MDCFS" status a b; says "one mount point"
run 2 "$MDCFS" version x

# --- options
printf 'hello\n' >file
info() { # STATUS [-o OPTIONS]
	want_info=$1
	shift
	run "$want_info" "$MDCFS" info "$@" ./file
}
info 0; shows "6 bytes"; quiet
rm -rf "$cache"
run 0 "$MDCFS" info ./file
[ -d "$cache" ] || fail "a setting of the environment counts only beside -o"
info 2 -o cahce_size=1; says "unknown option 'cahce_size'; did you mean cache_size?"
info 2 -o cache_size=ten; says "'ten' is not a size"
info 2 -o cache_size; says "cache_size needs a value"
info 2 -o connections=0; says "from 1 to 1024"
info 2 -o ro,strict,listing=never; says "wait or partial"
info 2 -o suid; says "nosuid"
info 2 -o api_key=tops3cret; says "MDC_API_KEY"
grep -q tops3cret "$err" && fail "the key is in a message"
info 0 -o "rw,defaults,_netdev,nofail,x-systemd.automount,comment=a b" -o "cache_dir=$tmp/a\\,b"
[ -d "$tmp/a,b" ] || fail "cache_dir with a comma"
[ "$(stat -c %a "$tmp/a,b")" = 700 ] || fail "the cache is open to others"
run 1 "$MDCFS" info -o debug=nonsense ./file; says nonsense
run 1 "$MDCFS" info ./missing; says missing

# --- settings: file, .env, environment
mkdir -p "$HOME/.config/mdcfs"
printf 'cache_size = 1G\ncahce_dir = /x\n' >"$HOME/.config/mdcfs/config"
info 1; says "config:2: unknown option 'cahce_dir'"
printf '# ours\napi_key = "tops3cret"\n' >"$HOME/.config/mdcfs/config"
chmod 644 "$HOME/.config/mdcfs/config"
info 0; says "chmod 600"
chmod 600 "$HOME/.config/mdcfs/config"
info 0; quiet
rm "$HOME/.config/mdcfs/config"
printf 'MDC_API_KEY="tops3cret with blank"\n' >.env
info 1; says ".env:1: the API key"
grep -q tops3cret "$err" && fail "the key is in a message"
rm .env
run 1 env MDCFS_CACHE_SIZE=huge "$MDCFS" info ./file; says "MDCFS_CACHE_SIZE"
run 1 env MDC_API_KEY="tops3cret a" "$MDCFS" info ./file; says "MDC_API_KEY"
grep -q tops3cret "$err" && fail "the key is in a message"
run 1 env -u HOME -u MDCFS_CACHE_DIR "$MDCFS" info ./file; says "cache_dir=DIR"

# --- mounts that are none
"$MDCFS" status --json >"$out" 2>"$err" || : # other mounts may be there, and be dying
grep -q '^\[' "$out" || fail "status --json shows no array"
mkdir dir
run 1 "$MDCFS" umount dir; says "dir is not a mount point"
run 1 "$MDCFS" umount missing/dir; says "missing/dir"
run 1 "$MDCFS" umount /proc; says "no mdcfs mount but proc"
run 1 "$MDCFS" status dir; says "no status"
run 1 "$MDCFS" status /proc; says "no mdcfs mount but proc"

# --- the helper of mount(8)
ln -s "$MDCFS" mount.mdcfs
run 2 ./mount.mdcfs only-one; says "Usage: mount.mdcfs SOURCE MOUNTPOINT"
run 2 ./mount.mdcfs none dir -o; says "Usage: mount.mdcfs"
run 0 ./mount.mdcfs none dir -f -n -v -o rw,noauto; quiet
run 2 ./mount.mdcfs none dir -o rw,cahce_size=1; says "did you mean cache_size?"

# --- output that does not arrive
if [ -w /dev/full ]; then
	status=0
	"$MDCFS" --help >/dev/full 2>"$err" || status=$?
	[ $status = 1 ] || fail "a full disk: exit status $status"
	says "cannot write the output"
fi
status=0
{ "$MDCFS" --help || status=$?; echo "status $status" >&3; } 3>"$out" 2>"$err" | : || true
quiet # a closed pipe is no news

exit 0
