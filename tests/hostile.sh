#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Tar archives that somebody made to do harm, or that look like it: names that climb, links that lead
# out, thousands of levels, one name fifty thousand times, as many broken members.  Nothing leads
# out of the folder, the sound members are there, and the damage is counted and named, briefly.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3
requires_fuse

mkdir "$tmp/made"
make() { # KIND [NUMBER]
	python3 "$top/tests/lib/oddtar.py" "$1" "$tmp/made/$1.tar.gz" "${2:-0}" || fail "oddtar.py $1"
}
make hostile
make deep 30000
make chain 1000
make same 50000
make orphans 50000
mount_mdcfs "$tmp"/made/*
at() { # ARCHIVE
	echo "$mnt/$1/$1"
}
status_of() { # ARCHIVE EXPRESSION over a
	json_of "$mnt/.mdcfs/status.json" \
		"[a for a in [x['archive'] for x in d['datasets'] if x['slug'] == '$1']][0]$2"
}
damage_of() { # ARCHIVE WORD: how many members of it have a damage with that word
	json_of "$mnt/.mdcfs/status.json" "sum(k['members'] for x in d['datasets'] if x['slug'] == '$1'
		for k in x['archive']['damage'] if '$2' in k['what'])"
}

# --- names and links
files() { # FOLDER: the paths below it, long names cut
	(cd "$1" && find . -mindepth 1 -printf '%y %P\n') |
		sed -E 's/p{199}/P/g; s/n{246}~[0-9a-f]{8}/N/; s/\x1b/E/' | LC_ALL=C sort
}
{
	path=P
	i=1
	while [ $i -le 25 ]; do
		echo "d $path"
		path=$path/P
		i=$((i + 1))
	done
	echo "f ${path%/P}/end"
	for name in a c dot double etc; do echo "d $name"; done
	for name in N a/b c/d cut dot/file double/slashes 'escE[31mape' etc/absolute last up; do
		echo "f $name"
	done
	echo "l climbing-link"
	echo "l etc/passwd-link"
} | LC_ALL=C sort >"$tmp/expected"
files "$(at hostile)" >"$tmp/names" || fail "find"
diff -u "$tmp/expected" "$tmp/names" || fail "other names"
for name in up:up a/b:b c/d:d etc/absolute:absolute double/slashes:double dot/file:dot cut:nul last:last; do
	expect "${name%:*}" "${name#*:}" "$(cat "$(at hostile)/${name%:*}")"
done
expect "a link to /" /etc/passwd "$(readlink "$(at hostile)/etc/passwd-link")"
expect "a link that climbs" ../../../../../../etc/passwd "$(readlink "$(at hostile)/climbing-link")"
expect "no name" 1 "$(damage_of hostile 'no name')"
expect "climbing" 3 "$(damage_of hostile climbs)"
expect "below a file" 1 "$(damage_of hostile 'a file is used')"
expect "below a link" 1 "$(damage_of hostile 'a symbolic link is used')"
expect "over a folder" 1 "$(damage_of hostile 'a directory with members')"
expect "hard links" 1 "$(damage_of hostile 'hard link')"
expect "state" complete "$(status_of hostile '["state"]')"
log_has "member c/../../../../d: climbs out" || fail "the log does not name what climbs"
log_has "hostile.tar.gz: 3 of its members: climbs out" || fail "the log does not count what climbs"
"$MDCFS" status "$mnt" | grep -q "damage .*3 members: climbs out" || fail "mdcfs status"

# --- levels: every one can be entered
within 60 python3 "$top/tests/lib/descend.py" "$(at deep)" d >"$tmp/deep" || fail "descend.py"
expect "levels" "30000 beside beside file deep" "$(tr '\n' ' ' <"$tmp/deep" | sed 's/ $//')"
expect "above them" top "$(cat "$(at deep)/top")"
expect "a chain" 1000 "$(within 60 python3 "$top/tests/lib/descend.py" "$(at chain)" d)"
expect "its third" 703 "$(stat -c %a "$(at chain)/d/d/d")"

# --- one name, again and again: the last one is it
expect "names" "first last same" "$(ls "$(at same)/folder" | tr '\n' ' ' | sed 's/ $//')"
expect "the last one" "04999 49999" "$(cat "$(at same)/folder/same") $(stat -c %Y "$(at same)/folder/same")"

# --- damage without end: counted, not written down fifty thousand times
expect "members" member "$(ls "$(at orphans)")"
expect "orphans" 50000 "$(damage_of orphans 'hard link')"
at_most "lines in the log" 30 "$(wc -l <"$mnt/.mdcfs/log")"
is_sanitized || at_most "peak memory in KiB" 300000 \
	"$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$mdcfs_pid/status")"

# --- the counts are in the index
umount_mdcfs
mount_mdcfs "$tmp/made/orphans.tar.gz"
expect "orphans, after a remount" 50000 "$(damage_of orphans 'hard link')"
