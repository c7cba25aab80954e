#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Compressed tarballs that are cut off, or wrong in the middle: what comes before can be read, the rest is an
# error, and the damage is named.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/compressed.sh"
requires python3 tar xz zstd bzip2 lz4
requires_fuse

make_tree 80 40000
mkdir "$tmp/made"
flip() { # FILE [MASK]: a byte in its middle
	python3 - "$1" "${2:-16}" <<'PYTHON'
import os, sys
with open(sys.argv[1], "r+b") as f:
    f.seek(os.path.getsize(sys.argv[1]) * 6 // 10)
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ int(sys.argv[2])]))
PYTHON
}
# name kind suffix, and how much of the stream comes whole in any case: up to the unit that is damaged
damaged='
a xz-blocks tar.xz 1048576
b zstd-frames tar.zst 1000000
c bzip2 tar.bz2 1600000
d lz4-sums tar.lz4 1300000
e lz4-frames tar.lz4 1000000
'
each() { # COMMAND: with name, kind, suffix, bytes
	echo "$damaged" | while read -r name kind suffix bytes; do
		[ -z "$name" ] || "$1" "$name" "$kind" "$suffix" "$bytes" || exit 1
	done || exit 1
}
damage_one() {
	pack "$2" "$tmp/made/$1-flip.$3"
	head -c $(($(stat -c %s "$tmp/made/$1-flip.$3") * 6 / 10)) "$tmp/made/$1-flip.$3" >"$tmp/made/$1-cut.$3"
	flip "$tmp/made/$1-flip.$3"
}
each damage_one
# Only a checksum of everything tells that stored bytes are others, in a frame of several units.
mkdir "$tmp/noise"
head -c 2000000 /dev/urandom >"$tmp/noise/a"
tar -C "$tmp/noise" -c . | lz4 -q -BI -B4 -c >"$tmp/made/f-flip.tar.lz4"
flip "$tmp/made/f-flip.tar.lz4"

# Members that end before BYTES are whole; the others are errors or right, and some are errors.
cat >"$tmp/check.py" <<'PYTHON'
import os, sys, tarfile
plain, tree, mount, limit = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
errors = 0
for m in tarfile.open(plain):
    if not m.isfile():
        continue
    want = open(os.path.join(tree, m.name), "rb").read()
    try:
        with open(os.path.join(mount, m.name), "rb") as f:
            have = f.read()
    except OSError as e:
        if m.offset_data + m.size <= limit:
            sys.exit("%s, which ends at %d: %s" % (m.name, m.offset_data + m.size, e))
        errors += 1
        continue
    if have != want:
        sys.exit("%s is wrong" % m.name)
if errors == 0:
    sys.exit("no error")
PYTHON

mount_mdcfs "$tmp"/made/*
trouble_of() { # NAME
	json_of "$mnt/.mdcfs/status.json" "[x['archive']['error'] for x in d['datasets'] if x['slug'] == '$1'][0]"
}
check_one() {
	for how in flip cut; do
		limit=$4
		within 60 python3 "$tmp/check.py" "$tmp/plain.tar" "$tmp/tree" "$mnt/$1-$how/$1-$how" "$limit" ||
			fail "$2, $how"
		expect "$2, $how: a listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/$1-$how/$1-$how")"
		[ -n "$(trouble_of "$1-$how")" ] || fail "$2, $how: the damage is not named"
		note "$2, $how: $(trouble_of "$1-$how")"
	done
}
each check_one
expect "noise: a listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/f-flip/f-flip")"
case $(trouble_of f-flip) in
*checksum*wrong*) ;;
*) fail "noise: $(trouble_of f-flip)" ;;
esac
umount_mdcfs

# Without its blocks the same is found again.
cold
mount_mdcfs "$tmp"/made/*
each check_one
