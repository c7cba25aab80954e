#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A file that is no sound index of this version is refused with the reason, and changes nothing: one that was
# damaged on its way, and one that somebody has made up.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar gzip flock
[ -x "$MDCFS" ] || fail "$MDCFS: no such program"

mkdir "$tmp/in" "$tmp/bad"
for i in $(seq 200); do
	echo "member $i" >"$tmp/in/f$i"
done
tar -C "$tmp" -czf "$tmp/a.tar.gz" in
run 0 "$MDCFS" index build "$tmp/a.tar.gz"
run 0 "$MDCFS" index export "$tmp/a.tar.gz" "$tmp/good"
python3 "$top/tests/lib/parcel.py" "$tmp/good" "$tmp/bad" >"$tmp/cases" || fail "parcel.py"

# A machine that has begun with this archive, so that there is something to spoil.
place=$tmp/other/objects/$(basename "$cache"/objects/*)
MDCFS_CACHE_DIR=$tmp/other
mkdir -p "$place"
cp "$tmp/bad/begun.db" "$place/index.db"

refused() { # FILE TEXT [SOURCE]: and nothing was changed
	run 1 "$MDCFS" index import "$1" ${3:+"$3"}
	says "$2"
	says "nothing was changed"
	[ "$(wc -l <"$err")" = 1 ] || { cat "$err" >&2; fail "$1: more than one line"; }
	cmp "$tmp/bad/begun.db" "$place/index.db" || fail "$1: the index has changed"
	for left in "$place"/* "$place"/.[!.]*; do
		case $left in */index.db | */index.db.lock | */about.json | *'*') ;; *) fail "$1: $left is left" ;; esac
	done
}

while read -r number text; do
	note "$number: $text"
	refused "$tmp/bad/$number" "$text"
done <"$tmp/cases"
[ "$(wc -l <"$tmp/cases")" -gt 110 ] || fail "few cases"
while read -r number text; do
	note "$number: $text, of an archive that is known"
	refused "$tmp/bad/$number" "$text" "$tmp/a.tar.gz"
done <"$tmp/bad/sized"
refused "$tmp/a.tar.gz" "is no exported index"
refused "$tmp" "is no regular file"

note "of another archive than the one that is named"
cp "$tmp/a.tar.gz" "$tmp/b.tar.gz"
run 1 "$MDCFS" index import "$tmp/good" "$tmp/b.tar.gz"
says "of another archive"

note "no room for it"
run 1 "$MDCFS" index import -o cache_reserve=1000000G "$tmp/good"
says "cache_reserve"
says "nothing was changed"

note "drafts of processes that were killed go, those of living ones stay"
: >"$place/.draft-aaaaaa"
last=$(wc -l <"$tmp/cases")
(flock 9 && run 1 "$MDCFS" index import "$tmp/bad/$last") 9<"$place/.draft-aaaaaa" || exit 1
[ -e "$place/.draft-aaaaaa" ] || fail "the draft of another process was removed"
run 1 "$MDCFS" index import "$tmp/bad/$last"
[ ! -e "$place/.draft-aaaaaa" ] || fail "an old draft is left"

note "the same by the same hand, unchanged, is welcome"
run 0 "$MDCFS" index import "$tmp/bad/same" "$tmp/a.tar.gz"
grep -q ": imported" "$out" || fail "it was not imported"
run 0 "$MDCFS" index show --json "$tmp/a.tar.gz"
expect "state" complete "$(json_of "$out" 'd["state"]')"

note "where there was nothing, nothing is left by a refusal"
MDCFS_CACHE_DIR=$tmp/empty
run 1 "$MDCFS" index import "$tmp/bad/$last"
left=$(find "$MDCFS_CACHE_DIR" -name 'index.db' -o -name '.draft*')
[ -z "$left" ] || fail "it was made: $left"

note "a disk that is full"
if [ "$(id -u)" = 0 ] && mkdir "$tmp/small" && mount -t tmpfs -o size=64k none "$tmp/small" 2>/dev/null; then
	cleanup_fn umount "$tmp/small"
	MDCFS_CACHE_DIR=$cache
	head -c 65536 /dev/urandom >"$tmp/small/filler" 2>/dev/null || :
	run 1 "$MDCFS" index export "$tmp/a.tar.gz" "$tmp/small/index"
	says "No space left"
	[ "$(ls -A "$tmp/small")" = filler ] || fail "a part of it is left: $(ls -A "$tmp/small")"
fi
