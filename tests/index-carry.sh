#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An index is carried to another machine: there the archive is listed without a request, and read rightly.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((4 << 20))
serve_dataset

state_of() { # SOURCE
	timeout -s KILL 20 "$MDCFS" index show --json "$1" >"$tmp/shown.json" 2>/dev/null || :
	json_of "$tmp/shown.json" "d['state']"
}

run 0 "$MDCFS" index build data
note "on another machine"
run 0 "$MDCFS" index export data "$tmp/data.index"
"$MDCFS" index export data - >"$tmp/piped.index" || fail "export to a pipe"
cmp "$tmp/data.index" "$tmp/piped.index" || fail "two exports differ"
[ -z "$(find "$cache" -name '.*')" ] || fail "something is left in the cache"
api=$MDC_API_URL
MDCFS_CACHE_DIR=$tmp/other
MDC_API_URL=http://127.0.0.1:9/api
run 0 "$MDCFS" index import "$tmp/data.index"
MDC_API_URL=$api
plan "* ok"
mount_mdcfs data
compare_trees --no-data "$tmp/tree" "$(members_at)"
expect "requests for a listing, there" 0 "$(stat_of storage_requests)"
expect "it is known to be verified" True "$(archive_status verified)"
compare_trees "$tmp/tree" "$(members_at)"
umount_mdcfs
run 0 "$MDCFS" index import "$tmp/piped.index" data
grep -q "it stays" "$out" || fail "a complete index was replaced"

note "over one that was begun, but not while it is in use"
MDCFS_CACHE_DIR=$tmp/third
plan "* 206 slow=2000000"
mount_mdcfs -o connections=2 data
cat "$(members_at)/d00/f00000" >/dev/null || fail "a member"
run 1 "$MDCFS" index import "$tmp/data.index" data
says "in use"
umount_mdcfs
expect "begun" partial "$(state_of data)"
run 0 "$MDCFS" index import "$tmp/data.index"
grep -q ": imported" "$out" || fail "it was not imported"
expect "whole" complete "$(state_of data)"
mount_mdcfs data
compare_trees "$tmp/tree" "$(members_at)"
umount_mdcfs
python3 "$top/tests/lib/indexes.py" "$cache"/objects/*/index.db "$tmp"/*/objects/*/index.db ||
	fail "the indexes differ"
