#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The disk of the cache is full, read-only, or the directory is gone: reads go on, with the right bytes,
# from the network; the mount stays.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 150 $((8 << 20))
make_random "$tmp/www/data.bin" $((24 << 20))
reference=$tmp/www/data.bin
sources="$storage_url/data.bin $storage_url/data.tar.gz"

mount_both() { # OPTIONS
	# shellcheck disable=SC2086 # two words
	mount_mdcfs -o "$1" $sources
}
all_right() { # NAME
	timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "$1: the file"
	compare_trees "$tmp/tree" "$mnt/data/data"
	gone "$mdcfs_pid" && fail "$1: the daemon is gone"
	timeout -s KILL 10 cat "$mnt/.mdcfs/status.json" >/dev/null || fail "$1: no status"
}

# Either the names or an error, never a part.
listing_of() { # NAME
	said=$(errno_of 'os.listdir(sys.argv[2])' "$mnt/data/data")
	case $said in
	none) compare_trees --no-data "$tmp/tree" "$mnt/data/data" ;;
	ENOSPC | EIO) ;;
	*) fail "$1: a listing says $said" ;;
	esac
}

# --- the directory is removed under the mount
mount_both connections=4
expect "with a cache" ok "$(read_block 4)"
rm -rf "$cache"
timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "no directory any more: the file"
# The index was in it: the archive is either there as a whole, or is said not to be.
listing_of "no directory any more"
gone "$mdcfs_pid" && fail "no directory any more: the daemon is gone"
umount_mdcfs
mount_both connections=4
all_right "made again"
umount_mdcfs
plan "* ok"
mount_both connections=4
all_right "from the cache"
expect "requests with a warm cache" 2 "$(asked)"
umount_mdcfs

# --- a file where the directory should be
: >"$tmp/no-directory"
mount_both "cache_dir=$tmp/no-directory"
all_right "no directory at all"
umount_mdcfs
grep -q "without a cache" "$log" || fail "nobody says that there is no cache"

if [ "$(id -u)" != 0 ]; then
	note "not root: no disk of its own, the rest is not tried"
	exit 0
fi

# --- read-only from the beginning, with things in it
mkdir "$tmp/readonly"
mount --bind "$cache" "$tmp/readonly"
cleanup_fn umount -l "$tmp/readonly"
mount -o remount,ro,bind "$tmp/readonly"
plan "* ok"
mount_both "cache_dir=$tmp/readonly"
all_right "read-only"
expect "requests with a warm, read-only cache" 2 "$(asked)"
umount_mdcfs
# ... and with nothing in it
mkdir "$tmp/empty" "$tmp/readonly2"
mount --bind "$tmp/empty" "$tmp/readonly2"
cleanup_fn umount -l "$tmp/readonly2"
mount -o remount,ro,bind "$tmp/readonly2"
mount_both "cache_dir=$tmp/readonly2"
all_right "read-only and empty"
umount_mdcfs

# --- small disks
small_disk() { # NAME SIZE
	disk=$tmp/$1
	mkdir "$disk"
	mount -t tmpfs -o "size=$2" none "$disk"
	cleanup_fn umount -l "$disk"
}
small_disk small 8m
mount_both "cache_dir=$disk,cache_reserve=2M"
all_right "a small disk"
all_right "a small disk again"
[ "$(stat_of cache_writes)" -gt 10 ] || fail "a small disk is not used: $(stat_of cache_writes) writes"
expect "blocks refused by their checksum" 0 "$(stat_of cache_bad)"
free=$(df --output=avail -B1 "$disk" | tail -n 1)
[ "$free" -ge $((1 << 20)) ] || fail "the reserve is used up: $free bytes are free"
umount_mdcfs
mount_both "cache_dir=$disk,cache_reserve=2M"
all_right "a small disk, mounted again"
umount_mdcfs

# Somebody else fills it to the last byte while it is in use; later there is room again.
small_disk filled 48m
mount_both "cache_dir=$disk,cache_reserve=1M,memory=8M" # what is in memory needs no disk
expect "before it is full" ok "$(read_block 4)"
dd if=/dev/zero of="$disk/other" bs=1M count=60 2>/dev/null || :
timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "a full disk: the file"
gone "$mdcfs_pid" && fail "a full disk: the daemon is gone"
listing_of "a full disk"
rm "$disk/other"
writes=$(stat_of cache_writes) at=8
works_again() {
	at=$((at + 4))
	compare_quietly && read_block $at >/dev/null && [ "$(stat_of cache_writes)" -gt "$writes" ]
}
compare_quietly() {
	timeout -s KILL 60 python3 "$top/tests/lib/treecmp.py" "$tmp/tree" "$mnt/data/data" >"$tmp/said" 2>&1
}
retry 20 works_again || { cat "$tmp/said" >&2; fail "the disk is not used again"; }
all_right "room again"
umount_mdcfs
plan "* ok"
mount_both "cache_dir=$disk,cache_reserve=1M"
all_right "room again, mounted again"
