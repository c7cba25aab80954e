#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs verify: the SHA-256 of the whole file, of cached blocks and fetched ones, gone on with after it was ended; a
# wrong one says so.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 sha256sum
requires_fuse

serve_file $((24 << 20))
sum=$(sha256sum <"$reference" | cut -d ' ' -f 1)
source=$storage_url/data.bin

run 0 "$MDCFS" verify "$source"
expect "what it prints" "$sum  data.bin" "$(cat "$out")"
run 0 "$MDCFS" verify "$reference"
expect "of a local file" "$sum  data.bin" "$(cat "$out")"

# What a mount has cached is not fetched.
mount_mdcfs "$source"
within 30 head -c $((16 << 20)) "$(data_at)" | cmp -n $((16 << 20)) - "$reference" || fail "the mount"
umount_mdcfs
run 0 "$MDCFS" verify --json "$source"
expect "as JSON" "$sum None None" "$(json_of "$out" '"%(sha256)s %(announced)s %(verified)s" % d')"
at_most "bytes fetched" $((12 << 20)) "$(json_of "$out" 'd["bytes_fetched"]')"
expect "all of it" $((24 << 20)) "$(json_of "$out" 'd["bytes_fetched"] + d["bytes_here"]')"

# Ended in the middle, and gone on with.
rm -rf "$cache"
plan "* 206 slow=2000000"
"$MDCFS" verify -o connections=1 "$source" >"$tmp/verify.out" 2>&1 &
verifier=$!
cleanup_fn stop_child $verifier
retry 20 asked_for 4 || fail "it does not read"
kill -TERM $verifier
status=0
wait $verifier || status=$?
expect "its exit status" 130 $status
grep -q "stopped at .* the same command goes on" "$tmp/verify.out" || fail "it does not say so"
plan "* ok"
run 0 "$MDCFS" verify --json "$source"
expect "afterwards" "$sum" "$(json_of "$out" 'd["sha256"]')"
expect "bytes of the earlier go" True "$(json_of "$out" 'd["bytes_before"] > 0')"

# Nothing there; a server that refuses.
run 1 "$MDCFS" verify "$storage_url/none.bin"
run 2 "$MDCFS" verify
plan "* 404"
run 1 "$MDCFS" verify "$source"

# One that is announced.
start_sample
run 0 "$MDCFS" verify --json "$slug"
expect "of the sample" True "$(json_of "$out" 'd["verified"]')"
