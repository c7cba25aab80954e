#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Zips whose directory lies: what lies is refused and named, everything else can be read, and neither
# time nor memory, disk and requests depend on what a zip claims.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse

mkdir "$tmp/made"
cat >"$tmp/make.py" <<'PYTHON'
import io, lzma, struct, zipfile, zlib

def local(name, data, method=8, size=0, crc=0, flags=0):
    return struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, flags, method, 0, 0x21, crc, len(data), size, len(name), 0) + name + data

def central(name, at, packed, size, crc, method=8, flags=0, disk=0, extra=b""):
    return struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 0x314, 20, flags, method, 0, 0x21, crc, packed, size, len(name),
                       len(extra), 0, disk, 0, 0o100644 << 16, at) + name + extra

def end(n, size, at, comment=b"", disk=0):
    return struct.pack("<IHHHHIIH", 0x06054b50, disk, disk, n & 0xffff, n & 0xffff, size, at, len(comment)) + comment

def deflate(data):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()

def write(name, body, directory, n, **more):
    with open("made/%s.zip" % name, "wb") as f:
        f.write(body + directory + end(n, len(directory), len(body), **more))

good = b"good\n" * 100
packed = deflate(good)
crc = zlib.crc32(good)
first = local(b"first", packed, size=len(good), crc=crc)
last_at = len(first)
body = first + local(b"last", packed, size=len(good), crc=crc)
front = central(b"first", 0, len(packed), len(good), crc)
back = central(b"last", last_at, len(packed), len(good), crc)

def with_liar(name, liar):
    write(name, body, front + liar + back, 3)

# Where a record says its data is: outside, in the directory, in another volume.
with_liar("offset", central(b"liar", 0x7fffffff, len(packed), len(good), crc))
with_liar("inside", central(b"liar", len(body) - 4, len(packed), len(good), crc))
with_liar("length", central(b"liar", last_at, 0x7fffffff, len(good), crc))
with_liar("volume", central(b"liar", last_at, len(packed), len(good), crc, disk=1))
with_liar("zip64", central(b"liar", last_at, len(packed), 0xffffffff, crc, extra=struct.pack("<HHI", 1, 4, 9)))
with_liar("stored", central(b"liar", last_at, len(packed), len(packed) + 1, crc, method=0))
with_liar("ratio", central(b"liar", last_at, len(packed), 1 << 30, crc))

# A member that is not what its record says.
def with_member(name, data, size, crc, method=8):
    at = len(first)
    body = first + local(b"liar", data, method, size, crc)
    tail = len(body)
    body += local(b"last", packed, size=len(good), crc=crc)
    write(name, body, front + central(b"liar", at, len(data), size, crc, method) +
          central(b"last", tail, len(packed), len(good), zlib.crc32(good)), 3)

with_member("longer", packed, len(good) - 1, crc)
with_member("shorter", packed, len(good) + 1, crc)
with_member("crc", packed, len(good), crc ^ 1)
with_member("crc0", good, len(good), crc ^ 1, 0)
xz = lzma.compress(bytes(1 << 20), lzma.FORMAT_XZ)
with_member("huge", xz, 0x7fffffff, crc, 95) # 1 MiB that claims 2 GiB
with_member("garbage", b"\xff" * 5000, 10**6, crc)

# 50 000 members with the same data: 30 MB each, 1.5 TB together.
kernel = deflate(bytes(30 << 20))
body = local(b"m", kernel, size=30 << 20, crc=zlib.crc32(bytes(30 << 20)))
directory = b"".join(central(b"m%05d" % i, 0, len(kernel), 30 << 20, 0) for i in range(50000))
write("overlap", body, directory, 50000)
# The same, with a true record behind.
write("bomb", body, central(b"bomb", 0, len(kernel), 30 << 20, zlib.crc32(bytes(30 << 20))), 1)

# 100 000 members, of whose directory only the first half is one.
body = b"".join(local(b"%06d" % i, b"%d\n" % i, 0, len(b"%d\n" % i), zlib.crc32(b"%d\n" % i)) for i in range(100000))
records, at = [], 0
for i in range(100000):
    n = len(b"%d\n" % i)
    records.append(central(b"%06d" % i, at, n, n, zlib.crc32(b"%d\n" % i), 0))
    at += 36 + n
directory = b"".join(records)
half = len(directory) // 2 // 52 * 52
write("half", body, directory[:half] + b"\xa5" * (len(directory) - half), 100000)

# Two end records, one of them in the other's comment, and what is no single whole zip.
directory = front + back
body = first + local(b"last", packed, size=len(good), crc=crc)
write("comment", body, directory, 2, comment=b"<" + end(1, 99, 7) + b">")
write("volumes", body, directory, 2, disk=1)
write("count", body, directory, 1)
PYTHON
(cd "$tmp" && python3 make.py)

start_storage "$tmp/made"
python3 -c 'import sys; sys.stdout.write("good\n" * 100)' >"$tmp/good"
error_of() { # FILE
	errno_of 'open(sys.argv[2], "rb").read()' "$1"
}

# --- one member lies
mount_one() { # STEM [OPTION...]
	stem=$1
	shift
	mount_mdcfs "$@" "$storage_url/$stem.zip"
	members=$mnt/$stem/$stem
}
liars="offset inside length volume zip64 stored ratio longer shorter crc crc0 huge garbage"
mount_mdcfs $(printf "$storage_url/%s.zip " $liars)
for stem in $liars; do
	members=$mnt/$stem/$stem
	expect "$stem: names" "first last liar" "$(ls "$members" | xargs)"
	expect "$stem: the liar" EIO "$(error_of "$members/liar")"
	cmp "$tmp/good" "$members/first" || fail "$stem: first"
	cmp "$tmp/good" "$members/last" || fail "$stem: last"
	expect "$stem: lines about the liar" 1 "$(grep -c "$stem.zip: member liar: " "$log")"
done
expect "archives of which the status names the liar" 13 "$("$MDCFS" status "$mnt" | grep -c liar)"
at_most "requests" $((13 * 5)) "$(stat_of storage_requests)"
umount_mdcfs

# --- members that share their data: no more than one of them is one
mount_one overlap
expect "overlap: names" 50000 "$(ls "$members" | wc -l)"
expect "overlap: one of them" EIO "$(error_of "$members/m00000")"
expect "overlap: another" EIO "$(error_of "$members/m25000")"
"$MDCFS" status "$mnt" | grep -q "49999 members overlap" || fail "overlap: the status does not say it"
at_most "overlap: requests" 12 "$(stat_of storage_requests)"
umount_mdcfs

# --- a bomb fills neither disk nor memory
rm -rf "$cache"
mount_one bomb -o cache_size=8M,memory=16M
expect "bomb: bytes" $((30 << 20)) "$(wc -c <"$members/bomb")"
at_most "bomb: KiB on disk" 10000 "$(du -sk "$cache" | cut -f1)"
at_most "bomb: KiB of memory" 300000 "$(awk '/VmHWM/ { print $2 }' "/proc/$mdcfs_pid/status")"
umount_mdcfs

# --- half a directory
mount_one half
expect "half: listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$members")"
expect "half: the last one before the damage" 49999 "$(cat "$members/049999")"
expect "half: names" 50000 "$(ls "$members" 2>"$tmp/ls.out" | wc -l)"
grep -q 'Input/output error' "$tmp/ls.out" || fail "half: ls does not say that there is more"
expect "half: one behind it" EIO "$(error_of "$members/075000")"
"$MDCFS" status "$mnt" | grep -q 'entry 50001' || fail "half: the status does not say where"
at_most "half: requests" 40 "$(stat_of storage_requests)"
umount_mdcfs

# --- end records
mount_one comment
expect "comment: names" "first last" "$(ls "$members" | xargs)"
cmp "$tmp/good" "$members/last" || fail "comment: last"
umount_mdcfs
mount_one volumes
expect "volumes: listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$members")"
log_has "one volume of several" || fail "volumes: the log does not say it"
umount_mdcfs
mount_one count
expect "count: listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$members")"
cmp "$tmp/good" "$members/last" || fail "count: last"
log_has "another number of entries" || fail "count: the log does not say it"
umount_mdcfs
