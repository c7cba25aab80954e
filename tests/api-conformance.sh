#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Holds sample/api.py against curl: every endpoint and every refusal of the API that the other
# tests rely on, and, when nginx with secure_link is here, that its links open the storage.
set -u

srcdir=${MDCFS_SRCDIR:-${srcdir:-.}}
command -v python3 >/dev/null || exit 77
command -v curl >/dev/null || exit 77
dir=$(mktemp -d "${TMPDIR:-/tmp}/api-conformance.XXXXXX") || exit 99
pids=
cleanup() {
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
failed=0
fail() { echo "FAIL: $*" >&2; failed=1; }

key=secret-key-one
printf 'some bytes of an archive' >"$dir/a b.tar.gz"
sum=$(sha256sum "$dir/a b.tar.gz" | cut -d' ' -f1)
storage=http://127.0.0.1:9
config() { # EXTRA: more members, e.g. '"down": true,'
	cat >"$dir/new.json" <<EOF
{"keys": ["$key"], "storage": "$storage/o", "secret": "shh", "link_lifetime": 60, $1
 "datasets": [
  {"id": "caaaaaa1", "slug": "one", "file": "$dir/a b.tar.gz"},
  {"id": "caaaaaa2", "slug": "terms", "file": "$dir/a b.tar.gz", "terms_agreed": false},
  {"id": "caaaaaa3", "slug": "paid", "file": "$dir/a b.tar.gz", "paid": true},
  {"id": "caaaaaa4", "slug": "gone", "file": "$dir/a b.tar.gz", "withdrawn": true},
  {"id": "caaaaaa5", "slug": "odd", "file": "$dir/a b.tar.gz", "null_size": true,
   "null_checksum": true, "name": "Odd/Name", "format": "WAV", "metadata": false},
  {"id": "caaaaaa6", "slug": "string", "file": "$dir/a b.tar.gz", "size_as_string": true,
   "prefix_checksum": true, "locale": "cy", "task": "TTS", "licenseAbbreviation": null,
   "createdAt": "2024-01-01T00:00:00.000Z", "size": 99, "metadata": "bad",
   "sample": {"file": "$dir/a b.tar.gz", "filename": "sample.tar.gz"}},
  {"id": "caaaaaa7", "slug": "private", "file": "$dir/a b.tar.gz", "private": true}]}
EOF
	mv "$dir/new.json" "$dir/config.json"
}
config ''
python3 "$srcdir/sample/api.py" --config "$dir/config.json" --port-file "$dir/port" \
	--log "$dir/log" &
pids=$!
n=0
while [ ! -s "$dir/port" ]; do
	n=$((n + 1))
	[ $n -le 100 ] || { fail "the server does not start"; exit 99; }
	sleep 0.1
done
api=http://127.0.0.1:$(cat "$dir/port")/api

ask() { # ARGS of curl: the status goes to $status, body and headers to files
	status=$(curl -s --max-time 10 -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@")
}
field() { # KEY.KEY: a field of the answer as JSON
	python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split("."):
    v = v[int(k)] if isinstance(v, list) else v[k]
print(json.dumps(v))' "$dir/body" "$1" 2>/dev/null
}
is() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: wanted $2, got $3"
}
auth="Authorization: Bearer $key"

ask "$api/health"
is "health" 200 "$status"
is "health" '"ok"' "$(field status)"

ask "$api/datasets"
is "catalogue" 200 "$status"
is "catalogue total" 5 "$(field total)"
is "catalogue item" '"one"' "$(field items.0.slug)"
ask "$api/datasets?limit=2&page=3"
is "last page" '"string"' "$(field items.0.slug)"
is "total of all pages" 5 "$(field total)"
ask "$api/datasets?q=ODD"
is "search" 1 "$(field total)"
ask "$api/datasets?limit=101"
is "limit too high" 400 "$status"
ask "$api/datasets?page=x"
is "page not a number" 400 "$status"
is "which field" '"Must be a valid value."' "$(field details.page)"


# --- searching, filters, Croissant
found() { # QUERY SLUG...: in this order
	ask "$api/datasets?$1"
	what=$1
	shift
	is "catalogue ?$what" "$*" "$(python3 -c 'import json, sys
print(*[i["slug"] for i in json.load(open(sys.argv[1]))["items"]])' "$dir/body")"
}
found 'q=odd' odd
found 'q=string+example'
found 'locale=cy' string
found 'locale=cy&locale=en&q=s' terms string
found 'task=TTS&locale=en'
found 'task=nothing'
found 'format=WAV' odd
found 'license=CC0-1.0&q=o' one odd
found 'sample=true' string
found 'pricing=compensated' paid
found 'sort=size&limit=1' string
found 'sort=size&sortDirection=asc&limit=1' odd
found 'sort=newest&sortDirection=asc&limit=1' string
found 'uploadDate=today'
for query in sort=x sortDirection=x uploadDate=x pricing=x q= limit=0 page=0; do
	ask "$api/datasets?$query"
	is "?$query" 400 "$status"
done
ask "$api/datasets/filters"
is "filters" 200 "$status"
is "tasks" '["ASR", "TTS"]' "$(field tasks)"
is "locales" '["cy", "en"]' "$(field locales)"
is "licenses" '["CC0-1.0"]' "$(field licenses)"
is "formats" '["MP3", "WAV"]' "$(field formats)"
for name in one caaaaaa1; do
	ask "$api/datasets/$name/metadata"
	is "metadata of $name" 200 "$status"
	grep -iq '^content-type: application/ld+json' "$dir/head" || fail "type of the metadata"
	is "Croissant" '"http://mlcommons.org/croissant/1.0"' "$(field conformsTo)"
done
ask "$api/datasets/odd/metadata"
is "no metadata" 404 "$status"
ask "$api/datasets/string/metadata"
is "bad metadata" 422 "$status"
config '"churn": "grow",'
found 'limit=2&page=2' terms paid
config '"churn": "shrink", "page_max": 2,'
found 'limit=5&page=2' odd string
config ''

for name in one caaaaaa1; do
	ask "$api/datasets/$name"
	is "details of $name" 200 "$status"
	is "id" '"caaaaaa1"' "$(field id)"
	is "size" 24 "$(field sizeBytes)"
	is "checksum" "\"$sum\"" "$(field checksum)"
	is "filename" '"a b.tar.gz"' "$(field filename)"
done
ask "$api/datasets/odd"
is "null size" null "$(field sizeBytes)"
is "null checksum" null "$(field checksum)"
is "name" '"Odd/Name"' "$(field name)"
ask "$api/datasets/string"
is "size as string" '"99"' "$(field sizeBytes)"
is "prefixed checksum" "\"sha256:$sum\"" "$(field checksum)"
ask "$api/datasets/nothing"
is "unknown" 404 "$status"
is "error text" '"Dataset not found"' "$(field error)"
ask "$api/datasets/gone"
is "withdrawn" 410 "$status"
ask "$api/datasets/private"
is "private, no key" 403 "$status"
ask -H "$auth" "$api/datasets/private"
is "private, key" 200 "$status"
ask -H "Authorization: Bearer wrong" "$api/datasets/one"
is "wrong key" 401 "$status"

post() { ask -X POST "$@"; }
post "$api/datasets/caaaaaa1/download"
is "POST without key" 401 "$status"
is "401 is JSON" '"Authentication required."' "$(field error)"
post -H "Authorization: Bearer wrong" "$api/datasets/caaaaaa1/download"
is "POST with a wrong key" 401 "$status"
post -H "$auth" "$api/datasets/one/download"
is "POST with a slug" 404 "$status"
post -H "$auth" "$api/datasets/caaaaaa2/download"
is "terms not agreed" 403 "$status"
post -H "$auth" "$api/datasets/caaaaaa3/download"
is "paid" 402 "$status"
post -H "$auth" "$api/datasets/caaaaaa4/download"
is "withdrawn" 410 "$status"
post -H "$auth" "$api/datasets/cbbbbbb9/download"
is "unknown id" 404 "$status"
ask "$api/datasets/caaaaaa1/download/dlt_x"
is "token route" 410 "$status"
post -H "$auth" -H 'Content-Type: application/json' "$api/datasets/caaaaaa1/download"
is "download" 200 "$status"
is "session size is a string" '"24"' "$(field sizeBytes)"
is "session checksum" "\"$sum\"" "$(field checksum)"
for f in accessRecordId downloadToken downloadUrl expiresAt contentType filename; do
	[ -n "$(field $f)" ] || fail "the session has no $f"
done
field expiresAt | grep -Eq '^"20[0-9-]{8}T[0-9:]{8}\.000Z"$' || fail "expiresAt $(field expiresAt)"
case $(field downloadUrl) in
"\"$storage/o/a%20b.tar.gz?md5="*"&expires="*) ;;
*) fail "link $(field downloadUrl)" ;;
esac

# --- what a key opens without a download
ask "$api/submissions/cbbbbbb9"
is "submission without key" 401 "$status"
ask -H "Authorization: Bearer wrong" "$api/submissions/cbbbbbb9"
is "submission with a wrong key" 401 "$status"
ask -H "$auth" "$api/submissions/cbbbbbb9"
is "no such submission" 404 "$status"

# --- samples
post "$api/datasets/caaaaaa6/sample-download"
is "sample without key" 401 "$status"
post -H "$auth" "$api/datasets/caaaaaa1/sample-download"
is "no sample" 404 "$status"
post -H "$auth" "$api/datasets/caaaaaa6/sample-download"
is "sample" 200 "$status"
is "its name" '"sample.tar.gz"' "$(field filename)"
is "its size" '"24"' "$(field sizeBytes)"
is "no checksum" "" "$(field checksum)"
config '"sample_limit": 1,'
post -H "$auth" "$api/datasets/caaaaaa6/sample-download"
is "too many samples" 429 "$status"
grep -Eiq '^retry-after: [0-9]+' "$dir/head" || fail "no Retry-After of samples"
config ''

# Two requests on one connection.
conns=$(curl -s -o /dev/null -o /dev/null -w '%{num_connects}' "$api/health" "$api/health")
is "keep-alive" 10 "$conns"

config '"daily_limit": 1,'
post -H "$auth" "$api/datasets/caaaaaa1/download"
is "daily limit" 429 "$status"
is "period" '"daily"' "$(field limit.period)"
[ -n "$(field limit.resetsAt)" ] || fail "no resetsAt"
grep -Eiq '^retry-after: [0-9]+' "$dir/head" || fail "no Retry-After"
config '"daily_limit": 1, "limit_object": false, "retry_after": 7,'
post -H "$auth" "$api/datasets/caaaaaa1/download"
is "daily limit without its object" 429 "$status"
is "no limit object" "" "$(field limit.period)"
grep -Eiq '^retry-after: [67]' "$dir/head" || fail "Retry-After is not 7"
config '"request_limit": true,'
ask "$api/datasets/one"
is "request limit" 429 "$status"
is "its type" '"request_limit"' "$(field type)"
config '"down": true,'
ask "$api/datasets/one"
is "down" 503 "$status"
ask "$api/health"
is "health when down" 200 "$status"

# --- through the API itself, as its first generation did it
config '"generation": "token",'
post -H "$auth" "$api/datasets/caaaaaa1/download"
is "token session" 200 "$status"
is "no link" "" "$(field downloadUrl)"
is "its size is a number" 24 "$(field sizeBytes)"
token=$(field downloadToken | tr -d '"')
file=$api/datasets/caaaaaa1/download/$token
ask "$file"
is "token without key" 401 "$status"
ask -H "Authorization: Bearer wrong" "$file"
is "token with a wrong key" 401 "$status"
ask -H "$auth" "$api/datasets/caaaaaa1/download/tok_x"
is "unknown token" 401 "$status"
is "what is said of it" '"Invalid or expired download token"' "$(field error)"
ask -H "$auth" "$api/datasets/caaaaaa6/download/$token"
is "token of another dataset" 401 "$status"
ask -H "$auth" "$api/datasets/cbbbbbb9/download/$token"
is "token of no dataset" 404 "$status"
ask -H "$auth" -r 5-9 "$file"
is "range" 206 "$status"
is "its bytes" bytes "$(cat "$dir/body")"
grep -Eiq '^content-range: bytes 5-9/24' "$dir/head" || fail "the range's Content-Range"
ask -H "$auth" -r 24-30 "$file"
is "range behind the end" 416 "$status"
grep -Eiq '^content-range: bytes \*/24' "$dir/head" || fail "the 416's Content-Range"
ask -H "$auth" -r 0-4 "$file"
is "the beginning" 206 "$status"
ask -H "$auth" -r 12- "$file"
is "the rest, nearly" 206 "$status"
ask -H "$auth" -r 10-11 "$file"
is "the last that was missing" 206 "$status"
ask -H "$auth" -r 0-4 "$file"
is "a token that is spent" 401 "$status"
post -H "$auth" "$api/datasets/caaaaaa1/download"
ask -H "$auth" "$api/datasets/caaaaaa1/download/$(field downloadToken | tr -d '"')"
is "whole" 200 "$status"
cmp -s "$dir/body" "$dir/a b.tar.gz" || fail "the whole file"
config '"generation": "token", "bandwidth": [10, 1],'
post -H "$auth" "$api/datasets/caaaaaa1/download"
file=$api/datasets/caaaaaa1/download/$(field downloadToken | tr -d '"')
ask -H "$auth" "$file"
is "bandwidth: begun" 200 "$status"
is "bandwidth: bytes until the connection ends" 10 "$(wc -c <"$dir/body")"
ask -H "$auth" "$file"
is "bandwidth limit" 429 "$status"
grep -Eiq '^retry-after: 1' "$dir/head" || fail "no Retry-After"
sleep 1.1
ask -H "$auth" -r 10-19 "$file"
is "bandwidth again" 206 "$status"
config '"generation": "token", "link_lifetime": 0,'
post -H "$auth" "$api/datasets/caaaaaa1/download"
ask -H "$auth" "$api/datasets/caaaaaa1/download/$(field downloadToken | tr -d '"')"
is "a token that has expired" 401 "$status"

# --- download sessions that go wrong, in order
config '"post_faults": ["503:2", "500", "429:3", "html", "garbage", "empty", "drop"],'
session() { post -H "$auth" "$api/datasets/caaaaaa1/download"; }
session
is "planned 503" 503 "$status"
grep -Eiq '^retry-after: 2' "$dir/head" || fail "no Retry-After in the planned 503"
session
is "planned 500" 500 "$status"
grep -Eiq '^retry-after' "$dir/head" && fail "a Retry-After in the planned 500"
session
is "planned 429" '429 "request_limit"' "$status $(field type)"
session
is "planned HTML" "200 <!DOCTYPE" "$status $(head -c 9 "$dir/body")"
session
is "planned garbage" "200 " "$status $(field downloadUrl)"
session
is "planned emptiness" "200 0" "$status $(wc -c <"$dir/body")"
session
is "planned end of the connection" 000 "$status"
session
is "after the plan" 200 "$status"
is "which counts what was answered" 1 "$(grep -c 'POST /api/datasets/caaaaaa1/download 0' "$dir/log")"

# --- what the limit is, and what time
config '"daily_limit": 100, "rate_headers": true, "clock_offset": -86400,'
post -H "$auth" "$api/datasets/caaaaaa1/download"
grep -Eiq '^x-ratelimit-limit: 100' "$dir/head" || fail "no limit"
grep -Eiq '^x-ratelimit-remaining: 9[0-9]' "$dir/head" || fail "no remaining"
off=$(($(date +%s) - $(date -d "$(sed -n 's/^[Dd]ate: //p' "$dir/head" | tr -d '\r')" +%s)))
[ $off -ge 86400 ] && [ $off -le 86430 ] || fail "its Date is $off s behind"
left=$(($(date -d "$(field expiresAt | tr -d '"')" +%s) + 86400 - $(date +%s)))
[ $left -ge 30 ] && [ $left -le 60 ] || fail "a link of $left s by its clock"
config ''

grep -q 'tok_' "$dir/log" && fail "a token is in the log"
grep -qx 'POST /api/datasets/caaaaaa1/download 200' "$dir/log" || fail "the log lacks the POST"
grep -q "$key" "$dir/log" && fail "the key is in the log"
grep -q 'md5=\|?' "$dir/log" && fail "a query is in the log"

# The links, held against the server they are for.
links() {
	cat >"$dir/nginx.conf" <<EOF
daemon off; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { }
http {
	access_log off; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2;
	fastcgi_temp_path $dir/t3; uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
	server {
		listen 127.0.0.1:$1;
		location /o/ {
			alias $dir/;
			secure_link \$arg_md5,\$arg_expires;
			secure_link_md5 "\$secure_link_expires\$uri shh";
			if (\$secure_link = "") { return 403; }
			if (\$secure_link = "0") { return 410; }
		}
	}
}
EOF
	chmod 755 "$dir"
	nginx -c "$dir/nginx.conf" -e "$dir/nginx.err" 2>/dev/null &
	pids="$pids $!"
	n=0
	until curl -s -o /dev/null "http://127.0.0.1:$1/"; do
		n=$((n + 1))
		[ $n -le 50 ] || { echo "nginx does not start here: links not checked"; return; }
		sleep 0.1
	done
	storage=http://127.0.0.1:$1
	config ''
	post -H "$auth" "$api/datasets/caaaaaa1/download"
	url=$(field downloadUrl | tr -d '"')
	ask -r 5-9 "$url"
	is "signed range" 206 "$status"
	is "its bytes" bytes "$(cat "$dir/body")"
	ask "${url%?}0"
	is "another expiry than signed" 403 "$status"
	ask "${url%%\?*}"
	is "no signature" 403 "$status"
}
if command -v nginx >/dev/null && nginx -V 2>&1 | grep -q secure_link; then
	port=$(python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	links "$port"
fi
exit $failed
