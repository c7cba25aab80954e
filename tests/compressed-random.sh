#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Members of compressed tarballs in any order, when the index is there and no block is: what is fetched is the
# unit around them, and it is decoded once.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/compressed.sh"
requires python3 tar xz zstd pzstd bzip2 lz4
requires_fuse

make_tree 80 80000
mkdir "$tmp/www"
pack xz-blocks "$tmp/www/a.tar.xz"
pack zstd-frames "$tmp/www/b.tar.zst"
pack bzip2-9 "$tmp/www/c.tar.bz2"
pack lz4-blocks "$tmp/www/d.tar.lz4"
start_storage "$tmp/www"

# name, file, and the largest unit, compressed and decoded: 1 MiB; joined frames of 500 000 bytes; two blocks of
# 900 000, since one block of ours may need both; joined blocks
kinds="a:a.tar.xz:900000:1048576 b:b.tar.zst:760000:1000000 c:c.tar.bz2:1250000:1800000 d:d.tar.lz4:460000:600000"
sources=
for kind in $kinds; do
	file=${kind#*:}
	sources="$sources $storage_url/${file%%:*}"
done
# shellcheck disable=SC2086 # a list of words
mount_mdcfs $sources
for kind in $kinds; do
	name=${kind%%:*}
	compare_trees "$tmp/tree" "$mnt/$name/$name"
	expect "$name: damage" "" "$(json_of "$mnt/.mdcfs/status.json" \
		"[x['archive']['error'] for x in d['datasets'] if x['slug'] == '$name'][0]")"
done
umount_mdcfs
plain=$(stat -c %s "$tmp/plain.tar")

# One member in the middle, without reading ahead for it: the unit that it lies in, maybe the one behind.
member=d00/f00040
for kind in $kinds; do
	cold
	name=${kind%%:*} sizes=${kind#*:*:}
	# shellcheck disable=SC2086
	mount_mdcfs -o read_ahead=128K $sources
	before=$(stat_of storage_bytes)
	expect "$name: bytes in the middle of a member" ok \
		"$(python3 "$top/tests/lib/readat.py" "$mnt/$name/$name/$member" 30000 500 "$tmp/tree/$member")"
	settled=0
	while sleep 0.3 && [ "$settled" != "$(stat_of inflated_bytes)" ]; do # the rest of the unit
		settled=$(stat_of inflated_bytes)
	done
	fetched=$(($(stat_of storage_bytes) - before))
	note "$name: $fetched bytes fetched, $settled decoded"
	at_most "$name: bytes fetched for one read" $((${sizes%:*} + 2 * 131072)) $fetched
	at_most "$name: bytes decoded for one read" $((${sizes#*:} + 3 * 131072)) "$settled"
	umount_mdcfs
done

# Everything again in order, and members in no order: hardly anything is decoded twice.
for order in -n -R; do
	cold
	# shellcheck disable=SC2086
	mount_mdcfs $sources
	for kind in $kinds; do
		name=${kind%%:*}
		before=$(stat_of inflated_bytes)
		(cd "$tmp/tree" && find . -type f | sort $order) | while read -r file; do
			cmp "$tmp/tree/$file" "$mnt/$name/$name/$file" || exit 1
		done || fail "$name: a member differs"
		decoded=$(($(stat_of inflated_bytes) - before))
		note "$name: $decoded of $plain bytes decoded, order $order"
		at_most "$name: bytes decoded, order $order" $((plain * 5 / 2)) $decoded
	done
	umount_mdcfs
done
