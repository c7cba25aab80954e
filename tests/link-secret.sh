#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A link that somebody was given, with its signature and a password in it: it works, and neither is seen
# again, wherever somebody else could look.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 cmp
requires_fuse

mkdir "$tmp/www"
head -c 300000 /dev/urandom >"$tmp/www/data.bin"
start_storage "$tmp/www"
given=http://reader:OpenSesame@${storage_url#http://}/data.bin?X-Amz-Signature=OpenSesame\&x=OpenSesame
hidden() { # WHAT FILE
	grep -qaF OpenSesame "$2" && fail "$1: a secret"
	return 0
}
look_round() { # PID
	cmp "$mnt/data.bin/data.bin" "$tmp/www/data.bin" || fail "the file"
	tr '\0' ' ' <"/proc/$1/cmdline" >"$tmp/seen"
	grep -qF "data.bin" "$tmp/seen" || fail "not the arguments of the mount"
	hidden "the arguments" "$tmp/seen"
	hidden "the table of mounts" /proc/self/mountinfo
	for file in log status.json metrics; do
		timeout 20 cat "$mnt/.mdcfs/$file" >"$tmp/seen"
		hidden "$file" "$tmp/seen"
	done
	find "$mnt" >"$tmp/seen"
	hidden "a name" "$tmp/seen"
	run 0 "$MDCFS" status "$mnt"
	hidden "the status" "$out"
	grep -rqaF OpenSesame "$cache" && fail "the cache: a secret"
	return 0
}

mount_mdcfs -o debug=all "$given"
look_round "$mdcfs_pid"
umount_mdcfs
hidden "what was printed" "$log"

run 0 "$MDCFS" mount "$given" "$mnt"
hidden "what the command says" "$err"
look_round "$(json_of "$mnt/.mdcfs/status.json" 'd["pid"]')"
run 0 "$MDCFS" umount "$mnt"

run fails "$MDCFS" mount "${given%%\?*}x?signature=OpenSesame" "$mnt"
hidden "why it fails" "$err"
