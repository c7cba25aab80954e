#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Every file of a cache is damaged in some way, before a mount and under one: nothing that is read is
# ever wrong, nothing crashes, and with a network everything can be read again, at the latest by the next mount.
#
#   SEED=N        the same damage again
#   ALL_KINDS=1   every file in every way: minutes
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

seed=${SEED:-$$}
note "SEED=$seed"
kinds="flip junk cut zero empty remove folder append"
make_archive 80 $((10 << 20)) # more than stays in memory
make_random "$tmp/www/data.bin" $((9 << 20))
reference=$tmp/www/data.bin
serve_dataset
sources="data $storage_url/data.bin"

read_well() { # WHAT
	timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "SEED=$seed: $1: the file"
	timeout -s KILL 60 python3 "$top/tests/lib/treecmp.py" "$tmp/tree" "$(members_at)" >"$tmp/said" 2>&1 ||
		{ cat "$tmp/said" >&2; fail "SEED=$seed: $1: the tree"; }
}
# Right or an error, as long as the damage is met for the first time.  Sets errors.
read_or_fail() { # WHAT
	python3 "$top/tests/lib/damage.py" --drop "$(members_at)" 2>/dev/null || :
	python3 "$top/tests/lib/damage.py" --drop "$mnt/data.bin" 2>/dev/null || :
	timeout -s KILL 120 python3 - "$tmp/tree" "$(members_at)" "$reference" "$(data_at)" <<'PYTHON' >"$tmp/errors" || fail "SEED=$seed: $1"
import os, sys
tree, mounted, reference, data = sys.argv[1:]
pairs = [(reference, data)]
for top, _, files in os.walk(tree):
    pairs += [(os.path.join(top, f), os.path.join(mounted, os.path.relpath(top, tree), f)) for f in files]
errors = 0
for want, path in pairs:
    try:
        with open(path, "rb") as f:
            got = f.read()
    except OSError as error:
        errors += 1
        continue
    with open(want, "rb") as f:
        if f.read() != got:
            sys.exit("%s: wrong bytes" % path)
print(errors)
PYTHON
	errors=$(cat "$tmp/errors")
}
mount_both() {
	# shellcheck disable=SC2086 # two words
	mount_mdcfs -o read_ahead=8M $sources
}
number=0
next() { # a kind for a file
	number=$((number + 1))
	# shellcheck disable=SC2086 # words
	set -- $kinds
	shift $(((seed + number * 5) % $#))
	echo "$1"
}
harm() { # FILE KIND
	python3 "$top/tests/lib/damage.py" "$1" "$2" $((seed + number)) || fail "damage.py $1 $2"
}

mount_both
read_well "undamaged"
umount_mdcfs
cp -a --sparse=always "$cache" "$tmp/pristine"
(cd "$tmp/pristine" && find . -type f | sort) >"$tmp/files"
for file in usage index.db raw.map raw.data about.json; do
	grep -q "/$file\$" "$tmp/files" || fail "no $file in the cache: $(cat "$tmp/files")"
done

note "before a mount: $(wc -l <"$tmp/files") files"
restore() {
	rm -rf "$cache"
	cp -a --sparse=always "$tmp/pristine" "$cache"
	harmed=""
}
try_harmed() {
	mount_both
	read_or_fail "$harmed"
	umount_mdcfs
	find "$cache" -name '*.json' -type d -exec rm -r {} + # nobody's task
	if [ "$errors" -gt 0 ]; then
		note "$harmed: $errors files could not be read"
		mount_both
		read_well "$harmed, mounted again"
		umount_mdcfs
	fi
	restore
}
restore
while read -r file; do
	for kind in $([ -n "${ALL_KINDS-}" ] && echo "$kinds" || next); do
		number=$((number + 1))
		harm "$cache/$file" "$kind"
		harmed="$harmed$file, $kind; "
		# Some at a time, to save time.
		[ -z "${ALL_KINDS-}" ] && [ $((number % 3)) != 0 ] || try_harmed
	done
done <"$tmp/files"
try_harmed

note "under a mount"
mount_both
read_well "undamaged again"
while read -r file; do
	[ -f "$cache/$file" ] || continue
	number=$((number + 1))
	kind=$(next)
	harm "$cache/$file" "$kind"
	read_or_fail "$file, $kind, under the mount"
	gone "$mdcfs_pid" && fail "SEED=$seed: $file, $kind: the daemon is gone"
	[ "$kind" != folder ] || rm -rf "${cache:?}/$file"
done <"$tmp/files"
umount_mdcfs
mount_both
read_or_fail "all of that, mounted again"
umount_mdcfs
mount_both
read_well "all of that, mounted once more"
umount_mdcfs
at_most "sessions" 6 "$(posts)"

# What is of another version is made anew, and said to be; what is no file at all blocks nobody.
for map in "$cache"/objects/*/*.map; do
	printf '\002' | dd of="$map" bs=1 seek=8 conv=notrunc 2>/dev/null
done
printf '\003' | dd of="$cache/usage" bs=1 seek=8 conv=notrunc 2>/dev/null
: >"$log"
mount_both
read_well "maps of another version"
umount_mdcfs
grep -q "the map is missing, damaged or of another version" "$log" || fail "nobody says that a map is made anew"
grep -q "usage: damaged or of another version" "$log" || fail "nobody says that the figures are made anew"
for map in "$cache"/objects/*/*.map; do
	rm "$map"
	mkfifo "$map"
done
mount_both
read_well "fifos instead of maps"
