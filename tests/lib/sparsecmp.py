#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""sparsecmp.py A B NAME...: sparse files of two folders, too large to be read whole.

Same size; wherever one of them has data the other has the same bytes; and B does not show more than
64 KiB of data beside each stretch of A's.  Prints what differs, exit 1; else the number of B's
stretches.
"""
import os
import sys

BESIDE = 65536


def stretches(fd):
    at, size = 0, os.fstat(fd).st_size
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # ENXIO: a hole to the end
            return
        at = os.lseek(fd, start, os.SEEK_HOLE)
        yield start, at


def compare(name, a, b):
    sizes = os.fstat(a).st_size, os.fstat(b).st_size
    if sizes[0] != sizes[1]:
        sys.exit("%s: %d bytes, expected %d" % (name, sizes[1], sizes[0]))
    maps = list(stretches(a)), list(stretches(b))
    for start, end in maps[0] + maps[1]:
        for at in range(start, end, 1 << 20):
            n = min(1 << 20, end - at)
            if os.pread(a, n, at) != os.pread(b, n, at):
                sys.exit("%s: bytes from %d on differ" % (name, at))
    for start, end in maps[1]:
        if not any(s - BESIDE <= start and end <= e + BESIDE for s, e in maps[0]):
            sys.exit("%s: data from %d to %d, which is a hole" % (name, start, end))
    print(name, len(maps[1]))


def main():
    for name in sys.argv[3:]:
        a, b = [os.open(os.path.join(folder, name), os.O_RDONLY) for folder in sys.argv[1:3]]
        compare(name, a, b)
        os.close(a)
        os.close(b)


main()
