#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Every member of the sample's archives: names, types, modes, sizes, times and bytes are those that
# GNU tar unpacks; and the archive itself is the same file.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp tar
requires_fuse
start_sample

attributes() { # FOLDER
	(cd "$1" && find . -type f -exec stat -c '%n %Y %s %a' {} + | sed 's/644$/444/' | sort)
}

slugs=$(for object in "$sample"/objects/*.tar.gz; do basename "$object" .tar.gz; done)
mount_mdcfs $slugs
for slug in $slugs; do
	mkdir "$tmp/$slug"
	tar -C "$tmp/$slug" -xpf "$sample/objects/$slug.tar.gz"
	# Folders that have no entry of their own get their time when they are unpacked.
	compare_trees --no-mtime "$tmp/$slug" "$mnt/$slug/$slug"
	attributes "$tmp/$slug" >"$tmp/unpacked.list"
	attributes "$mnt/$slug/$slug" | cmp - "$tmp/unpacked.list" || fail "$slug: times and modes"
	cmp "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "$slug: the archive itself"
done
expect "sessions" 3 "$(posts)"

# In the order of the archive, so that reading a folder is reading on.
slug=$(echo "$slugs" | head -n 1)
tar -tf "$sample/objects/$slug.tar.gz" | sed -n 's|.*/clips/\(.\)|\1|p' >"$tmp/order"
ls -U "$mnt/$slug/$slug"/*/*/clips | cmp - "$tmp/order" || fail "the order of a folder"
expect "SHA-256" "" "$(for s in $slugs; do log_has "$s.tar.gz: SHA-256 verified" || echo "$s"; done)"
