#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# tests/lib/storage.py, the server that other tests trust, held against curl: ranges, conditions
# and every fault of its plan.  0 = right, 77 = curl or python3 is missing, 1 = wrong.
set -u

src=${MDCFS_SRCDIR:-${srcdir:-$(dirname "$0")/..}}
for tool in curl python3 cmp; do
	command -v "$tool" >/dev/null 2>&1 || { echo "skipped: no $tool"; exit 77; }
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/storage-conformance.XXXXXX") || exit 1
failed=0
server=
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
no_proxy='*'
export no_proxy

mkdir "$tmp/files"
head -c 100000 /dev/urandom >"$tmp/files/a.bin"
: >"$tmp/files/empty"
printf 'x' >"$tmp/files/a name+%.bin"
: >"$tmp/plan"
python3 "$src/tests/lib/storage.py" --dir "$tmp/files" --port-file "$tmp/port" \
	--plan "$tmp/plan" --log "$tmp/log" </dev/null &
server=$!
tries=0
while [ ! -s "$tmp/port" ]; do
	tries=$((tries + 1))
	[ $tries -lt 200 ] && kill -0 "$server" 2>/dev/null || { echo "the server did not start"; exit 1; }
	sleep 0.05
done
url=http://127.0.0.1:$(cat "$tmp/port")

# check WHAT: say how the last command ended.
check() {
	if [ $? = 0 ]; then
		echo "ok: $1"
	else
		echo "FAILED: $1"
		failed=1
	fi
}

# get CURL-ARGUMENTS: body in $tmp/body, headers in $tmp/headers, status in $code, curl's in $rc
get() {
	: >"$tmp/body"
	code=$(curl -sS -q --max-time 20 -D "$tmp/headers" -o "$tmp/body" -w '%{http_code}' "$@" 2>"$tmp/err")
	rc=$?
	tr -d '\r' <"$tmp/headers" >"$tmp/h" 2>/dev/null || :
}

header() { # NAME: its value in the last answer
	sed -n "s/^$1: //Ip" "$tmp/h" | tail -n 1
}

slice() { # FIRST COUNT: the true bytes
	tail -c +$(($1 + 1)) "$tmp/files/a.bin" | head -c "$2"
}

is_slice() { # FIRST COUNT
	slice "$1" "$2" | cmp -s - "$tmp/body"
}

plan() { # LINE...: a new plan; its stamp differs by the inode
	printf '%s\n' "$@" >"$tmp/plan.new"
	mv "$tmp/plan.new" "$tmp/plan"
}

logged() { # REGEX: is it in the log, now or soon?
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		grep -q -e "$1" "$tmp/log" && return 0
		sleep 0.1
	done
	return 1
}

now_ms() {
	date +%s%3N
}

echo "# ranges"
get "$url/a.bin"
[ "$code" = 200 ] && cmp -s "$tmp/body" "$tmp/files/a.bin" && [ "$(header Content-Length)" = 100000 ]
check "the whole file is 200"
etag=$(header ETag)
case $etag in '"100000-'*'"') true ;; *) false ;; esac
check "the ETag is quoted and has the size"
get -r 0-0 "$url/a.bin"
[ "$code" = 206 ] && is_slice 0 1 && [ "$(header Content-Range)" = "bytes 0-0/100000" ]
check "0-0 is the first byte"
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && is_slice 10 10 && [ "$(header Content-Range)" = "bytes 10-19/100000" ]
check "10-19 is ten bytes: the last one is included"
get -r 99999-99999 "$url/a.bin"
[ "$code" = 206 ] && is_slice 99999 1 && [ "$(header Content-Range)" = "bytes 99999-99999/100000" ]
check "the last byte"
get -r 99990-200000 "$url/a.bin"
[ "$code" = 206 ] && is_slice 99990 10 && [ "$(header Content-Range)" = "bytes 99990-99999/100000" ]
check "a range beyond the end is cut"
get -r 99000- "$url/a.bin"
[ "$code" = 206 ] && is_slice 99000 1000 && [ "$(header Content-Range)" = "bytes 99000-99999/100000" ]
check "an open range"
get -r -5 "$url/a.bin"
[ "$code" = 206 ] && is_slice 99995 5 && [ "$(header Content-Range)" = "bytes 99995-99999/100000" ]
check "a suffix range"
get -r -200000 "$url/a.bin"
[ "$code" = 206 ] && is_slice 0 100000
check "a suffix longer than the file is the file"
for range in 100000-100001 100000- -0; do
	get -r "$range" "$url/a.bin"
	[ "$code" = 416 ] && [ "$(header Content-Range)" = "bytes */100000" ]
	check "416 for $range"
done
get -r 0-0 "$url/empty"
[ "$code" = 416 ] && [ "$(header Content-Range)" = "bytes */0" ]
check "416 for any range of an empty file"
for range in 9-5 0-1,3-4; do
	get -r "$range" "$url/a.bin"
	[ "$code" = 200 ] && cmp -s "$tmp/body" "$tmp/files/a.bin"
	check "the range $range is ignored"
done

echo "# conditions, names, methods, connections"
get -r 0-9 -H "If-Match: $etag" "$url/a.bin"
[ "$code" = 206 ] && is_slice 0 10
check "If-Match with the right ETag"
get -r 0-9 -H 'If-Match: "other"' "$url/a.bin"
[ "$code" = 412 ]
check "If-Match with another is 412"
get -r 0-9 -H "If-Match: W/$etag" "$url/a.bin"
[ "$code" = 412 ]
check "a weak ETag never matches"
get -r 0-9 -H 'If-Range: "other"' "$url/a.bin"
[ "$code" = 200 ]
check "If-Range with another ETag: the whole file"
get "$url/a%20name+%25.bin?X-Amz-Signature=secret"
[ "$code" = 200 ] && [ "$(cat "$tmp/body")" = x ]
check "percent escapes and a query"
logged ' /a%20name+%25.bin - 200 1$' && ! grep -q secret "$tmp/log"
check "the log has no query"
get "$url/nothing"
[ "$code" = 404 ]
check "404"
get --path-as-is "$url/../plan"
[ "$code" = 404 ]
check "nothing above the folder"
get -I "$url/a.bin"
[ "$code" = 403 ]
check "HEAD is refused with 403"
get -X POST "$url/a.bin"
[ "$code" = 405 ]
check "POST is refused with 405"
curl -sS -q -o /dev/null -o /dev/null -w '%{num_connects}\n' -r 0-9 "$url/a.bin" -r 5-9 "$url/a.bin" \
	>"$tmp/connects" 2>/dev/null
[ "$(tr '\n' ' ' <"$tmp/connects")" = "1 0 " ]
check "the connection is kept"

echo "# faults"
plan '1-2 ok # fine' '3 403 body="Request has expired"' '4 429 retry-after=7' \
	'5 400 type=application/xml body="<Code>ExpiredRequest</Code>"' '6 503' '* 404'
get -r 0-9 "$url/a.bin"; is_slice 0 10 && get -r 0-9 "$url/a.bin" && is_slice 0 10
check "a span of requests is untouched"
get "$url/a.bin"
[ "$code" = 403 ] && [ "$(cat "$tmp/body")" = "Request has expired" ]
check "403 with a body"
get "$url/a.bin"
[ "$code" = 429 ] && [ "$(header Retry-After)" = 7 ]
check "429 with Retry-After"
get "$url/a.bin"
[ "$code" = 400 ] && [ "$(header Content-Type)" = application/xml ] && grep -q ExpiredRequest "$tmp/body"
check "400 with a type"
get "$url/a.bin"
[ "$code" = 503 ]
check "503"
get "$url/a.bin"; [ "$code" = 404 ] && get "$url/a.bin" && [ "$code" = 404 ]
check "* is every other request"

plan '1 206 wrong-range' '2 206 wrong-total' '3 206 etag="v2"' '4 200 ignore-range' '5 206 flip@3'
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && is_slice 10 10 && [ "$(header Content-Range)" = "bytes 11-20/100000" ]
check "a new plan counts from 1; wrong-range shifts Content-Range"
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && [ "$(header Content-Range)" = "bytes 10-19/100001" ]
check "wrong-total"
get -r 10-19 -H "If-Match: $etag" "$url/a.bin"
[ "$code" = 206 ] && [ "$(header ETag)" = '"v2"' ]
check "another ETag"
get -r 10-19 "$url/a.bin"
[ "$code" = 200 ] && cmp -s "$tmp/body" "$tmp/files/a.bin" && [ -z "$(header Content-Range)" ]
check "ignore-range"
get -r 10-19 "$url/a.bin"
slice 10 10 >"$tmp/want"
[ "$(cmp -l "$tmp/body" "$tmp/want" | wc -l)" = 1 ] && [ "$(cmp -l "$tmp/body" "$tmp/want" | awk '{ print $1 }')" = 4 ]
check "flip@3 changes the fourth byte alone"
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && is_slice 10 10 && [ "$(header ETag)" = "$etag" ]
check "after the plan all is well"

plan '1 206 drop@512' '2 close' '3 206 stall@100 seconds=1' '4 206 slow=20000' '5 206 stall@0 seconds=9'
get -r 0-9999 "$url/a.bin"
[ $rc = 18 ] && is_slice 0 512
check "drop@512: 512 bytes, then the end"
get -r 0-9999 "$url/a.bin"
[ $rc = 52 ] && [ "$code" = 000 ]
check "close: no answer"
start=$(now_ms)
get -r 0-199 "$url/a.bin"
took=$(($(now_ms) - start))
[ "$code" = 206 ] && is_slice 0 200 && [ $took -ge 1000 ]
check "stall@100 seconds=1: whole, but late ($took ms)"
start=$(now_ms)
get -r 0-9999 "$url/a.bin"
took=$(($(now_ms) - start))
[ "$code" = 206 ] && is_slice 0 10000 && [ $took -ge 400 ] && [ $took -lt 5000 ]
check "slow=20000: 10000 bytes in about half a second ($took ms)"
get --max-time 1 -r 0-9999 "$url/a.bin"
[ $rc = 28 ] && [ ! -s "$tmp/body" ]
check "stall@0: headers and nothing more"
logged '^1 GET /a.bin bytes=0-9999 206 512$' && logged '^2 GET /a.bin bytes=0-9999 0 0$'
check "the log tells the count, the range and the bytes sent"

plan '1 206 short@7' '2 206 encoding=gzip' '3 200 page' '4 206 wait=1' '5 endless-headers' \
	'6 206 endless' '7 503 endless body=no'
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && is_slice 10 7 && [ $rc = 0 ] && [ "$(header Content-Range)" = "bytes 10-19/100000" ]
check "short@7: seven bytes of ten, and a whole answer"
get -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && is_slice 10 10 && [ "$(header Content-Encoding)" = gzip ]
check "encoding=gzip: said and not done"
get -r 10-19 "$url/a.bin"
[ "$code" = 200 ] && [ "$(header Content-Type)" = text/html ] && grep -q '<html>' "$tmp/body"
check "a page"
start=$(now_ms)
get -r 10-19 "$url/a.bin"
took=$(($(now_ms) - start))
[ "$code" = 206 ] && is_slice 10 10 && [ $took -ge 1000 ]
check "wait=1: late from the first byte on ($took ms)"
get -r 10-19 "$url/a.bin"
[ $rc != 0 ] && [ ! -s "$tmp/body" ]
check "endless headers: curl gives up, too ($rc)"
get --max-time 1 -r 10-19 "$url/a.bin"
[ "$code" = 206 ] && [ $rc = 28 ] && [ "$(stat -c %s "$tmp/body")" -gt 100000 ] &&
	[ "$(head -c 10 "$tmp/body" | base64)" = "$(slice 10 10 | base64)" ]
check "endless: the right bytes and then more and more"
get --max-time 1 "$url/a.bin"
[ "$code" = 503 ] && [ $rc = 28 ] && [ "$(head -c 2 "$tmp/body")" = no ]
check "a refusal without end"

plan "1 redirect=$url/empty" '2 ok'
get -L -w '%{num_redirects} ' "$url/a.bin?secret"
[ "$code" = "1 " ] && [ ! -s "$tmp/body" ] && [ $rc = 0 ]
check "redirect"
exit $failed
