#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Read a directory by the calls that libc has for it, and say whether it was all there.

dirwalk.py CHECK DIRECTORY EXPECTED [ARGUMENT]: EXPECTED has a line "TYPE NAME" for each entry, in the order
in which they come, without "." and ".."; TYPE is a letter of find -printf %y.

  whole             from the start to the end
  interleaved       two readers, now one, now the other
  threads COUNT     so many readers at once
  seek              to where any entry was, in any order, in the same stream and in another one
  rewind            from the middle, twice
  tell FILE         write down where each entry was
  resume FILE       go on from these places, each in a stream of its own
"""
import ctypes
import os
import random
import sys
import threading

LETTERS = {1: "p", 2: "c", 4: "d", 6: "b", 8: "f", 10: "l", 12: "s"}
SEEKS = 300

libc = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):
    """struct dirent with 64-bit numbers: what readdir() gives on a 64-bit machine."""
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_ushort),
                ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.readdir.argtypes = libc.closedir.argtypes = libc.rewinddir.argtypes = [ctypes.c_void_p]
libc.telldir.argtypes = [ctypes.c_void_p]
libc.telldir.restype = ctypes.c_long
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Stream:
    def __init__(self, path):
        self.dir = libc.opendir(os.fsencode(path))
        if not self.dir:
            raise OSError(ctypes.get_errno(), "opendir", path)

    def close(self):
        libc.closedir(self.dir)

    def tell(self):
        return libc.telldir(self.dir)

    def seek(self, place):
        libc.seekdir(self.dir, place)

    def rewind(self):
        libc.rewinddir(self.dir)

    def next(self):
        """The next entry as a line of EXPECTED, "." and ".." too; None at the end."""
        ctypes.set_errno(0)
        entry = libc.readdir(self.dir)
        if not entry:
            if ctypes.get_errno():
                raise OSError(ctypes.get_errno(), "readdir")
            return None
        e = entry.contents
        return "%s %s" % (LETTERS.get(e.type, "?"), os.fsdecode(e.name))

    def rest(self):
        lines = []
        while (line := self.next()) is not None:
            lines.append(line)
        return lines


def compare(what, expected, got):
    got = [line for line in got if line not in ("d .", "d ..")]
    if got == expected:
        return
    for number, pair in enumerate(zip(expected, got)):
        if pair[0] != pair[1]:
            sys.exit("%s: entry %d is %r, expected %r" % (what, number, pair[1], pair[0]))
    sys.exit("%s: %d entries, expected %d" % (what, len(got), len(expected)))


def whole(path, expected):
    stream = Stream(path)
    compare("whole", expected, stream.rest())
    stream.close()


def interleaved(path, expected):
    streams = [Stream(path), Stream(path)]
    got, dice = [[], []], random.Random(1)
    ended = [False, False]
    while not all(ended):
        which = dice.randrange(2)
        for _ in range(dice.randrange(1, 500)):
            line = None if ended[which] else streams[which].next()
            ended[which] = line is None
            if line is None:
                break
            got[which].append(line)
    for which in range(2):
        compare("reader %d" % which, expected, got[which])
        streams[which].close()


def threads(path, expected, count):
    results = [None] * int(count)

    def run(which):
        stream = Stream(path)
        results[which] = stream.rest()
        stream.close()

    readers = [threading.Thread(target=run, args=(which,)) for which in range(len(results))]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    for which, got in enumerate(results):
        compare("reader %d" % which, expected, got or [])


def places_of(path):
    """[(place, the line that comes there)], the end among them."""
    stream, places = Stream(path), []
    while True:
        place = stream.tell()
        line = stream.next()
        places.append((place, line))
        if line is None:
            stream.close()
            return places


def seek_in(what, stream, place, line):
    stream.seek(place)
    got = stream.next()
    if got != line:
        sys.exit("%s: at %d is %r, expected %r" % (what, place, got, line))


def seek(path, expected):
    places = places_of(path)
    compare("with telldir", expected, [line for _, line in places[:-1]])
    if len({place for place, _ in places}) != len(places):
        sys.exit("two entries are at the same place")
    dice, same, other = random.Random(2), Stream(path), Stream(path)
    some = dice.sample(places, min(SEEKS, len(places))) + [places[0], places[-1]]
    for place, line in some:
        seek_in("the same stream", same, place, line)
    for place, line in reversed(some):
        seek_in("another stream", other, place, line)
    middle = len(places) // 2
    other.seek(places[middle][0])
    if other.rest() != [line for _, line in places[middle:-1]]:
        sys.exit("from the middle on something else comes")
    same.close()
    other.close()


def rewind(path, expected):
    stream = Stream(path)
    for _ in range(2):
        for _ in range(len(expected) // 2):
            stream.next()
        stream.rewind()
    compare("after rewinddir", expected, stream.rest())
    stream.close()


def tell(path, expected, file):
    del expected
    with open(file, "w", encoding="utf-8", errors="surrogateescape") as f:
        for place, line in places_of(path):
            f.write("%d %s\n" % (place, line or ""))


def resume(path, expected, file):
    del expected
    with open(file, encoding="utf-8", errors="surrogateescape") as f:
        places = [line.rstrip("\n").split(" ", 1) for line in f]
    for place, line in random.Random(3).sample(places, min(200, len(places))) + [places[-1]]:
        stream = Stream(path)
        seek_in("a later mount", stream, int(place), line or None)
        stream.close()


def main():
    check, path, file = sys.argv[1:4]
    with open(file, encoding="utf-8", errors="surrogateescape") as f:
        expected = f.read().splitlines()
    globals()[check](path, expected, *sys.argv[4:])


main()
