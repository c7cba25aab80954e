#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A directory of 30 000 names can be read from anywhere, by several at once, and by one who comes after
# somebody who gave up: every name exactly once, in the archive's order, and of the right type.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 find
requires_fuse

# All types of a tar in one directory; a zip in it every now and then, for -o nested.
mkdir "$tmp/data"
python3 - "$tmp/data/many.tar.gz" "$tmp/expected" "$tmp/expected.nested" <<'PYTHON'
import gzip, sys, tarfile

TYPES = {"d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "p": tarfile.FIFOTYPE, "c": tarfile.CHRTYPE,
         "b": tarfile.BLKTYPE}
with gzip.open(sys.argv[1], "wb", 1) as gz, tarfile.open(fileobj=gz, mode="w", format=tarfile.USTAR_FORMAT) as tar, \
        open(sys.argv[2], "w") as plain, open(sys.argv[3], "w") as nested:
    for i in range(30000):
        letter = "dlpcb"[i // 100 % 5] if i % 100 == 50 else "f"
        name = "n%05d" % (i * 7919 % 30000)
        member = tarfile.TarInfo("dir/" + name)
        member.type = TYPES.get(letter, tarfile.REGTYPE)
        member.linkname = "elsewhere" if letter == "l" else ""
        if i % 1000 == 999:  # another name of the first one
            member.type, member.linkname = tarfile.LNKTYPE, "dir/n00000"
        if i % 3000 == 1500:
            member.name += ".zip"
        tar.addfile(member)
        shown = member.name[len("dir/"):]
        for file in plain, nested:
            print(letter, shown, file=file)
        if shown.endswith(".zip"):
            print("d", name, file=nested)
PYTHON
expect "entries" 30000 "$(wc -l <"$tmp/expected")"
start_storage "$tmp/data"

walk() { # CHECK EXPECTED [ARGUMENT]
	check=$1 with=$2
	shift 2
	timeout -s KILL 60 python3 "$top/tests/lib/dirwalk.py" "$check" "$dir" "$with" "$@" || fail "$check, $state"
}

# Somebody gives up in the middle, by a signal or since nobody reads on: the next one sees everything.
give_up() {
	timeout -s KILL 20 python3 -c 'import os, signal, sys
for number, entry in enumerate(os.scandir(sys.argv[1])):
    if number == 10000:
        os.kill(os.getpid(), signal.SIGKILL)' "$dir" && fail "nobody gave up"
	expect "names that ls tells before head has enough" 5 "$(timeout -s KILL 20 ls -f "$dir" | head -n 5 | wc -l)"
	walk whole "$1"
}

all() { # EXPECTED
	for check in interleaved seek rewind; do
		walk $check "$1"
	done
	walk threads "$1" 4
	give_up "$1"
}

state="while the archive is being read"
mount_mdcfs "$storage_url/many.tar.gz"
dir=$mnt/many/many/dir
walk threads "$tmp/expected" 2
state="in the kernel's memory"
all "$tmp/expected"
walk tell "$tmp/expected" "$tmp/places"
umount_mdcfs

state="a new mount"
mount_mdcfs "$storage_url/many.tar.gz"
give_up "$tmp/expected"
umount_mdcfs
mount_mdcfs "$storage_url/many.tar.gz"
walk resume "$tmp/expected" "$tmp/places"
umount_mdcfs
mount_mdcfs "$storage_url/many.tar.gz"
all "$tmp/expected"
# find looks at large directories in the order of inode numbers.
sort "$tmp/expected" >"$tmp/sorted"
timeout -s KILL 60 find "$dir" -mindepth 1 -printf '%y %f\n' | sort | cmp - "$tmp/sorted" || fail "find"
umount_mdcfs

state="with -o nested"
mount_mdcfs -o nested "$storage_url/many.tar.gz"
walk seek "$tmp/expected.nested"
walk interleaved "$tmp/expected.nested"
umount_mdcfs
