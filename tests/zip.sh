#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Zips by real tools: what src/archive/zip/zip.c reads must be what Python's zipfile reads.
# $ZIPLIST is the program of tests/lib/ziplist.c.
. "${srcdir:-.}/tests/functions.sh"
requires python3 zip bsdtar 7z unzip

ziplist=${ZIPLIST:-$PWD/tests/lib/ziplist}
cd "$tmp"

# The members of zip $1 as ziplist should print them, by zipfile (which knows the central directory
# only by its own parser) and by the rules of zip_name.h and zip.h for names and modes.
cat >expect.py <<'PY'
import calendar, stat, struct, sys, zipfile

def name_of(z):
    raw = z.orig_filename
    if not z.flag_bits & 0x800 and z.create_system in (3, 19):
        try:
            raw = raw.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    if z.create_system in (0, 10) and "/" not in raw:
        raw = raw.replace("\\", "/")
    return "".join("\\x%02x" % ord(c) if c < " " or c in "\\\x7f" else c for c in raw)

def extra_of(z, want):
    at, data = 0, z.extra
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == want:
            return data[at + 4:at + 4 + size]
        at += 4 + size

def mtime_of(z):
    unix, ntfs = extra_of(z, 0x5455), extra_of(z, 0x000a)
    if ntfs:
        ticks, = struct.unpack_from("<Q", ntfs, 8)
        ticks -= 11644473600 * 10**7
        ntfs = ticks // 10**7, ticks % 10**7 * 100
    if unix and unix[0] & 1:
        sec, = struct.unpack_from("<i", unix, 1)
        return (sec, ntfs[1]) if ntfs and ntfs[0] == sec else (sec, 0)
    return ntfs or (calendar.timegm(z.date_time + (0, 0, 0)), 0)

def mode_of(z, name):
    mode = z.external_attr >> 16
    if name.endswith("/"):
        return mode if stat.S_ISDIR(mode) else 0o40755
    if mode == 0 or z.create_system == 0 and not stat.S_IFMT(mode):
        return 0o100444 if z.create_system == 0 and z.external_attr & 1 else 0o100644
    return mode if stat.S_IFMT(mode) else 0o100000 | mode

def ids_of(z):
    x = extra_of(z, 0x7875)
    return "%d:%d" % struct.unpack("<xxIxI", x) if x and len(x) == 11 else "-"

sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
with zipfile.ZipFile(sys.argv[1]) as archive, open(sys.argv[1], "rb") as f:
    for z in archive.infolist():
        f.seek(z.header_offset)
        head = f.read(30)
        skip = 30 + sum(struct.unpack_from("<HH", head, 26))
        name = name_of(z)
        print("%06o %d %d %08x %d %d %d %d %09d %s %s %s" % (
            mode_of(z, name), z.file_size, z.compress_size, z.CRC, z.compress_type,
            z.header_offset, skip, *mtime_of(z), ids_of(z), "E" if z.flag_bits & 1 else "-", name))
PY

check() {
	python3 expect.py "$1" >want || fail "$1: zipfile cannot read it"
	for piece in ${2:-1 46 4096}; do
		"$ziplist" "$1" "$piece" >have 2>err || fail "$1, pieces of $piece: $(cat err)"
		cmp -s want have || fail "$1, pieces of $piece: $(diff want have | head -4)"
	done
}

refused() {
	if "$ziplist" "$1" >have 2>err; then
		fail "$1 was accepted"
	fi
	grep -q '^ziplist: ' err || fail "$1: refused without a reason: $(cat err)"
}

note "trees packed by every tool"
mkdir -p tree/sub/empty tree/ümlaut
printf 'hello\n' >tree/a.txt
: >tree/empty-file
seq 5000 >tree/sub/numbers
printf 'x' >"tree/ümlaut/ñ €.txt"
ln -s a.txt tree/link
ln -s ../sub tree/sub/dirlink
chmod 0755 tree/a.txt
chmod 0600 tree/sub/numbers
touch -d '2001-02-03 04:05:06.7' tree/a.txt
touch -d '1969-12-31 23:00:00' tree/empty-file
zip -qry info.zip tree
zip -qry -9 info9.zip tree
zip -qry -Z store info0.zip tree
zip -qryX noextra.zip tree
LC_ALL=C zip -qry clocale.zip tree
zip -qry -P secret crypted.zip tree
printf 'a comment\nof two lines\n' | zip -qryz comment.zip tree >/dev/null
zip -q - tree/sub/numbers | cat >streamed.zip
bsdtar -a -cf bsdtar.zip tree
LC_ALL=C bsdtar --format zip -cf bsdtar-c.zip tree
7z a -bd 7z.zip tree >/dev/null
7z a -bd -mm=LZMA 7z-lzma.zip tree >/dev/null
7z a -bd -psecret -mem=AES256 7z-aes.zip tree >/dev/null
(cd tree && python3 -m zipfile -c ../python.zip a.txt sub ümlaut)
for z in *.zip; do
	check "$z"
done

note "prefixes, comments and junk"
head -c 3000 /dev/urandom >junk
cat junk info.zip >prefixed.zip
check prefixed.zip
cp prefixed.zip adjusted.zip
zip -qA adjusted.zip
check adjusted.zip
python3 - <<'PY'
import zipfile
end = b"PK\5\6" + bytes(18)
for name, comment in (("fake1", b"x" + end + b"y"), ("fake2", end * 50 + b"z"), ("long", b"c" * 65535)):
    with zipfile.ZipFile(name + ".zip", "w") as z:
        z.writestr("a", "aaa")
        z.writestr("b/c", "ccc")
        z.comment = comment
PY
check long.zip
for z in fake1 fake2; do # zipfile itself takes a false end record for the real one
	"$ziplist" $z.zip | sed 's/.* //' >have
	printf 'a\nb/c\n' | cmp - have || fail "$z.zip: $(cat have)"
done
cat info.zip junk >behind.zip
"$ziplist" behind.zip >have
"$ziplist" info.zip | cmp - have || fail "junk behind the archive changes its listing"

note "zip64"
python3 - <<'PY'
import zipfile
with zipfile.ZipFile("many.zip", "w") as z:
    for i in range(66000):
        z.writestr(zipfile.ZipInfo("d%02d/%05d" % (i % 7, i)), b"")
zipfile.ZIP64_LIMIT = 100
zipfile.ZIP_FILECOUNT_LIMIT = 2
for name, comment in (("wide", b""), ("wide-comment", b"c" * 65535)):
    with zipfile.ZipFile(name + ".zip", "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(20):
            with z.open("f%d" % i, "w", force_zip64=True) as f:
                f.write(bytes(50 * i))
        z.comment = comment
PY
check many.zip "4096 65536"
check wide.zip
check wide-comment.zip
cat junk wide.zip >wide-prefixed.zip
check wide-prefixed.zip

note "names in other character sets"
python3 - <<'PY'
import zipfile
def write(path, system, names):
    with zipfile.ZipFile(path, "w") as z:
        for mark, n in zip("XYZ", names):
            i = zipfile.ZipInfo(mark * len(n))
            i.create_system = system
            z.writestr(i, b"")
    with open(path, "rb") as f:
        data = f.read()
    for mark, n in zip(b"XYZ", names):
        data = data.replace(bytes([mark]) * len(n), n)
    with open(path, "wb") as f:
        f.write(data)
write("dos.zip", 0, [b"\x81\x8e.t", b"dir\\file", b"dir\\sub\\"])
write("cp866.zip", 0, [b"\x8f\xe0\xa8\xa2\xa5\xe2"])
write("sjis.zip", 0, [b"\x93\xfa\x96\x7b\x8c\xea"])
write("linux.zip", 3, [b"a\\b", "日本".encode() + b"-", b"\x81."])
PY
check dos.zip
check linux.zip
"$ziplist" cp866.zip 9 CP866 | grep -q ' Привет$' || fail "CP866"
"$ziplist" sjis.zip 9 CP932 | grep -q ' 日本語$' || fail "CP932"

note "damage"
for cut in 1 10 21 22 23 100 400; do
	head -c -$cut info.zip >cut.zip
	refused cut.zip
done
tail -c +100 info.zip >headless.zip
refused headless.zip
: >empty.zip
refused empty.zip
refused junk
python3 - <<'PY'
with open("info.zip", "rb") as f:
    data = f.read()
end = data.rindex(b"PK\5\6")
first = data.index(b"PK\1\2")
for name, at, bytes_ in (
        ("volume", end + 4, b"\1\0"), ("count", end + 8, b"\3\0\3\0"), ("size", end + 12, b"\xff"),
        ("offset", end + 16, b"\xff\xff\xff\x7f"), ("local", first + 42, b"\0\0\0\x70"),
        ("packed", first + 20, b"\0\0\0\x70"),
        ("signature", data.index(b"PK\1\2", first + 9), b"X")):
    with open("bad-%s.zip" % name, "wb") as f:
        f.write(data[:at] + bytes_ + data[at + len(bytes_):])
with open("nul.zip", "wb") as f:
    f.write(data[:first + 46] + b"t\0ee" + data[first + 50:])
PY
"$ziplist" nul.zip >have || fail "a NUL in a name ends the listing"
head -n 1 have | grep -q ' t$' || fail "a name is not cut at its NUL"
test "$(wc -l <have)" -eq "$("$ziplist" info.zip | wc -l)" || fail "a NUL in a name hides others"
for z in bad-*.zip; do
	refused "$z"
done
