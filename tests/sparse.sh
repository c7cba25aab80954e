#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Sparse members in all of GNU tar's formats and in bsdtar's, one larger than 8 GiB with an ordinary one
# behind it: bytes and holes are those of the file.  With holes tar stores no more than its data, so
# listing or reading these archives costs nothing of what the holes seem to be.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar bsdtar gzip
requires_fuse

mkdir "$tmp/tree" "$tmp/made"
cd "$tmp/tree"
truncate -s 9G a-large 2>/dev/null || skip "no sparse files of this size in $tmp"
for at in 0 4095 8191 8999; do
	head -c 5000 /dev/urandom | dd of=a-large bs=1M seek=$at conv=notrunc status=none
done
truncate -s 3M b-many
i=0
while [ $i -lt 60 ]; do
	printf 'island %d' $i | dd of=b-many bs=4096 seek=$((i * 11 + 3)) conv=notrunc status=none
	i=$((i + 1))
done
truncate -s 5M c-hole
printf 'no holes\n' >d-plain
cd "$tmp"
for format in oldgnu gnu; do
	tar -C tree --sort=name --format=$format --sparse -cf made/$format.tar .
done
for version in 0.0 0.1 1.0; do
	tar -C tree --sort=name --format=pax --sparse --sparse-version=$version -cf "made/pax$version.tar" .
done
bsdtar -C tree --format pax --read-sparse -cf made/bsdtar.tar a-large b-many c-hole d-plain
for file in made/*.tar; do
	at_most "$file: bytes" 500000 "$(stat -c %s "$file")"
	gzip -c "$file" >"${file%.tar}-gz.tar.gz"
done

mount_mdcfs "$tmp"/made/*
for name in oldgnu gnu pax0.0 pax0.1 pax1.0 bsdtar; do
	for folder in "$mnt/$name/$name" "$mnt/$name-gz/$name-gz"; do
		within 30 python3 "$top/tests/lib/sparsecmp.py" tree "$folder" a-large b-many c-hole >said 2>&1 ||
			fail "$folder: $(cat said)"
		expect "$folder: stretches of a hole" "c-hole 0" "$(tail -n 1 said)"
		cmp tree/b-many "$folder/b-many" || fail "$folder/b-many"
		cmp tree/d-plain "$folder/d-plain" || fail "$folder: the member behind"
		at_most "$folder: blocks of 9 GiB" 4000 "$(stat -c %b "$folder/a-large")"
	done
done
