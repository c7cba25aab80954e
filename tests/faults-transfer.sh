#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Faults of storage that pass: whatever happens on the way, the bytes that arrive are the file's, with
# the requests that this takes and no more, and nothing wrong is in the cache afterwards.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((26 << 20))
mount_mdcfs -o stall_timeout=2,deadline=30,connections=4 "$storage_url/data.bin"
expect "the mount asks for one block" 1 "$(asked)"
expect "size" "$(stat -c %s "$reference")" "$(stat -c %s "$(data_at)")"

# recovers NAME REQUESTS PLAN-LINE...: a block of its own is read under that plan.
at=0
recovers() {
	at=$((at + 8)) # not next to the one before: no read-ahead
	name=$1 requests=$2
	shift 2
	plan "$@"
	begun=$(now_ms)
	expect "$name" ok "$(read_block $at)"
	took=$(($(now_ms) - begun))
	retry 5 asked_for "$requests" || : # a stalled one is logged when the server gives it up
	expect "$name: requests" "$requests" "$(asked)"
}
took_between() { # MILLISECONDS MILLISECONDS
	[ $took -ge "$1" ] && [ $took -le "$2" ] || fail "$name: took $took ms, not $1 to $2"
}

recovers "no fault" 1 "* ok"
expect "exactly the block is asked for" "$(block_range $at)" "$(range_of 1)"

recovers "a body that breaks" 2 "1 206 drop@50000"
expect "it goes on at the byte" "$(block_range $at 50000)" "$(range_of 2)"
recovers "a body that breaks at its first byte" 2 "1 206 drop@0"
expect "it begins again" "$(block_range $at)" "$(range_of 2)"
recovers "a body that breaks five times" 6 "1-5 206 drop@20000"
expect "always at the byte" "$(block_range $at 100000)" "$(range_of 6)"
recovers "a body that lacks its last byte" 2 "1 206 drop@131071"
expect "the last byte" "$(block_range $at 131071)" "$(range_of 2)"

recovers "closed without an answer" 3 "1-2 close"
recovers "500" 2 "1 500"
recovers "502, 503, 504" 4 "1 502" "2 503" "3 504 body=later"
recovers "503 with Retry-After" 2 "1 503 retry-after=1"
took_between 1000 4000
recovers "429 with Retry-After" 2 "1 429 retry-after=1"
took_between 1000 4000
recovers "408" 2 "1 408"

recovers "a body that stalls" 2 "1 206 stall@1000 seconds=2.5"
took_between 2000 6000
expect "it goes on at the byte" 1 "$(asked "=$(block_range $at 1000) 206")"
recovers "an answer that stalls before its first byte" 2 "1 206 stall@0 seconds=2.5"
recovers "a slow body" 1 "1 206 slow=200000"
took_between 400 4000

recovers "a body that hardly comes" 2 "1 206 slow=1500"
took_between 3000 12000

recovers "a wrong range" 2 "1 206 wrong-range"
expect "it is asked for again" "$(block_range $at)" "$(range_of 2)"
recovers "a body shorter than its range" 2 "1 206 short@100"
expect "it goes on at the byte" "$(block_range $at 100)" "$(range_of 2)"
recovers "a web page in place of the file" 2 "1 200 page"
recovers "an answer that begins late" 1 "1 206 wait=1"
took_between 1000 4000
recovers "headers without end" 2 "1 endless-headers"
recovers "a refusal without end" 2 "1 503 endless"
recovers "a body without end" 1 "1 206 endless"
recovers "the whole file in place of a range" 2 "1 200 ignore-range"
expect "it is asked for again" "$(block_range $at)" "$(range_of 2)"

mkdir "$tmp/www/elsewhere"
cp -p "$reference" "$tmp/www/elsewhere/copy.bin"
recovers "a redirect" 2 "1 redirect=$storage_url/elsewhere/copy.bin"
expect "where it led to" 1 "$(asked "GET /elsewhere/copy.bin bytes=$(block_range $at) 206")"

# Once more everything at once, over the whole file, and sequentially.
plan "2 206 drop@300000" "3 500" "5 206 drop@1" "6 close" "8 503 retry-after=1" "9 206 drop@100000" \
	"11 206 wrong-range"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "sequential"
[ "$(asked '^3 ')" = 1 ] || fail "the plan was not reached"
read_at_all=$(stat_of storage_bytes)
at_most "bytes fetched" $((28 << 20)) "$read_at_all"
expect "not a block is refused" 0 "$(stat_of cache_bad)"
umount_mdcfs

# What was kept is right: a new mount needs nothing but the first block, to know the version.
plan "* ok"
mount_mdcfs "$storage_url/data.bin"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "from the cache"
expect "requests with a warm cache" 1 "$(asked)"
