#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# cache_mode=: what is on the disk in each, and that reading is right in all of them.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip zip cmp
requires_fuse
start_sample
mkdir -p "$tmp/www" "$tmp/temporary" "$tmp/tree"
for i in 1 2 3 4 5 6; do
	make_random "$tmp/tree/$i" $((900000 + i))
done
tar -C "$tmp/tree" -czf "$tmp/www/packed.tar.gz" .
(cd "$tmp/tree" && zip -qr "$tmp/www/zipped.zip" .)
serve_file $((8 << 20))
TMPDIR=$tmp/temporary
export TMPDIR

on_disk() {
	du -s --block-size=1 "$cache" 2>/dev/null | cut -f 1
}
read_it_all() { # MODE
	rm -rf "$cache"
	mount_mdcfs -o cache_mode="$1" "$slug" "$storage_url/packed.tar.gz" "$storage_url/zipped.zip" \
		"$storage_url/data.bin"
	for name in packed zipped; do
		within 30 diff -r "$tmp/tree" "$mnt/$name/$name" || fail "$1: $name differs"
	done
	within 30 cmp "$reference" "$(data_at)" || fail "$1: the file differs"
	within 30 head -c 100000 "$mnt/$slug/$slug.tar.gz" >/dev/null
}

read_it_all full
[ "$(on_disk)" -ge $((16 << 20)) ] || fail "full: only $(on_disk) bytes on the disk"
umount_mdcfs

read_it_all minimal
expect "files of blocks" "" "$(find "$cache" -name '*.data')"
at_most "bytes on the disk with minimal" $((3 << 20)) "$(on_disk)"
run 1 "$MDCFS" warm "$(data_at)"
says "keeps no data in a cache"
umount_mdcfs
[ -n "$(find "$cache" -name index.db)" ] || fail "minimal: no index is kept"
mount_mdcfs -o cache_mode=minimal "$storage_url/packed.tar.gz"
ls "$mnt/packed/packed" >/dev/null
at_most "bytes fetched for a listing with the index" 300000 "$(stat_of storage_bytes)"
umount_mdcfs

read_it_all none
expect "files but download sessions" "" \
	"$(find "$cache" -type f ! -path '*/leases/*')"
[ -n "$(ls "$cache/leases")" ] || fail "none: the download session is not kept"
umount_mdcfs
expect "files left in TMPDIR" "" "$(find "$TMPDIR" -name 'mdcfs-*')"
run 2 "$MDCFS" mount -o cache_mode=little "$storage_url/data.bin" "$mnt"
says "full, minimal or none"
