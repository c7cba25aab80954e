#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""oddgzip.py KIND IN OUT [NUMBER]: IN packed by gzip (RFC 1952) in an odd way, or made odd.

The kinds are the functions below whose names begin with "make_".  "zeros": IN is a tar archive whose
last member is said to have NUMBER mebibytes, of which none is there: zeros follow.
"""
import struct
import sys
import zlib

FHCRC, FEXTRA, FNAME, FCOMMENT = 2, 4, 8, 16
MIB = 1 << 20


def header(flags=0, fields=b""):
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff" + fields


def trailer(data):
    return struct.pack("<II", zlib.crc32(data), len(data) & 0xffffffff)


def deflated(data, level=6):
    z = zlib.compressobj(level, zlib.DEFLATED, -15)
    return z.compress(data) + z.flush()


def member(data, level=6):
    return header() + deflated(data, level) + trailer(data)


def make_fields(data, _):
    """Every optional field of the header."""
    extra = b"BC" + struct.pack("<H", 700) + bytes(700)
    head = header(FHCRC | FEXTRA | FNAME | FCOMMENT,
                  struct.pack("<H", len(extra)) + extra + b"name\0" + b"a comment " * 100 + b"\0")
    return head + struct.pack("<H", zlib.crc32(head) & 0xffff) + deflated(data) + trailer(data)


def make_empty(data, _):
    """Empty members before, between and behind full ones."""
    middle = len(data) // 2
    return (member(b"") + member(data[:middle]) + member(b"") * 3 + member(data[middle:]) +
            member(b"", 0))


def make_tiny(data, count):
    """So many members, each with a stored block of a few bytes."""
    size = -(-len(data) // count)
    out = bytearray()
    for at in range(0, len(data), size):
        piece = data[at:at + size]
        out += header() + b"\1" + struct.pack("<HH", len(piece), len(piece) ^ 0xffff) + piece
        out += trailer(piece)
    return out


def make_blocks(data, _):
    """Blocks of all types: fixed and dynamic codes, stored ones at whatever bit the one before ends,
    empty ones."""
    out, strategies = b"", (zlib.Z_FIXED, zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
    head, crc = header(), zlib.crc32(data)
    for number, at in enumerate(range(0, len(data), 30000)):
        z = zlib.compressobj(6, zlib.DEFLATED, -15, 8, strategies[number % 4])
        out += z.compress(data[at:at + 30000]) + z.flush(zlib.Z_SYNC_FLUSH)
    return head + out + b"\3\0" + struct.pack("<II", crc, len(data) & 0xffffffff)


def make_trailing_zeros(data, number):
    return member(data) + bytes(number)


def make_trailing_garbage(data, number):
    return member(data) + (b"this is no gzip. " * number)[:number]


def make_wrong_crc(data, _):
    packed = bytearray(member(data))
    packed[-8] ^= 1
    return packed


def make_wrong_size(data, _):
    packed = bytearray(member(data))
    packed[-4] ^= 1
    return packed


def make_cut(data, number):
    return member(data)[:-number]


def crc_of_zeros(crc, mebibytes):
    """zlib.crc32() over many zeros: an affine map over bits, applied again and again."""
    zeros = bytes(MIB)
    base = zlib.crc32(zeros, 0)
    column = [zlib.crc32(zeros, 1 << bit) ^ base for bit in range(32)]
    for _ in range(mebibytes):
        now = base
        for bit in range(32):
            if crc >> bit & 1:
                now ^= column[bit]
        crc = now
    return crc


def make_zeros(data, mebibytes):
    """One member of the same packed mebibyte again and again."""
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    front = z.compress(data) + z.flush(zlib.Z_FULL_FLUSH)
    chunk = z.compress(bytes(MIB)) + z.flush(zlib.Z_FULL_FLUSH)
    end = bytes(MIB)  # the rest of the archive is zeros too
    crc = zlib.crc32(end, crc_of_zeros(zlib.crc32(data), mebibytes))
    size = len(data) + (mebibytes << 20) + MIB
    return (header() + front + chunk * (mebibytes + 1) + b"\3\0" +
            struct.pack("<II", crc, size & 0xffffffff))


def main():
    kind, source, target = sys.argv[1:4]
    number = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    with open(source, "rb") as f:
        data = f.read()
    with open(target, "wb") as f:
        f.write(globals()["make_" + kind](data, number))


main()
