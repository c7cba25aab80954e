#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Storage is down: at the mount, in the middle, and back again.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((16 << 20))
port=${storage_url##*:}
options=deadline=3,stall_timeout=2,connections=4

down() {
	stop_child $storage_pid
}
up() {
	plan_mark=0
	start_storage "$tmp/www" "$plan_file" --port "$port"
}
# fails_in SECONDS BLOCK: with an errno that says what it is.
fails_in() {
	begun=$(now_ms)
	got=$(read_block "$2")
	case $got in
	EIO) ;;
	*) fail "block $2 without storage: $got" ;;
	esac
	took=$(($(now_ms) - begun))
	[ $took -le $(($1 * 1000)) ] || fail "block $2 without storage: failed after $took ms only"
}

# At the mount, of something never seen: the command says so and ends.
down
begun=$(now_ms)
run fails "$MDCFS" mount -f -o $options "$storage_url/data.bin" "$mnt"
[ $(($(now_ms) - begun)) -le 8000 ] || fail "a mount without storage did not give up"
says "data.bin"
says "Connection refused"
is_mounted "$mnt" && fail "mounted without storage"

# In the middle.
up
mount_mdcfs -o $options "$storage_url/data.bin"
expect "while storage is up" ok "$(read_block 8 4)"
down

# It comes back while somebody waits.
read_block 32 >"$tmp/during" &
reader=$!
tries=$(stat_of storage_retries)
tried() {
	[ "$(stat_of storage_retries)" -gt "$tries" ]
}
retry 10 tried || fail "nobody tries"
up
wait $reader
expect "a read across the outage" ok "$(cat "$tmp/during")"

# It does not come back: who waits gives up, and those who come later do so at once, until it does.
down
fails_in 6 24
log_has "gave up" || fail "the log does not say it"
log_has "out of reach" || fail "the log does not say what follows"
tries=$(stat_of storage_retries)
for at in 25 26 27 28; do
	expect "block $at while it is known" EIO "$(read_block $at)"
done
expect "attempts repeated for these" "$tries" "$(stat_of storage_retries)"
expect "cached blocks while storage is down" ok "$(read_block 8 4)"
timeout -s KILL 20 "$MDCFS" status "$mnt" | grep -q 'out of reach' || fail "the status does not say it"
up
reads() { # BLOCK
	[ "$(read_block "$1")" = ok ]
}
retry 10 reads 24 || fail "a read that had failed: $(read_block 24)"

# It goes down in the middle of a body, and comes back.
plan "1 206 slow=60000"
bytes=$(stat_of storage_bytes)
read_block 48 >"$tmp/during" &
reader=$!
came() {
	[ "$(stat_of storage_bytes)" -gt "$bytes" ]
}
retry 10 came || fail "the body did not begin"
down
: >"$plan_file"
up
wait $reader
expect "a read across a restart" ok "$(cat "$tmp/during")"
expect "one request more" 1 "$(asked)"
[ "$(range_of 1)" != "$(block_range 48)" ] || fail "it began again: $(range_of 1)"
umount_mdcfs

# At the mount, of something known: what is cached can be read.
down
mount_mdcfs -o $options "$storage_url/data.bin"
log_has "showing what is cached" || fail "the log does not say it"
for at in 8 24 32 48; do
	expect "cached block $at, mounted without storage" ok "$(read_block $at)"
done
fails_in 6 56
up
retry 10 reads 56 || fail "storage is back: $(read_block 56)"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "the whole file"
