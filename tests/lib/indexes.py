#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Check SQLite indexes of archives: each is sound, and all have the same members and attributes.

    indexes.py INDEX...

Exit 1, and says what is wrong, when not.
"""
import sqlite3
import sys


def members(db):
    """All there is to know, in archive order: the numbers are inode numbers."""
    return (db.execute("SELECT * FROM member ORDER BY id").fetchall() +
            db.execute("SELECT * FROM xattr ORDER BY member, name").fetchall() +
            db.execute("SELECT out, in_bit, flags, crc, mout FROM point ORDER BY out").fetchall())


def main():
    first = None
    for path in sys.argv[1:]:
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        sound = db.execute("PRAGMA integrity_check").fetchall()
        if sound != [("ok",)]:
            sys.exit("%s: %s" % (path, sound[:5]))
        rows = members(db)
        first = rows if first is None else first
        if len(rows) < 2:
            sys.exit("%s: no members" % path)
        if rows != first:
            print("%s: %d members, %d in the first one" % (path, len(rows), len(first)))
            for a, b in zip(first, rows):
                if a != b:
                    sys.exit("first difference: %s, %s" % (a, b))
            sys.exit(1)


main()
