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


def make_links(w, _):
    """Hard links of all sorts, two of them to nothing."""
    w.add("target", b"target\n", mode=0o640)
    w.add("after", kind=HARD, link="target")
    w.add("d/after", kind=HARD, link="./target")
    w.add("chain", kind=HARD, link="d/after")
    w.add("itself", b"itself\n")
    w.add("itself", kind=HARD, link="itself")
    w.add("symlink", kind=SYM, link="target")
    w.add("to-symlink", kind=HARD, link="symlink")
    w.add("over", b"over\n")
    w.add("over", kind=HARD, link="target")
    w.add("old", b"the old one\n")
    w.add("link-to-old", kind=HARD, link="old")
    w.add("second-link-to-old", kind=HARD, link="old")
    w.add("old", b"the new one\n")
    w.add("gone", b"gone\n")
    w.add("link-to-gone", kind=HARD, link="gone")
    w.add("link-to-gone", b"no link any more\n")
    w.add("fifo", kind=tarfile.FIFOTYPE)
    w.add("to-fifo", kind=HARD, link="fifo")
    w.add("before", kind=HARD, link="late")
    w.add("late", b"late\n")
    w.add("to-itself-alone", kind=HARD, link="to-itself-alone")
    w.end()


def make_symlinks(w, _):
    for name, link in (("a", "b"), ("b", "c"), ("c", "file"), ("loop1", "loop2"), ("loop2", "loop1"),
                       ("self", "self"), ("dangling", "nothing/there"), ("up", "../../../.."),
                       ("absolute", "/etc/hostname"), ("d/back", ".."), ("d/d", "d"),
                       ("long", "x" * 150), ("longer", "y/" * 1500), ("odd", "\x01\udcff\n\\ ")):
        w.add(name, kind=SYM, link=link)
    w.add("file", b"the end of the chain\n")
    w.end()


def make_changes(w, _):
    """Names that come again as something else."""
    for number in range(3):
        w.add("again", b"again, %d\n" % number, mode=0o600 + number * 8, when=WHEN + number)
    w.add("file-then-folder", b"file\n")
    w.add("file-then-folder", kind=DIR, mode=0o711)
    w.add("file-then-folder/inside", b"inside\n")
    w.add("folder-then-file", kind=DIR)
    w.add("folder-then-file", b"file\n")
    w.add("file-then-symlink", b"file\n")
    w.add("file-then-symlink", kind=SYM, link="again")
    w.add("symlink-then-file", kind=SYM, link="again")
    w.add("symlink-then-file", b"file\n")
    w.add("symlink-then-folder", kind=SYM, link="nowhere")
    w.add("symlink-then-folder", kind=DIR)
    w.add("symlink-then-folder/inside", b"inside\n")
    w.add("empty-folder-then-symlink", kind=DIR)
    w.add("empty-folder-then-symlink", kind=SYM, link="again")
    w.add("folder/inside", b"inside\n")
    w.add("folder", kind=DIR, mode=0o700, when=WHEN + 5)
    w.add("folder", kind=DIR, mode=0o750, when=WHEN + 7)
    w.add("full/inside", b"inside\n")
    w.add("full", b"is a folder with members\n")
    w.add("file", b"file\n")
    w.add("file/below", b"nowhere\n")
    w.end()


def make_times(w, _):
    for number, text in enumerate(("-1", "-0.25", "-86400.000000001", "0", "0.000000001",
                                   "1234567890.987654321", "4000000000.5", "1.9999999999")):
        w.add("time%d" % number, b"", pax={"mtime": text})
    w.end()


def make_names(w, _):
    """What a leading, doubled or trailing slash and a dot mean; long ones."""
    for name in ("./dot", ".//doubled//slashes", "/absolute/one", "a/./b/././c", "./././d"):
        w.add(name, name.encode() + b"\n")
    w.add("folder//", kind=DIR, mode=0o700)
    w.add("n" * 255, b"255 bytes\n")
    w.add("/".join(["p" * 200] * 15) + "/file", b"3000 bytes\n")
    w.add("raw \udcff\udcfe", b"raw\n")
    w.add("new\nline", b"line\n")
    w.add(" blanks ", b"blanks\n")
    w.add("\x01\x1f\x7f", b"control\n")
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


def make_forest(w, count):
    """So many members, each below 60000 folders of its own."""
    for number in range(count):
        w.add("%d/" % number + "d/" * 60000 + "file", b"file\n")
    w.add("last", b"last\n")
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
