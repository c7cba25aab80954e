#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Chaos: 16 readers read 64 files here and there while one answer in ten is faulty.  Every byte is compared,
# no read fails, and nothing is left behind: no thread, no descriptor, no memory.
#
#   CHAOS_SECONDS=1200   so long in place of 12      CHAOS_SEED=N   the same faults and places again
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

seconds=${CHAOS_SECONDS:-12}
seed=${CHAOS_SEED:-$(date +%s)}
note "CHAOS_SEED=$seed"
mkdir -p "$tmp/www"
python3 - "$tmp/www" <<'PYTHON'
import os, random, sys
rnd = random.Random(64)
for i in range(64):
    with open(os.path.join(sys.argv[1], "f%02d.bin" % i), "wb") as f:
        f.write(rnd.randbytes(rnd.randrange(200000, 3000000)))
PYTHON

serve_www
set --
for file in "$tmp"/www/*.bin; do
	set -- "$@" "$storage_url/${file##*/}"
done
# Little stays cached, so that there is always something to ask for.
mount_mdcfs -o cache_size=16M,memory=32M,stall_timeout=2,deadline=20,connections=8,hedge=yes "$@"

threads_now() {
	find "/proc/$mdcfs_pid/task" -mindepth 1 -maxdepth 1 | wc -l
}
files_now() {
	find "/proc/$mdcfs_pid/fd" -mindepth 1 | wc -l
}
memory_now() { # KiB
	awk '/^VmRSS:/ { print $2 }' "/proc/$mdcfs_pid/status"
}

chaos() { # SECONDS SEED
	timeout -s KILL $(($1 + 60)) python3 "$top/tests/lib/chaos.py" "$mnt" "$tmp/www" 16 "$1" "$2"
}
plan "random $seed 10"
chaos 3 "$seed" >"$tmp/chaos" || { cat "$tmp/chaos" >&2; fail "CHAOS_SEED=$seed"; }
before=$(memory_now)
chaos "$seconds" $((seed + 1)) >"$tmp/chaos" || { cat "$tmp/chaos" >&2; fail "CHAOS_SEED=$seed"; }
note "$(cat "$tmp/chaos"), $(asked) requests, $(stat_of storage_retries) repeated, $(stat_of hedges) hedged"
[ "$(stat_of storage_retries)" -ge 10 ] || fail "there was no chaos"
at_most "requests that a deadline ended" 0 "$(stat_of deadlines)"

# All is quiet now: nothing is under way any more.
plan "* ok"
quiet() {
	calm=$(files_now)
	sleep 0.2
	[ "$calm" = "$(files_now)" ]
}
retry 10 quiet || fail "descriptors come and go"
at_most "threads" 48 "$(threads_now)"
at_most "descriptors" 400 "$(files_now)"
if ! is_sanitized; then
	at_most "resident KiB, $before before" $((before + 24 * 1024 + before / 4)) "$(memory_now)"
fi
umount_mdcfs
