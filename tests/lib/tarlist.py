#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""List a tar archive with Python's own reader, in the lines of tarline.h (without "end")."""
import sys
import tarfile
from decimal import Decimal

TYPES = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h",
         tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b", tarfile.FIFOTYPE: "p", b"D": "d"}


def name(text):
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(chr(c) if 32 < c < 127 and c != 92 else "\\x%02x" % c for c in raw)


def mtime(m):
    exact = Decimal(m.pax_headers.get("mtime", str(int(m.mtime))))
    whole = exact.__floor__()
    return "%d.%09d" % (whole, (exact - whole) * 10**9 // 1)


def raw_path(m):
    """The name with the '/' behind it that tarfile takes away from directories."""
    return name(m.name)


def sparse_map(m):
    if m.sparse is None:
        return "-"
    return ",".join("%d+%d" % e for e in m.sparse if e[1]) or "0"


def line(m, stored):
    kind = TYPES.get(m.type, "-")
    device = (m.devmajor, m.devminor) if kind in "bc" else (0, 0)
    return [kind, "%04o" % (m.mode & 0o7777), m.uid & 0xffffffff if m.uid < 0 else m.uid,
            m.gid & 0xffffffff if m.gid < 0 else m.gid, mtime(m),
            m.size if kind == "-" else 0, m.offset, m.offset_data, stored,
            "%d:%d" % device, sparse_map(m), raw_path(m),
            name(m.linkname) if kind in "lh" else ""]


def stored_size(m):
    if not m.isreg() or m.type == b"D":
        return 0
    return sum(n for _, n in m.sparse) if m.sparse is not None else m.size


def main():
    with tarfile.open(sys.argv[1], "r:", encoding="utf-8", errors="surrogateescape",
                      ignore_zeros=True) as tar:
        for m in tar:
            print(*line(m, stored_size(m)), sep="\t")


main()
