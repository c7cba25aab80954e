#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A dataset gets a new version while it is mounted: it is shown without a remount, however it was found out;
# who has the old one open gets ESTALE for what is not cached, and nobody ever sees a mix.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar
requires_fuse

version_status() { # KEY
	json_of "$mnt/.mdcfs/status.json" "d['datasets'][0]['version']['$1']"
}
# The kernel keeps what it knows of the root for a second; the number of a version is in its inodes.
has_earlier() { # VERSIONS: and who looks now comes to the newest
	[ "$(version_status earlier)" = "$1" ] &&
		[ $(($(stat -c %i "$mnt/$(ls "$mnt")") >> 40)) = $(($1 + 1)) ]
}
held_block() { # N REFERENCE: of the file that is open as descriptor 3
	timeout -s KILL 40 python3 "$top/tests/lib/readat.py" /dev/fd/3 $(($1 * block)) $block "$2" || :
}

note "a file behind a URL: storage shows it"
size=$((8 << 20))
serve_file $size
old=$tmp/old.bin
cp "$reference" "$old"
mount_mdcfs -o read_ahead=4M "$storage_url/data.bin"
exec 3<"$(data_at)"
expect "a block of the old version" ok "$(held_block 8 "$old")"
inode=$(stat -L -c %i /dev/fd/3)
exec 4<"$mnt/data.bin"
make_random "$tmp/new.bin" $((size + 12345))
mv "$tmp/new.bin" "$reference"
expect "what is not cached of the old one" ESTALE "$(held_block 40 "$old")"
retry 20 has_earlier 1 || fail "the new version is not shown"
expect "what is cached of the old one" ok "$(held_block 8 "$old")"
expect "what is not" ESTALE "$(held_block 50 "$old")"
expect "size of the file that is open" $size "$(stat -L -c %s /dev/fd/3)"
expect "listing the old directory" ESTALE "$(errno_of 'os.listdir("/dev/fd/4")')"
exec 4<&-
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "the new version"
[ "$(stat -c %i "$(data_at)")" != "$inode" ] || fail "both versions have one inode"
log_has 'a new version is shown from now on' || fail "the log does not say so"
expect "is there another version by now?" False "$(version_status changed)"
exec 3<&-
umount_mdcfs

note "a file behind a URL: asked for"
plan "* ok"
mount_mdcfs -o metadata_ttl=1 "$storage_url/data.bin"
retry 10 asked_for 2 || fail "nobody asks"
make_random "$tmp/new.bin" $size
mv "$tmp/new.bin" "$reference"
retry 20 has_earlier 1 || fail "the new version is not found"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "the new version, found by asking"
umount_mdcfs

note "a local file, replaced and written over"
cp "$old" "$tmp/local.bin"
mount_mdcfs "$tmp/local.bin"
cmp "$mnt/local.bin/local.bin" "$old" || fail "the local file"
make_random "$tmp/new.bin" $((2 << 20))
mv "$tmp/new.bin" "$tmp/local.bin"
retry 20 has_earlier 1 || fail "the new local file is not found"
cmp "$mnt/local.bin/local.bin" "$tmp/local.bin" || fail "the new local file"
exec 3<"$mnt/local.bin/local.bin"
cat "$old" >"$tmp/local.bin"
expect "a file that was written over" ESTALE "$(held_block 3 "$old")"
exec 3<&-
retry 20 has_earlier 2 || fail "what was written over is not found"
cmp "$mnt/local.bin/local.bin" "$old" || fail "what was written over"
umount_mdcfs

# --- a dataset ---

change_tree() { # WORD: other content in every file, another file besides; the archive is made anew
	python3 - "$tmp/tree" "$1" <<'PYTHON'
import os, random, sys
rnd = random.Random(sys.argv[2])
for folder, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(rnd.randbytes(30000))
PYTHON
	echo "$1" >"$tmp/tree/d00/only-$1"
	(cd "$tmp/tree" && find . -exec touch -d @1700000000 {} + && tar --sort=name -cf - ./*) |
		gzip -n >"$tmp/data.new"
	mv "$tmp/data.new" "$tmp/www/data.tar.gz"
}
announce() { # what there is now
	sum=$(sha256sum <"$tmp/www/data.tar.gz" | cut -d ' ' -f 1)
	sed "s/\"checksum\": \"[0-9a-f]*\"/\"checksum\": \"$sum\"/" "$tmp/api.json" >"$tmp/api.new"
	mv "$tmp/api.new" "$tmp/api.json"
}

note "the API announces it"
make_archive 60 $((2 << 20))
rm -rf "$tmp/tree.old"
cp -a "$tmp/tree" "$tmp/tree.old"
serve_dataset
mount_mdcfs -o metadata_ttl=1 data
compare_trees "$tmp/tree.old" "$(members_at)"
exec 3<"$(members_at)/d00/f00000" 4<"$(members_at)/d00"
change_tree second
cat >"$tmp/mixed.py" <<'PYTHON'
import errno, os, sys
at, trees, stop = sys.argv[1], sys.argv[2:4], sys.argv[4]
seen = set()
while not os.path.exists(stop) or len(seen) < 2:
    try:
        names = sorted(os.listdir(at))
        kinds = {i for i, tree in enumerate(trees) if names == sorted(os.listdir(tree))}
        if not kinds:
            sys.exit(f"a listing of neither version: {names}")
        seen |= kinds
        for name in names[:5]:
            with open(os.path.join(at, name), "rb") as f:
                data = f.read()
            if not any(data == open(os.path.join(tree, name), "rb").read() for tree in trees):
                sys.exit(f"{name}: bytes of neither version")
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
PYTHON
timeout -s KILL 60 python3 "$tmp/mixed.py" "$(members_at)/d00" "$tmp/tree.old/d00" "$tmp/tree/d00" "$tmp/stop" \
	>"$tmp/mixed.out" 2>&1 &
mixed=$!
announce
retry 20 has_earlier 1 || fail "what the API announces is not shown"
: >"$tmp/stop"
wait $mixed || fail "who looked all the time: $(cat "$tmp/mixed.out")"
expect "looking a name up in the old directory" ESTALE "$(errno_of 'os.stat("/dev/fd/4/no-such-name")')"
cmp "$tmp/tree.old/d00/f00000" /dev/fd/3 || fail "what was cached of the old version"
exec 3<&- 4<&-
compare_trees "$tmp/tree" "$(members_at)"
expect "sessions for two versions" 2 "$(posts)"
expect "checked" True "$(json_of "$mnt/.mdcfs/status.json" "d['datasets'][0]['version']['checked'] is not None")"
"$MDCFS" status "$mnt" | grep -q 'version .*checked' || fail "the status does not show it"
umount_mdcfs

note "a download session says it"
mount_mdcfs -o metadata_ttl=1d data
change_tree third
announce
plan "1 403"
expect "storage refuses, the new session is of another version" ESTALE \
	"$(errno_of 'os.pread(os.open(sys.argv[2], os.O_RDONLY), 1, 1 << 20)' "$mnt/data/data.tar.gz")"
retry 20 has_earlier 1 || fail "what the session says is not shown"
compare_trees "$tmp/tree" "$(members_at)"
expect "sessions" 3 "$(posts)"
umount_mdcfs

note "storage has it, the API never says so: the same content, stored anew"
mount_mdcfs -o "metadata_ttl=3,cache_dir=$tmp/another" data
read_at() { # OFFSET
	errno_of 'os.pread(os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECT), 4096, int(sys.argv[3]))' \
		"$mnt/data/data.tar.gz" "$1"
}
expect "before" none "$(read_at 0)"
cp "$tmp/www/data.tar.gz" "$tmp/data.new"
touch -d @1600000000 "$tmp/data.new"
mv "$tmp/data.new" "$tmp/www/data.tar.gz"
expect "at first" ESTALE "$(read_at 1048576)"
retry 10 log_has 'nobody announces it yet' || fail "the log does not say why"
retry 20 has_earlier 1 || fail "it is never taken for the same"
cmp "$tmp/www/data.tar.gz" "$mnt/data/data.tar.gz" || fail "after"
expect "sessions: that of the version was kept" 3 "$(posts)"

note "nobody reads: nothing is asked for but details"
change_tree fourth
announce
retry 20 has_earlier 2 || fail "what the API announces now is not shown"
expect "sessions of a version that nobody has read" 3 "$(posts)"
