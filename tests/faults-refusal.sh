#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Answers of storage that no repetition mends: the right errno, one line in the log that says why, a
# bounded number of requests, nothing of it in the cache; and the next read works again.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((24 << 20))
mount_mdcfs -o deadline=2,stall_timeout=1,connections=4 "$storage_url/data.bin"

log_lines() {
	timeout -s KILL 20 cat "$mnt/.mdcfs/log" | wc -l
}

# refused NAME ERRNO REQUESTS TEXT PLAN-LINE...: TEXT is in what the log says then.
at=0
reads_again() {
	[ "$(read_block $at)" = ok ]
}
refused() {
	at=$((at + 8))
	name=$1 error=$2 requests=$3 text=$4
	shift 4
	plan "$@"
	lines=$(log_lines)
	expect "$name" "$error" "$(read_block $at)"
	expect "$name: requests" "$requests" "$(asked "=$(block_range $at) ")"
	timeout -s KILL 20 cat "$mnt/.mdcfs/log" | tail -n "+$((lines + 1))" >"$tmp/said"
	expect "$name: lines in the log" 1 "$(wc -l <"$tmp/said")"
	grep -qF -e "$text" "$tmp/said" || { cat "$tmp/said" >&2; fail "$name: the log does not say '$text'"; }
	plan "* ok"
	retry 10 reads_again || fail "$name: and then: $(read_block $at)" # whether it has changed is asked again
	expect "$name: and then, requests" 1 "$(asked "=$(block_range $at) ")"
}

refused "403" EACCES 1 "the server refuses access" "1 403"
refused "401" EACCES 1 "the server refuses access" "1 401"
refused "402" EACCES 1 "402" "1 402"
refused "404" ENOENT 1 "404" "1 404"
refused "410" ENOENT 1 "410" "1 410"
refused "400" EACCES 1 "400" "1 400"
refused "418" EIO 1 "418" "1 418"
refused "412" ESTALE 1 "another version" "1 412"
refused "416" ESTALE 1 "another version" "1 416"
refused "another size" ESTALE 1 "another version" "1 206 wrong-total"
refused "another ETag" ESTALE 1 "another version" '1 206 etag="v2"'
refused "compressed on the way" EIO 1 "Content-Encoding" "1 206 encoding=gzip"
refused "redirected to a file" EACCES 1 "what is not http" "1 redirect=file:///etc/passwd"
refused "redirected for ever" EIO 6 "more than five redirects" "1-6 redirect=$storage_url/data.bin"

# For ever: it ends by the deadline, after a handful of requests.
endless() { # NAME ERRNO PLAN-LINE...
	at=$((at + 8))
	name=$1 error=$2
	shift 2
	plan "$@"
	begun=$(now_ms)
	expect "$name" "$error" "$(read_block $at)"
	took=$(($(now_ms) - begun))
	[ $took -le 6000 ] || fail "$name: took $took ms"
	at_most "$name: requests" 12 "$(asked)"
	[ "$(asked)" -ge 3 ] || fail "$name: only $(asked) requests"
	plan "* ok"
	retry 10 reads_again || fail "$name: and then: $(read_block $at)"
}
endless "500 for ever" EIO "* 500"
endless "closed for ever" EIO "* close"
endless "a wrong range for ever" EIO "* 206 wrong-range"

endless "a web page for ever" EIO "* 200 page"
endless "headers for ever, again and again" EIO "* endless-headers"
endless "half a body for ever" EIO "* 206 drop@0"

plan "* ok"
expect "a read right after" ok "$(read_block $at)"

# A server that says how long it wants to be left alone is: who cannot wait so long hears it at once.
at=$((at + 8))
plan "1 429 retry-after=4" "* ok"
expect "Retry-After beyond the deadline" EIO "$(read_block $at)"
expect "and right after" EIO "$(read_block $at)"
log_has "come back later" || fail "the log does not say it"
log_has "answered 0" && fail "the log has an answer that never came"
expect "requests" 1 "$(asked)"
reads() {
	[ "$(read_block $at)" = ok ]
}
retry 20 reads || fail "it does not recover"
expect "requests, when the time has come" 2 "$(asked)"
umount_mdcfs
grep -qF "$storage_url/data.bin?" "$log" && fail "a URL with its query in the log"

# Of all that nothing was kept.
mount_mdcfs "$storage_url/data.bin"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "after a new mount"
expect "not a block is refused" 0 "$(stat_of cache_bad)"
umount_mdcfs

# A server that does not answer ranges is refused at the mount, and the command says why.
rm -rf "$cache"
plan "* 200 ignore-range"
run fails "$MDCFS" mount -f "$storage_url/data.bin" "$mnt"
says "ignores Range"
is_mounted "$mnt" && fail "mounted what cannot be read"
expect "requests" 1 "$(asked)"

# What fits into one answer needs no ranges.
head -c 5000 "$reference" >"$tmp/www/small.bin"
plan "* 200 ignore-range"
mount_mdcfs "$storage_url/small.bin"
cmp "$mnt/small.bin/small.bin" "$tmp/www/small.bin" || fail "a small file"
expect "requests for a small file" 1 "$(asked)"
