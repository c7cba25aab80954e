#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Damage one file in one way, chosen by a number.

    damage.py FILE KIND SEED     KIND: flip, junk, cut, zero, empty, remove, folder, append
    damage.py --drop FOLDER      the kernel forgets what it has of the files in FOLDER
"""
import os
import random
import sys


def some_place(f, rnd, size):
    """Where there is data: most of a sparse file is not worth a visit."""
    for _ in range(20):
        at = rnd.randrange(size)
        try:
            at = os.lseek(f.fileno(), at, os.SEEK_DATA)
        except OSError:
            continue
        return at if rnd.randrange(2) else min(at + rnd.randrange(4096), size - 1)
    return rnd.randrange(size)


def overwrite(path, rnd, kind, size):
    with open(path, "r+b", buffering=0) as f:
        for _ in range(1 if kind == "flip" else 8):
            at = some_place(f, rnd, size)
            old = os.pread(f.fileno(), 1 if kind == "flip" else min(512, size - at), at)
            new = {"flip": bytes([old[0] ^ 1 << rnd.randrange(8)]), "junk": rnd.randbytes(len(old)),
                   "zero": bytes(len(old))}[kind]
            os.pwrite(f.fileno(), new, at)


def damage(path, kind, rnd):
    size = os.path.getsize(path)
    if kind in ("flip", "junk", "zero") and size > 0:
        overwrite(path, rnd, kind, size)
    elif kind == "cut":
        os.truncate(path, rnd.randrange(size) if size else 0)
    elif kind == "append":
        with open(path, "ab") as f:
            f.write(rnd.randbytes(1000))
    elif kind == "empty":
        os.truncate(path, 0)
    elif kind in ("remove", "folder"):
        os.unlink(path)
        if kind == "folder":
            os.mkdir(path)


def drop(top):
    for folder, _, files in os.walk(top):
        for name in files:
            fd = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


if sys.argv[1] == "--drop":
    drop(sys.argv[2])
else:
    damage(sys.argv[1], sys.argv[2], random.Random(int(sys.argv[3])))
