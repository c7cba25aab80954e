#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Many readers of one thing cost what one reader costs; many readers of many things all get theirs.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 200 $((8 << 20))
make_random "$tmp/www/data.bin" $((16 << 20))
reference=$tmp/www/data.bin
mount_mdcfs "$storage_url/data.bin" "$storage_url/data.tar.gz"

readers() { # NAME EXPECTED ARG...: see readers.py
	name=$1 want=$2
	shift 2
	timeout -s KILL 60 python3 "$top/tests/lib/readers.py" "$@" >"$tmp/readers" || :
	expect "$name" "$want" "$(cat "$tmp/readers")"
}

# One block, cold; the answer takes its time, so that all of them come to wait for it.
plan "* 206 slow=400000"
readers "one block, past the page cache" "64 ok" blocks 64 "$(data_at)" 8 0 "$reference"
expect "one block: requests" 1 "$(asked)"
expect "one block: its range" "$(block_range 8)" "$(range_of 1)"
plan "* 206 slow=400000"
readers "one block, through the page cache" "64 ok" --buffered blocks 64 "$(data_at)" 24 0 "$reference"
expect "one block: requests" 1 "$(asked)"

# One that fails: all hear it, and it is asked for once.
plan "1 206 stall@0 seconds=1 drop@0" "2 404" "* 500"
readers "one block that is gone" "64 ENOENT" blocks 64 "$(data_at)" 40 0 "$reference"
expect "one block that is gone: requests" 2 "$(asked)"

# Next to each other: no byte twice.
plan "* ok"
readers "neighbours" "32 ok" blocks 32 "$(data_at)" 64 1 "$reference"
bytes_between() { # FIRST-BLOCK END-BLOCK
	since_plan | awk -v first=$(($1 * block)) -v end=$(($2 * block)) '
	{
		sub("bytes=", "", $4); split($4, r, "-")
		from = r[1] > first ? r[1] : first
		to = r[2] + 1 < end ? r[2] + 1 : end
		n += to > from ? to - from : 0
	}
	END { print n }'
}
expect "neighbours: bytes" $((32 * block)) "$(bytes_between 64 96)"

# An archive that nobody has read yet: the pass serves them all.
plan "* ok"
bytes=$(stat_of storage_bytes)
readers "a cold archive" "32 ok" files 32 "$mnt/data/data" "$tmp/tree"
fetched=$(($(stat_of storage_bytes) - bytes))
at_most "a cold archive: bytes" $((archive_size + archive_size / 4)) $fetched
umount_mdcfs

# The index is there and the blocks are not: spans of the archive serve them.
find "$cache" -name 'stream-*' -exec rm {} +
plan "* ok"
mount_mdcfs "$storage_url/data.bin" "$storage_url/data.tar.gz"
readers "an archive with an index" "32 ok" files 32 "$mnt/data/data" "$tmp/tree"
at_most "an archive with an index: bytes" $((archive_size * 2)) "$(stat_of storage_bytes)"
