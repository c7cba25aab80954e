#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The disk of the cache fills up, or becomes read-only, while an archive is read for the first time: the
# listing comes nevertheless, complete, and so does the content.  When there is room again the index is
# brought back, and the next mount has it.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip mkfs.ext4 e2fsck findmnt
requires_fuse
[ "$(id -u)" = 0 ] || skip "not root: no disk of its own"

make_archive 1500 $((12 << 20))
disk=$tmp/disk
mkdir "$disk"
mount -t tmpfs -o size=24m none "$disk"
cleanup_fn umount -l "$disk"

index_at() { # the archive's own position in the index, by the status
	archive_status position
}
begun() {
	[ "$(index_at)" -gt $((2 << 20)) ]
}
mount_slowly() {
	plan "* 206 slow=4000000"
	mount_mdcfs -o "cache_dir=$disk,cache_reserve=0,connections=2" "$storage_url/data.tar.gz"
	timeout -s KILL 60 find "$(members_at)" >"$tmp/names" 2>"$tmp/said" &
	lister=$!
	retry 20 begun || fail "the pass does not begin"
}
all_there() { # NAME
	wait $lister || { cat "$tmp/said" >&2; fail "$1: the listing failed"; }
	plan "* ok"
	compare_trees "$tmp/tree" "$(members_at)"
	expect "$1: complete" complete "$(archive_status state)"
	grep -q "the index cannot be written; it goes on in" "$log" || fail "$1: nobody says where the index is"
}

# --- full, until it is complete
mount_slowly
dd if=/dev/zero of="$disk/other" bs=64k 2>/dev/null || :
all_there "a disk that fills up"
rm "$disk/other"
umount_mdcfs
grep -q "the index is in the cache again" "$log" || fail "the index was not brought back"
plan "* ok"
mount_mdcfs -o "cache_dir=$disk,cache_reserve=0" "$storage_url/data.tar.gz"
compare_trees --no-data "$tmp/tree" "$(members_at)"
at_most "requests for a listing" 1 "$(asked)"
umount_mdcfs

# --- a file system that has found an error and takes no more writes
rm -rf "$disk"/*
: >"$log"
truncate -s 48M "$tmp/image"
mkfs.ext4 -q -O ^has_journal "$tmp/image"
mount -o loop,errors=remount-ro "$tmp/image" "$disk" || skip "no loop device"
cleanup_fn umount -l "$disk"
loop=$(basename "$(findmnt -n -o SOURCE "$disk")")
mount_slowly
echo 1 >"/sys/fs/ext4/$loop/trigger_fs_error"
all_there "a disk that becomes read-only"
umount_mdcfs
grep -q "cannot be brought back" "$log" || fail "nobody says that the index is lost"
umount "$disk"
e2fsck -fp "$tmp/image" >"$tmp/said" 2>&1 || [ $? -le 1 ] || { cat "$tmp/said" >&2; fail "e2fsck"; }
mount -o loop "$tmp/image" "$disk"
mount_mdcfs -o "cache_dir=$disk,cache_reserve=0" "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
