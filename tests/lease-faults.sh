#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Answers to the request for a download session that are none: how often it is asked again, what a reader is
# told, and that a reader of what is cached notices nothing.  Metadata costs no session at all.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((8 << 20))
api_key=faults-key-6931471805
api_conf() { # FAULTS [FAULTS-OF-THE-DETAILS]
	cat >"$tmp/api.json.new" <<CONF
{"keys": ["$api_key"], "storage": "$storage_url", "secret": "", "daily_limit": null, "post_faults": [$1],
 "details_faults": [${2-}],
 "datasets": [{"id": "cm0faults000000000000000", "slug": "data.bin", "filename": "data.bin",
  "file": "$reference"}]}
CONF
	mv "$tmp/api.json.new" "$tmp/api.json"
}
api_conf ''
start_api

run 0 "$MDCFS" info data.bin
run 0 "$MDCFS" list
expect "sessions for metadata" 0 "$(posts)"

mount_mdcfs data.bin
expect "the first block" ok "$(read_block 0)"
umount_mdcfs
expect "sessions without faults" 1 "$(posts)"

# session NAME FAULTS POSTS READ TEXT: with a lease store of its own, the ledger counts what is asked.
at=0
session() {
	at=$((at + 1))
	name=$1 wanted=$4
	MDCFS_LEASE_DIR=$tmp/leases$at
	before=$(posts)
	api_conf "$2"
	mount_mdcfs -o deadline=8 data.bin
	expect "$name" "$wanted" "$(read_block $((at + 8)))"
	[ "$wanted" = ok ] || expect "$name, again" "$wanted" "$(read_block $((at + 8)))"
	expect "$name: what is cached" ok "$(read_block 0)"
	expect "$name: sessions asked for" "$3" "$(($(posts) - before))"
	expect "$name: in the ledger" "$3" "$(json_of "$mnt/.mdcfs/status.json" "d['downloads'][0]['posts']")"
	[ -z "$5" ] || log_has "$5" || fail "$name: the log does not say '$5'"
	umount_mdcfs
}
session "503 that says when" '"503:1"' 2 ok ""
session "500 twice" '"500", "500"' 3 ok ""
session "a request limit" '"429:1"' 2 ok ""
session "a connection that ends" '"drop"' 2 ok ""
session "500 for ever" '"500", "500", "500", "500"' 3 EIO "the API is in trouble (500)"
session "a request limit for long" '"429:300"' 1 EIO "the API limits requests (429)"
session "503 for long" '"503:300"' 1 EIO "the API is in trouble (503)"
session "HTML" '"html"' 1 EIO "makes no sense"
session "JSON that ends too soon" '"garbage"' 1 EIO "makes no sense"
session "nothing" '"empty"' 1 EIO "makes no sense"
session "an answer that is cut short" '"cut"' 2 ok ""
session "one whose session came whole" '"late-cut"' 1 ok ""
session "an answer without an end" '"endless"' 1 EIO "too long"

# What only a person can mend keeps a dataset from being mounted, and costs one try each time.
for status in 401 403 404 410; do
	MDCFS_LEASE_DIR=$tmp/leases-$status
	before=$(posts)
	api_conf "\"$status\""
	run fails "$MDCFS" mount data.bin "$mnt"
	expect "$status: sessions asked for" 1 "$(($(posts) - before))"
done

# Whatever comes in place of the details costs no session.  Who has read them before goes by those.
details() { # FAULT TEXT: "" = it is asked again
	before=$(posts)
	api_conf '' "$1"
	if [ -z "$2" ]; then
		mount_mdcfs data.bin
		umount_mdcfs
	elif [ -n "$known" ]; then
		mount_mdcfs data.bin
		log_has "$2" && log_has "the details kept" || fail "$1: the log does not say '$2'"
		expect "$1: what is cached" ok "$(read_block 0)"
		umount_mdcfs
	else
		run fails "$MDCFS" mount data.bin "$mnt"
		says "$2"
	fi
	expect "$1: sessions for details" 0 $(($(posts) - before))
}
MDCFS_LEASE_DIR=$cache/leases
for known in "" yes; do
	for fault in '"500"' '"503"' '"503:1"' '"429:1"' '"drop"' '"cut"'; do
		details "$fault" ""
	done
	[ -n "$known" ] || find "$cache" -name details -prune -exec rm -r {} +
	details '"503:300"' "the API is in trouble (503)"
	details '"html"' "is not JSON"
	details '"garbage"' "is not JSON"
	details '"empty"' "answer is empty"
	details '"endless"' "answer is too long"
	api_conf ''
	mount_mdcfs data.bin
	expect "when it is over" ok "$(read_block 0)"
	umount_mdcfs
done
exit 0
