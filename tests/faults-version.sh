#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The file at the server is replaced while a body of it is under way: no read ever has bytes of both versions, and
# neither a mount nor a cache takes one for the other.  What is shown then: new-version.sh.
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
exec 3<"$(data_at)" # the old version, whatever the name leads to
data_at() {
	echo /dev/fd/3
}
expect "the old version" ok "$(read_block 8 4)"

# The rest of that body is the old one's, or nothing is.
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
expect "requests: the broken one" 1 "$(asked "=$(block_range 48) 206")"
expect "a refused one, which names the version" 1 "$(asked "=$(block_range 48 50000) 412")"
log_has "another version" || fail "the log does not say it"

# Now it is known, and nobody is asked for the old one any more.
expect "a read after the change" ESTALE "$(read_block 56)"
expect "no request for it" 0 "$(asked "=$((56 * block))-")"
expect "cached blocks" ok "$(read_block 8 4)"
exec 3<&-
umount_mdcfs

# A new mount must not take a byte from the old version's cache.
mount_mdcfs "$storage_url/data.bin"
timeout -s KILL 60 cmp "$mnt/data.bin/data.bin" "$tmp/www/data.bin" || fail "the new version"
