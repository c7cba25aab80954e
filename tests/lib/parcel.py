#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""Exported indexes that are not sound, from one that is; the layout is that of src/archive/index/parcel.h.

    parcel.py GOOD FOLDER

Writes FOLDER/NUMBER, and to standard output a line "NUMBER what the refusal must say" for each.  FOLDER/begun.db is
the index in it as one that is not complete; FOLDER/same is the sound one, packed anew; FOLDER/sized has more lines,
of those that are refused only when the archive itself is known.
"""
import hashlib
import os
import sqlite3
import struct
import sys
import zlib

import indexsums

HEAD = struct.Struct(">16sII64sQ")
TAIL = 72
NO_INDEX, OTHER, TABLES = "is no exported index", "something else than an index", "other tables"
NO_DIRECTORY, PARENTS, LIES = "no directory can", "what is no directory", "other bytes than it says"
LINKS, PLACES, STEMS = "hard links to what", "outside the archive", "names of archives"


class Maker:
    def __init__(self, good, folder):
        self.folder, self.count = folder, 0
        with open(good, "rb") as f:
            self.good = f.read()
        _, self.version, self.format, self.identity, _ = HEAD.unpack(self.good[:HEAD.size])
        self.database = zlib.decompress(self.good[HEAD.size:-TAIL])

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def add(self, says, data):
        self.count += 1
        self.write(str(self.count), data)
        print(self.count, says)

    def pack(self, database, **said):
        """With a right checksum, whatever it says of itself."""
        stream = zlib.compress(database, 1)
        stream = stream[:len(stream) - said.get("cut", 0)] + bytes(said.get("behind", 0))
        parcel = HEAD.pack(b"mdcfs-index", said.get("version", self.version),
                           said.get("format", self.format), said.get("identity", self.identity),
                           said.get("size", len(database)))
        parcel += stream + struct.pack(">Q", len(stream))
        return parcel + hashlib.sha256(parcel).hexdigest().encode()

    def flip(self, says, *offsets):
        for at in offsets:
            data = bytearray(self.good)
            data[at] ^= 4
            self.add(says, data)

    def cut(self, says, *sizes):
        for size in sizes:
            self.add(says, self.good[:size])

    def made_up(self, says, database=None, **said):
        self.add(says, self.pack(self.database if database is None else database, **said))

    def changed(self, *statements):
        """The database after these statements."""
        path = self.path("changed.db")
        self.write("changed.db", self.database)
        db = sqlite3.connect(path, isolation_level=None)
        for statement in statements:
            db.execute(statement)
        db.close()
        with open(path, "rb") as f:
            return indexsums.seal(f.read())

    def sql(self, says, *statements):
        self.made_up(says, self.changed(*statements))

    def sized(self, says, *statements):
        """Only who knows the size of the archive can tell: listed in FOLDER/sized."""
        self.count += 1
        self.write(str(self.count), self.pack(self.changed(*statements)))
        with open(self.path("sized"), "a") as f:
            print(self.count, says, file=f)

    def behind(self, tree, statement):
        """The database after a statement that this search tree has not seen."""
        path = self.path("changed.db")
        self.write("changed.db", self.database)
        for change in ("DELETE FROM sqlite_schema WHERE name=:name",
                       statement,
                       "INSERT INTO sqlite_schema VALUES('index', :name, 'member', :root, :sql)"):
            db = sqlite3.connect(path, isolation_level=None)
            if change.startswith("DELETE"):
                root, sql = db.execute("SELECT rootpage, sql FROM sqlite_schema WHERE name=?",
                                       (tree,)).fetchone()
            db.execute("PRAGMA writable_schema=1")
            db.execute(change, {"name": tree, "root": root, "sql": sql})
            db.close()
        with open(path, "rb") as f:
            return indexsums.seal(f.read())


def on_the_way(m):
    """What copying can do to a file."""
    size = len(m.good)
    m.flip(NO_INDEX, 0, 11, 15)
    m.flip("version 5, this mdcfs reads version 1", 19)
    m.flip("damaged", 20, 23, 24, 60, 87, 88, 95, 96, 97, 100, size // 2, size * 9 // 10, -74, -73,
           -72, -65, -64, -30, -1)
    m.cut(NO_INDEX, 0, 1, 10, 15)
    m.cut("is cut off", 16, 95, 96, 167)
    m.cut("copy it again", 168, 200, size // 2, size - 73, size - 64, size - 1)
    m.add("copy it again", m.good + m.good)
    m.add(NO_INDEX, m.database)


def envelopes(m):
    m.made_up("version 2", version=2)
    m.made_up("index of format 1,", format=1)
    m.made_up("index of format 99,", format=99)
    m.made_up("cannot be", identity=b"/" * 64)
    m.made_up("cannot be", size=0)
    m.made_up("cannot be", size=99999999999999)
    m.made_up(LIES, size=len(m.database) - 1)
    m.made_up(LIES, size=len(m.database) + 1)
    m.made_up(LIES, cut=1)
    m.made_up(LIES, cut=100)
    m.made_up(LIES, behind=1)
    m.made_up(LIES, bytes(10000000), size=4096)
    m.made_up(OTHER, bytes(10000000))
    m.made_up(OTHER, b"text\n")
    broken = bytearray(m.database)
    at = len(broken) - 4096
    broken[at:at + 200] = b"\xff" * 200
    m.made_up("damaged index", broken)


def databases(m):
    m.sql(OTHER, "PRAGMA application_id=1")
    m.sql("format 77", "PRAGMA user_version=77")
    m.sql(TABLES, "CREATE TABLE extra(x)")
    m.sql(TABLES, "CREATE VIEW extra AS SELECT * FROM member")
    m.sql(TABLES, "CREATE TRIGGER extra AFTER INSERT ON meta BEGIN DELETE FROM member; END")
    m.sql(TABLES, "CREATE INDEX extra ON member(size)")
    m.sql(TABLES, "DROP INDEX by_name")
    m.sql(TABLES, "DROP TABLE member", "CREATE VIEW member AS SELECT * FROM point")
    m.sql(TABLES, "PRAGMA writable_schema=1",
          "UPDATE sqlite_schema SET sql=replace(sql,'mode INT','mode INT DEFAULT 1') WHERE name='member'")
    m.sql("not complete", "DELETE FROM meta WHERE key='complete'")
    m.sql("not complete", "UPDATE meta SET value=x'30' WHERE key='complete'")
    m.sql("another archive", "UPDATE meta SET value='%s' WHERE key='identity'" % ("7" * 64))
    m.sql("another archive", "DELETE FROM meta WHERE key='identity'")
    for value in ("name=x'2e2e'", "name=CAST('../../etc' AS BLOB)", "name=x''", "name=x'610062'",
                  "name=zeroblob(300)", "name=NULL", "name='text'", "parent=9", "parent=10",
                  "parent=-9223372036854775808", "parent=NULL"):
        m.sql(NO_DIRECTORY, "UPDATE member SET %s WHERE id=9" % value)
    trees(m)
    places(m)


def trees(m):
    """Members 9 and 10 are files in directory 2."""
    m.sql(PARENTS, "UPDATE member SET parent=8 WHERE id=9")  # below a file
    m.sql(PARENTS, "UPDATE member SET parent=-8 WHERE id=9")
    m.sql(NO_DIRECTORY, "UPDATE member SET parent=0 WHERE id=9")
    m.sql(PARENTS, "DELETE FROM member WHERE id=2")
    m.sql(PARENTS, "UPDATE member SET target=1 WHERE id=2")
    m.sql(NO_DIRECTORY, "INSERT INTO member(id,parent,name) VALUES(0,1,x'61')")
    m.sql(NO_DIRECTORY, "INSERT INTO member(id,parent,name) VALUES(-5,1,x'61')")
    m.sql("no root", "UPDATE member SET mode=33188 WHERE id=1")
    m.sql("no root", "UPDATE member SET parent=2 WHERE id=1")
    m.sql("no root", "DELETE FROM member WHERE id=1")
    # a circle that only the tree shows that a listing goes by
    m.made_up("damaged index", m.behind("by_parent", "UPDATE member SET parent=1 WHERE id=9"))
    m.made_up("damaged index", m.behind("by_name", "UPDATE member SET hash=hash+1 WHERE id=9"))
    for target in ("9", "10", "99999", "0", "1", "2", "-4", "'x'", "x'04'", "4.5"):
        m.sql(LINKS, "UPDATE member SET target=%s WHERE id=9" % target)
    m.sql(LINKS, "UPDATE member SET target=7 WHERE id=8", "UPDATE member SET target=8 WHERE id=9")
    m.sql(STEMS, "INSERT INTO stem VALUES(2,5,1)")
    m.sql(STEMS, "INSERT INTO stem VALUES(1,5,9)")
    m.sql(STEMS, "INSERT INTO stem VALUES(2,5,99999)")
    m.sql(STEMS, "INSERT INTO stem VALUES('x',5,9)")


def places(m):
    for value in ("off=9223372036854775807", "off=-1", "off=10000000", "off='x'", "off=1e300",
                  "size=9223372036854775807", "size=-1", "size=10000000", "stored=10000000",
                  "stored=x'41'", "layer=4", "layer=-1", "layer='x'", "poff=9223372036854775807",
                  "poff=-1", "poff=5,packed=-1", "poff=5,packed=9223372036854775807",
                  "layer=0,off=9223372036854775800", "layer=2,off=9223372036854775800"):
        m.sql(PLACES, "UPDATE member SET %s WHERE id=9" % value)
    for value in ("layer=0,off=100000", "layer=2,off=100000", "poff=100000"):
        m.sized(PLACES, "UPDATE member SET %s WHERE id=9" % value)


def main():
    m = Maker(sys.argv[1], sys.argv[2])
    on_the_way(m)
    envelopes(m)
    databases(m)
    m.write("begun.db", m.changed("DELETE FROM meta WHERE key='complete'"))
    m.write("same", m.pack(m.database))


main()
