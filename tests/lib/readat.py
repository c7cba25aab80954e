#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Read exactly one range of a file, past the kernel's page cache (which reads ahead, and asks a
second time after an error), and say how it went.

    readat.py FILE OFFSET LENGTH [REFERENCE]

Prints one word: `ok`, `short` (the file ended before), `differs` (from the same range of REFERENCE)
or the name of the error (`EIO`).  Exit 0 for `ok` alone.
"""
import errno
import os
import sys


def read_all(path, offset, length, flags=0):
    fd = os.open(path, os.O_RDONLY | flags)
    try:
        data = b""
        while len(data) < length:
            piece = os.pread(fd, length - len(data), offset + len(data))
            if not piece:
                break
            data += piece
        return data
    finally:
        os.close(fd)


def verdict(path, offset, length, reference):
    try:
        data = read_all(path, offset, length, os.O_DIRECT)
    except OSError as error:
        return errno.errorcode[error.errno]
    if len(data) != length:
        return "short"
    if reference and data != read_all(reference, offset, length):
        return "differs"
    return "ok"


def main():
    path, offset, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    word = verdict(path, offset, length, sys.argv[4] if len(sys.argv) > 4 else None)
    print(word)
    sys.exit(word != "ok")


main()
