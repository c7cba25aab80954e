#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Compressed tarballs of very many tiny streams and frames: listed in bounded time, memory and index, right
# to the last byte, and unmounted while at it.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 xz bzip2 lz4
requires_fuse

mkdir "$tmp/made"
python3 - "$tmp/made" <<'PYTHON'
import bz2, lzma, subprocess, sys, tarfile

def lz4(data):
    return subprocess.run(["lz4", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout

def header(size):
    m = tarfile.TarInfo("zeros")
    m.size = size
    return m.tobuf(tarfile.USTAR_FORMAT)

def write(name, compress, count, tiny):
    with open(sys.argv[1] + "/" + name, "wb") as f:
        f.write(compress(header(count * len(tiny))) + compress(tiny) * count)
        f.write(compress(b"\0" * 1024))

write("a.tar.bz2", bz2.compress, 100000, b"\0" * 512)
write("b.tar.xz", lzma.compress, 100000, b"\0" * 512)
with open(sys.argv[1] + "/c.tar.lz4", "wb") as f: # most of them are empty
    f.write(lz4(header(512 * 100000) + b"\0" * 512 * 50000) + lz4(b"") * 300000)
    f.write(lz4(b"\0" * (512 * 50000 + 1024)))
PYTHON

for file in "$tmp"/made/*; do
	name=$(basename "$file")
	name=${name%%.*}
	# Somebody asks, and goes: the mount ends whatever it is at.
	mount_mdcfs -o memory=32M "$file"
	timeout 0.3 ls "$mnt/$name/$name" >/dev/null 2>&1 || :
	umount_mdcfs

	mount_mdcfs -o memory=32M "$file"
	expect "$name: size" $((512 * 100000)) "$(within 60 stat -c %s "$mnt/$name/$name/zeros")"
	expect "$name: zeros" $((512 * 100000)) "$(within 150 tr -d -c '\0' <"$mnt/$name/$name/zeros" | wc -c)"
	expect "$name: damage" "" "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["error"]')"
	peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status")
	note "$name: $peak KiB"
	is_sanitized || at_most "$name: peak memory in KiB" 100000 "$peak"
	umount_mdcfs
	at_most "$name: bytes of index" 200000 \
		"$(find "$cache" -name index.db -exec stat -c %s {} + | sort -n | tail -n 1)"
	rm -rf "$cache"
done
