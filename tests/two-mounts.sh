#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Two mounts of one archive share a cache directory: the archive is read once for both; when the one that
# reads it is killed, the other one goes on.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((12 << 20))
first=$tmp/first second=$tmp/second

mount_two() {
	mnt=$first
	mount_mdcfs -o connections=2 "$storage_url/data.tar.gz"
	first_pid=$mdcfs_pid
	mnt=$second
	mount_mdcfs -o connections=2 "$storage_url/data.tar.gz"
	second_pid=$mdcfs_pid
}
compare_in_background() { # MOUNTPOINT: sets compared
	timeout -s KILL 60 python3 "$top/tests/lib/treecmp.py" "$tmp/tree" "$(members_at "$1")" >"$1.said" 2>&1 &
	compared=$!
}
ends_well() { # NAME PID FILE
	wait "$2" || { cat "$3" >&2; fail "$1"; }
}
bytes_sent() {
	awk '{ n += $6 } END { print n + 0 }' "$storage_log"
}

# Both at once.
plan "* 206 slow=4000000"
mount_two
compare_in_background "$first"
one=$compared
compare_in_background "$second"
ends_well "the first mount" $one "$first.said"
ends_well "the second mount" $compared "$second.said"
expect "the first is complete" complete "$(archive_status state "$first")"
expect "the second is complete" complete "$(archive_status state "$second")"
at_most "bytes sent for both" $((archive_size + archive_size / 4)) "$(bytes_sent)"
umount_mdcfs "$first"
umount_mdcfs "$second"

# The one that reads dies in the middle.
rm -rf "$cache"
: >"$storage_log"
plan "* 206 slow=1000000"
mount_two
compare_in_background "$first"
one=$compared
reading() {
	[ "$(archive_status position "$first")" -gt $((1 << 20)) ]
}
retry 20 reading || fail "the first one does not read"
compare_in_background "$second"
two=$compared
waiting() {
	[ "$(stat_of parked "$second")" -gt 0 ]
}
retry 20 waiting || fail "the second one does not wait"
expect "it has not read it all yet" reading "$(archive_status state "$first")"
expect "the other one asked for no more than its first block" 1 "$(stat_of storage_requests "$second")"
kill -9 "$first_pid"
forget_mount "$first"
plan "* 206 slow=4000000"
wait $one && fail "the first one was killed and its reader did not notice"
ends_well "the second mount, alone" $two "$second.said"
expect "the second is complete" complete "$(archive_status state "$second")"
at_most "bytes sent for both" $((2 * archive_size)) "$(bytes_sent)"
python3 "$top/tests/lib/indexes.py" "$cache"/objects/*/index.db || fail "the index"
umount_mdcfs "$second"

mnt=$tmp/mnt
plan "* ok"
mount_mdcfs "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
expect "requests afterwards" 1 "$(asked)"
umount_mdcfs

# A plain file: what one of them is fetching the other one waits for.
rm -rf "$cache"
make_random "$tmp/www/plain.bin" $((16 << 20))
mount_plain() {
	mnt=$first
	mount_mdcfs -o connections=4 "$storage_url/plain.bin"
	first_pid=$mdcfs_pid
	mnt=$second
	mount_mdcfs -o connections=4 "$storage_url/plain.bin"
}
compare_plain() { # MOUNTPOINT: sets compared
	timeout -s KILL 60 cmp "$tmp/www/plain.bin" "$1/plain.bin/plain.bin" >"$1.said" 2>&1 &
	compared=$!
}
bytes_since_plan() {
	since_plan | awk '{ n += $6 } END { print n + 0 }'
}
plan "* 206 slow=2000000"
mount_plain
compare_plain "$first"
one=$compared
compare_plain "$second"
ends_well "a plain file, the first" $one "$first.said"
ends_well "a plain file, the second" $compared "$second.said"
at_most "bytes of the file sent for both" $((22 << 20)) "$(bytes_since_plan)"
umount_mdcfs "$first"
umount_mdcfs "$second"

# ... unless it dies.
rm -rf "$cache"
plan "* 206 slow=2000000"
mount_plain
compare_plain "$first"
one=$compared
retry 20 asked_for 4 || fail "the first one fetches nothing"
compare_plain "$second"
kill -9 "$first_pid"
forget_mount "$first"
wait $one && fail "the first one was killed and its reader did not notice, once more"
plan "* ok"
ends_well "a plain file, alone" $compared "$second.said"
