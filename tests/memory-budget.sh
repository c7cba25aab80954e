#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Three hundred random readers within 16 MB of memory, of a file and of a member that has to be decoded, with
# a cache that holds little of either: everything is right, everybody has a turn, and the budget is kept.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar gzip
requires_fuse

budget=$((16 << 20))
mkdir "$tmp/www" "$tmp/tree"
head -c $((96 << 20)) /dev/urandom >"$tmp/www/data.bin"
head -c $((40 << 20)) "$tmp/www/data.bin" >"$tmp/tree/member"
tar -C "$tmp/tree" -cf - member | gzip -1 >"$tmp/www/packed.tar.gz"
start_storage "$tmp/www"

mount_mdcfs -o memory=16M,cache_size=8M,connections=4 "$storage_url/data.bin" "$storage_url/packed.tar.gz"
readers() { # FILE REFERENCE TIMES
	expect "readers of ${1##*/}" "300 ok" \
		"$(within 60 python3 "$top/tests/lib/readers.py" random 300 "$1" "$3" 100000 "$2")"
	peak=$(json_of "$mnt/.mdcfs/status.json" 'd["memory_peak"]')
	note "${1##*/}: at most $peak bytes in memory, VmHWM" \
		"$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status") KiB"
	at_most "bytes in memory" $((budget + budget / 4)) "$peak"
}
readers "$mnt/data.bin/data.bin" "$tmp/www/data.bin" 3
ls "$mnt/packed/packed" >/dev/null
readers "$mnt/packed/packed/member" "$tmp/tree/member" 1
# Sanitizers have memory of their own: what they allocate says nothing.
is_sanitized || at_most "KiB resident at any time" $((budget / 1024 + 65536)) \
	"$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status")"
expect "bytes in ranges and blocks that nobody has" "" \
	"$(json_of "$mnt/.mdcfs/status.json" '"" if d["memory"] <= 16 << 20 else d["memory"]')"
