#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Many readers and a server in trouble: it sees a few requests a second, whoever waits; every reader hears
# of it in time; what is cached can be read; unmounting does not wait; and all goes on when it is well.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((64 << 20))
mount_mdcfs -o deadline=3,stall_timeout=2,connections=8,read_ahead=128K "$storage_url/data.bin"
expect "while all is well" ok "$(read_block 8)"

# many NAME OUTCOME FIRST-BLOCK: 48 readers of 48 blocks.
many() {
	begun=$(now_ms)
	timeout -s KILL 60 python3 "$top/tests/lib/readers.py" blocks 48 "$(data_at)" "$3" 6 "$reference" \
		>"$tmp/readers" || :
	took=$(($(now_ms) - begun))
	expect "$1" "48 $2" "$(cat "$tmp/readers")"
}

# One probe every second or two after the first few, not 48 times the retries of one.
trouble() { # NAME FIRST-BLOCK PLAN-LINE
	plan "$3"
	many "$1" EIO "$2"
	[ $took -le 8000 ] || fail "$1: the last one heard of it after $took ms"
	at_most "$1: requests" 25 "$(asked)"
	expect "$1: what is cached" ok "$(read_block 8)"
}
trouble "500 for ever" 32 "* 500"
trouble "429 for ever" 33 "* 429"
trouble "closed for ever" 34 "* close"

# It recovers while they wait, and by itself.
plan "1-5 503" "* ok"
well() {
	[ "$(read_block 16)" = ok ]
}
retry 20 well || fail "it does not recover"
plan "1-6 503" "* ok"
many "503 for a while" ok 35
[ "$(asked)" -ge 54 ] || fail "only $(asked) requests"
at_most "503 for a while: requests" 62 "$(asked)"

# The brake: what is asked at once is halved, and no request is lost.
plan "1 503 retry-after=1" "5 429" "9 429" "* 206 slow=1000000"
many "a server that brakes" ok 36

# It takes requests and never answers: readers can be interrupted, and unmounting does not wait for it.
plan "* 206 wait=30"
parked=$(stat_of parked)
python3 "$top/tests/lib/readers.py" blocks 16 "$(data_at)" 37 6 "$reference" >"$tmp/readers" 2>&1 &
reader=$!
waiting() {
	[ "$(stat_of parked)" -ge $((parked + 16)) ]
}
retry 10 waiting || fail "nobody waits"
kill -TERM $reader
wait $reader || :
expect "readers of a server that does not answer" "16 signal 15" "$(cat "$tmp/readers")"
begun=$(now_ms)
umount_mdcfs
took=$(($(now_ms) - begun))
[ $took -le 4000 ] || fail "unmounting took $took ms"
