#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# -o versions: a name that comes several times in an archive shows its last member, and the ones before
# are NAME.versions/1, 2, ... in tar, tar.gz and zip archives alike.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar gzip
requires_fuse

# Each line is a member: kind, name, text or target.
cat >"$tmp/members" <<'EOF'
file d/same one
file d/same second
file d/same the third
file d/once only
file d/other other
hard d/linked d/other
file d/linked of its own
file d/becomes a file
dir d/becomes -
dir d/empty -
file d/empty was a directory
file d/taken old
file d/taken new
file d/taken.versions a member
symlink d/sym there
file d/sym no link any more
file same at the root
file same again
EOF
python3 - "$tmp/members" "$tmp/t.tar" "$tmp/t.zip" <<'EOF'
import io, sys, tarfile, warnings, zipfile
warnings.simplefilter("ignore")
rows = [line.rstrip("\n").split(" ", 2) for line in open(sys.argv[1])]
with tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT) as tar:
    for kind, name, text in rows:
        m = tarfile.TarInfo(name)
        m.type = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "hard": tarfile.LNKTYPE,
                  "symlink": tarfile.SYMTYPE}[kind]
        m.mode = 0o755 if kind == "dir" else 0o644
        if kind == "file":
            m.size = len(text)
        elif kind != "dir":
            m.linkname = text
        tar.addfile(m, io.BytesIO(text.encode()) if kind == "file" else None)
with zipfile.ZipFile(sys.argv[3], "w") as z:
    for kind, name, text in rows:
        if kind == "file":
            z.writestr(name, text)
EOF
mkdir "$tmp/unpacked"
tar -C "$tmp/unpacked" -xf "$tmp/t.tar"
gzip -n <"$tmp/t.tar" >"$tmp/t.tar.gz"

content() { # PATH TEXT
	expect "$1" "$2" "$(within 20 cat "$at/$1")"
}

absent() { # PATH
	if within 20 stat "$at/$1" >/dev/null 2>"$err"; then fail "$1 is there"; fi
	says "No such file"
}

# What all kinds of archive show alike.
check_files() {
	content d/same "the third"
	content d/same.versions/1 one
	content d/same.versions/2 second
	# shellcheck disable=SC2046 # words
	expect "names" "1 2" "$(echo $(within 20 ls "$at/d/same.versions"))"
	content same.versions/1 "at the root"
	content d/taken.versions "a member"
	for name in once.versions none.versions .versions same.versions/3 same.versions/0 \
		same.versions/01 same.versions/x same.versions/1.versions same.versions/4294967297; do
		absent "d/$name"
	done
	within 20 ls -a "$at/d" >"$tmp/names"
	expect "listed" taken.versions "$(grep versions "$tmp/names")"
}

for kind in tar tar.gz; do
	mount_mdcfs -o versions "$tmp/t.$kind"
	at=$mnt/t/t
	compare_trees --no-mtime "$tmp/unpacked" "$at"
	check_files
	content d/linked "of its own"
	content d/linked.versions/1 other
	expect "links of d/other" 1 "$(stat -c %h "$at/d/other")"
	[ -d "$at/d/becomes" ] || fail "no directory"
	content d/becomes.versions/1 "a file"
	content d/empty "was a directory"
	[ -d "$at/d/empty.versions/1" ] || fail "not the directory that it was"
	expect "in it" "" "$(ls -A "$at/d/empty.versions/1")"
	expect "symbolic link" there "$(readlink "$at/d/sym.versions/1")"
	umount_mdcfs
done

mount_mdcfs -o versions "$tmp/t.zip"
check_files
umount_mdcfs

note "of a damaged archive what came before the damage"
head -c 3300 "$tmp/t.tar" >"$tmp/cut.tar"
mount_mdcfs -o versions "$tmp/cut.tar"
at=$mnt/cut/cut
within 20 ls "$at" >/dev/null 2>&1 || :
content d/same "the third"
content d/same.versions/2 second
expect "not known" EIO "$(errno_of 'os.stat(sys.argv[2])' "$at/d/other.versions")"
umount_mdcfs

note "without the option there are none"
mount_mdcfs "$tmp/t.tar.gz"
at=$mnt/t/t
content d/same "the third"
absent d/same.versions
umount_mdcfs

note "twenty thousand of one name: each once, in order"
python3 - "$tmp/many.tar" <<'EOF'
import io, sys, tarfile
with tarfile.open(sys.argv[1], "w", format=tarfile.USTAR_FORMAT) as tar:
    m = tarfile.TarInfo("name")
    for i in range(20001):
        text = b"%d" % i
        m.size = len(text)
        tar.addfile(m, io.BytesIO(text))
EOF
mount_mdcfs -o versions "$tmp/many.tar"
at=$mnt/many/many
expect "all" name "$(within 20 ls "$at")" # a listing waits for the end, and only then it is the last
content name 20000
content name.versions/1 0
content name.versions/20000 19999
absent name.versions/20001
within 20 ls -U "$at/name.versions" >"$tmp/have"
seq 20000 | cmp - "$tmp/have" || fail "the listing"
