#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Archives inside archives (-o nested): under which names they appear, and that what is in them is what
# other tools unpack, through every kind of outer archive and to any depth.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 tar zip unzip 7z xz
requires_fuse
[ "$(id -u)" = 0 ] || umask 022

# --- the innermost files, and archives of them
mkdir -p "$tmp/in/deep/er"
cd "$tmp/in"
python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(3).randbytes(700001))' >noise
seq 60000 >deep/numbers
printf 'small\n' >deep/er/small
: >empty
ln -s deep/numbers link
touch -d @1234567890 noise deep/er/small
mkdir "$tmp/made"
tar -cf "$tmp/made/plain.tar" .
tar -czf "$tmp/made/packed.tar.gz" .
tar -cJf "$tmp/made/other.txz" .
zip -qry "$tmp/made/deflated.zip" .
zip -qry0 "$tmp/made/stored.zip" .
7z a -bd "$tmp/made/seven.7z" noise deep empty >/dev/null

# Unpack the archive beside itself, as the mount shows it: ARCHIVE FOLDER.
unpack() {
	mkdir "$2"
	case $1 in
	*.zip)
		unzip -q "$1" -d "$2"
		[ ! -h "$2/link" ] || touch -hr "$tmp/in/link" "$2/link" # unzip leaves that out
		;;
	*.7z) 7z x -bd -o"$2" "$1" >/dev/null ;;
	*) tar -C "$2" -xpf "$1" ;;
	esac
	chmod 755 "$2"
	touch -r "$1" "$2"
}

# --- every kind inside every outer kind
mkdir "$tmp/outer" "$tmp/want"
cd "$tmp/made"
tar -cf "$tmp/outer/a.tar" -- *
tar -czf "$tmp/outer/b.tar.gz" -- *
zip -q0 "$tmp/outer/c.zip" -- *
zip -q6 "$tmp/outer/d.zip" -- *
7z a -bd "$tmp/outer/e.7z" -- * >/dev/null
mount_mdcfs -o nested "$tmp"/outer/*
for outer in "$tmp"/outer/*; do
	name=$(basename "$outer")
	stem=${name%%.*}
	rm -rf "$tmp/want"
	mkdir "$tmp/want"
	unpack "$outer" "$tmp/want/$stem"
	for inner in "$tmp/want/$stem"/*; do
		name=$(basename "$inner")
		unpack "$inner" "$tmp/want/$stem/${name%%.*}"
	done
	compare_trees "$tmp/want/$stem" "$mnt/$stem/$stem"
done
# Twelve readers of one that nobody has entered in this mount, each at another place.
umount_mdcfs
rm -rf "$cache"
mount_mdcfs -o nested "$tmp/outer/b.tar.gz"
i=0
while [ $i -lt 12 ]; do
	dd if="$mnt/b/b/packed/noise" of="$tmp/piece$i" bs=58334 skip=$i count=1 2>/dev/null &
	i=$((i + 1))
	set -- "$@" $!
done
wait "$@"
cat "$tmp"/piece? "$tmp"/piece1[01] | cmp - "$tmp/in/noise" || fail "twelve readers at once"
umount_mdcfs

# --- an outer index made anew with other rows: what was kept of an inner archive stays its own
mkdir "$tmp/rows"
cd "$tmp/rows"
for n in 1 2; do
	printf 'of archive %s\n' $n >"text$n"
	zip -q "in$n.zip" "text$n"
done
# In code page 437 the first name has a backslash, in Shift-JIS that byte is half of a character.
python3 - "$tmp/rows.zip" <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    odd = zipfile.ZipInfo("XY.txt")
    odd.create_system = 0
    z.writestr(odd, "first")
    z.write("in1.zip")
    z.write("in2.zip")
b = open(sys.argv[1], "rb").read().replace(b"XY.txt", b"\x83\x5c.txt")
open(sys.argv[1], "wb").write(b)
PYTHON
for encoding in CP437 SHIFT-JIS; do
	mount_mdcfs -o "nested,encoding=$encoding" "$tmp/rows.zip"
	for n in 1 2; do
		expect "$encoding: what is in in$n.zip" "of archive $n" "$(cat "$mnt/rows/rows/in$n/text$n")"
	done
	outer=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["datasets"][0]["identity"])' \
		"$mnt/.mdcfs/status.json")
	umount_mdcfs
	rm "$cache/objects/$outer"/index.db*
done

# --- depth
cp "$tmp/made/deflated.zip" "$tmp/level.zip"
cd "$tmp"
for level in 1 2 3 4 5 6; do
	mkdir "level$level"
	cp -p level.* "level$level/"
	rm level.*
	case $level in
	[14]) tar -C "level$level" -czf level.tar.gz . ;;
	[25]) (cd "level$level" && zip -q0r ../level.zip .) ;;
	*) tar -C "level$level" -cf level.tar . ;;
	esac
done
mount_mdcfs -o nested "$tmp/level.tar"
cmp "$mnt/level/level/level/level/level/level/level/level/noise" "$tmp/in/noise" || fail "level 7"
expect "names on the way down" "level level.zip" "$(ls "$mnt/level/level" | tr '\n' ' ' | sed 's/ $//')"
expect "time of a folder" "$(stat -c %y "$mnt/level/level/level/level.tar.gz")" \
	"$(stat -c %y "$mnt/level/level/level/level")"
expect "kind of a folder" "directory 755" "$(stat -c '%F %a' "$mnt/level/level/level/level")"
umount_mdcfs

# --- names that clash
mkdir "$tmp/clash"
cd "$tmp/clash"
mkdir x y.zip.d folder.zip
for name in x.zip y.zip z.zip z.ZIP Data.Zip .hidden.zip two.zip.d.zip gone.zip; do
	(cd "$tmp/in/deep/er" && zip -q "$tmp/clash/$name" small)
done
cp "$tmp/made/plain.tar" z.tar
cp "$tmp/made/plain.tar" two.tar
cp z.zip two.zip
: >.zip
: >y
ln -s x.zip sym.tar
ln z.zip hard.zip
printf 'real\n' >x/real
tar -czf "$tmp/outer/clash.tar.gz" x.zip x y.zip y y.zip.d z.tar z.zip z.ZIP Data.Zip .hidden.zip \
	two.tar two.zip two.zip.d.zip .zip sym.tar folder.zip hard.zip gone.zip
mount_mdcfs -o nested "$tmp/outer/clash.tar.gz"
dir=$mnt/clash/clash
ls -A "$dir" >"$tmp/names"
cat >"$tmp/names.want" <<'NAMES'
.hidden
.hidden.zip
.zip
Data
Data.Zip
folder.zip
gone
gone.zip
hard
hard.zip
sym.tar
two
two.tar
two.zip
two.zip.d
two.zip.d.zip
x
x.zip
x.zip.d
y
y.zip
y.zip.d
z
z.ZIP
z.ZIP.d
z.tar
z.zip
z.zip.d
NAMES
diff "$tmp/names.want" "$tmp/names" >&2 || fail "names"
expect "in a real folder" real "$(ls "$dir/x")"
expect "beside a real folder" small "$(ls "$dir/x.zip.d")"
expect "in y.zip.d, a real folder" "" "$(ls "$dir/y.zip.d")"
cmp "$dir/z/noise" "$tmp/in/noise" || fail "z is z.tar"
for name in Data .hidden z.zip.d z.ZIP.d hard two.zip.d gone; do
	expect "in $name" small "$(cat "$dir/$name/small")"
done
none='print(*sorted(n for n in sys.argv[3:] if os.path.lexists(os.path.join(sys.argv[2], n))))'
expect "names that there are not" "
none" "$(errno_of "$none" "$dir" z.tar.d Data.Zip.d folder sym sym.tar.d two.zip.d.zip.d y.zip.d.d x.zip.d.d)"
log_has "y.zip is not shown as a directory" || fail "the log does not say which one is not shown"
# One each, but for z.zip and hard.zip, which are names of one file; as folders they are two.
expect "inodes" "$(($(ls -A "$dir" | wc -l) - 1))" "$(cd "$dir" && stat -c %i -- * .[!.]* | sort -u | grep -c .)"
# A listing that is taken up at every place in turn: one name for each getdents(2).
python3 - "$dir" >"$tmp/slow" <<'PYTHON'
import ctypes, os, struct, sys

libc = ctypes.CDLL(None, use_errno=True)
buf = ctypes.create_string_buffer(4096)
at, names = 0, []
while True:
    fd = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECTORY)
    os.lseek(fd, at, os.SEEK_SET)
    n = libc.syscall(217, fd, buf, 48)
    if n < 0 and ctypes.get_errno() != 22:
        raise OSError(ctypes.get_errno())
    os.close(fd)
    if n == 0:
        break
    at, length = struct.unpack_from("<qH", buf, 8)
    names.append(buf.raw[19:length].split(b"\0")[0].decode())
print("\n".join(sorted(n for n in names if n not in (".", ".."))))
PYTHON
[ "$(uname -m)" != x86_64 ] || cmp "$tmp/slow" "$tmp/names" || fail "a listing one name at a time"
umount_mdcfs

# --- without the option
mount_mdcfs "$tmp/outer/clash.tar.gz"
ls -A "$mnt/clash/clash" >"$tmp/names"
tar -tf "$tmp/outer/clash.tar.gz" | sed 's,/.*,,' | sort -u | diff - "$tmp/names" >&2 || fail "names without -o nested"
expect "names without -o nested" "
none" "$(errno_of "$none" "$mnt/clash/clash" z Data x.zip.d hard)"
expect "status without -o nested" None "$(json_of "$mnt/.mdcfs/status.json" 'd["nested"]')"
