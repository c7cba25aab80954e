#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Whoever waits for data that does not come can be interrupted: at once, by any signal that ends a
# program; the mount goes on as if nothing had been.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 100 $((4 << 20))
mount_mdcfs -o deadline=60,stall_timeout=60 "$storage_url/data.tar.gz"
raw=$mnt/data/data.tar.gz

parked() { # HOW-MANY: requests wait
	[ "$(stat_of parked)" -ge $((parked_before + $1)) ]
}

total=0 count=0
# interrupted NAME SIGNAL STATUS COMMAND...: it waits, is signalled, and ends by that at once.
interrupted() {
	name=$1 signal=$2 status=$3
	shift 3
	parked_before=$(stat_of parked)
	env --default-signal=INT "$@" >"$tmp/got.out" 2>&1 &
	reader=$!
	retry 10 parked 1 || fail "$name: nobody waits"
	gone $reader && fail "$name: it did not wait"
	begun=$(now_ms)
	kill -s "$signal" $reader
	retry 5 gone $reader || fail "$name: still there"
	took=$(($(now_ms) - begun))
	[ $took -le 1500 ] || fail "$name: took $took ms to end"
	total=$((total + took)) count=$((count + 1))
	ended=0
	wait $reader || ended=$?
	expect "$name: status" "$status" $ended
}

plan "* 206 stall@0 seconds=6"
interrupted "cat, SIGINT" INT 130 cat "$(members_at)/d00/f00000"
interrupted "cat, SIGTERM" TERM 143 cat "$(members_at)/d00/f00001"
interrupted "ls, SIGINT" INT 130 ls "$(members_at)"
interrupted "ls, SIGTERM" TERM 143 ls "$(members_at)"
interrupted "stat, SIGINT" INT 130 stat "$(members_at)/d01"
interrupted "cat of the raw file" INT 130 tail -c 1000 "$raw"
interrupted "dd, direct" TERM 143 dd if="$raw" bs=128k skip=16 count=1 iflag=direct of=/dev/null
at_most "milliseconds for $count interrupts" $((count * 350)) $total

plan "* ok"
compare_trees "$tmp/tree" "$(members_at)"
timeout -s KILL 20 cmp "$raw" "$tmp/www/data.tar.gz" || fail "the raw file after interrupts"
[ "$(stat_of interrupted)" -ge 5 ] || fail "interrupts: $(stat_of interrupted)"
umount_mdcfs

# Fifty at a time, twice: they cost no threads, and leave none behind.
rm -rf "$cache"
plan "* ok"
make_random "$tmp/www/data.bin" $((8 << 20))
mount_mdcfs -o deadline=60,stall_timeout=60,threads=8 "$storage_url/data.tar.gz" "$storage_url/data.bin"
threads() {
	set -- "/proc/$mdcfs_pid/task"/*
	echo $#
}
fds() {
	set -- "/proc/$mdcfs_pid/fd"/*
	echo $#
}
before=$(threads)
plan "* 206 stall@0 seconds=4"
for round in 1 2; do
	parked_before=$(stat_of parked)
	python3 "$top/tests/lib/readers.py" blocks 50 "$(data_at)" 4 1 "$tmp/www/data.bin" >"$tmp/readers" &
	readers=$!
	retry 20 parked 50 || fail "fifty readers do not wait"
	at_most "threads while fifty wait" $((8 + $(nproc) + 6)) "$(threads)"
	kill -INT $readers
	retry 5 gone $readers || fail "the readers do not end"
	wait $readers || :
	expect "round $round" "50 signal 2" "$(cat "$tmp/readers")"
	open_now=$(fds)
	[ $round = 2 ] || open_then=$open_now
done
at_most "threads afterwards" $((before + 8)) "$(threads)"
at_most "open files afterwards" $((open_then + 2)) "$open_now"
plan "* ok"
compare_trees "$tmp/tree" "$(members_at)"
timeout -s KILL 20 cmp "$(data_at)" "$tmp/www/data.bin" || fail "the file that fifty waited for"
