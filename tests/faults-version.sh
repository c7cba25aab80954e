#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The file at the server is replaced while it is mounted: uncached reads say ESTALE and the log why;
# what is cached stays the old version; no read ever has bytes of both; a new mount has the new one.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

size=$((16 << 20))
serve_file $size
old=$tmp/old.bin
cp "$reference" "$old"
tr '\000-\377' '\377\000-\376' <"$old" >"$tmp/new.bin" # no byte is the same
reference=$old
mount_mdcfs -o deadline=5,stall_timeout=4,connections=4 "$storage_url/data.bin"
expect "the old version" ok "$(read_block 8 4)"

# It changes while a body is under way: the rest of that body is the old one's, or nothing is.
plan "1 206 stall@50000 drop@50000 seconds=1"
bytes=$(stat_of storage_bytes)
read_block 48 >"$tmp/during" &
reader=$!
came() {
	[ "$(stat_of storage_bytes)" -ge $((bytes + 50000)) ]
}
retry 10 came || fail "the body did not begin"
mv "$tmp/new.bin" "$tmp/www/data.bin"
wait $reader
expect "a read that the change cuts in two" ESTALE "$(cat "$tmp/during")"
expect "requests: the broken one and a refused one" 2 "$(asked)"
expect "the second names the version" 1 "$(asked "=$(block_range 48 50000) 412")"

plan "* ok"
expect "a read after the change" ESTALE "$(read_block 56)"
expect "one request for it" 1 "$(asked)"
log_has "another version, mount again" || fail "the log does not say it"
expect "cached blocks" ok "$(read_block 8 4)"
expect "they need no request" 1 "$(asked)"
umount_mdcfs

# The new mount must not take a byte from the old version's cache.
reference=$tmp/www/data.bin
mount_mdcfs "$storage_url/data.bin"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "the new version"

# It grows: a range of the old version would still be there.
plan "* ok"
expect "before it grows" ok "$(read_block 40)"
umount_mdcfs
plan "* ok"
mount_mdcfs -o "cache_dir=$tmp/another" "$storage_url/data.bin"
cat "$reference" "$old" >"$tmp/grown.bin"
mv "$tmp/grown.bin" "$tmp/www/data.bin"
expect "after it has grown" ESTALE "$(read_block 72)"
expect "size of the version that is mounted" $size "$(stat -c %s "$(data_at)")"
umount_mdcfs
mount_mdcfs -o "cache_dir=$tmp/another" "$storage_url/data.bin"
expect "size of the new version" $((2 * size)) "$(stat -c %s "$(data_at)")"
timeout -s KILL 60 cmp "$(data_at)" "$tmp/www/data.bin" || fail "the grown version"
