#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The daemon is killed again and again while readers fill its cache.  Each time what is in it is right, and what was
# recorded when it died is there when it is mounted again.
#
#   KILLS=N   as many, 8 without
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

kills=${KILLS:-8}
size=$((32 << 20))
serve_file $size

# Blocks are read in any order by four readers and compared, until the mount is gone.
cat >"$tmp/load.py" <<'PYTHON'
import os, random, sys, threading
path, reference, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
block, wrong = 131072, []
with open(reference, "rb") as f:
    want = f.read()
fd = os.open(path, os.O_RDONLY)
def run(n):
    rnd = random.Random(seed * 16 + n)
    while not wrong and os.path.exists(sys.argv[4]): # the kernel has its pages for longer than we need
        at = rnd.randrange(len(want) // block) * block
        try:
            got = os.pread(fd, block, at)
        except OSError:
            return
        if got != want[at:at + len(got)]:
            wrong.append(at)
        if len(got) < block: # the rest of it was an error
            return
open(sys.argv[4], "w").close()
threads = [threading.Thread(target=run, args=(n,)) for n in range(4)]
for t in threads:
    t.start()
for t in threads:
    t.join()
if wrong:
    print("wrong bytes at %d" % wrong[0])
    os._exit(9)
PYTHON

blocks_of() { # the file's recorded blocks
	run 0 "$MDCFS" cache show --json
	json_of "$out" "sum(l['blocks'] for i in d['objects'] for l in i['layers'])"
}

recorded=0 there=0 round=0 full=0
random=${SEED:-$$}
note "SEED=$random"
while [ $round -lt "$kills" ]; do
	if [ $full = 3 ]; then # once all is cached nothing is written
		run 0 "$MDCFS" cache clear
		full=0
	fi
	mount_mdcfs -o read_ahead=8M "$storage_url/data.bin"
	rm -f "$tmp/loading"
	python3 "$tmp/load.py" "$(data_at)" "$reference" $random "$tmp/loading" >"$tmp/load.said" 2>&1 &
	load=$!
	retry 20 test -e "$tmp/loading" || fail "nobody reads"
	random=$(((random * 1103515245 + 12345) % 2147483648))
	# No matter when: this is the moment, not a wait for anything.
	sleep "$(printf "0.%03d" $((10 + random / 65536 % 250)))"
	kill -9 "$mdcfs_pid"
	forget_mount
	rm -f "$tmp/loading"
	status=0
	wait $load || status=$?
	[ $status != 9 ] || fail "round $round: $(cat "$tmp/load.said")"
	before=$(blocks_of)
	damaged=0
	"$MDCFS" cache verify --json >"$tmp/verified.out" 2>/dev/null || damaged=1
	sound=$(json_of "$tmp/verified.out" "d['blocks'] - d['damaged']")
	recorded=$((recorded + before)) there=$((there + sound))
	[ $damaged = 0 ] || note "round $round: $(json_of "$tmp/verified.out" "d['damaged']") of $before blocks are damaged"
	round=$((round + 1))
	[ "$before" -lt $((size / block)) ] || full=$((full + 1))
done
note "$kills kills: $there of $recorded recorded blocks were there"
[ $recorded -gt $((kills * 5)) ] || fail "hardly anything was cached: $recorded"
[ $((there * 100)) -ge $((recorded * 95)) ] || fail "only $there of $recorded blocks are left"

# From the cache, without a network, for what is in it.
plan "* ok"
mount_mdcfs "$storage_url/data.bin"
timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "the file, at last"
at_most "blocks that came from the network" $((size / block - $(json_of "$tmp/verified.out" "d['blocks']") + 1)) \
	$(($(since_plan | awk '{ n += $6 } END { print n + 0 }') / block))
expect "blocks refused by their checksum" 0 "$(stat_of cache_bad)"
umount_mdcfs
