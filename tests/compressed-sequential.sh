#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A large member of a compressed tarball read from its front to its end, when the index is there and no block
# is: each unit is fetched and decoded once, though reading ahead asks for it piece by piece while it is decoded.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/compressed.sh"
requires python3 tar xz zstd
requires_fuse

mkdir "$tmp/tree" "$tmp/www"
head -c 24000000 /dev/urandom >"$tmp/tree/large"
tar -C "$tmp/tree" -cf "$tmp/plain.tar" large
xz -T2 -0 --block-size=6MiB -c "$tmp/plain.tar" >"$tmp/www/x.tar.xz"
split -b 5000000 --filter='zstd -q -1 -c' "$tmp/plain.tar" >"$tmp/www/z.tar.zst"
start_storage "$tmp/www"

mount_mdcfs "$storage_url/x.tar.xz" "$storage_url/z.tar.zst"
ls "$mnt/x/x/large" "$mnt/z/z/large" >/dev/null
within 60 cmp "$tmp/tree/large" "$mnt/x/x/large" || fail "it differs, as it came"
within 60 cmp "$tmp/tree/large" "$mnt/z/z/large" || fail "it differs, as it came"
umount_mdcfs

for name in x z; do
	cold
	mount_mdcfs "$storage_url/x.tar.xz" "$storage_url/z.tar.zst"
	before=$(stat_of storage_bytes)
	within 60 cmp "$tmp/tree/large" "$mnt/$name/$name/large" || fail "$name: it differs"
	fetched=$(($(stat_of storage_bytes) - before)) decoded=$(stat_of inflated_bytes)
	note "$name: $fetched bytes fetched, $decoded decoded, of 24000000"
	at_most "$name: bytes fetched" 26400000 $fetched
	at_most "$name: bytes decoded" 26400000 "$decoded"
	umount_mdcfs
done
