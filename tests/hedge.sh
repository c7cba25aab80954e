#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An answer that is unusually late is asked for a second time: the bytes are the file's, whoever brings
# them; from where the first one stood; and few requests are sent twice.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

mkdir "$tmp/www"
make_random "$tmp/www/usual.bin" $((40 << 20))
serve_file $((32 << 20))
mount_mdcfs -o hedge=yes,connections=6,read_ahead=128K "$storage_url/data.bin" "$storage_url/usual.bin"

at=0
next_ok() { # NAME
	at=$((at + 8))
	expect "$1" ok "$(read_block $at)"
}
# What is usual here has to be known first.
random_ok() { # NAME READERS TIMES FILE
	timeout -s KILL 60 python3 "$top/tests/lib/readers.py" random "$2" "$4" "$3" 4096 "$tmp/www/${4##*/}" \
		>"$tmp/readers" || :
	expect "$1" "$2 ok" "$(cat "$tmp/readers")"
}
learn() {
	random_ok "blocks here and there" 4 20 "$mnt/usual.bin/usual.bin"
	[ "$(asked)" -ge 40 ] || fail "only $(asked) requests"
}
learn

sent() {
	stat_of storage_requests
}
# late NAME SECONDS PLAN-LINE: read in less than that, with two requests.
late() {
	name=$1 limit=$2
	plan "$3" "* ok"
	hedges=$(stat_of hedges) requests=$(sent) begun=$(now_ms)
	next_ok "$name"
	took=$(($(now_ms) - begun))
	[ $took -lt $((limit * 1000)) ] || fail "$name: took $took ms"
	expect "$name: sent a second time" 1 $(($(stat_of hedges) - hedges))
	expect "$name: requests" 2 $(($(sent) - requests))
}
late "a first byte that is late" 6 "1 206 wait=8"
expect "the second is for the same range" "$(block_range $at)" "$(range_of 1)"
late "a body that stands still" 6 "1 206 stall@50000 seconds=8"
expect "the second goes on where the first stood" "$(block_range $at 50000)" "$(range_of 1)"
late "the second is refused" 6 "1 206 wait=2
2 503"
expect "it makes no difference" 503 "$(since_plan | awk 'NR == 1 { print $5 }')"

# All are late: that is how it is now, and no reason to ask for everything twice.
plan "* 206 wait=0.5"
hedges=$(stat_of hedges)
random_ok "blocks of a slow server" 2 10 "$(data_at)"
at_most "sent a second time" 9 $(($(stat_of hedges) - hedges))
umount_mdcfs

# One connection has no room for a second request.
plan "* ok"
rm -rf "$cache"
mount_mdcfs -o hedge=yes,connections=1,read_ahead=128K "$storage_url/data.bin" "$storage_url/usual.bin"
at=0
learn
plan "1 206 wait=1" "* ok"
next_ok "a late one"
expect "requests of one connection" 1 "$(asked)"
