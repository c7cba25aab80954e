#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Archives by real tools: what src/archive/tar/tar.c reads must be what Python's tarfile reads, in
# pieces of any size, resumed behind every member and with the data left out.
# $TARLIST is the program of tests/lib/tarlist.c.
. "${srcdir:-.}/tests/functions.sh"
requires python3 tar bsdtar

tarlist=${TARLIST:-$PWD/tests/lib/tarlist}
cd "$tmp"

# check ARCHIVE: the members are Python's (which drops the '/' behind a directory's name).
check() {
	"$tarlist" <"$1" >"$1.got" || fail "$1: tarlist"
	tail -n 1 "$1.got" | grep -qx "end ok damage 0" || fail "$1: $(tail -n 1 "$1.got")"
	awk -F '\t' -v OFS='\t' '/^end/ { next } $1 == "d" { sub("/+$", "", $12) } 1' \
		"$1.got" >"$1.have"
	python3 "$top/tests/lib/tarlist.py" "$1" >"$1.want" || fail "$1: tarlist.py"
	[ -s "$1.want" ] || fail "$1: no member"
	diff -u "$1.want" "$1.have" || fail "$1: not what tarfile reads"
	for how in "-c 1" "-c 511" "-c 512" "-c 513" "-r" "-r -c 100" "-s" "-s -c 512"; do
		# shellcheck disable=SC2086 # words
		"$tarlist" $how <"$1" | cmp - "$1.got" || fail "$1: other members with $how"
	done
}

make_tree() {
	mkdir tree
	cd tree
	printf 'hello\n' >file
	: >empty
	head -c 70000 /dev/zero | tr '\0' x >large
	head -c 512 /dev/zero | tr '\0' y >block
	chmod 4751 file
	chmod 0400 empty
	touch -d '1969-12-31 23:59:58.25 UTC' empty
	touch -d '2026-03-09 12:00:00.123456789 UTC' large
	long=$(printf '%0250d' 7)
	mkdir -p "dir/$long"
	printf 'a' >"dir/$long/$long"
	ln -s target link
	ln -s "$(printf '%0300d' 8)" longlink
	ln file hard
	ln "dir/$long/$long" "dir/$long/hard"
	mkfifo fifo
	printf 'b' >"$(printf 'not utf-8 \377')"
	printf 'c' >"$(printf 'new\nline \\ tab\tend')"
	printf 'd' >"$(printf 'prefix%095d' 1)"
	mknod null c 1 3 2>/dev/null || :
	cd ..
}

# Holes of all sorts: none stored, one extent, more than fit a header, more than an extension block
# holds, and more than 8 GiB before the next member.
make_sparse() {
	mkdir sparse
	truncate -s 1M sparse/hole
	truncate -s 1M sparse/start
	printf 'x' | dd of=sparse/start conv=notrunc status=none
	for name in many:9 more:60; do
		truncate -s 8M "sparse/${name%:*}"
		i=1
		while [ $i -le "${name#*:}" ]; do
			printf 'extent %d' $i |
				dd of="sparse/${name%:*}" bs=65536 seek=$i conv=notrunc status=none
			i=$((i + 1))
		done
	done
	truncate -s 9G sparse/xl
	printf 'end' | dd of=sparse/xl bs=1M seek=9000 conv=notrunc status=none
	printf 'not sparse' >sparse/z
}

make_tree
make_sparse

for format in v7 oldgnu gnu ustar pax; do
	tar -cf $format.tar --format=$format tree 2>/dev/null || : # what it cannot store it leaves out
	check $format.tar
done
for format in oldgnu gnu; do
	tar -cf sparse-$format.tar --format=$format --sparse sparse
	check sparse-$format.tar
done
for version in 0.0 0.1 1.0; do
	tar -cf sparse-$version.tar --format=pax --sparse --sparse-version=$version sparse tree
	check sparse-$version.tar
done
for format in v7 ustar pax gnutar; do # in C.UTF-8 bsdtar complains about names
	bsdtar -cf bsd-$format.tar --format=$format tree 2>/dev/null || :
	check bsd-$format.tar
done
bsdtar -cf bsd-sparse.tar --format=pax --read-sparse sparse
check bsd-sparse.tar

# Global records, a label, a dump with the names of its directories, two archives in one.
tar -cf global.tar --format=pax --pax-option='globexthdr.name=g,mtime=123456789.5,comment=hello' tree
check global.tar
tar -cf label.tar --format=gnu --label=volume tree
"$tarlist" <label.tar | grep -qx "end ok damage 0" || fail "label.tar: $("$tarlist" <label.tar)"
[ "$("$tarlist" <label.tar | wc -l)" -eq "$("$tarlist" <gnu.tar | wc -l)" ] || fail "label.tar: count"
tar -cf dump-pax.tar --format=pax --listed-incremental=dump.snar tree
check dump-pax.tar
rm dump.snar
# tarfile takes the times of a GNU dump for a prefix, so the names are those of the other archive.
tar -cf dump.tar --format=gnu --listed-incremental=dump.snar tree
python3 "$top/tests/lib/tarlist.py" dump.tar | cut -f 1-11 >dump.want
"$tarlist" <dump.tar >dump.got
grep -v ^end dump.got | cut -f 1-11 | diff -u dump.want - || fail "dump.tar: members"
tail -n 1 dump.got | grep -qx "end ok damage 0" || fail "dump.tar: damage"
names() {
	"$tarlist" <"$1" | grep -v ^end | cut -f 12 | sort
}
[ "$(names dump.tar)" = "$(names gnu.tar)" ] || fail "dump.tar: names"
cat gnu.tar pax.tar ustar.tar >concatenated.tar
check concatenated.tar

# Owners, devices and times that need base-256 or pax, by another writer.
python3 - <<'PY'
import io, tarfile
for name, fmt in ("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT):
    with tarfile.open("py-%s.tar" % name, "w", format=fmt, encoding="utf-8") as tar:
        for uid, mtime, size in (0, 0, 0), (2097151, 8589934591, 513), (3000000, -1, 5), (5000000, 1.75, 0):
            if fmt == tarfile.USTAR_FORMAT and (uid > 0o7777777 or mtime < 0):
                continue
            m = tarfile.TarInfo("member-%d" % uid)
            m.uid = m.gid = uid
            m.mtime, m.size = mtime, size
            tar.addfile(m, io.BytesIO(b"z" * size))
        for kind in tarfile.CHRTYPE, tarfile.BLKTYPE:
            m = tarfile.TarInfo("device" + kind.decode())
            m.type, m.devmajor, m.devminor = kind, 259, 70000
            tar.addfile(m)
        m = tarfile.TarInfo("contiguous")
        m.type, m.size = tarfile.CONTTYPE, 4
        tar.addfile(m, io.BytesIO(b"cont"))
PY
for format in ustar gnu pax; do
	check py-$format.tar
done

# Cut short: in data, in a header; without its zero blocks it is whole.
"$tarlist" <gnu.tar >whole
last=$(awk -F '\t' '/^end/ { next } { end = $8 + int(($9 + 511) / 512) * 512 } END { print end }' whole)
head -c "$last" gnu.tar | "$tarlist" | cmp - whole || fail "no zero blocks"
head -c "$((last + 100))" gnu.tar | "$tarlist" | cmp - whole || fail "a part of a zero block"
head -c 300 gnu.tar | "$tarlist" | grep -qx "end EBADMSG damage 0" || fail "less than a block"
head -c 812 gnu.tar | "$tarlist" | grep -qx "end ENODATA damage 0" || fail "cut in a header"
large=$(awk -F '\t' '$12 == "tree/large" { print $8 }' whole)
head -c "$((large + 5000))" gnu.tar | "$tarlist" | grep -qx "end ENODATA damage 0" || fail "cut in data"
"$tarlist" </dev/null | cmp - <<'EOF' || fail "an empty archive"
end ok damage 0
EOF
