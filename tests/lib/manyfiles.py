#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""manyfiles.py tar.gz|zip MEMBERS BYTES FILE: an archive of so many members of so many bytes each.

The bytes of member N are those of member(N, BYTES): incompressible, the same at each run.
manyfiles.py member N BYTES writes them to stdout.
"""
import random
import struct
import sys
import zipfile
import zlib

DIRECTORY = "speech/clips"


def member(number, size):
    return random.Random(number).randbytes(size)


def name(number):
    return "%s/clip_%07d.mp3" % (DIRECTORY, number)


def header(path, kind, size):
    """POSIX.1-1988 ustar, the fields that matter."""
    head = struct.pack("100s8s8s8s12s12s8s1s100s8s247x", path.encode(),
                       b"0000755" if kind == b"5" else b"0000644", b"0000000", b"0000000",
                       b"%011o" % size, b"%011o" % 1700000000, b" " * 8, kind, b"", b"ustar\00000")
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def write_targz(count, size, path):
    deflate = zlib.compressobj(1 if size == 0 else 6, zlib.DEFLATED, 31)
    with open(path, "wb") as f:
        f.write(deflate.compress(header(DIRECTORY + "/", b"5", 0)))
        for number in range(count):
            body = header(name(number), b"0", size) + member(number, size) + bytes(-size % 512)
            f.write(deflate.compress(body))
        f.write(deflate.compress(bytes(1024)) + deflate.flush())


def write_zip(count, size, path):
    with zipfile.ZipFile(path, "w") as z:
        for number in range(count):
            info = zipfile.ZipInfo(name(number), (2023, 11, 14, 22, 13, 20))
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, member(number, size), compresslevel=1)


def main():
    kind, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    if kind == "member":
        sys.stdout.buffer.write(member(count, size))
    elif kind == "tar.gz":
        write_targz(count, size, sys.argv[4])
    else:
        write_zip(count, size, sys.argv[4])


main()
