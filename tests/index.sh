#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The index of an archive, made without a mount: with a bar on a terminal, in several goes, beside a mount that
# reads the same archive; and shown, without asking anybody.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((8 << 20))
serve_dataset

shown() { # KEY [SOURCE]
	timeout -s KILL 20 "$MDCFS" index show --json "${2:-data}" >"$tmp/shown.json" 2>/dev/null || :
	json_of "$tmp/shown.json" "d['$1']"
}
on_a_terminal() { # STATUS COLUMNS [-i TEXT] COMMAND...: what it draws in $err
	want=$1 got=0
	shift
	timeout -s KILL 60 python3 "$top/tests/lib/ptyrun.py" "$@" >"$out" 2>"$err" || got=$?
	[ "$got" = "$want" ] || { cat -v "$err" >&2; fail "$*: exit status $got, not $want"; }
}

note "there is none"
run 1 "$MDCFS" index show data
says "no index yet"
grep -q '^state *none' "$out" || fail "show says something else"
run 1 "$MDCFS" index export data "$tmp/none"
says "no index yet"
expect "requests so far" 0 "$(asked)"

note "Ctrl-C"
plan "* 206 slow=1000000"
on_a_terminal 130 60 -i "/s" "$MDCFS" index build -o connections=2 data
says "the same command goes on"
python3 - "$err" <<'PYTHON' || fail "the bar"
import re, sys
text = open(sys.argv[1], newline="").read()
bars = re.findall(r"\r(\[[^\r\033]*)", text)
assert len(bars) > 2, text
assert all(len(b) < 60 for b in bars), max(bars, key=len)
assert re.fullmatch(r"\[#*\.*\] \d+\.\d %, \d.*", bars[-1]), bars[-1]
assert bars[0].count("#") < bars[-1].count("#"), bars

PYTHON
expect "stopped" partial "$(shown state)"
stopped_at=$(shown position)
[ "$stopped_at" -gt $((1 << 20)) ] || fail "stopped at $stopped_at"
run 1 "$MDCFS" index export data "$tmp/partial"
says "not complete"
[ ! -e "$tmp/partial" ] || fail "a partial index was exported"

note "it goes on from there"
plan "* ok"
run 0 "$MDCFS" index build -o connections=2 data
grep -q '^state *complete, SHA-256 verified$' "$out" || { cat "$out" >&2; fail "not complete"; }
[ ! -s "$err" ] || { grep -q "$(printf '[\r\033]')" "$err" && fail "a bar where no terminal is"; }
first=$(since_plan | awk '{ sub("bytes=", "", $4); split($4, r, "-"); print r[1] }' | sort -n | head -n 1)
[ "$first" -gt $((stopped_at / 2)) ] || fail "it began again at $first"
expect "members" "$(find "$tmp/tree" -mindepth 1 | wc -l)" "$(shown members)"
expect "position" "$archive_size" "$(shown position)"
[ "$(shown bytes_per_member)" -lt 300 ] || fail "bytes per member: $(shown bytes_per_member)"

note "done is done"
plan "* ok"
run 0 "$MDCFS" index build --json data
says "complete already"
expect "as JSON" complete "$(json_of "$out" 'd["state"]')"
expect "requests of the second build" 0 "$(asked)"

note "mounts use it"
mount_mdcfs data
compare_trees --no-data "$tmp/tree" "$(members_at)"
expect "requests for a listing" 0 "$(stat_of storage_requests)"
umount_mdcfs

note "a mount reads it already"
MDCFS_CACHE_DIR=$tmp/other
: >"$storage_log"
plan "* 206 slow=1200000"
mount_mdcfs -o connections=2 data
ls "$(members_at)" >"$tmp/listed" &
lister=$!
begun() {
	[ "$(archive_status position)" -gt 0 ]
}
retry 20 begun || fail "the mount does not read"
has_a_rate() {
	on_a_terminal 0 90 -o "$MDCFS" status "$mnt"
	grep -qE '^ {14}\[#+\.+\] [0-9.]+ %, .*/s' "$err"
}
retry 4 has_a_rate || { cat "$err" >&2; fail "no bar in the status"; }
grep -E '^ {14}\[' "$err" | tr -d '\r' | grep -qE '^.{90,}$' && fail "the bar is as wide as the terminal"
run 0 "$MDCFS" status "$mnt"
grep -qE 'archive .*reading, .* %, .* of .*/s' "$out" || { cat "$out" >&2; fail "no progress in the status"; }
grep -q '\[#' "$out" && fail "a bar where no terminal is"
run 0 "$MDCFS" index build data
says "following"
wait $lister || fail "the listing"
at_most "bytes sent" $((archive_size + (1 << 20))) "$(awk '{ n += $6 } END { print n + 0 }' "$storage_log")"
umount_mdcfs

note "without asking anybody"
MDCFS_CACHE_DIR=$cache
link=$storage_url/data.tar.gz
run 0 "$MDCFS" index build "$link"
stop_child "$storage_pid"
expect "of a link, the server gone" complete "$(shown state "$link")"

note "a damaged archive"
head -c 1000000 "$tmp/www/data.tar.gz" >"$tmp/cut.tar.gz"
run 1 "$MDCFS" index build "$tmp/cut.tar.gz"
says "ends too early"
expect "what it is" damaged "$(shown state "$tmp/cut.tar.gz")"
run 1 "$MDCFS" index export "$tmp/cut.tar.gz" "$tmp/cut.index"
says "is damaged"
echo text >"$tmp/notes.txt"
run 1 "$MDCFS" index build "$tmp/notes.txt"
says "no archive by its name"

note "wrong usage"
run 2 "$MDCFS" index
run 2 "$MDCFS" index bulid x; says "'bulid' is not build"
run 2 "$MDCFS" index build; says "one SOURCE"
run 2 "$MDCFS" index export data; says "a FILE"
run 2 "$MDCFS" index import --json x; says "no JSON"
run 1 "$MDCFS" index import "$tmp/missing"; says "missing"
