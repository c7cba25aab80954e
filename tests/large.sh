#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A file of 100 GB: its size to the byte, bytes at its far end, and memory that does not grow with it.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 truncate
requires_fuse

size=$((100 * 1000 * 1000 * 1000 + 7))
mkdir "$tmp/www"
reference=$tmp/www/data.bin
truncate -s $size "$reference" 2>/dev/null || skip "no sparse files of this size in $tmp"
# Islands of bytes: at the front, beyond 4 GiB, at 99 GB and at the very end.
make_random "$tmp/island" $((4 << 20))
last=$((size / block)) # the last block, a short one
for at in 0 1000 32769 755309 $((last - 32)); do
	dd if="$tmp/island" of="$reference" bs=$block seek=$at conv=notrunc status=none
done
truncate -s $size "$reference"
serve_www

mount_mdcfs -o memory=32M,cache_size=64M,connections=4 "$storage_url/data.bin"
expect "size" $size "$(stat -c %s "$(data_at)")"
plan "* ok"
for at in 32769 32770 755309 755340 500000 $((last - 1)); do
	expect "block $at" ok "$(read_block $at)"
done
expect "blocks 755312 and on" ok "$(read_block 755312 16)"
for at in 0 $((last * block - 10)); do
	expect "the bytes from $at on" ok \
		"$(timeout -s KILL 20 python3 "$top/tests/lib/readat.py" "$(data_at)" $at 17 "$reference")"
done
expect "beyond the end" short \
	"$(timeout -s KILL 20 python3 "$top/tests/lib/readat.py" "$(data_at)" $((size - 5)) 6 || :)"
tail -c 3000000 "$reference" >"$tmp/expected"
timeout -s KILL 20 tail -c 3000000 "$(data_at)" | cmp - "$tmp/expected" || fail "its end"
at_most "bytes fetched for that" $((40 << 20)) "$(stat_of storage_bytes)"

# 300 MB in one go.
timeout -s KILL 60 cmp -n 300000000 "$(data_at)" "$reference" || fail "the first 300 MB"
peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status")
note "peak memory $peak KiB"
# Sanitizers have memory of their own: what they allocate says nothing.
grep -qE 'lib(a|t)san' "/proc/$mdcfs_pid/maps" || at_most "peak memory in KiB" $(((64 + 32) << 10)) "$peak"
used=$(du -s --block-size=1 "$cache" | cut -f 1)
at_most "bytes in the cache" $((72 << 20)) "$used"
