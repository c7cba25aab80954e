#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A cache far smaller than the dataset, shared by two mounts: everything is read well, and the limit is kept
# all the time, with all that is in the directory.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
limit=$((6 << 20))

kept() { # bytes of block data on disk
	find "$cache/objects" -name '*.data' -printf '%b\n' 2>/dev/null | awk '{ n += $1 } END { print n * 512 }'
}

watch_limit() {
	: >"$tmp/watching"
	while [ -e "$tmp/watching" ]; do
		du -s -B1 "$cache" 2>/dev/null >>"$tmp/sizes" || : # a file may go while it is counted
		sleep 0.02
	done
}

mount_both() {
	mnt=$first
	mount_mdcfs -o cache_size=6M,cache_reserve=0,memory=16M "$slug"
	mnt=$second
	mount_mdcfs -o cache_size=6M,cache_reserve=0,memory=16M "$slug"
}
first=$tmp/first second=$tmp/second
mount_both
watch_limit &
watcher=$!
cleanup_fn stop_child $watcher
compare_trees --no-mtime "$sample/tree/$slug" "$first/$slug/$slug" &
one=$!
for i in 1 2 3 4 5 6; do
	cmp "$sample/objects/$slug.tar.gz" "$second/$slug/$slug.tar.gz" >"$tmp/said.$i" 2>&1 &
	eval "reader$i=$!"
done
compare_trees --no-mtime "$sample/tree/$slug" "$second/$slug/$slug"
wait $one || fail "the first mount"
for i in 1 2 3 4 5 6; do
	eval "wait \$reader$i" || { cat "$tmp/said.$i" >&2; fail "reader $i"; }
done
compare_trees --no-mtime "$sample/tree/$slug" "$first/$slug/$slug"
rm "$tmp/watching"
wait $watcher || :
at_most "bytes on disk at any time" $limit "$(sort -n "$tmp/sizes" | tail -n 1 | cut -f1)"
[ "$(kept)" -gt $((limit / 3)) ] || fail "the cache is not used: $(kept) bytes"
[ $(($(stat_of cache_evictions "$first") + $(stat_of cache_evictions "$second"))) -gt 0 ] || fail "nothing was evicted"
status=$second/.mdcfs/status.json
at_most "what the status says" $limit "$(json_of "$status" 'd["cache"]["used"] + d["cache"]["meta"]')"
expect "sessions" 1 "$(posts)"
umount_mdcfs "$first"
umount_mdcfs "$second"

# --- an index that grows fast takes the room of blocks, which go before it comes
limit=$((48 << 20))
rm -rf "$cache" "$tmp/sizes"
mkdir "$tmp/www"
head -c $((64 << 20)) /dev/urandom >"$tmp/www/data.bin"
python3 "$top/tests/lib/manyfiles.py" tar.gz 150000 60 "$tmp/www/many.tar.gz"
start_storage "$tmp/www"
mount_many() { # MOUNTPOINT
	mnt=$1
	mount_mdcfs -o cache_size=48M,cache_reserve=0,memory=16M "$storage_url/data.bin" "$storage_url/many.tar.gz"
}
read_randomly() { # MOUNTPOINT
	timeout -s KILL 60 python3 "$top/tests/lib/readers.py" random 32 "$1/data.bin/data.bin" 4 200000 \
		"$tmp/www/data.bin" >"$1.said" 2>&1
}
mount_many "$first"
mount_many "$second"
cmp "$tmp/www/data.bin" "$first/data.bin/data.bin" || fail "the file"
[ "$(kept)" -gt $((limit / 2)) ] || fail "the file is not cached"
watch_limit &
watcher=$!
cleanup_fn stop_child $watcher
read_randomly "$first" &
one=$!
read_randomly "$second" &
two=$!
expect "members" 150000 "$(find "$second/many/many" -type f | wc -l)"
wait $one || fail "random readers of the first mount: $(cat "$first.said")"
wait $two || fail "random readers of the second mount: $(cat "$second.said")"
rm "$tmp/watching"
wait $watcher || :
index=$(du -c -B1 "$cache"/objects/*/index.db | tail -n 1 | cut -f1)
[ "$index" -gt $((limit / 8)) ] || fail "the index is too small to tell anything: $index bytes"
at_most "bytes on disk while an index grows" $limit "$(sort -n "$tmp/sizes" | tail -n 1 | cut -f1)"
