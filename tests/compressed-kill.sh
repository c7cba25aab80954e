#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The daemon is killed again and again while it reads compressed tarballs for the first time; in the end their
# indexes, members and seek points, are those of passes that nobody disturbed.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/compressed.sh"
requires python3 tar xz zstd bzip2 lz4
requires_fuse

make_tree 120 50000
mkdir "$tmp/www"
pack xz-sha256 "$tmp/www/a.tar.xz"
pack zstd-frames "$tmp/www/b.tar.zst"
pack bzip2 "$tmp/www/c.tar.bz2"
pack lz4-blocks "$tmp/www/d.tar.lz4"
printf '* 206 slow=2500000\n' >"$tmp/plan"
start_storage "$tmp/www" "$tmp/plan"
files="a.tar.xz b.tar.zst c.tar.bz2 d.tar.lz4"
sources=
for file in $files; do
	sources="$sources $storage_url/$file"
done

# Somebody reads the members in order, and waits for each of them.
walk() { # NAME
	(cd "$tmp/tree" && find . -type f | sort) | sed "s|^|$mnt/$1/$1/|" | xargs cat >/dev/null 2>&1
}
positions() {
	json_of "$mnt/.mdcfs/status.json" "sum(x['archive']['position'] for x in d['datasets'])"
}
rounds=0 resumed=0
seed=${SEED:-$$}
note "SEED=$seed"
while [ $rounds -lt 8 ]; do
	# shellcheck disable=SC2086 # a list of words
	mount_mdcfs -o connections=2 $sources
	[ "$(positions)" = 0 ] || resumed=$((resumed + 1))
	walkers=
	for name in a b c d; do
		walk $name &
		walkers="$walkers $!"
	done
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	# No matter when: this is the moment, not a wait for anything.
	sleep "$(printf "0.%03d" $((200 + seed / 65536 % 500)))"
	kill -9 "$mdcfs_pid"
	forget_mount
	for walker in $walkers; do
		wait "$walker" || :
	done
	rounds=$((rounds + 1))
done
[ $resumed -ge 3 ] || fail "only $resumed of $rounds mounts went on from somewhere"

: >"$tmp/plan"
for where in "$cache" "$tmp/undisturbed"; do
	# shellcheck disable=SC2086
	mount_mdcfs -o "cache_dir=$where" $sources
	for name in a b c d; do
		compare_trees "$tmp/tree" "$mnt/$name/$name"
	done
	expect "damage" "" "$(json_of "$mnt/.mdcfs/status.json" \
		"''.join(x['archive']['error'] for x in d['datasets'])")"
	umount_mdcfs
done
for index in "$tmp"/undisturbed/objects/*/index.db; do
	same=$cache/objects/${index#"$tmp"/undisturbed/objects/}
	python3 "$top/tests/lib/indexes.py" "$same" "$index" || fail "the indexes differ"
done
