#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Zip members of every method that can be read, behind a server, against the files they were made of.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 7z zstd cmp
requires_fuse

mkdir "$tmp/tree" "$tmp/tree/sub" "$tmp/made"
cd "$tmp/tree"
: >empty
seq 20000 >text
head -c 300000 /dev/urandom >sub/noise
python3 - <<'PYTHON'
import random
words = random.Random(5).sample(range(10**6), 5000)
rng = random.Random(6)
with open("large", "w") as f:
    for _ in range(450000):
        f.write("%d " % rng.choice(words))
for i in range(200):
    with open("sub/clip_%03d" % i, "wb") as f:
        f.write(rng.randbytes(3000) + b"." * 3000)
PYTHON
size=$(stat -c %s large)
for method in BZip2 LZMA PPMd xz; do
	7z a -bd -tzip -mx=1 -mm=$method "../made/$method.zip" . >"$tmp/7z.out"
done
7z a -bd -tzip -mm=Deflate64 ../made/Deflate64.zip text >"$tmp/7z.out"

# Method 93, which no packer here writes: frames by zstd, put together and named in the headers.
python3 - ../made/zstd.zip <<'PYTHON'
import os, subprocess, sys, zipfile
path = sys.argv[1]
with zipfile.ZipFile(path, "w") as z:
    for folder, _, names in os.walk("."):
        for name in sorted(names):
            file = os.path.join(folder, name)
            data = subprocess.run(["zstd", "-qc", file], stdout=subprocess.PIPE, check=True).stdout
            z.writestr(os.path.relpath(file), data)
    infos = z.infolist()
    start = z.start_dir
with open(path, "r+b") as f:
    data = bytearray(f.read())
    at = start
    for i in infos:
        raw = open(i.filename, "rb").read()
        crc = zipfile.crc32(raw).to_bytes(4, "little")
        data[i.header_offset + 8] = data[at + 10] = 93
        data[i.header_offset + 14:i.header_offset + 18] = data[at + 16:at + 20] = crc
        data[i.header_offset + 22:i.header_offset + 26] = data[at + 24:at + 28] = len(raw).to_bytes(4, "little")
        at += 46 + len(i.filename)
    f.seek(0)
    f.write(data)
PYTHON
cd "$tmp"

start_storage "$tmp/made"
for zip in BZip2 LZMA PPMd xz zstd; do
	packed=$(stat -c %s "made/$zip.zip")
	mount_mdcfs "$storage_url/$zip.zip"
	members=$mnt/$zip/$zip
	cmp "tree/large" "$members/large" || fail "$zip: large"
	before=$(storage_requests)
	diff -r tree "$members" || fail "$zip: trees differ"
	walk=$(($(storage_requests) - before))
	fetched=$(stat_of storage_bytes)
	note "$zip: $walk requests for 200 small members, $fetched bytes of $packed in all"
	at_most "$zip: requests for 200 small members" 20 $walk
	at_most "$zip: bytes" $((packed * 7 / 4 + 250000)) "$fetched"
	# Everything is in the cache by now.
	before=$(storage_requests)
	cmp tree/large "$members/large" || fail "$zip: large again"
	expect "$zip: requests for what was read" 0 $(($(storage_requests) - before))
	umount_mdcfs
	rm -rf "$cache"
done

# In the middle first, then before and behind it, and by several at once.
mount_mdcfs "$storage_url/xz.zip" "$storage_url/BZip2.zip"
python3 - "$tmp/tree/large" "$mnt/xz/xz/large" "$mnt/BZip2/BZip2/large" <<'PYTHON' || fail "reads at random"
import concurrent.futures, os, random, sys
want = open(sys.argv[1], "rb").read()
fds = [os.open(path, os.O_RDONLY) for path in sys.argv[2:]]

def reader(seed):
    rng = random.Random(seed)
    for _ in range(12):
        off, n = rng.randrange(len(want)), rng.randrange(1, 200000)
        if os.pread(fds[seed % 2], n, off) != want[off:off + n]:
            return off
    return None

with concurrent.futures.ThreadPoolExecutor(6) as pool:
    wrong = [off for off in pool.map(reader, range(6)) if off is not None]
sys.exit("wrong bytes at %s" % wrong if wrong else 0)
PYTHON
expect "size" "$size" "$(stat -c %s "$mnt/xz/xz/large")"
umount_mdcfs

# What libarchive cannot decode is listed, and reading it fails with a line that says what and why.
mount_mdcfs "$storage_url/Deflate64.zip"
expect "size of what cannot be read" "$(stat -c %s tree/text)" "$(stat -c %s "$mnt/Deflate64/Deflate64/text")"
for i in 1 2 3; do
	expect "reading Deflate64 ($i)" ENOTSUP \
		"$(errno_of 'open(sys.argv[2]).read()' "$mnt/Deflate64/Deflate64/text")"
done
expect "lines about it" 1 "$(grep -c 'text: method 9 (Deflate64) is not supported' "$log")"
umount_mdcfs

# A wrong checksum: the content is not served, and not fetched again.
python3 - made/BZip2.zip made/wrong.zip <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    at = z.start_dir
    for i in z.infolist():
        if i.filename == "text":
            break
        at += 46 + len(i.filename.encode()) + len(i.extra) + len(i.comment)
data = bytearray(open(sys.argv[1], "rb").read())
assert data[at:at + 4] == b"PK\1\2" and data[at + 46:at + 50] == b"text"
data[at + 16] ^= 1
open(sys.argv[2], "wb").write(data)
PYTHON
mount_mdcfs "$storage_url/wrong.zip"
expect "a wrong CRC-32" EIO "$(errno_of 'open(sys.argv[2]).read()' "$mnt/wrong/wrong/text")"
before=$(storage_requests)
expect "a wrong CRC-32, again" EIO "$(errno_of 'open(sys.argv[2]).read()' "$mnt/wrong/wrong/text")"
expect "requests for it" "$before" "$(storage_requests)"
expect "lines about it" 1 "$(grep -c 'text: its content has not the CRC-32' "$log")"
cmp tree/sub/noise "$mnt/wrong/wrong/sub/noise" || fail "its neighbour"
umount_mdcfs
mount_mdcfs -o unverified "$storage_url/wrong.zip"
cmp tree/text "$mnt/wrong/wrong/text" || fail "a wrong CRC-32, unverified"
umount_mdcfs
