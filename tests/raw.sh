#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The file itself: its exact size, and every byte at every offset, however it is read.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse

mkdir "$tmp/root"
python3 -c 'import random, sys
sys.stdout.buffer.write(random.Random(7).randbytes(5 * 1024 * 1024 + 12345))' >"$tmp/root/data.bin"
printf x >"$tmp/root/one.bin"
: >"$tmp/root/empty.bin"
head -c 131072 "$tmp/root/data.bin" >"$tmp/root/block.bin" # exactly a block
head -c 131073 "$tmp/root/data.bin" >"$tmp/root/more.bin"
cp "$tmp/root/data.bin" "$tmp/local.bin"
start_storage "$tmp/root"

mount_mdcfs "$storage_url/data.bin" "$storage_url/one.bin" "$storage_url/empty.bin" "$storage_url/block.bin" \
	"$storage_url/more.bin" "$tmp/local.bin"
file=$mnt/data.bin/data.bin
original=$tmp/root/data.bin
size=$(stat -c %s "$original")

# Scattered reads fetch the blocks that they touch, and no more.
python3 - "$original" "$file" <<'PYTHON' || fail "scattered reads"
import os, sys
a, b = (os.open(path, os.O_RDONLY) for path in sys.argv[1:])
for block in (30, 11, 38, 20):
    off = block * 131072 + 5000
    assert os.pread(a, 4096, off) == os.pread(b, 4096, off), off
PYTHON
# One block each, and the first of each file, which told its size.
at_most "bytes fetched for scattered reads" $((4 * 131072 + 3 * 131072 + 1)) "$(stat_of storage_bytes)"

# Odd offsets and lengths, over block borders and the end.
expect "size" "$size" "$(stat -c %s "$file")"
for part in 0:1 131071:2 131072:131072 99999:262145 3000017:77777 $((size - 1)):1 $((size - 5)):500 $size:10 $((size + 7)):1; do
	dd if="$original" iflag=skip_bytes,count_bytes bs=70001 skip="${part%:*}" count="${part#*:}" 2>/dev/null >"$tmp/a"
	within 30 dd if="$file" iflag=skip_bytes,count_bytes bs=70001 skip="${part%:*}" count="${part#*:}" 2>/dev/null >"$tmp/b"
	cmp "$tmp/a" "$tmp/b" || fail "bytes $part"
done

# Eight processes, each its own places, and one that maps the whole.
cat >"$tmp/readers.py" <<'PYTHON'
import mmap, os, random, sys

original, path = sys.argv[1:]
data = open(original, "rb").read()


def child(seed):
    rng = random.Random(seed)
    fd = os.open(path, os.O_RDONLY)
    for _ in range(100):
        off, n = rng.randrange(len(data)), rng.choice((1, 100, 4096, 65536, 200000))
        if os.pread(fd, n, off) != data[off:off + n]:
            return "pread %d at %d" % (n, off)
    with mmap.mmap(fd, 0, prot=mmap.PROT_READ) as m:
        for _ in range(100):
            off = rng.randrange(len(data))
            if m[off:off + 5000] != data[off:off + 5000]:
                return "map at %d" % off
        if seed == 0 and m[:] != data:
            return "map"
    return None


pids = {}
for seed in range(8):
    pid = os.fork()
    if pid == 0:
        bad = child(seed)
        if bad:
            print("process %d: %s differs" % (seed, bad), flush=True)
        os._exit(1 if bad else 0)
    pids[pid] = seed
sys.exit(max(os.waitpid(pid, 0)[1] for pid in pids) != 0)
PYTHON
within 60 python3 "$tmp/readers.py" "$original" "$file" || fail "parallel readers"
cmp "$original" "$file" || fail "the whole file"

# Each byte came once, whoever wanted it.
for name in one block more; do
	cmp "$tmp/root/$name.bin" "$mnt/$name.bin/$name.bin" || fail "$name.bin"
done
expect "empty" "0 regular empty file" "$(stat -c '%s %F' "$mnt/empty.bin/empty.bin")"
expect "bytes of the empty file" 0 "$(within 20 cat "$mnt/empty.bin/empty.bin" | wc -c)"
expect "bytes fetched" "$((size + 1 + 131072 + 131073))" "$(stat_of storage_bytes)"
cmp "$tmp/local.bin" "$mnt/local.bin/local.bin" || fail "a local file"
before=$(storage_requests)
within 60 python3 "$tmp/readers.py" "$original" "$file" || fail "parallel readers, all cached"
expect "requests for what is cached" "$before" "$(storage_requests)"
expect "HEAD requests" 0 "$(storage_requests ' HEAD ')"
