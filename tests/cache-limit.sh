#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A cache far smaller than the dataset: everything is read well, and the limit is kept all the time.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
limit=$((4 << 20))

kept() { # bytes of block data on disk
	find "$cache/objects" -name '*.data' -printf '%b\n' 2>/dev/null | awk '{ n += $1 } END { print n * 512 }'
}

watch_limit() {
	: >"$tmp/watching"
	while [ -e "$tmp/watching" ]; do
		kept >>"$tmp/sizes"
		sleep 0.02
	done
}

mount_mdcfs -o cache_size=4M,memory=16M "$slug"
watch_limit &
watcher=$!
cleanup_fn stop_child $watcher
compare_trees --no-mtime "$sample/tree/$slug" "$mnt/$slug/$slug"
cmp "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "raw"
compare_trees --no-mtime "$sample/tree/$slug" "$mnt/$slug/$slug"
rm "$tmp/watching"
wait $watcher || :
at_most "bytes on disk at any time" $limit "$(sort -n "$tmp/sizes" | tail -n 1)"
[ "$(kept)" -gt $((limit / 2)) ] || fail "the cache is not used: $(kept) bytes"
[ "$(stat_of cache_evictions)" -gt 0 ] || fail "nothing was evicted"
at_most "what the status says" $limit "$(json_of "$mnt/.mdcfs/status.json" 'd["cache"]["used"]')"
expect "sessions" 1 "$(posts)"
