#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A portal that refuses, breaks off, counts calls, answers nonsense or is very large.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp curl
requires_fuse
start_portal

calls() { # [REGEX]
	sleep 0.2
	grep -cE -e "${1:-.}" "$portal_log" || :
}

logged() { # TEXT [TIMES]
	expect "lines of the log with '$1'" "${2:-1}" "$(grep -cF -e "$1" "$mnt/.mdcfs/log" || :)"
}

again() { # [-o OPTS] a new mount with an empty cache
	umount_mdcfs
	rm -rf "$cache"
	mount_mdcfs "$@" "ods:$portal"
}

csv="/api/records/1.0/download?dataset=velib&format=csv"
curl -sS --max-time 20 -o "$tmp/velib.csv" "$portal_url$csv"

# --- what breaks off is never whole: an error, nothing kept, and from its start at the next open
mount_mdcfs "ods:$portal"
P=$mnt/$portal
configure_portal '{"faults": [{"path": "download", "times": 1, "cut": 1000000}]}'
run fails cat "$P/velib/records.csv"
says "Input/output error"
n=$(wc -c <"$out")
[ "$n" -lt 1000001 ] || fail "$n bytes of a download that was cut after 1000000"
cmp -n "$n" "$out" "$tmp/velib.csv" || fail "what came before the cut"
expect "its size" 0 "$(stat -c %s "$P/velib/records.csv")"
logged "velib): it broke off after" 1
within 20 cat "$P/velib/records.csv" | cmp - "$tmp/velib.csv" || fail "after a cut"
expect "what is kept" 1 "$(find "$cache/facts" -type f | wc -l)"

# --- trouble that passes is asked again, before the first byte
again
configure_portal '{"faults": [{"path": "download", "times": 2, "status": 503, "headers": {"Retry-After": "0"}}]}'
within 30 cat "$P/velib/records.csv" | cmp - "$tmp/velib.csv" || fail "after two 503"

# --- a page for people, an error with a 200, errors that stay
configure_portal '{"faults": [{"path": "download", "query": "velib", "html": true},
	{"path": "download", "query": "photos", "status": 200, "body": "{\"error\": \"kaputt\"}",
	 "headers": {"Content-Type": "application/json"}},
	{"path": "download", "query": "vide", "status": 404, "body": "{}"},
	{"path": "download", "query": "capteurs", "status": 500, "body": "{}"}]}'
again
run fails cat "$P/velib/records.csv"
says "Input/output error"
logged "answered with a page for people" 1
run fails cat "$P/photos/records.json"
logged "kaputt" 1
run fails cat "$P/vide/records.csv"
says "No such file"
run fails cat "$P/capteurs/records.csv"
says "Input/output error"
expect "what is kept" "" "$(find "$cache/facts" -type f 2>/dev/null)"

# --- records that look like an error, and a page that does not begin like one
configure_portal '{"faults": [{"path": "exports/jsonl", "query": "", "status": 200,
	 "body": "{\"message\": \"a\", \"n\": 1}\n{\"message\": \"b\", \"n\": 2}\n"},
	{"path": "download", "query": "vide", "status": 200,
	 "body": "{\"message\": \"no\", \"error_code\": \"ODSQLError\"}"},
	{"path": "download", "status": 200, "headers": {"Content-Type": "text/html; charset=utf-8"},
	 "body": "<!-- --><html>Please log in</html>"}]}'
again
expect "lines with a field of that name" '{"message": "a", "n": 1} {"message": "b", "n": 2}' \
	"$(echo $(within 20 cat "$P/velib/exports/velib.jsonl"))"
run fails cat "$P/vide/records.json"
says "Input/output error"
run fails cat "$P/velib/records.csv"
says "Input/output error"
expect "bytes of a page" 0 "$(wc -c <"$out")"

# --- the calls of a day, in every form that they are refused in; what was read stays
for style in 429 403 quote anonymous; do
	configure_portal '{}'
	again
	within 20 cat "$P/velib/records.csv" >/dev/null || fail "read before the quota"
	configure_portal "{\"quota\": 0, \"quota_style\": \"$style\"}"
	run fails cat "$P/photos/records.csv"
	says "Disk quota exceeded"
	before=$(calls)
	run fails cat "$P/vide/records.csv"
	says "Disk quota exceeded"
	expect "calls after the quota ($style)" "$before" "$(calls)"
	logged "the calls of the day are used up" 1
	cmp "$P/velib/records.csv" "$tmp/velib.csv" || fail "what was read before, $style"
	expect "status" True "$(json_of "$mnt/.mdcfs/status.json" "d['portals'][0]['calls_used_up']")"
	run 0 "$MDCFS" status "$mnt"
	grep -q "used up, none before $(date -u -d tomorrow +%Y-%m-%dT00:00:00Z)" "$out" || fail "mdcfs status"
	expect "reset" "$(date -u -d tomorrow +%Y-%m-%dT00:00:00Z)" \
		"$(json_of "$mnt/.mdcfs/status.json" "d['portals'][0]['calls_reset']")"
done
configure_portal '{"quota": 50}'
again
ls "$P" >/dev/null
run 0 "$MDCFS" status "$mnt"
grep -q "49 of 50 left, new ones at $(date -u -d tomorrow +%Y-%m-%dT00:00:00Z)" "$out" || fail "mdcfs status"
expect "figures" "50 49" "$(json_of "$mnt/.mdcfs/status.json" \
	"'%d %d' % (d['portals'][0]['calls_limit'], d['portals'][0]['calls_left'])")"

# --- who asks
configure_portal '{"anonymous": false, "keys": ["key-1"], "users": {"me": "p w"}}'
umount_mdcfs
run fails "$MDCFS" mount "ods:$portal" "$mnt"
says "a key is needed"
for secret in key-1 "me:p w"; do
	ODS_API_KEY=$secret
	export ODS_API_KEY
	mount_mdcfs "ods:$portal"
	[ -d "$P/prive" ] || fail "no private dataset with a key"
	within 20 cat "$P/prive/records.json" >/dev/null || fail "private records"
	for seen in "$mnt/.mdcfs/log" "$mnt/.mdcfs/status.json" "$portal_log"; do
		! grep -qF -e "$secret" "$seen" || fail "the secret is in $seen"
	done
	umount_mdcfs
done
! grep -rqF -e key-1 "$cache" || fail "the key is in the cache"

# A file that lies elsewhere: the key stays with the portal's own origin.
file=arbres-remarquables/attachments
sum=$(printf 'Ceci est lisez-moi.\n' | cksum)
ODS_API_KEY=key-1
mount_mdcfs "ods:$portal"
elsewhere() { # HOST ANONYMOUS
	configure_portal '{"anonymous": '"$2"', "keys": ["key-1"], "faults": [{"path": "/lisez-moi", "times": 1,
		"status": 302, "body": "", "headers": {"Location":
		"http://'"$1:${portal##*:}"'/api/datasets/1.0/arbres-remarquables/attachments/lisez-moi/"}}]}'
}
elsewhere localhost false
run fails cat "$P/$file/Lisez-moi été.txt"
says "Permission denied"
elsewhere localhost true
within 20 head -n 1 "$P/$file/Lisez-moi été.txt" >"$tmp/got" || fail "a file elsewhere"
expect "a file elsewhere" "$sum" "$(cksum <"$tmp/got")"
umount_mdcfs
rm -rf "$cache"
elsewhere 127.0.0.1 false
mount_mdcfs "ods:$portal"
within 20 head -n 1 "$P/$file/Lisez-moi été.txt" >"$tmp/got" || fail "a file at another place"
expect "a file at another place" "$sum" "$(cksum <"$tmp/got")"
umount_mdcfs
configure_portal '{"anonymous": false, "keys": ["key-1"], "users": {"me": "p w"}}'
ODS_API_KEY=wrong
run fails "$MDCFS" mount "ods:$portal" "$mnt"
says "was refused"
unset ODS_API_KEY
mkdir -p "$HOME/.config/mdcfs"
printf 'ods:%s key-1\n' "$portal" >"$HOME/.config/mdcfs/credentials"
chmod 600 "$HOME/.config/mdcfs/credentials"
mount_mdcfs "ods:$portal"
[ -d "$P/prive" ] || fail "no private dataset after a login"
umount_mdcfs
rm "$HOME/.config/mdcfs/credentials"

# --- what is no portal
configure_portal '{"faults": [{"html": true}]}'
run fails "$MDCFS" mount "ods:$portal" "$mnt"
says "is this a portal"
run fails "$MDCFS" mount "ods:$portal/a/b" "$mnt"
says "one dataset's id"
run fails "$MDCFS" mount "ods:exa mple" "$mnt"
says "no domain"
configure_portal '{}'
run fails "$MDCFS" mount "ods:$portal/nothing" "$mnt"
says "no such dataset"

# --- pages that shrink while they are read, and repeat datasets
configure_portal '{"many": 1500, "shrink": 7, "duplicate": true}'
: >"$portal_log"
mount_mdcfs "ods:$portal"
within 20 ls "$P" >"$tmp/names"
expect "names that come twice" "" "$(sort "$tmp/names" | uniq -d)"
[ "$(wc -l <"$tmp/names")" -ge 1480 ] || fail "$(wc -l <"$tmp/names") datasets of about 1500"
at_most "calls for pages that shrink" 8 "$(calls)"
umount_mdcfs

# --- a search that finds more than its answers may take in memory: each page is asked for once
configure_portal '{"many": 2500, "padding": 35000}'
mount_mdcfs "ods:$portal"
: >"$portal_log"
expect "datasets found" 2507 "$(within 60 ls "$P/.search/q=" | wc -l)"
expect "calls for them" 26 "$(calls search)"
[ -e "$P/.search/q=/serie-02000/dataset.json" ] || fail "one that was found"
expect "calls, a name more" 26 "$(calls)"
umount_mdcfs

# --- one that gives the same page again and again, and says that there are more
configure_portal '{"faults": [{"path": "datasets/1.0/search", "status": 200,
	"body": "{\"nhits\": 1000000000000, \"datasets\": [{\"datasetid\": \"velib\", \"metas\": {}}]}"}]}'
: >"$portal_log"
mount_mdcfs "ods:$portal"
expect "datasets of the same page" velib "$(within 20 ls "$P")"
at_most "calls for the same page" 3 "$(calls)"
umount_mdcfs

# --- a large portal: its pages, and little memory; more names at once than are asked for at once
configure_portal '{"many": 30000}'
mount_mdcfs "ods:$portal"
within 60 python3 - "$P" <<'PYTHON' || fail "many names at once"
import os, sys, threading
failed = []
def look(i):
    try:
        os.stat("%s/serie-%05d" % (sys.argv[1], 20000 + i))
    except OSError as e:
        failed.append(str(e))
threads = [threading.Thread(target=look, args=(i,)) for i in range(200)]
for t in threads:
    t.start()
for t in threads:
    t.join()
sys.exit("\n".join(failed[:3]) or 0)
PYTHON
umount_mdcfs
: >"$portal_log"
mount_mdcfs "ods:$portal"
within 60 ls -l "$P" >"$tmp/names"
expect "datasets" 30008 "$(wc -l <"$tmp/names")"
expect "calls for their pages" 61 "$(calls)"
[ -e "$P/serie-12345/dataset.json" ] || fail "one of many"
expect "calls, a name more" 61 "$(calls)"
if ! readelf -d "$MDCFS" 2>/dev/null | grep -q 'lib[at]san'; then
	rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$mdcfs_pid/status")
	at_most "kilobytes of memory" 120000 "$rss"
fi
umount_mdcfs

# --- what the cache cannot keep is received no faster than it is read, and read in order; what it keeps
# stays within the limit
configure_portal '{}'
rm -rf "$cache"
mount_mdcfs -o cache_size=4M,read_ahead=8M "ods:$portal"
json="/api/records/1.0/download?dataset=velib&format=json"
curl -sS --max-time 20 -o "$tmp/velib.json" "$portal_url$json"
for way in 'cat "$1"' 'dd if="$1" bs=1000 status=none' 'cat "$1" | { read -r x <"$2"; cat; }'; do
	mkfifo "$tmp/fifo"
	{ within 30 sh -c "$way" sh "$P/velib/records.json" "$tmp/fifo"; echo $? >"$tmp/status"; } >"$tmp/got" &
	reader=$!
	echo go >"$tmp/fifo" &
	writer=$!
	wait $reader
	rm "$tmp/fifo"
	kill $writer 2>/dev/null || :
	wait $writer 2>/dev/null || :
	cmp "$tmp/velib.json" "$tmp/got" || fail "larger than the cache: $way"
done
within 30 head -c 100 "$P/velib/records.json" | cmp -n 100 - "$tmp/velib.json" || fail "its beginning"
at_most "kilobytes in the cache" 4096 "$(du -sk "$cache/objects" | cut -f 1)"
