#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The daemon is killed again and again while it reads an archive for the first time.  Each new mount goes on
# from where the last one had come to; in the end nothing tells that anything happened.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((16 << 20))
port=${storage_url##*:}
options=connections=2,read_ahead=16M

# Somebody reads the members in order: what has been waited for is in the index for good.
walk() {
	find "$tmp/tree" -type f | sort | sed "s|^$tmp/tree|$(members_at)|" |
		xargs cat >/dev/null 2>&1
}

sum_bytes() {
	awk '{ n += $6 } END { print n + 0 }' "$storage_log"
}

plan "* 206 slow=5000000"
rounds=0 progress=0 resumed=0
seed=$$
note "seed $seed"
while [ $rounds -lt 20 ]; do
	mount_mdcfs -o $options "$storage_url/data.tar.gz"
	position=$(archive_status position)
	# It goes on from a seek point, which are about 1 MiB apart.
	[ "$position" -ge $((progress - (2 << 20))) ] ||
		fail "round $rounds: the pass fell back from $progress to $position"
	[ "$position" = 0 ] || resumed=$((resumed + 1))
	[ "$position" -le $progress ] || progress=$position
	[ "$position" -lt "$archive_size" ] || break
	walk &
	walker=$!
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	# No matter when: this is the moment, not a wait for anything.
	sleep "$(printf "0.%03d" $((100 + seed / 65536 % 400)))"
	kill -9 "$mdcfs_pid"
	forget_mount
	wait $walker || :
	rounds=$((rounds + 1))
done
[ ! -s "$tmp/mounts" ] || umount_mdcfs
[ $rounds -ge 5 ] || fail "only $rounds kills in one pass"
[ $resumed -ge 3 ] || fail "only $resumed of $rounds mounts went on from somewhere"
note "$rounds kills, $resumed mounts went on, $progress of $archive_size bytes"
before=$(sum_bytes)
at_most "bytes sent for all rounds" $((2 * archive_size + rounds * (2 << 20))) "$before"

# The rest, undisturbed, at a server that knows nothing of the earlier requests.
stop_child $storage_pid
start_storage "$tmp/www" "$plan_file" --port "$port"
plan_mark=0
plan "* ok"
mount_mdcfs -o $options "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
expect "state" complete "$(archive_status state)"
expect "no error" "" "$(archive_status error)"
if [ $progress -lt $((archive_size - (1 << 20))) ] && [ $progress -gt $((1 << 20)) ]; then
	first=$(since_plan | awk '$1 > 1 { sub("bytes=", "", $4); split($4, r, "-"); print r[1] }' |
		sort -n | head -n 1)
	[ "$first" -gt $((progress / 2)) ] || fail "it began again at $first, $progress had been read"
fi
umount_mdcfs

# Everything is cached, and right.
plan "* ok"
mount_mdcfs -o $options "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
expect "blocks refused by their checksum" 0 "$(stat_of cache_bad)"
umount_mdcfs

# The index is that of a pass that nobody disturbed.
mount_mdcfs -o "$options,cache_dir=$tmp/undisturbed" "$storage_url/data.tar.gz"
compare_trees --no-data "$tmp/tree" "$(members_at)"
umount_mdcfs
python3 "$top/tests/lib/indexes.py" "$cache"/objects/*/index.db "$tmp"/undisturbed/objects/*/index.db ||
	fail "the indexes differ"
