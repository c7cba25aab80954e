#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Sixty-four readers at once, and the download session is over, refused or not to be had: what that costs
# of the organization's downloads, and what the readers are told.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

# The API hands out links to our own storage, which does as planned.
serve_file $((170 << 20))
api_conf() { # LINK-LIFETIME DAILY-LIMIT
	cat >"$tmp/api.json.new" <<CONF
{"keys": ["storm-key-2718281828"], "storage": "$storage_url", "secret": "",
 "link_lifetime": $1, "daily_limit": $2,
 "datasets": [{"id": "cm0storm0000000000000000", "slug": "data.bin", "filename": "data.bin",
  "file": "$reference", "null_checksum": false}]}
CONF
	mv "$tmp/api.json.new" "$tmp/api.json"
}
api_conf 3 30
api_key=storm-key-2718281828
start_api

at=8
# sixty_four NAME WORD: each reads a block of its own.
sixty_four() {
	timeout -s KILL 60 python3 "$top/tests/lib/readers.py" blocks 64 "$(data_at)" $at 5 "$reference" \
		>"$tmp/readers" || :
	expect "$1" "64 $2" "$(cat "$tmp/readers")"
	at=$((at + 320))
}
expired() {
	[ "$(date +%s)" -gt "$(json_of "$(ls "$cache"/leases/*.json)" 'd["expires"]')" ]
}

mount_mdcfs -o deadline=10,connections=8 data.bin
expect "a block" ok "$(read_block 2)"
expect "sessions at first" 1 "$(posts)"

# --- it has expired
api_conf 3600 30
retry 15 expired || fail "the link does not expire"
sixty_four "an expired link" ok
expect "an expired link: sessions" 2 "$(posts)"

# --- storage refuses it before its time, in both ways
plan "1-2 403" "* ok"
sixty_four "a refused link" ok
expect "a refused link: sessions" 3 "$(posts)"
plan "1 400 body=<Error><Code>ExpiredRequest</Code></Error>" "* ok"
expect "a link that the store calls expired" ok "$(read_block 3)"
expect "a link that the store calls expired: sessions" 4 "$(posts)"

# --- storage refuses every link
plan "* 403"
sixty_four "links that are refused" EACCES
expect "links that are refused: sessions" 5 "$(posts)"
at_most "links that are refused: requests" 128 "$(asked)"
log_has "storage refuses a link made just now" || fail "the log does not say it"
plan "* ok"
at=$((at - 320))
sixty_four "storage has come to its senses" ok
expect "storage has come to its senses: sessions" 5 "$(posts)"

# --- the day's downloads are used up
api_conf 3600 5
plan "* 403"
sixty_four "no download is left" EDQUOT
expect "no download is left: one asked" 6 "$(posts)"
at_most "no download is left: requests" 64 "$(asked)"
plan "* ok"
begun=$(now_ms)
expect "and again" EDQUOT "$(read_block 4)"
[ $(($(now_ms) - begun)) -le 1500 ] || fail "it is not refused at once"
expect "what is cached" ok "$(read_block 3)"
expect "nobody asked again" 6 "$(posts)"
expect "nor storage" 0 "$(asked)"
log_has "limit" || fail "the log does not say it"
umount_mdcfs
mount_mdcfs -o deadline=10 data.bin
expect "after a new mount" EDQUOT "$(read_block 4)"
expect "what is cached, after a new mount" ok "$(read_block 3)"
expect "after a new mount nobody asked again" 6 "$(posts)"
