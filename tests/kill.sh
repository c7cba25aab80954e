#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The daemon is killed at fifty moments while it reads an archive for the first time.  Each new mount goes on
# from where the last one had come to; in the end nothing tells that anything happened: the index is that of
# a pass which nobody disturbed, and the SHA-256 of the whole archive was checked.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((16 << 20)) xattr
serve_dataset
options=connections=2,memory=16M
kills=50
seed=${SEED:-$$}
note "SEED=$seed"

# Somebody reads the members in order: what has been waited for is in the index for good.
walk() {
	find "$tmp/tree" -type f | sort | sed "s|^$tmp/tree|$(members_at)|" |
		xargs cat >/dev/null 2>&1
}

sum_bytes() {
	awk '{ n += $6 } END { print n + 0 }' "$storage_log"
}

same_index() {
	python3 "$top/tests/lib/indexes.py" "$tmp"/undisturbed/objects/*/index.db "$cache"/objects/*/index.db ||
		fail "SEED=$seed: the indexes differ"
}

# Whole, verified, and the same as ever; then a new one is begun.
one_is_done() {
	expect "the SHA-256 was checked" True "$(archive_status verified)"
	expect "no error" "" "$(archive_status error)"
	umount_mdcfs
	same_index
	rm -rf "$cache"
	progress=0 done=$((done + 1))
}

# How it ends when nobody disturbs it.
mount_mdcfs -o "$options,cache_dir=$tmp/undisturbed" data
compare_trees --no-data "$tmp/tree" "$(members_at)"
expect "verified, undisturbed" True "$(archive_status verified)"
umount_mdcfs

plan "* 206 slow=10000000"
: >"$storage_log"
rounds=0 progress=0 resumed=0 done=0 random=$seed
while [ $rounds -lt $kills ]; do
	mount_mdcfs -o $options data
	position=$(archive_status position)
	# It goes on from a seek point, which are less than 1 MiB apart.
	[ "$position" -ge $((progress - (2 << 20))) ] ||
		fail "round $rounds: the pass fell back from $progress to $position"
	[ "$position" = 0 ] || resumed=$((resumed + 1))
	[ "$position" -le $progress ] || progress=$position
	if [ "$position" -ge "$archive_size" ]; then
		one_is_done
		continue
	fi
	walk &
	walker=$!
	random=$(((random * 1103515245 + 12345) % 2147483648))
	# No matter when: this is the moment, not a wait for anything.
	sleep "$(printf "0.%03d" $((20 + random / 65536 % 300)))"
	kill -9 "$mdcfs_pid"
	forget_mount
	wait $walker || :
	rounds=$((rounds + 1))
done
[ $resumed -ge $((kills / 2)) ] || fail "only $resumed of $rounds mounts went on from somewhere"
note "$rounds kills, $resumed mounts went on, $done archives were read, then $progress of $archive_size bytes"
at_most "bytes sent for all rounds" $((2 * (done + 1) * archive_size + rounds * (2 << 20))) "$(sum_bytes)"

# The rest, undisturbed.
plan "* ok"
mount_mdcfs -o $options data
compare_trees --xattr "$tmp/tree" "$(members_at)"
expect "state" complete "$(archive_status state)"
expect "the SHA-256 was checked" True "$(archive_status verified)"
if [ $progress -lt $((archive_size - (1 << 20))) ] && [ $progress -gt $((1 << 20)) ]; then
	first=$(since_plan | awk '{ sub("bytes=", "", $4); split($4, r, "-"); print r[1] }' |
		sort -n | head -n 1)
	# Nothing, when the one that was killed last had come to the end.
	[ "${first:-$archive_size}" -gt $((progress / 2)) ] || fail "it began again at $first, $progress had been read"
fi
umount_mdcfs
same_index

# Everything is cached, and right; and it is remembered that it was checked.
plan "* ok"
mount_mdcfs -o $options data
compare_trees "$tmp/tree" "$(members_at)"
expect "blocks refused by their checksum" 0 "$(stat_of cache_bad)"
expect "verified, at a later mount" True "$(archive_status verified)"
run 0 "$MDCFS" status "$mnt"
grep -q 'SHA-256 verified' "$out" || fail "the status does not say that it was checked"
umount_mdcfs
