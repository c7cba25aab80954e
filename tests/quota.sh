#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What mounting costs of the organization's downloads: many at once, one after the other, killed at any
# moment, refused; what the ledger says of it, and how some are left to colleagues.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3
requires_fuse

serve_file $((6 << 20))
api_key=quota-key-5772156649
api_conf() { # JSON-MEMBERS, each with a comma behind it
	cat >"$tmp/api.json.new" <<CONF
{"keys": ["$api_key"], "storage": "$storage_url", "secret": "", "rate_headers": true, $1
 "datasets": [{"id": "cm0quota0000000000000000", "slug": "data.bin", "filename": "data.bin",
  "file": "$reference"}]}
CONF
	mv "$tmp/api.json.new" "$tmp/api.json"
}
api_conf '"daily_limit": 30,'
start_api

downloads() { # EXPRESSION over d, the ledger of today
	"$MDCFS" status --json --downloads >"$tmp/downloads.json" || fail "status --downloads"
	json_of "$tmp/downloads.json" "[d for d in d if d['kind'] == 'download'][0]$1"
}

run 0 "$MDCFS" status --json --downloads
expect "before the first download" "[]" "$(cat "$out")"

# --- sixteen at the same moment, each in a process and with a cache of its own
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	mkdir "$tmp/m$i"
	MDCFS_CACHE_DIR=$tmp/cache$i timeout -s KILL 60 "$MDCFS" mount data.bin "$tmp/m$i" >"$tmp/m$i.out" 2>&1 &
	eval "pid_$i=\$!"
done
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	eval "wait \$pid_$i" || fail "mount $i of sixteen"
done
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	within 30 head -c 100000 "$(data_at "$tmp/m$i")" | cmp -n 100000 - "$reference" || fail "reading in mount $i"
done
expect "sessions for sixteen mounts at once" 1 "$(posts)"
expect "the ledger of it" "1 30 29" "$(downloads "['posts']") $(downloads "['limit']") $(downloads "['left']")"
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
	run 0 "$MDCFS" umount "$tmp/m$i"
done

# --- one after the other, each needing a link
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
	run 0 "$MDCFS" mount data.bin "$mnt"
	within 20 cmp -i $((i * block)) -n $block "$(data_at)" "$reference" || fail "block $i"
	run 0 "$MDCFS" umount "$mnt"
done
expect "sessions for thirty mounts more" 1 "$(posts)"

# --- what could be read before costs nothing until somebody wants what is not cached
rm -f "$cache"/leases/*.json
mount_mdcfs data.bin
expect "what is cached, without a link" ok "$(read_block 8)"
expect "sessions for that" 1 "$(posts)"
umount_mdcfs

# --- killed at any moment, without a lease each time: all that was asked for is in the ledger
for i in 0 1 2 3 4 5 6 7 8 9; do
	rm -f "$cache"/leases/*.json "$cache"/leases/*.proven
	"$MDCFS" mount -f data.bin "$mnt" >>"$log" 2>&1 </dev/null &
	victim=$!
	sleep "0.0$i"
	kill -9 $victim
	wait $victim || :
	! is_mounted "$mnt" || timeout 10 umount -l "$mnt" || timeout 10 fusermount3 -uz "$mnt"
done
sleep 0.2 # a request that was on its way
spent=$(downloads "['posts']")
[ "$spent" -ge "$(posts)" ] || fail "the ledger says $spent, and $(posts) were asked for"
mount_mdcfs data.bin
expect "reading after that" ok "$(read_block 31)"
[ "$(downloads "['posts']")" -le $((spent + 1)) ] || fail "more than one for it"
[ "$(downloads "['posts']")" -ge "$(posts)" ] || fail "the ledger lags behind"

# --- what is said of it
spent=$(downloads "['posts']")
expect "in the mount's status" "$spent" "$(json_of "$mnt/.mdcfs/status.json" "d['downloads'][0]['posts']")"
grep -qx "mdcfs_downloads_today $spent" "$mnt/.mdcfs/metrics" || fail "not in the metrics"
grep -q "^mdcfs_downloads_left [0-9]" "$mnt/.mdcfs/metrics" || fail "what is left is not in the metrics"
run 0 "$MDCFS" status "$mnt"
grep -qE "^  downloads +$spent asked for today, [0-9]+ of 30 left, a new day at 20.*\(http://127.0.0.1:[0-9]+/api\)" "$out" ||
	fail "not in the status for people"
umount_mdcfs
run 0 "$MDCFS" status --downloads
grep -qE "^  downloads +$spent asked for today" "$out" || fail "not in the status without mounts"
run 2 "$MDCFS" status --downloads "$mnt"

# --- some are left to colleagues
asked=$(posts)
left=$(downloads "['left']")
rm -f "$cache"/leases/*.json
mount_mdcfs -o "quota_reserve=$left" data.bin
expect "what the reserve forbids" EDQUOT "$(read_block 40)"
expect "what is cached" ok "$(read_block 31)"
log_has "$left of the day's 30 downloads are left, and quota_reserve=$left keeps them; it resets at 20" ||
	fail "the log does not say it"
expect "sessions for it" "$asked" "$(posts)"
umount_mdcfs
mount_mdcfs -o "quota_reserve=$((left - 1))" data.bin
expect "what it allows" ok "$(read_block 40)"
expect "sessions for that" $((asked + 1)) "$(posts)"
umount_mdcfs

# --- a service that refuses every link: mounting again and again does not cost one each time
rm -f "$cache"/leases/*.json "$cache"/leases/*.proven # links of one second are the same link here
plan "* 403"
for i in 1 2 3; do
	mount_mdcfs -o deadline=5 data.bin
	expect "a link that is refused" EACCES "$(read_block 41)"
	umount_mdcfs
done
expect "sessions for three mounts that are refused" $((asked + 2)) "$(posts)"
plan "* ok"

# --- the limit is reached: everybody knows, and it is asked once
rm -f "$cache"/leases/*.json
api_conf '"daily_limit": 1,'
mount_mdcfs data.bin
expect "no download left" EDQUOT "$(read_block 42)"
umount_mdcfs
mount_mdcfs data.bin
expect "no download left, a new mount" EDQUOT "$(read_block 42)"
expect "what is cached then" ok "$(read_block 31)"
umount_mdcfs
expect "requests of both" $((asked + 3)) "$(posts)"
expect "left" 0 "$(downloads "['left']")"
run 0 "$MDCFS" status --downloads
grep -qE "^  downloads .*, none before 20[0-9-]+T" "$out" || fail "the status does not say until when"
grep -raqF -e "$api_key" "$cache" && fail "the key is in the cache"
exit 0
