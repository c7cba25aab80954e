#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""oddtar.py KIND FILE [NUMBER]: an odd tar archive; a FILE that ends in gz is packed.

The kinds are the functions below whose names begin with "make_".
"""
import gzip
import io
import sys
import tarfile

DIR, SYM, HARD = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
WHEN = 1000000000


class Writer:
    """tarfile's headers, with names that tarfile itself would put in order."""

    def __init__(self, out, form=tarfile.PAX_FORMAT):
        self.out, self.form = out, form

    def add(self, name, data=b"", kind=tarfile.REGTYPE, link="", when=WHEN, mode=None, pax=None):
        m = tarfile.TarInfo(name)
        m.type, m.linkname, m.mtime, m.size = kind, link, when, len(data)
        m.mode = mode if mode is not None else 0o755 if kind == DIR else 0o644
        m.pax_headers = pax or {}
        self.out.write(m.tobuf(self.form, "utf-8", "surrogateescape"))
        self.out.write(data + bytes(-len(data) % 512))

    def header(self, kind, name, body):
        """A header of tarfile's with a body of ours."""
        m = tarfile.TarInfo(name)
        m.type, m.size = kind, len(body)
        self.out.write(m.tobuf(tarfile.USTAR_FORMAT))
        self.out.write(body + bytes(-len(body) % 512))

    def end(self):
        self.out.write(bytes(1024))


def record(key, value):
    """One pax record; value: bytes."""
    rest = len(key) + len(value) + 3
    size = rest + 1
    while size != rest + len(str(size)):
        size = rest + len(str(size))
    return b"%d %s=%s\n" % (size, key, value)


def make_hostile(w, _):
    w.add("../up", b"up\n")
    w.add("a/../b", b"b\n")
    w.add("c/../../../../d", b"d\n")
    w.add("/etc/absolute", b"absolute\n")
    w.add("//double//slashes", b"double\n")
    w.add("./dot/./file", b"dot\n")
    w.add("..", b"no name\n")
    w.add("etc/passwd-link", kind=SYM, link="/etc/passwd")
    w.add("climbing-link", kind=SYM, link="../../../../../../etc/passwd")
    w.add("climbing-link/below", b"below\n")
    w.add("dot/file/below", b"below\n")
    w.add("hard", kind=HARD, link="../../../../../etc/passwd")
    w.add("dot", b"over a folder\n")
    w.header(b"x", "pax", record(b"path", b"cut\0/../../hidden"))
    w.header(tarfile.REGTYPE, "nul", b"nul\n")
    w.add("n" * 300, b"a long name\n")
    w.add("/".join(["p" * 199] * 25) + "/end", b"a long path\n")
    w.add("esc\033[31mape", b"escape\n")
    w.add("last", b"last\n")
    w.end()


def make_deep(w, levels):
    w.add("d/" * levels + "file", b"deep\n")
    w.add("d/" * levels + "beside", b"beside\n")
    w.add("top", b"top\n")
    w.end()


def make_chain(w, levels):
    for level in range(1, levels + 1):
        w.add("d/" * level, kind=DIR, mode=0o700 + level % 8)
    w.end()


def make_same(w, count):
    w = Writer(w.out, tarfile.USTAR_FORMAT)
    w.add("folder/first", b"first\n")
    m = tarfile.TarInfo("folder/same")
    for number in range(count):
        m.size, m.mtime = number % 7, number
        w.out.write(m.tobuf(tarfile.USTAR_FORMAT) + (b"%06d" % number)[:m.size].ljust(512, b"\0")
                    * (m.size > 0))
    w.add("folder/last", b"last\n")
    w.end()


def make_orphans(w, count):
    """Hard links to nothing, and a member between them."""
    m = tarfile.TarInfo("orphan")
    m.type, m.linkname = HARD, "nothing"
    block = m.tobuf(tarfile.USTAR_FORMAT)
    w.out.write(block * (count // 2))
    w.add("member", b"member\n")
    w.out.write(block * (count - count // 2))
    w.end()


def make_bomb(w, megabytes):
    m = tarfile.TarInfo("zeros")
    m.size = megabytes << 20
    w.out.write(m.tobuf(tarfile.PAX_FORMAT))
    for _ in range(megabytes):
        w.out.write(bytes(1 << 20))
    w.add("behind", b"behind\n")
    w.end()


def main():
    kind, path = sys.argv[1:3]
    number = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with open(path, "wb") as f:
        if path.endswith("gz"):
            with gzip.GzipFile("", "wb", 1 if number else 6, f, 0) as z:
                with io.BufferedWriter(z, 1 << 20) as out:
                    globals()["make_" + kind](Writer(out), number)
        else:
            globals()["make_" + kind](Writer(f), number)


main()
