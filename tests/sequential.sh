#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A server that answers no ranges, and -o sequential: one GET, whoever reads what; one that breaks begins
# again and no byte is wrong; archives; what is too large for the cache is refused.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 60 $((6 << 20))
make_random "$tmp/www/data.bin" $((24 << 20))
reference=$tmp/www/data.bin

run fails "$MDCFS" mount -f -o sequential,cache_size=32M "$storage_url/none.bin" "$mnt"
plan "* 200 ignore-range"
run fails "$MDCFS" mount -f "$storage_url/data.bin" "$mnt"
says "-o sequential"
run fails "$MDCFS" mount -f -o sequential,cache_size=32M "$storage_url/data.bin" "$mnt"
says "cache_size"

# The mount asks twice: for a range, and for what there is.  Then one GET serves all readers.
plan "* 200 ignore-range"
mount_mdcfs -o sequential,cache_size=256M "$storage_url/data.bin"
expect "size" "$(stat -c %s "$reference")" "$(stat -c %s "$(data_at)")"
expect "requests of the mount" 2 "$(asked)"
plan "* 200 ignore-range slow=20000000"
timeout -s KILL 60 python3 "$top/tests/lib/readers.py" blocks 32 "$(data_at)" 1 6 "$reference" >"$tmp/readers" || :
expect "readers here and there" "32 ok" "$(cat "$tmp/readers")"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "all of it"
expect "one GET" 1 "$(asked)"
umount_mdcfs

# It breaks, twice, and once it is another version that goes on.
rm -rf "$cache"
plan "* 200 ignore-range"
mount_mdcfs -o sequential,cache_size=256M,stall_timeout=2 "$storage_url/data.bin"
plan "1 200 ignore-range drop@5000000" "2 200 ignore-range drop@9000000" "3 503" "* 200 ignore-range"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "over two breaks"
expect "begun again after each" 4 "$(asked)"
umount_mdcfs
rm -rf "$cache"
plan "* 200 ignore-range"
mount_mdcfs -o sequential,cache_size=256M "$storage_url/data.bin"
plan "1 200 ignore-range drop@5000000" '* 200 ignore-range etag="v2"'
expect "the other version's bytes" ESTALE "$(read_block 100)"
expect "this version's" ok "$(read_block 20)"
umount_mdcfs

# Archives are read as they come.
plan "* 200 ignore-range"
mount_mdcfs -o sequential,cache_size=256M "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
at_most "requests for an archive" 3 "$(asked)"
umount_mdcfs

# A dataset: size and checksum are known before storage is asked.  One session; without the option a
# reader is told what to do, and what there is to see is seen.
plan "* 200 ignore-range"
serve_dataset
mount_mdcfs data
expect "size of a dataset" "$archive_size" "$(stat -c %s "$mnt/data/data.tar.gz")"
expect "without the option" ENOTSUP "$(timeout -s KILL 60 python3 "$top/tests/lib/readat.py" \
	"$mnt/data/data.tar.gz" 0 $block "$tmp/www/data.tar.gz" || :)"
log_has "-o sequential" || fail "the log does not say what to do"
umount_mdcfs
rm -rf "$cache" # and the session
before=$(posts)
mount_mdcfs -o sequential,cache_size=256M data
timeout -s KILL 60 cmp "$mnt/data/data.tar.gz" "$tmp/www/data.tar.gz" || fail "a dataset in one go"
compare_trees "$tmp/tree" "$(members_at)"
expect "sessions" 1 $(($(posts) - before))
umount_mdcfs
# The same option where ranges are answered changes nothing.
rm -rf "$cache"
plan "* ok"
mount_mdcfs -o sequential,cache_size=256M data
timeout -s KILL 60 cmp "$mnt/data/data.tar.gz" "$tmp/www/data.tar.gz" || fail "a dataset in ranges"
expect "answers that are no ranges" 0 "$(asked ' 200 ')"
