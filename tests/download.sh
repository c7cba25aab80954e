#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A finished download of the official client serves as the source: no session, no request to storage.  It is
# hashed meanwhile, once; when it is wrong or is removed the network takes over, and nothing of it stays.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar
requires_fuse

make_archive 60 $((6 << 20))
serve_dataset
downloads=$HOME/the-downloads
mkdir "$downloads"
printf 'MDC_DOWNLOAD_PATH=~/the-downloads\n' >"$tmp/.env"

is_verified() {
	log_has "data.tar.gz: SHA-256 verified"
}
has_earlier() { # VERSIONS
	[ "$(json_of "$mnt/.mdcfs/status.json" "d['datasets'][0]['version']['earlier']")" = "$1" ] &&
		[ $(($(stat -c %i "$mnt/data") >> 40)) = $(($1 + 1)) ]
}

note "what is not finished is not used"
cp "$tmp/www/data.tar.gz" "$downloads/data.tar.gz.part"
head -c 100000 "$tmp/www/data.tar.gz" >"$downloads/data.tar.gz"
mount_mdcfs data
cat "$(members_at)/d00/f00000" >/dev/null || fail "a member"
umount_mdcfs
expect "sessions without a finished download" 1 "$(posts)"

note "what is finished is"
plan "* ok"
rm -r "$cache" "$HOME/.local" 2>/dev/null || :
mv "$downloads/data.tar.gz.part" "$downloads/data.tar.gz"
mount_mdcfs data
log_has "the finished download $downloads/data.tar.gz is used" || fail "the log does not say it"
compare_trees "$tmp/tree" "$(members_at)"
cmp "$tmp/www/data.tar.gz" "$mnt/data/data.tar.gz" || fail "the archive itself"
retry 20 is_verified || fail "it is not hashed"
umount_mdcfs
mount_mdcfs data
compare_trees "$tmp/tree" "$(members_at)"
hashed=$(timeout -s KILL 20 cat "$mnt/.mdcfs/log" | grep -c 'SHA-256 verified' || :)
expect "hashed again" 0 "$hashed"
expect "sessions with one" 1 "$(posts)"
expect "requests to storage with one" 0 "$(asked)"

note "it is removed while it is in use"
exec 3<"$(members_at)/d00/f00000"
rm "$downloads/data.tar.gz"
retry 20 has_earlier 1 || fail "the network does not take over"
cmp /dev/fd/3 "$tmp/tree/d00/f00000" || fail "what was read of it before"
exec 3<&-
compare_trees "$tmp/tree" "$(members_at)"
[ "$(asked)" -gt 0 ] || fail "where does that come from?"
find "/proc/$mdcfs_pid/fd" -lname "$downloads/*" | grep . && fail "it still takes its place on the disk"
umount_mdcfs

note "it is wrong"
rm -r "$cache"
plan "* ok"
python3 - "$tmp/www/data.tar.gz" "$downloads/data.tar.gz" <<'PYTHON'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 1
open(sys.argv[2], "wb").write(data)
PYTHON
mount_mdcfs data
retry 20 has_earlier 1 || fail "the network does not take over from a wrong one"
log_has "its SHA-256 is not the one that the API announces" || fail "the log does not say it"
compare_trees "$tmp/tree" "$(members_at)"
cmp "$tmp/www/data.tar.gz" "$mnt/data/data.tar.gz" || fail "the archive itself, after a wrong one"
umount_mdcfs
mount_mdcfs data
log_has "has another SHA-256 and is not used" || fail "it is used again"
compare_trees "$tmp/tree" "$(members_at)"
expect "versions" 0 "$(json_of "$mnt/.mdcfs/status.json" "d['datasets'][0]['version']['earlier']")"
