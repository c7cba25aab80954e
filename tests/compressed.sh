#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Compressed tarballs of every kind that the tools write, against what tar unpacks: those that consist of units
# are decoded unit by unit, the others by libarchive.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/compressed.sh"
requires python3 tar xz pixz zstd pzstd bzip2 pbzip2 lz4 cpio
requires_fuse

make_tree 80 40000
mkdir "$tmp/made"

# name kind suffix format
kinds='
a xz-blocks tar.xz tar.xz
b xz-sha256 txz tar.xz
c xz-nocheck tar.xz tar.xz
d xz-one tar.xz tar.xz
e xz-streams tar.xz tar.xz
f pixz tar.xz tar.xz
g pzstd tar.zst tar.zst
h zstd-one tar.zst tar.zst
i zstd-stream tar.zst libarchive
j zstd-frames tzst tar.zst
k zstd-seekable tar.zst tar.zst
l bzip2 tar.bz2 tar.bz2
m bzip2-9 tbz2 tar.bz2
n pbzip2 tar.bz2 tar.bz2
o lz4-blocks tar.lz4 tar.lz4
p lz4-sums tar.lz4 tar.lz4
q lz4-linked tar.lz4 libarchive
r lz4-sized tar.lz4 tar.lz4
s lz4-frames tar.lz4 tar.lz4
'
each() { # COMMAND: with name, kind, suffix, format
	echo "$kinds" | while read -r name kind suffix format; do
		[ -z "$name" ] || "$1" "$name" "$kind" "$suffix" "$format" || exit 1
	done || exit 1
}

make_one() {
	pack "$2" "$tmp/made/$1.$3"
}
each make_one
# Not a tar inside: libarchive knows it by what is decoded, or nobody does.
(cd "$tmp/tree" && find . -mindepth 1 | sort | cpio --quiet -o -H newc) >"$tmp/x.cpio"
gzip -1 -c "$tmp/x.cpio" >"$tmp/made/u.cpio.gz"
xz -0 -c "$tmp/x.cpio" >"$tmp/made/v.cpio.xz"
zstd -q -c "$tmp/x.cpio" >"$tmp/made/w.cpio.zst"
# A single block that is too large for a single read.
mkdir "$tmp/long"
truncate -s 70M "$tmp/long/zeros"
echo end >"$tmp/long/zz"
tar -C "$tmp/long" -c . | xz -0 >"$tmp/made/x.tar.xz"
head -c 4000 "$top/README.md" | gzip -c >"$tmp/made/y.tar.gz"
head -c 4000 "$top/README.md" | zstd -q -c >"$tmp/made/z.tar.zst"

mount_mdcfs "$tmp"/made/*
compare_one() {
	compare_trees "$tmp/tree" "$mnt/$1/$1"
	expect "$2: its format" "$4" "$(format_of "$1")"
}
each compare_one
compare_one u cpio.gz - libarchive
compare_one v cpio.xz - libarchive
compare_one w cpio.zst - libarchive
compare_trees "$tmp/long" "$mnt/x/x"
expect "a large block" libarchive "$(format_of x)"
for name in y z; do
	expect "no archive" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/$name/$name")"
done
log_has "y.tar.gz: is gzip, but no tar archive inside" || fail "the log does not say what y is"
log_has "z.tar.zst: is zstd, but no tar archive inside" || fail "the log does not say what z is"
expect "damage found" "y z" "$(json_of "$mnt/.mdcfs/status.json" \
	"' '.join(x['slug'] for x in d['datasets'] if x['archive']['error'])")"
