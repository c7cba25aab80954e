#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Two mounts share 64 MB while many read far more than that at random: the directory never takes more, and every
# byte is right.  On a disk of its own it does without inodes for a while, and uses them when there are some; and
# when that disk becomes read-only under load, reads go on.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 mkfs.ext4 findmnt du
requires_fuse

limit=$((64 << 20))
size=$((160 << 20))
serve_file $size

# So many readers for so many seconds at each of some mounts; wrong bytes or errors end it.
cat >"$tmp/load.py" <<'PYTHON'
import os, random, sys, threading, time
reference, seconds, readers, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
block, end, said = 131072, time.monotonic() + seconds, []
want = os.open(reference, os.O_RDONLY)
n_blocks = os.fstat(want).st_size // block
def run(path, n):
    rnd, fd = random.Random(seed * 100 + n), os.open(path, os.O_RDONLY)
    while time.monotonic() < end and not said:
        at, length = rnd.randrange(n_blocks) * block, rnd.choice((4096, block, block))
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            if os.pread(fd, length, at) != os.pread(want, length, at):
                said.append("%s: wrong bytes at %d" % (path, at))
        except OSError as error:
            said.append("%s: %s" % (path, error))
threads = [threading.Thread(target=run, args=(path, n)) for path in sys.argv[5:] for n in range(readers)]
for t in threads:
    t.start()
for t in threads:
    t.join()
if said:
    sys.exit(said[0])
PYTHON
seed=${SEED:-$$}
note "SEED=$seed"

load() { # SECONDS READERS FILE...
	seconds=$1 readers=$2
	shift 2
	timeout -s KILL 120 python3 "$tmp/load.py" "$reference" "$seconds" "$readers" "$seed" "$@" >"$tmp/load.said" 2>&1 ||
		{ cat "$tmp/load.said" >&2; fail "SEED=$seed: the readers"; }
}
watch_limit() {
	: >"$tmp/watching"
	while [ -e "$tmp/watching" ]; do
		du -s -B1 "$cache" 2>/dev/null >>"$tmp/sizes" || : # a file may go while it is counted
		sleep 0.02
	done
}

note "two mounts, 64 MB"
first=$tmp/first second=$tmp/second
mnt=$first
mount_mdcfs -o cache_size=64M,cache_reserve=0,read_ahead=16M "$storage_url/data.bin"
mnt=$second
mount_mdcfs -o cache_size=64M,cache_reserve=0,read_ahead=16M "$storage_url/data.bin"
watch_limit &
watcher=$!
cleanup_fn stop_child $watcher
load 4 16 "$(data_at "$first")" "$(data_at "$second")"
rm "$tmp/watching"
wait $watcher || :
most=$(sort -n "$tmp/sizes" | tail -n 1 | cut -f1)
note "$(wc -l <"$tmp/sizes") samples, at most $most bytes"
at_most "bytes on disk at any time" $limit "$most"
[ "$most" -gt $((limit / 3)) ] || fail "the cache is hardly used: $most bytes"
expect "refused by their checksum" 0 $(($(stat_of cache_bad "$first") + $(stat_of cache_bad "$second")))
umount_mdcfs "$first"
umount_mdcfs "$second"
mnt=$tmp/mnt

[ "$(id -u)" = 0 ] || { note "not root: no disk of its own, the rest is not tried"; exit 0; }
mkdir "$tmp/disk"
truncate -s 40M "$tmp/image"
mkfs.ext4 -q -N 64 -O ^has_journal "$tmp/image"
mount -o loop,errors=remount-ro "$tmp/image" "$tmp/disk" || skip "no loop device"
cleanup_fn umount -l "$tmp/disk"
mount_small() {
	mount_mdcfs -o "cache_dir=$tmp/disk/cache,cache_size=16M,cache_reserve=1M,read_ahead=8M" "$storage_url/data.bin"
}
is_used() { # something is written
	before=$(stat_of cache_writes)
	load 1 2 "$(data_at)"
	[ "$(stat_of cache_writes)" -gt "$before" ]
}

note "no inode left"
mkdir "$tmp/disk/cache" "$tmp/disk/other"
i=0
while touch "$tmp/disk/other/$i" 2>/dev/null; do
	i=$((i + 1))
done
mount_small
load 1 4 "$(data_at)"
gone "$mdcfs_pid" && fail "no inode left: the daemon is gone"
expect "nothing is cached" 0 "$(stat_of cache_writes)"
rm -r "$tmp/disk/other"
retry 30 is_used || fail "the cache is not used again when there are inodes"

note "read-only under load"
load 3 4 "$(data_at)" &
loader=$!
# Nobody may do that by hand while files are open for writing; the file system does when it finds an error.
echo 1 >"/sys/fs/ext4/$(basename "$(findmnt -n -o SOURCE "$tmp/disk")")/trigger_fs_error"
touch "$tmp/disk/touched" 2>/dev/null && fail "the disk takes writes"
wait $loader || fail "the readers"
load 1 4 "$(data_at)"
expect "refused by their checksum" 0 "$(stat_of cache_bad)"
umount_mdcfs
at_most "bytes on the disk" $((16 << 20)) "$(du -s -B1 "$tmp/disk/cache" | cut -f 1)"
run 0 "$MDCFS" cache verify -o "cache_dir=$tmp/disk/cache"
