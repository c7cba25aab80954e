#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Compare two file trees: names, types, modes, sizes, times, link targets and bytes.

    treecmp.py [--no-mode] [--no-mtime] [--no-data] [--xattr] [--ignore NAME]... EXPECTED ACTUAL

Modes are compared as a mount shows them: the owner may always read (and search), nobody may write
a file.  --xattr: the extended attributes in user. too.  The two folders themselves are not compared, only what is below.  Prints at most 20
differences; exit 1 when there is one, 2 when a folder cannot be read.
"""
import argparse
import os
import stat
import sys

CHUNK = 1 << 20


def kind(st):
    return {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}.get(
        stat.S_IFMT(st.st_mode), oct(stat.S_IFMT(st.st_mode)))


def shown_mode(st):
    """The permission bits of an unpacked file, as the mount has to show them."""
    mode = stat.S_IMODE(st.st_mode)
    if stat.S_ISDIR(st.st_mode):
        return mode | 0o500
    return (mode | 0o400) & ~0o222


def first_difference(a, b):
    """Offset of the first byte that differs, or None."""
    offset = 0
    with open(a, "rb") as fa, open(b, "rb") as fb:
        while True:
            x, y = fa.read(CHUNK), fb.read(CHUNK)
            if x != y:
                return offset + next((i for i, (p, q) in enumerate(zip(x, y)) if p != q),
                                     min(len(x), len(y)))
            if not x:
                return None
            offset += len(x)


def attributes(path):
    return {name: os.getxattr(path, name, follow_symlinks=False)
            for name in os.listxattr(path, follow_symlinks=False) if name.startswith("user.")}


class Comparison:
    def __init__(self, options):
        self.options = options
        self.entries = self.differences = 0
        self.ignored = {os.fsencode(n) for n in options.ignore}
        self.files = {}  # (device, inode) of one tree: that of the other

    def differ(self, name, text):
        self.differences += 1
        if self.differences <= 20:
            print("%s: %s" % (os.fsdecode(name).encode("utf-8", "backslashreplace").decode(), text))

    def directory(self, a, b, below):
        names = [{n for n in os.listdir(d) if n not in self.ignored} for d in (a, b)]
        for name in sorted(names[0] | names[1]):
            path = os.path.join(below, name)
            if name not in names[1]:
                self.differ(path, "missing")
            elif name not in names[0]:
                self.differ(path, "not expected")
            else:
                self.entry(os.path.join(a, name), os.path.join(b, name), path)

    def entry(self, a, b, name):
        self.entries += 1
        sa, sb = os.lstat(a), os.lstat(b)
        if kind(sa) != kind(sb):
            return self.differ(name, "is a %s, expected a %s" % (kind(sb), kind(sa)))
        if stat.S_ISLNK(sa.st_mode):
            if os.readlink(a) != os.readlink(b):
                self.differ(name, "points to %r, expected %r" % (os.readlink(b), os.readlink(a)))
        elif not self.options.no_mode and shown_mode(sa) != shown_mode(sb):
            self.differ(name, "mode %o, expected %o" % (shown_mode(sb), shown_mode(sa)))
        if self.options.links and not stat.S_ISDIR(sa.st_mode):
            self.links(sa, sb, name)
        if self.options.no_dir_mtime and stat.S_ISDIR(sa.st_mode):
            pass
        elif self.options.ns and sa.st_mtime_ns != sb.st_mtime_ns:
            self.differ(name, "mtime %d ns, expected %d" % (sb.st_mtime_ns, sa.st_mtime_ns))
        elif not self.options.no_mtime and int(sa.st_mtime) != int(sb.st_mtime):
            self.differ(name, "mtime %d, expected %d" % (sb.st_mtime, sa.st_mtime))
        if self.options.xattr and attributes(a) != attributes(b):
            self.differ(name, "attributes %s, expected %s" % (sorted(attributes(b)), sorted(attributes(a))))
        if stat.S_ISDIR(sa.st_mode):
            self.directory(a, b, name)
        elif stat.S_ISREG(sa.st_mode):
            self.file(a, b, sa, sb, name)

    def links(self, sa, sb, name):
        if sa.st_nlink != sb.st_nlink:
            self.differ(name, "%d links, expected %d" % (sb.st_nlink, sa.st_nlink))
        for one, other in ((sa, sb), (sb, sa)):
            here, there = [(st.st_dev, st.st_ino) for st in (one, other)]
            if self.files.setdefault((one is sa, here), there) != there:
                self.differ(name, "not a link to the same file")

    def file(self, a, b, sa, sb, name):
        if sa.st_size != sb.st_size:
            return self.differ(name, "%d bytes, expected %d" % (sb.st_size, sa.st_size))
        if not self.options.no_data:
            try:
                at = first_difference(a, b)
            except OSError as error:
                return self.differ(name, "cannot be read: %s" % error.strerror)
            if at is not None:
                self.differ(name, "differs at byte %d" % at)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--no-mode", action="store_true")
    parser.add_argument("--no-mtime", action="store_true")
    parser.add_argument("--no-data", action="store_true")
    parser.add_argument("--xattr", action="store_true")
    parser.add_argument("--no-dir-mtime", action="store_true")
    parser.add_argument("--ns", action="store_true")
    parser.add_argument("--links", action="store_true")
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME")
    parser.add_argument("expected")
    parser.add_argument("actual")
    options = parser.parse_args()
    comparison = Comparison(options)
    try:
        comparison.directory(os.fsencode(options.expected), os.fsencode(options.actual), b"")
    except OSError as error:
        print("treecmp: %s" % error, file=sys.stderr)
        sys.exit(2)
    if comparison.differences:
        print("%d differences in %d entries" % (comparison.differences, comparison.entries))
    sys.exit(1 if comparison.differences else 0)


if __name__ == "__main__":
    main()
