#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The API's first generation: bytes come through the API itself, with the key, under a token that is spent
# with the last byte; its bandwidth limit ends connections.  Every byte is right, and what that costs is counted.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 cmp
requires_fuse

mkdir "$tmp/www"
reference=$tmp/www/data.bin
make_random "$reference" 3000000
serve_www # only what comes later goes there
api_key=token-key-1618033988
api_conf() { # JSON-MEMBERS, each with a comma behind it
	cat >"$tmp/api.json.new" <<CONF
{"keys": ["$api_key"], "storage": "$storage_url", "secret": "", $1
 "datasets": [{"id": "cm0token0000000000000000", "slug": "data.bin", "filename": "data.bin",
  "file": "$reference", "old_shape": true}]}
CONF
	mv "$tmp/api.json.new" "$tmp/api.json"
}
api_conf '"generation": "token",'
start_api

# The old details name no file: it is called after the slug.
file=$mnt/data.bin/data.bin.tar.gz
refusals() { # STATUS: of GETs with a token
	grep -cE "^GET [^ ]*/download/- $1\$" "$api_log" || :
}
no_secret() {
	for name in log status.json metrics; do
		timeout 20 cat "$mnt/.mdcfs/$name" >"$tmp/seen"
		grep -aE "$api_key|tok_" "$tmp/seen" >&2 && fail "a secret in $name"
	done
	return 0
}
fresh() { # mount with nothing cached
	rm -rf "$cache/objects"
	mount_mdcfs -o deadline=20,pass=demand,debug=all data.bin
}

# --- all of it, in parts and in parallel; the token is spent then
fresh
within 60 cmp "$file" "$reference" || fail "through the API"
no_secret
expect "sessions" 1 "$(posts)"
expect "refusals" 0 "$(refusals 401)"
umount_mdcfs
[ "$(refusals 206)" -gt 0 ] || fail "nothing came in ranges"
expect "at the storage" 0 "$(storage_requests)"

# --- the next mount finds it in the lease store, and that it is spent: one refusal, one session
fresh
within 60 cmp "$file" "$reference" || fail "with a second token"
expect "sessions, the first token being spent" 2 "$(posts)"
[ "$(refusals 401)" -ge 1 ] || fail "the spent token was not refused"
umount_mdcfs

# --- the bandwidth: connections end, the API says when to come back
api_conf '"generation": "token", "bandwidth": [1200000, 1],'
fresh
within 60 cmp "$file" "$reference" || fail "with little bandwidth"
expect "sessions with little bandwidth" 3 "$(posts)"
[ "$(refusals 429)" -ge 1 ] || fail "the limit was not met"
log_has "gave up" && fail "a read was given up"
umount_mdcfs

# --- the service goes over to links while a token lies in the store
api_conf '"generation": "token",'
fresh
within 60 head -c 1000 "$file" | cmp -n 1000 - "$reference" || fail "the first bytes"
umount_mdcfs
expect "sessions before the change" 4 "$(posts)"
api_conf ''
fresh
within 60 cmp "$file" "$reference" || fail "after the change"
expect "sessions after the change" 5 "$(posts)"
[ "$(refusals 410)" -ge 1 ] || fail "the old way was not tried"
[ "$(storage_requests ' 206 ')" -gt 0 ] || fail "the storage was not asked"
umount_mdcfs
expect "leases for others to read" "" "$(find "$cache/leases" -perm /077)"

# --- tokens that never work: one session, whoever tries again, and what to do is said
rm -rf "$cache/leases" "$cache/objects"
api_conf '"generation": "token", "link_lifetime": 0,'
for i in 1 2; do
	run fails "$MDCFS" mount data.bin "$mnt"
	says "is api_url the service's address of today?"
done
expect "sessions for tokens that never work" 6 "$(posts)"
grep -aE "$api_key|tok_[0-9a-f]" "$log" >&2 && fail "a secret in what was printed"
grep -raE "$api_key|tok_" "$cache" | grep -qv '/leases/' && fail "a secret beside the leases"
exit 0
