#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""fillmap.py LAYER BLOCKS: record so many blocks of zeros in a layer of the cache (LAYER.map and LAYER.data, as
docs/FORMATS.md has them), on a little-endian machine.  The data is a hole."""
import struct
import sys

TABLE = []
for byte in range(256):
    crc = byte
    for _ in range(8):
        crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    TABLE.append(crc)


def update(crc, data, table=TABLE):
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    return crc


BLOCK, SEGMENT = 131072, 1 << 20
layer, blocks = sys.argv[1], int(sys.argv[2])
zeros = update(0xffffffff, bytes(BLOCK)) ^ 0xffffffff
state = 2 | BLOCK << 4 | 1 << 32
rest = struct.pack("<QQ", state, zeros)
with open(layer + ".map", "r+b") as f:
    f.seek(65536)
    for blk in range(blocks):
        seal = update(0xffffffff, struct.pack("<Q", blk) + rest) ^ 0xffffffff
        f.write(struct.pack("<QQ", zeros | seal << 32, state))
    f.truncate(65536 + (blocks * 16 + SEGMENT - 1) // SEGMENT * SEGMENT)
with open(layer + ".data", "r+b") as f:
    f.truncate(blocks * BLOCK)
