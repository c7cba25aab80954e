#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Zips as odd programs write them: names, types, links, times and padding, as the mount shows them.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 bsdtar 7z zip unzip cmp
requires_fuse
[ "$(id -u)" = 0 ] || umask 022

mkdir "$tmp/made" "$tmp/tree" "$tmp/tree/sub"

# --- by real tools, against what unzip makes of it
cd "$tmp/tree"
printf 'hello\n' >a.txt
: >nothing
seq 3000 >sub/numbers
printf 'x' >"sub/ñ €.txt"
ln -s a.txt link
ln -s ../sub sub/up
chmod 0755 a.txt
chmod 0600 sub/numbers
touch -d '2001-02-03 04:05:06' a.txt
long=$(printf 'n%.0s' $(seq 250))
mkdir -p "deep/$long/$long"
echo deep >"deep/$long/$long/$long"
zip -qry ../made/info.zip .
zip -qryX ../made/no-extra.zip .
zip -q - a.txt sub/numbers | cat >../made/streamed.zip
zip -qj ../made/no-paths.zip a.txt sub/numbers
bsdtar -a -cf ../made/bsdtar.zip .
7z a -bd -tzip -snl ../made/7z.zip . >"$tmp/7z.out"
# Times of day are those of the zone where there are no better ones: TZ is UTC.
cd "$tmp"
mount_mdcfs made/*.zip
for zip in info no-extra streamed no-paths bsdtar 7z; do
	mkdir "$tmp/unpacked"
	unzip -q "made/$zip.zip" -d "$tmp/unpacked" || fail "$zip: unzip"
	compare_trees --no-mtime "$tmp/unpacked" "$mnt/$zip/$zip" # unzip does not set times of links
	expect "$zip: time" "$(stat -c %Y tree/a.txt)" "$(stat -c %Y "$mnt/$zip/$zip/a.txt")"
	rm -rf "$tmp/unpacked"
done
umount_mdcfs

# --- put together by hand: a line in kinds.txt says what the mount has to show of each member
cat >make.py <<'PYTHON'
import struct, zlib

class Zip:
    def __init__(self, name):
        self.name, self.body, self.directory, self.n = name, bytearray(), bytearray(), 0

    def add(self, name, data=b"", mode=0o100644, host=3, extra=b"", local_extra=b"", attr=0, flags=0, comment=b"", time=0,
            date=0x21, method=0):
        at, crc, packed = len(self.body), zlib.crc32(data), data
        if method == 8:
            z = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = z.compress(data) + z.flush()
        later = flags & 8
        self.body += struct.pack("<IHHHHHIIIHH", 0x04034b50, 20, flags, method, time, date, 0 if later else crc,
                                 0 if later else len(packed), 0 if later else len(data), len(name), len(local_extra))
        self.body += name + local_extra + packed
        if later:
            self.body += struct.pack("<IIII", 0x08074b50, crc, len(packed), len(data))
        self.directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, host << 8 | 20, 20, flags, method, time, date, crc,
                                      len(packed), len(data), len(name), len(extra), len(comment), 0, 0,
                                      (mode << 16 | attr) & 0xffffffff, at) + name + extra + comment
        self.n += 1
        return self

    def write(self, comment=b""):
        with open("made/%s.zip" % self.name, "wb") as f:
            f.write(self.body + self.directory + struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, self.n & 0xffff, self.n & 0xffff,
                                                            len(self.directory), len(self.body), len(comment)) + comment)

def field(kind, data):
    return struct.pack("<HH", kind, len(data)) + data

def pkware(data=b"", uid=7, gid=8, mtime=1000000000):
    return field(0x0d, struct.pack("<IIHH", 0, mtime, uid, gid) + data)

def link(target):
    return dict(extra=pkware(target))

FILE, LINK = 0o100644, 0o120777
Zip("pkware").add(b"early", **link(b"dir/file")).add(b"dir/file", b"content\n", extra=pkware()).add(b"late", **link(b"dir/file")) \
    .add(b"chain3", **link(b"chain2")).add(b"chain2", **link(b"chain1")).add(b"chain1", **link(b"dir/file")) \
    .add(b"nowhere", **link(b"none")).add(b"self", **link(b"self")).add(b"one", **link(b"two")).add(b"two", **link(b"one")) \
    .add(b"to-dir", **link(b"dir")).add(b"symlink", mode=LINK, extra=pkware(b"dir/file")) \
    .add(b"link-to-symlink", **link(b"symlink")).add(b"/dir/../abs", **link(b"/dir/file")) \
    .add(b"null", mode=0o020666, extra=pkware(struct.pack("<II", 1, 3))) \
    .add(b"loop", mode=0o060660, extra=pkware(struct.pack("<II", 7, 5))) \
    .add(b"link-to-null", **link(b"null")).add(b"pipe", mode=0o010644).add(b"socket", mode=0o140755).write()

Zip("names").add(b"same", b"file").add(b"same/below", b"x").add(b"dir/", mode=0o040755).add(b"dir", b"a file over an empty folder") \
    .add(b"../../climbs", b"c").add(b"/absolute", b"a").add(b"./dot//slash/./x", b"d").add(b"C:\\dos\\name", b"e", host=0, mode=0) \
    .add(b"q" * 300, b"long").add(b"twice", b"first").add(b"twice", b"second") \
    .add("unicode-ü".encode(), b"u", flags=0x800, comment="größe".encode()).add(b"new\nline", b"n").write("Kommentar: ö".encode())

Zip("types").add(b"no-type", b"1", mode=0o644).add(b"no-mode", b"2", mode=0).add(b"dos", b"3", mode=0, host=0) \
    .add(b"dos-readonly", b"4", mode=0, host=0, attr=1).add(b"dos-dir", mode=0, host=0, attr=0x10) \
    .add(b"setuid", b"5", mode=0o104755).add(b"folder-", mode=0o040711).add(b"unreadable", b"6", mode=0o100000).write()

def stamp(sec):
    return field(0x5455, b"\1" + struct.pack("<i", sec))

def ntfs(ticks):
    return field(0x0a, struct.pack("<IHHQQQ", 0, 1, 24, ticks, ticks, ticks))

E = 11644473600 * 10**7
Zip("times").add(b"dos", time=0x2d4a, date=0x5a21).add(b"extended", extra=stamp(1234567890), time=0x2d4a, date=0x5a21) \
    .add(b"negative", extra=stamp(-100)).add(b"ntfs", extra=ntfs(E + 15000000001234567)) \
    .add(b"both", extra=ntfs(E + 12345678901234567) + stamp(1234567890)).add(b"zero", date=0, time=0) \
    .add(b"owner", extra=field(0x7875, b"\1\4" + struct.pack("<I", 1234) + b"\4" + struct.pack("<I", 70000))).write()

Zip("padding").add(b"a", b"aaa", extra=b"\0\0\0", local_extra=b"\0" * 777).add(b"b", b"bbb", extra=b"\xff\xff\xff\xff\1", local_extra=b"\1") \
    .add(b"._a", b"mac").add(b"__MACOSX/._a", b"metadata").add(b"later", b"size at the end\n" * 9, flags=8, method=8) \
    .add(b"later-stored", b"size at the end\n" * 9, flags=8).add(b"empty", flags=8, method=8).write()

Zip("cp866").add(b"\x8f\xe0\xa8\xa2\xa5\xe2.txt", b"1", host=0, mode=0).write()
Zip("sjis").add(b"\x93\xfa\x96\x7b\x8c\xea.txt", b"2", host=0, mode=0).write()
Zip("cp437").add(b"\x81\x8e.txt", b"3", host=0, mode=0).add(b"raw", b"4", extra=field(0x7075, b"\1" + struct.pack(
    "<I", zlib.crc32(b"raw")) + "ræw".encode())).write()

many = Zip("many")
for i in range(70000):
    many.add(b"%d/%d" % (i % 100, i), b"")
many.write()
PYTHON
rm made/*
python3 make.py
mount_mdcfs made/pkware.zip made/names.zip made/types.zip made/times.zip made/padding.zip made/cp437.zip made/many.zip

note "PKWARE's links and devices"
at=$mnt/pkware/pkware
expect "names" "chain1 chain2 chain3 dir early late link-to-null link-to-symlink loop null pipe socket symlink" \
	"$(ls "$at" | xargs)"
for file in early late chain1 chain2 chain3 dir/abs; do
	cmp "$at/dir/file" "$at/$file" || fail "hard link $file"
	expect "inode of $file" "$(stat -c %i "$at/dir/file")" "$(stat -c %i "$at/$file")"
done
expect "names of one file" 7 "$(stat -c %h "$at/dir/file")"
expect "symlink" "dir/file dir/file" "$(readlink "$at/symlink") $(readlink "$at/link-to-symlink")"
expect "devices" "character special file 1 3, character special file 1 3, block special file 7 5" \
	"$(stat -c '%F %t %T' "$at/null" "$at/link-to-null" "$at/loop" | paste -sd , | sed 's/,/, /g')"
expect "others" "fifo socket" "$(stat -c %F "$at/pipe" "$at/socket" | xargs)"
expect "time and owner of the archive" "1000000000" "$(stat -c %Y "$at/dir/file")"
grep -q 'a hard link to nothing' "$log" || fail "no line about links to nothing"

note "names"
at=$mnt/names/names
expect "a file, then a folder of its name" "file" "$(cat "$at/same")"
expect "a folder, then a file of its name" "a file over an empty folder" "$(cat "$at/dir")"
expect "names that climb, absolute ones, dots" "c a d" "$(cat "$at/climbs") $(cat "$at/absolute") $(cat "$at/dot/slash/x")"
expect "backslashes of DOS" e "$(cat "$at/C:/dos/name")"
expect "a long name" long "$(cat "$at"/qqq*)"
expect "the later of two" second "$(cat "$at/twice")"
expect "unicode and control characters" "un" "$(cat "$at/unicode-ü" "$at/new
line")"

note "types and rights"
at=$mnt/types/types
expect "types" "regular file,regular file,regular file,regular file,directory,regular file,directory,regular file" \
	"$(cd "$at" && stat -c %F no-type no-mode dos dos-readonly dos-dir setuid folder- unreadable | paste -sd ,)"
expect "rights" "444 444 444 4555 711 400" "$(cd "$at" && stat -c %a no-type dos dos-readonly setuid folder- unreadable | xargs)"
expect "content" 123456 "$(cd "$at" && cat no-type no-mode dos dos-readonly setuid unreadable)"

note "times"
at=$mnt/times/times
expect "times" "2025-01-01 05:42:20.000000000,2009-02-13 23:31:30.000000000,1969-12-31 23:58:20.000000000,2017-07-14 02:40:00.123456700,2009-02-13 23:31:30.123456700,1980-01-01 00:00:00.000000000" \
	"$(cd "$at" && stat -c %y dos extended negative ntfs both zero | sed 's/ +0000//' | paste -sd ,)"

note "padding, sizes at the end, metadata of a Mac"
at=$mnt/padding/padding
expect "content" "aaabbbmacmetadata" "$(cat "$at/a" "$at/b" "$at/._a" "$at/__MACOSX/._a")"
python3 -c 'print("size at the end\n" * 9, end="")' >later
cmp later "$at/later" || fail "later"
cmp later "$at/later-stored" || fail "later-stored"
expect "empty" 0 "$(stat -c %s "$at/empty")"

note "70 000 members, and a 16-bit count that wrapped"
expect "names" 70000 "$(find "$mnt/many/many" -type f | wc -l)"

note "character sets"
expect "CP437" "ræw üÄ.txt" "$(ls "$mnt/cp437/cp437" | sort | xargs)"
umount_mdcfs
mount_mdcfs -o encoding=CP866 made/cp866.zip
expect "CP866" "Привет.txt" "$(ls "$mnt/cp866/cp866")"
umount_mdcfs
mount_mdcfs -o encoding=CP932 made/sjis.zip
expect "Shift JIS" "日本語.txt" "$(ls "$mnt/sjis/sjis")"
umount_mdcfs
