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
