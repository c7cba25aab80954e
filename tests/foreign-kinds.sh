#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Archives that are neither tar nor zip, through a mount, against what their own programs unpack, none
# of which is built on the library that reads them here: 7z in its methods, cpio, ISO 9660, cabinets, ar and deb,
# xar, WARC.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 7z bsdtar cpio genisoimage gcab ar dpkg-deb
requires_fuse

mkdir -p "$tmp/tree/folder/below" "$tmp/made" "$tmp/want"
cd "$tmp/tree"
printf 'one\n' >one
: >nothing
seq 60000 >text
head -c 300000 /dev/urandom >folder/noise
head -c 200000 /dev/zero >folder/below/zeros
printf 'gr\303\274\303\237e\n' >"folder/$(printf 'gr\303\274\303\237e')"
chmod 755 one
chmod 751 folder
ln -s folder/noise soft
touch -d '2011-12-13 14:15:16' one nothing text folder/noise folder/below/zeros folder/gr* folder/below folder
find . -mindepth 1 | sort >"$tmp/list"

unpack() { # NAME COMMAND...: in want/NAME
	mkdir "$tmp/want/$1"
	(cd "$tmp/want/$1" && shift && "$@" >"$tmp/unpack.out" 2>&1) || fail "$*"
}

# --- 7z: its methods, solid and not, with and without a packed header
sevenzip() { # NAME OPTION...
	name=$1
	shift
	7z a -bd -snl "$@" "$tmp/made/$name.7z" . >/dev/null || fail "7z $*"
	unpack "$name" 7z x -y "$tmp/made/$name.7z"
}
sevenzip lzma2
sevenzip lzma -m0=lzma -ms=off
sevenzip ppmd -m0=ppmd
sevenzip bzip2 -m0=bzip2 -mhc=off
sevenzip deflate -m0=deflate
sevenzip copy -m0=copy
sevenzip bcj -m0=bcj -m1=lzma2

# --- cpio
for format in newc crc odc bin; do
	cpio --quiet -o -H $format <"$tmp/list" >"$tmp/made/$format.cpio"
	unpack $format cpio --quiet -idm -F "$tmp/made/$format.cpio"
done
cpio --quiet -o -H newc <"$tmp/list" | gzip >"$tmp/made/packed.cpio.gz"
cp -a "$tmp/want/newc" "$tmp/want/packed"

# --- ISO 9660: Rock Ridge, Joliet
genisoimage -quiet -R -o "$tmp/made/rock.iso" . 2>/dev/null
cp -a "$tmp/tree" "$tmp/want/rock"
genisoimage -quiet -J -input-charset utf-8 -o "$tmp/made/joliet.iso" . 2>/dev/null
unpack joliet 7z x -y "$tmp/made/joliet.iso"

# --- cabinets
(cd "$tmp/tree" && gcab -c -z -n "$tmp/made/zip.cab" one text folder/noise folder/below/zeros >/dev/null)
(cd "$tmp/tree" && gcab -c -n "$tmp/made/none.cab" one text folder/noise >/dev/null)
unpack zip 7z x -y "$tmp/made/zip.cab"
unpack none 7z x -y "$tmp/made/none.cab"

# --- ar, deb
ar rcU "$tmp/made/gnu.ar" one text nothing
unpack gnu ar xo "$tmp/made/gnu.ar"
mkdir -p "$tmp/package/DEBIAN"
cp -a "$tmp/tree/folder" "$tmp/package/"
printf 'Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@localhost>\nDescription: x\n' \
	>"$tmp/package/DEBIAN/control"
dpkg-deb -b --root-owner-group "$tmp/package" "$tmp/made/package.deb" >/dev/null
unpack package ar xo "$tmp/made/package.deb"

# --- xar, WARC
bsdtar -cf "$tmp/made/x.xar" --format xar one text folder
# 7z warns of what it does not look at: status 1
# shellcheck disable=SC2016 # another shell's
unpack x sh -c '7z x -y "$1" || [ $? = 1 ]' sh "$tmp/made/x.xar"
rm "$tmp/want/x/[TOC].xml" # which 7z makes up
# libarchive 3.6 loses its way behind longer records, its own program's reading of them included.
seq 2000 >"$tmp/tree/short"
bsdtar -cf "$tmp/made/w.warc" --format warc one short
rm "$tmp/tree/short"
python3 - "$tmp/made/w.warc" "$tmp/want/w" "$tmp/made/each.warc.gz" <<'PYTHON'
"""ISO 28500: a head of lines, an empty one, so many bytes, two empty lines.  Annex D: compressed, each
record is a gzip member of its own."""
import gzip, os, re, sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
at = 0
packed = open(sys.argv[3], "wb")
while at < len(data):
    start = at
    end = data.index(b"\r\n\r\n", at) + 4
    head = dict(line.split(b": ", 1) for line in data[at:end].split(b"\r\n")[1:] if line)
    size = int(head[b"Content-Length"])
    if head[b"WARC-Type"] == b"resource":
        path = os.path.join(os.fsencode(sys.argv[2]),
                            re.sub(b"^file:/+", b"", head[b"WARC-Target-URI"]))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data[end:end + size])
    at = end + size + 4
    packed.write(gzip.compress(data[start:at]))
PYTHON
cp -a "$tmp/want/w" "$tmp/want/each"

mount_mdcfs "$tmp"/made/*
for file in "$tmp"/made/*; do
	name=$(basename "$file" | sed 's/\..*//')
	case $file in
	*.cpio | *.cpio.gz) # which keeps all; but cpio gives a symlink no time
		compare_trees --links "$tmp/tree" "$mnt/$name/$name"
		set -- --links --no-mtime ;;
	*rock.iso) set -- --no-mode ;;
	*) set -- --no-mode --no-mtime ;;
	esac
	compare_trees "$@" "$tmp/want/$name" "$mnt/$name/$name"
	cmp "$file" "$mnt/$name/${file##*/}" || fail "$file itself"
done
