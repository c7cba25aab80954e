#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The sample's servers against curl, without the program under test: what they claim to imitate
# they really do.  A fake that shares a client's mistake would hide it.
. "${srcdir:-.}/tests/functions.sh"

requires curl cmp
start_sample -l 2 -q 3

archive=$sample/objects/$slug.tar.gz
size=$(stat -c %s "$archive")

json() { # EXPRESSION over d
	python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

status_of() { # CURL-ARGUMENTS...
	curl -s --max-time 20 -o "$tmp/body" -D "$tmp/head" -w '%{http_code}' "$@" || :
}

expect() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: got '$3', expected '$2'"
}

header() { # NAME: of the last answer
	tr -d '\r' <"$tmp/head" | sed -n "s/^$1: //Ip" | tail -n 1
}

ask_link() {
	curl -s --max-time 20 -X POST -H "Authorization: Bearer $api_key" "$api_url/datasets/$id/download"
}

# The catalogue and the details: by slug and by id, no key needed.
expect "health" 200 "$(status_of "$api_url/health")"
expect "details by slug" 200 "$(status_of "$api_url/datasets/$slug")"
id=$(json 'd["id"]' <"$tmp/body")
expect "filename" "$slug.tar.gz" "$(json 'd["filename"]' <"$tmp/body")"
expect "size" "$size" "$(json 'd["sizeBytes"]' <"$tmp/body")"
expect "checksum" "$(sha256sum "$archive" | cut -c1-64)" "$(json 'd["checksum"]' <"$tmp/body")"
expect "details by id" 200 "$(status_of "$api_url/datasets/$id")"
expect "unknown dataset" 404 "$(status_of "$api_url/datasets/no-such-dataset")"
expect "catalogue" 3 "$(curl -s "$api_url/datasets?limit=1" | json 'd["total"]')"

# A link needs the key, and is asked for by id alone.
expect "no key" 401 "$(status_of -X POST "$api_url/datasets/$id/download")"
expect "wrong key" 401 "$(status_of -X POST -H 'Authorization: Bearer wrong' "$api_url/datasets/$id/download")"
case $(status_of -X POST -H "Authorization: Bearer $api_key" "$api_url/datasets/$slug/download") in
400 | 404) ;;
*) fail "a slug got a link" ;;
esac
expect "no session was opened" 0 "$(storage_requests)"

session=$(ask_link)
url=$(printf '%s' "$session" | json 'd["downloadUrl"]')
expect "session size is a string" "str $size" "$(printf '%s' "$session" |
	json 'type(d["sizeBytes"]).__name__ + " " + d["sizeBytes"]')"

# Ranges are what curl and the file itself say they are.
for range in 0-0 0-9 100-70000 $((size - 10))-$((size - 1)); do
	expect "range $range" 206 "$(status_of -r "$range" "$url")"
	expect "Content-Range $range" "bytes $range/$size" "$(header Content-Range)"
	tail -c "+$((${range%-*} + 1))" "$archive" | head -c "$((${range#*-} - ${range%-*} + 1))" |
		cmp - "$tmp/body" || fail "bytes of $range"
done
expect "a range past the end is cut" 206 "$(status_of -r "$((size - 5))-$((size + 100))" "$url")"
expect "its Content-Range" "bytes $((size - 5))-$((size - 1))/$size" "$(header Content-Range)"
etag=$(header ETag)
[ -n "$etag" ] || fail "no ETag"
expect "a range behind the end" 416 "$(status_of -r "$size-" "$url")"
expect "If-Match" 206 "$(status_of -r 0-9 -H "If-Match: $etag" "$url")"
expect "If-Match, other version" 412 "$(status_of -r 0-9 -H 'If-Match: "other"' "$url")"

# Refusals.
expect "HEAD" 403 "$(status_of -I "$url")"
expect "the key at the storage" 400 "$(status_of -r 0-9 -H "Authorization: Bearer $api_key" "$url")"
expect "no signature" 403 "$(status_of -r 0-9 "${url%%\?*}")"
expect "a changed signature" 403 "$(status_of -r 0-9 "$(printf '%s' "$url" | sed 's/expires=/expires=1/')")"
grep -q SignatureDoesNotMatch "$tmp/body" || fail "no reason in the refusal"
expect "auth is logged" 1 "$(storage_requests 'auth=yes')"
expect "one line a request" "$(storage_requests)" "$(storage_requests "/objects/$slug.tar.gz ")"
[ "$(storage_requests 'md5=|expires=')" = 0 ] || fail "a signature in the log"

# Links expire.
expired() {
	[ "$(status_of -r 0-9 "$url")" = 403 ]
}
retry 6 expired || fail "the link did not expire"
grep -q 'Request has expired' "$tmp/body" || fail "the refusal does not say that the link expired"
url=$(ask_link | json 'd["downloadUrl"]')
expect "a new link" 206 "$(status_of -r 0-9 "$url")"

# And so does the daily allowance: the slug above may or may not have counted.
ask_link >/dev/null
expect "past the daily limit" 429 "$(status_of -X POST -H "Authorization: Bearer $api_key" \
	"$api_url/datasets/$id/download")"
[ -n "$(header Retry-After)" ] || fail "429 without Retry-After"
[ "$(posts)" -ge 4 ] || fail "the API's log does not show the requests for links"
