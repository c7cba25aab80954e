#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Two hundred readers wait for a server that says nothing: what is cached stays readable at once, the
# status answers, and unmounting ends them all.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 60 $((3 << 20))
make_random "$tmp/www/data.bin" $((64 << 20))
reference=$tmp/www/data.bin
mount_patient() {
	mount_mdcfs -o deadline=120,stall_timeout=120,memory=64M \
		"$storage_url/data.tar.gz" "$storage_url/data.bin"
}
mount_patient
compare_trees "$tmp/tree" "$(members_at)"
expect "a block that is cached" ok "$(read_block 1)"
umount_mdcfs # and with it goes the kernel's page cache
plan "* ok"
mount_patient

plan "* 206 stall@0 seconds=100"
# A hundred past the page cache and a hundred through it, whose requests the kernel counts.
python3 "$top/tests/lib/readers.py" blocks 100 "$(data_at)" 16 1 "$reference" >"$tmp/direct" &
direct=$!
python3 "$top/tests/lib/readers.py" --buffered blocks 100 "$(data_at)" 128 3 "$reference" \
	>"$tmp/buffered" &
buffered=$!
waiting() {
	[ "$(stat_of parked)" -ge 200 ]
}
retry 30 waiting || fail "two hundred readers do not wait: $(stat_of parked)"

# quick NAME COMMAND...
quick() {
	name=$1
	shift
	begun=$(now_ms)
	timeout -s KILL 10 "$@" >"$tmp/quick" || fail "$name while others wait: failed"
	took=$(($(now_ms) - begun))
	[ $took -le 2000 ] || fail "$name while others wait: took $took ms"
}
quick "a cached block" python3 "$top/tests/lib/readat.py" "$(data_at)" $block $block "$reference"
large=$(cd "$tmp/tree" && ls -S d00/* | head -n 1) # large enough for the kernel to read ahead
quick "a cached member" cmp "$tmp/tree/$large" "$(members_at)/$large"
quick "all members" python3 "$top/tests/lib/treecmp.py" "$tmp/tree" "$(members_at)"
quick "a listing" ls -lR "$(members_at)"
quick "the status" "$MDCFS" status "$mnt"
quick "metrics" grep -q '^mdcfs_parked' "$mnt/.mdcfs/metrics"
at_most "threads" $((16 + $(nproc) + 8)) "$(ls "/proc/$mdcfs_pid/task" | wc -l)"

# A signal ends them all, and the daemon ends well.
begun=$(now_ms)
kill -TERM "$mdcfs_pid"
retry 10 gone "$mdcfs_pid" || fail "the mount does not end"
took=$(($(now_ms) - begun))
[ $took -le 5000 ] || fail "unmounting took $took ms"
for readers in direct buffered; do
	eval "pid=\$$readers"
	retry 10 gone "$pid" || fail "$readers: a reader still waits"
	# Those whose request had been taken hear it from the mount, the others from the kernel.
	[ "$(awk '$2 ~ /^E/ { n += $1 } END { print n + 0 }' "$tmp/$readers")" = 100 ] ||
		fail "$readers: $(cat "$tmp/$readers")"
done
