#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Readers of a mount that compare what they get with the originals.

    chaos.py MOUNTPOINT ORIGINALS READERS SECONDS SEED

Each original NAME is MOUNTPOINT/NAME/NAME.  Every reader is a process that reads ranges of files at
random, past the page cache, until the time is over.  Prints how much was read; what differs or fails is
printed, too, with file and range, and then the exit status is 1.
"""
import mmap
import os
import random
import sys
import time

ALIGN = 4096
LONGEST = 512 << 10


def one(rnd, mount, originals, names, buf):
    """Bytes of one read; raises what is wrong with it."""
    name = rnd.choice(names)
    size = os.path.getsize(os.path.join(originals, name))
    at = rnd.randrange(size) // ALIGN * ALIGN
    length = min(rnd.randrange(1, LONGEST) // ALIGN * ALIGN + ALIGN, LONGEST)
    slug = name
    fd = os.open(os.path.join(mount, slug, name), os.O_RDONLY | os.O_DIRECT)
    try:
        view = memoryview(buf)[:length]
        got = os.preadv(fd, [view], at)
    except OSError as e:
        raise RuntimeError(f"{name} {at}+{length}: {e}") from None
    finally:
        os.close(fd)
    with open(os.path.join(originals, name), "rb") as f:
        f.seek(at)
        want = f.read(length)
    if got != len(want) or bytes(view[:got]) != want:
        raise RuntimeError(f"{name} {at}+{length}: other bytes ({got} of {len(want)})")
    return got


def reader(mount, originals, names, seed, until):
    rnd, buf, reads, total = random.Random(seed), mmap.mmap(-1, LONGEST), 0, 0
    while time.monotonic() < until:
        total += one(rnd, mount, originals, names, buf)
        reads += 1
    return reads, total


def main():
    mount, originals, readers, seconds, seed = sys.argv[1:3] + [int(a) for a in sys.argv[3:]]
    names, until, bad = sorted(os.listdir(originals)), time.monotonic() + seconds, 0
    report, pids = os.pipe(), []
    for i in range(readers):
        pid = os.fork()
        if pid == 0:
            try:
                line = "%d %d" % reader(mount, originals, names, seed * 1000 + i, until)
                status = 0
            except (RuntimeError, OSError) as e:
                line, status = str(e), 1
            os.write(report[1], (line + "\n").encode())
            os._exit(status)
        pids.append(pid)
    os.close(report[1])
    with os.fdopen(report[0]) as f:
        lines = f.read().splitlines()
    for pid in pids:
        bad += os.waitpid(pid, 0)[1] != 0
    sums = [tuple(map(int, s.split())) for s in lines if s.replace(" ", "").isdigit()]
    for line in lines:
        if not line.replace(" ", "").isdigit():
            print(line)
    print("%d reads, %d bytes" % (sum(s[0] for s in sums), sum(s[1] for s in sums)))
    sys.exit(bad != 0 or len(sums) != readers)


main()
