#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A .tar.gz that is damaged or cut off: every member that lies before that can be read, also when
# nothing decoded is in the cache any more and the block it is in is the damaged one.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar
requires_fuse

mkdir -p "$tmp/tree" "$tmp/want/broken" "$tmp/want/cut"
python3 - "$tmp/tree" <<'PYTHON'
import base64, random, sys

rng = random.Random(3)
for number in range(10, 70):
    with open("%s/f%d" % (sys.argv[1], number), "wb") as f:
        f.write(base64.b64encode(rng.randbytes(9000)))
PYTHON
tar -C "$tmp/tree" --sort=name -cf "$tmp/t.tar" .
# One has, in the middle of a member and far into a deflate block, a distance code that there is not (RFC 1951,
# section 3.2.6: 30); of the other only the half is there.
python3 - "$tmp" <<'PYTHON'
import sys, tarfile, zlib

tmp = sys.argv[1]
data = open(tmp + "/t.tar", "rb").read()
half = len(data) // 2 + 700

def code(value, n): # Huffman codes come with their highest bit first
    return [value >> i & 1 for i in reversed(range(n))]

bits = [0, 1, 0] # not the last block; fixed codes
for byte in data[half:half + 3000]:
    bits += code(0x30 + byte, 8) if byte < 144 else code(0x190 + byte - 144, 9)
bits += code(1, 7) + code(30, 5) + [0] * 80
broken = bytes(sum(bit << i for i, bit in enumerate(bits[at:at + 8])) for at in range(0, len(bits), 8))
z = zlib.compressobj(6, zlib.DEFLATED, 31)
front = z.compress(data[:half]) + z.flush(zlib.Z_FULL_FLUSH)
rest = z.compress(data[half:]) + z.flush()
whole = zlib.compressobj(6, zlib.DEFLATED, 31)
whole = whole.compress(data) + whole.flush()
cut = whole[:len(whole) // 2]
for name, bad, sound in (("broken", front + broken + rest, half + 3000),
                         ("cut", cut, len(zlib.decompressobj(31).decompress(cut)))):
    with open("%s/%s.tar.gz" % (tmp, name), "wb") as f:
        f.write(bad)
    tar = tarfile.open(tmp + "/t.tar")
    for member in tar:
        if member.isfile() and member.offset_data + member.size <= sound:
            with open("%s/want/%s/%s" % (tmp, name, member.name), "wb") as f:
                f.write(tar.extractfile(member).read())
PYTHON

check() { # WHEN
	for name in broken cut; do
		[ "$(ls "$tmp/want/$name" | wc -l)" -ge 25 ] || fail "$name: nothing is left to compare"
		for file in "$tmp/want/$name"/*; do
			timeout -s KILL 30 cmp "$file" "$mnt/$name/$name/$(basename "$file")" || fail "$name, $1"
		done
	done
}

mount_mdcfs -o listing=partial "$tmp/broken.tar.gz" "$tmp/cut.tar.gz"
check "as it came"
umount_mdcfs
rm -f "$cache"/objects/*/stream-*
mount_mdcfs "$tmp/broken.tar.gz" "$tmp/cut.tar.gz"
check "from seek points"
[ "$(stat_of inflated_bytes)" -gt 0 ] || fail "nothing was decoded anew"
umount_mdcfs
