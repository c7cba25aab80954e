#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An answer that is unusually late or slow is asked for a second time: the bytes are the file's, whoever
# brings them; from where the first one stood; and few requests are sent twice.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

mkdir "$tmp/www"
make_random "$tmp/www/usual.bin" $((40 << 20))
for i in 2 3; do
	ln "$tmp/www/usual.bin" "$tmp/www/usual$i.bin"
done
serve_file $((32 << 20))
mount_mdcfs -o hedge=yes,connections=6,read_ahead=128K "$storage_url/data.bin" "$storage_url/usual.bin" \
	"$storage_url/usual2.bin" "$storage_url/usual3.bin"

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
learn() { # [N]
	plan "* ok"
	random_ok "blocks here and there" 4 20 "$mnt/usual${1-}.bin/usual${1-}.bin"
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

# Bytes that keep coming, but far too slowly: whoever is further goes on, and no byte is lost or twice.
late "a slow body" 4 "1 206 slow=20000"
expect "the slow one was cut short" 1 "$(since_plan | grep -F "bytes=$(block_range $at) " | awk -v n=$block '$6 < n / 2' | wc -l)"
late "a slow body that breaks" 4 "1 206 slow=20000 drop@8000
2 206 wait=0.6"
late "two slow ones" 8 "1 206 slow=30000
2 206 slow=60000"
learn 2
late "a slow one and a refusal" 6 "1 206 slow=40000
2 503"
late "a slow one and the whole file" 6 "1 206 slow=40000
2 200 ignore-range"
late "a slow one and nothing" 6 "1 206 slow=40000
2 206 wait=8"
learn 3

# All are slow.
plan "* 206 slow=60000"
hedges=$(stat_of hedges)
random_ok "blocks of a slow line" 4 4 "$(data_at)"
at_most "of a slow line sent a second time" 3 $(($(stat_of hedges) - hedges))

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
