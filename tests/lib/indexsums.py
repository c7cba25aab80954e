#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Give the pages of an index that was changed by other hands the checksums that they should have; the layout is
that of src/archive/index/sums.h.

    indexsums.py INDEX
"""
import struct
import sys

TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    TABLE.append(crc)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xffffffff


def seal(database):
    """The bytes of a database, with right checksums."""
    database = bytearray(database)
    size = struct.unpack_from(">H", database, 16)[0]
    size = 65536 if size == 1 else size
    assert database[20] == 8, "there is no place for checksums"
    for at in range(0, len(database), size):
        crc = crc32c(database[at:at + size - 8] + struct.pack("<I", at // size + 1))
        struct.pack_into("<II", database, at + size - 8, crc, 0)
    return bytes(database)


if __name__ == "__main__":
    with open(sys.argv[1], "r+b") as f:
        sealed = seal(f.read())
        f.seek(0)
        f.write(sealed)
