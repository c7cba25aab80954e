#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A read that gets nowhere ends by its deadline, whatever it waits for; one that only takes long does not.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 60 $((3 << 19))
make_random "$tmp/www/data.bin" $((4 << 20))
reference=$tmp/www/data.bin
# A transfer that stalls is left alone for longer than the deadline.
mount_mdcfs -o deadline=2,stall_timeout=60,connections=1 "$storage_url/data.tar.gz" "$storage_url/data.bin"

# ends NAME COMMAND...: it prints EIO, after two seconds and not much more.
ends() {
	name=$1
	shift
	deadlines=$(stat_of deadlines)
	begun=$(now_ms)
	expect "$name" EIO "$("$@")"
	took=$(($(now_ms) - begun))
	[ $took -ge 1500 ] && [ $took -le 6000 ] || fail "$name: ended after $took ms"
	[ "$(stat_of deadlines)" -gt "$deadlines" ] || fail "$name: not by the deadline"
}
plan "* 206 stall@1000 seconds=12"
ends "a block" read_block 8
ends "a name in an archive" errno_of 'os.stat(sys.argv[2])' "$(members_at)/d00"
ends "a listing" errno_of 'os.listdir(sys.argv[2])' "$(members_at)"

umount_mdcfs

# Bytes come, but slowly: the whole takes longer than the deadline, and so does each larger range.
rm -rf "$cache"
plan "* 206 slow=250000"
mount_mdcfs -o deadline=2,connections=1 "$storage_url/data.tar.gz"
begun=$(now_ms)
compare_trees "$tmp/tree" "$(members_at)"
took=$(($(now_ms) - begun))
[ $took -ge 4000 ] || fail "the server is not slow: $took ms"
expect "requests that a deadline ended" 0 "$(stat_of deadlines)"
umount_mdcfs

# A server is dead while another one is not: what comes from that is no reason to wait longer.
mkdir "$tmp/busy"
make_random "$tmp/busy/busy.bin" $((64 << 20))
plan "* ok"
dead=$storage_url
start_storage "$tmp/busy"
mount_mdcfs -o deadline=3,stall_timeout=60,connections=2,read_ahead=128K,cache_size=32M "$dead/data.bin" "$storage_url/busy.bin"
cat >"$tmp/busy.py" <<'PYTHON'
import mmap, os, random, sys, time
into = mmap.mmap(-1, 4096)
f = os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT)
while True:
    os.preadv(f, [into], random.randrange(512) << 17)
    time.sleep(0.2)
PYTHON
timeout -s KILL 60 python3 "$tmp/busy.py" "$mnt/busy.bin/busy.bin" >/dev/null 2>"$tmp/busy.out" &
busy=$!
plan "* 206 wait=60"
begun=$(now_ms)
expect "a dead server beside one that is not" EIO "$(read_block 24)"
took=$(($(now_ms) - begun))
[ $took -ge 2500 ] && [ $took -le 6000 ] || fail "a dead server beside one that is not: ended after $took ms"
kill $busy
wait $busy || :
