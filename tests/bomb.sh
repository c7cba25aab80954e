#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Megabytes that unpack to gigabytes, beyond the 4 GiB at which gzip's own count of bytes begins anew:
# listed in bounded memory, on a bounded disk, and read anywhere without unpacking it again.  And
# kilobytes of names of folders, which the index must not follow without end.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3
requires_fuse

mebibytes=4100
# A build with sanitizers takes its time: there it is the bounds that count.
! is_sanitized || mebibytes=700
python3 - "$tmp/front.tar" $mebibytes <<'PYTHON'
import sys, tarfile

with open(sys.argv[1], "wb") as f:
    for name, data in ("first", b"first\n"), ("zeros", None):
        m = tarfile.TarInfo(name)
        m.size, m.mtime = len(data) if data else int(sys.argv[2]) << 20, 10**9
        f.write(m.tobuf(tarfile.GNU_FORMAT) + (data.ljust(512, b"\0") if data else b""))
PYTHON
python3 "$top/tests/lib/oddgzip.py" zeros "$tmp/front.tar" "$tmp/bomb.tar.gz" $mebibytes
at_most "bytes of it" $((mebibytes << 11)) "$(stat -c %s "$tmp/bomb.tar.gz")"

mount_mdcfs -o cache_size=32M,memory=16M "$tmp/bomb.tar.gz"
folder=$mnt/bomb/bomb
expect "names" "first zeros" "$(within 120 ls "$folder" | tr '\n' ' ' | sed 's/ $//')"
expect "size" $((mebibytes << 20)) "$(stat -c %s "$folder/zeros")"
expect "state" "complete " "$(json_of "$mnt/.mdcfs/status.json" \
	'"%(state)s %(error)s" % d["datasets"][0]["archive"]')"
expect "first" first "$(cat "$folder/first")"
at_most "bytes on disk" $((36 << 20)) "$(du -s --block-size=1 "$cache" | cut -f 1)"
expect "blocks written to be thrown away" 0 "$(stat_of cache_evictions)"
is_sanitized || at_most "peak memory in KiB" 120000 \
	"$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status")"
umount_mdcfs

# From any place on, not from the front: what is decoded is what lies between two points, 32 MiB at most, and an
# eighth more, so that the pieces that a read comes in do not begin there each; from the front it would be more
# than a gigabyte.
mount_mdcfs -o cache_size=32M,read_ahead=128K "$tmp/bomb.tar.gz"
for at in $((mebibytes / 2)) $((mebibytes - 1)); do
	expect "zeros at $at MiB" 1048576 \
		"$(within 60 tail -c +$(((at << 20) + 1)) "$folder/zeros" | head -c 1048576 | tr -d -c '\0' | wc -c)"
done
note "$(stat_of inflated_bytes) bytes decoded"
at_most "bytes decoded" $((100 << 20)) "$(stat_of inflated_bytes)"
at_most "bytes on disk" $((36 << 20)) "$(du -s --block-size=1 "$cache" | cut -f 1)"
umount_mdcfs

# 24 members below 60000 folders each: some find their place, the others are left out and counted.
rm -rf "$cache"
python3 "$top/tests/lib/oddtar.py" forest "$tmp/forest.tar.gz" 24 || fail "oddtar.py forest"
at_most "bytes of it" 50000 "$(stat -c %s "$tmp/forest.tar.gz")"
mount_mdcfs "$tmp/forest.tar.gz"
expect "the member behind" last "$(within 120 cat "$mnt/forest/forest/last")"
within 120 ls "$mnt/forest/forest" >/dev/null
left_out=$(json_of "$mnt/.mdcfs/status.json" 'sum(k["members"] for k in d["datasets"][0]["archive"]["damage"]
	if "not in the archive" in k["what"])')
[ "$left_out" -ge 4 ] && [ "$left_out" -le 8 ] || fail "$left_out members were left out"
umount_mdcfs
at_most "bytes of index" $((150 << 20)) "$(du -s --block-size=1 "$cache" | cut -f 1)"
