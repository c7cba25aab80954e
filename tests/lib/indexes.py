#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Check SQLite indexes of archives: each is sound, and all have the same members, attributes and seek points.

    indexes.py INDEX...

Exit 1, and says what is wrong, when not.
"""
import sqlite3
import sys

TABLES = {"member": "id", "xattr": "member, name", "point": "out"}


def rows(db, table):
    """All there is to know, in order: the numbers of members are inode numbers."""
    return db.execute("SELECT * FROM %s ORDER BY %s" % (table, TABLES[table])).fetchall()


def compare(path, table, first, mine):
    if mine == first:
        return
    print("%s: %d rows in %s, %d in the first one" % (path, len(mine), table, len(first)))
    for a, b in zip(first, mine):
        if a != b:
            sys.exit("first difference: %s, %s" % (a, b))
    sys.exit(1)


def main():
    first = None
    for path in sys.argv[1:]:
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        sound = db.execute("PRAGMA integrity_check").fetchall()
        if sound != [("ok",)]:
            sys.exit("%s: %s" % (path, sound[:5]))
        mine = {table: rows(db, table) for table in TABLES}
        first = first or mine
        if len(mine["member"]) < 2:
            sys.exit("%s: no members" % path)
        for table in TABLES:
            compare(path, table, first[table], mine[table])


main()
