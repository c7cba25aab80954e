#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A unit that its checksum finds wrong is served to nobody, not even its beginning, when bytes come faster
# than they are decoded.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 xz
requires_fuse

# Members of stored noise and then of digits, which take their time: each an xz stream.  In one a byte of
# the noise is another one, which nothing but the check behind it all tells.
python3 - "$tmp/noise" "$tmp/wrong.tar.xz" <<'PYTHON'
import lzma, random, sys, tarfile

rng = random.Random(1)
noise = rng.randbytes(256 << 10)
data = noise + rng.randbytes(1 << 19).hex().encode()
with open(sys.argv[1], "wb") as f:
    f.write(data)
with open(sys.argv[2], "wb") as f:
    for i in range(24):
        m = tarfile.TarInfo("m%02d" % i)
        m.size = len(data)
        unit = bytearray(lzma.compress(m.tobuf(tarfile.USTAR_FORMAT) + data, preset=0))
        if i == 15:
            unit[unit.index(noise[100000:100100])] ^= 1
        f.write(unit)
    f.write(lzma.compress(bytes(1024)))
PYTHON
mount_mdcfs -o memory=8M "$tmp/wrong.tar.xz"
folder=$mnt/wrong/wrong
for i in $(seq -w 0 14); do
	within 60 cmp "$tmp/noise" "$folder/m$i" || fail "m$i, before the damage"
done
expect "a listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$folder")"
expect "what is wrong" EIO "$(errno_of 'open(sys.argv[2], "rb").read(1 << 17)' "$folder/m15")"
umount_mdcfs

# The same where the place was found by the index.
rm -f "$cache"/objects/*/stream.*
mount_mdcfs -o memory=8M "$tmp/wrong.tar.xz"
within 60 cmp "$tmp/noise" "$folder/m14" || fail "m14, found by the index"
expect "what is wrong, found by the index" EIO \
	"$(errno_of 'open(sys.argv[2], "rb").read(1 << 17)' "$folder/m15")"
umount_mdcfs
