#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The disk of the cache is slow, fails, cannot punch holes, or has no inodes left: every read gets the right
# bytes, from the network where need be, no reader waits for the disk, and it is used again when it is well.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 cmp cc
requires_fuse

# The program with faults in its disk: tests/lib/faultdisk.c.
cc -O1 -shared -fPIC -o "$tmp/faultdisk.so" "$top/tests/lib/faultdisk.c" -ldl || fail "the faults cannot be built"
faults=$tmp/faults
cat >"$tmp/mdcfs" <<EOF
#!/bin/sh
ASAN_OPTIONS=\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}verify_asan_link_order=0 FAULTDISK='$faults' LD_PRELOAD='$tmp/faultdisk.so' \
	exec '$MDCFS' "\$@"
EOF
chmod +x "$tmp/mdcfs"
MDCFS=$tmp/mdcfs
now_wrong() { # WORD...
	echo "$*" >"$faults"
}
now_wrong nothing

serve_file $((24 << 20))
make_random "$tmp/www/other.bin" $((6 << 20))
make_random "$tmp/www/third.bin" $((6 << 20))
make_random "$tmp/www/large.bin" $((48 << 20))
right() { # NAME [FILE [MOUNTED]]
	timeout -s KILL 40 cmp "${2:-$reference}" "${3:-$(data_at)}" || fail "$1"
}

# --- slow: all of it would take minutes, one after the other
now_wrong slow
mount_mdcfs -o connections=4 "$storage_url/data.bin" "$storage_url/other.bin"
begun=$(now_ms)
right "a slow disk"
took=$(($(now_ms) - begun))
at_most "milliseconds to read it on a slow disk" 20000 $took
[ "$(stat_of cache_bypassed)" -gt 0 ] || fail "everything was written in $took ms to a slow disk"
writes=$(stat_of cache_writes)
now_wrong nothing
writes_on() {
	[ "$(stat_of cache_writes)" -gt "$writes" ]
}
retry 20 writes_on || fail "what was queued is not written"
writes=$(($(stat_of cache_writes) + 10))
right "a disk that keeps up again" "$tmp/www/other.bin" "$mnt/other.bin/other.bin"
retry 20 writes_on || fail "the disk is not used again: $(stat_of cache_writes) writes"
umount_mdcfs

# --- slow to read from: all of it would take three minutes
mount_mdcfs -o connections=4 "$storage_url/data.bin"
right "to be cached"
umount_mdcfs # waits for what is queued
mount_mdcfs -o connections=4,deadline=5 "$storage_url/data.bin"
now_wrong late
begun=$(now_ms)
right "a disk that is slow to read from"
at_most "milliseconds to read past a slow disk" 30000 $(($(now_ms) - begun))
grep -q "very slow to read from" "$log" || fail "nobody says that the disk is slow"
umount_mdcfs
# ... and it is all there is
mount_mdcfs -o connections=4,deadline=5 "$storage_url/data.bin"
now_wrong late
plan "* close"
for at in 1 20 40 60 80 100 120; do
	expect "block $at of a slow disk, without the network" ok "$(read_block $at)"
done
now_wrong nothing
quick_again() {
	read_block 150 >/dev/null && read_block 170 >/dev/null && grep -q "quick again" "$log"
}
retry 20 quick_again || fail "the slow disk is not used again"
right "a disk that is quick again"
umount_mdcfs
plan "* ok"

# --- failing: what is cached cannot be read, what comes cannot be written
now_wrong read write
mount_mdcfs -o connections=4 "$storage_url/data.bin" "$storage_url/large.bin"
right "a failing disk"
expect "writes to a failing disk" 0 "$(stat_of cache_writes)"
grep -q "is bypassed: Input/output error" "$log" || fail "nobody says that the disk fails"
now_wrong nothing
at=0 writes=0
used_again() { # it is tried every five seconds, by what comes then
	at=$((at + 2))
	timeout -s KILL 40 python3 "$top/tests/lib/readat.py" "$mnt/large.bin/large.bin" \
		$((at * block)) $block "$tmp/www/large.bin" >/dev/null
	writes_on
}
retry 30 used_again || fail "it is not used again"
umount_mdcfs

# --- no holes can be punched: the limit is kept, an object that nobody uses makes room
rm -rf "$cache"
now_wrong nopunch
mount_one() { # NAME
	mount_mdcfs -o cache_size=8M,cache_reserve=0 "$storage_url/$1"
}
small() {
	at_most "$1: bytes on disk" $((8 << 20)) "$(du -s -B1 "$cache" | cut -f1)"
}
mount_one other.bin
right "no holes" "$tmp/www/other.bin" "$mnt/other.bin/other.bin"
umount_mdcfs
grep -q "no holes can be punched" "$log" || fail "nobody says that no holes can be punched"
[ "$(du -s -B1 "$cache" | cut -f1)" -gt $((5 << 20)) ] || fail "no holes: nothing is kept"
mount_one data.bin # three times the limit
right "no holes, a large one"
small "no holes, a large one"
right "no holes, a large one again"
umount_mdcfs
small "no holes, unmounted"
mount_one third.bin
right "no holes, the next" "$tmp/www/third.bin" "$mnt/third.bin/third.bin"
umount_mdcfs
small "no holes, the next"
plan "* ok"
mount_one third.bin
right "no holes, cached" "$tmp/www/third.bin" "$mnt/third.bin/third.bin"
at_most "requests for what is cached" 1 "$(asked)"
umount_mdcfs
now_wrong nothing

# --- no inodes
[ "$(id -u)" = 0 ] || exit 0
disk=$tmp/disk
mkdir "$disk"
mount -t tmpfs -o size=64m,nr_inodes=5 none "$disk"
cleanup_fn umount -l "$disk"
mount_mdcfs -o "cache_dir=$disk,cache_reserve=0" "$storage_url/data.bin"
right "no inodes"
umount_mdcfs
