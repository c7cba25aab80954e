#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What it costs to see the first byte: requests to the API and to the storage, counted at the servers.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
bytes=65536  # of a tar.gz's member; 1000 of them are 64 MB
small=2000   # of a zip's member

mkdir "$tmp/data"
many() { # as manyfiles.py
	python3 "$top/tests/lib/manyfiles.py" "$@"
}
many tar.gz 1000 $bytes "$tmp/data/speech.tar.gz"
many zip 10000 $small "$tmp/data/clips.zip"
cat >"$tmp/extra.json" <<JSON
[{"id": "cmbudget00000000000000001", "slug": "budget-speech", "name": "Budget", "filename": "speech.tar.gz",
  "file": "$tmp/data/speech.tar.gz", "terms_agreed": true},
 {"id": "cmbudget00000000000000002", "slug": "budget-clips", "name": "Budget", "filename": "clips.zip",
  "file": "$tmp/data/clips.zip", "terms_agreed": true}]
JSON
start_sample -x "$tmp/extra.json"

api_requests() {
	grep -c . "$api_log" || :
}

# The first member of a .tar.gz, of which nothing is known yet.
mount_mdcfs budget-speech
many member 0 $bytes >"$tmp/first"
cmp -n 1 "$tmp/first" "$mnt/budget-speech/speech/speech/clips/clip_0000000.mp3" || fail "the first byte"
at_most "storage requests until the first byte of a .tar.gz" 4 "$(storage_requests)"
at_most "API requests until the first byte" 2 "$(api_requests)"
expect "sessions asked for" 1 "$(posts)"
fetched=$(awk '{ bytes += $5 } END { print bytes }' "$storage_log")
note "$(storage_requests) storage and $(api_requests) API requests, $fetched bytes until the first byte of a .tar.gz"
at_most "bytes until the first byte of a .tar.gz" 4194304 "$fetched"
umount_mdcfs

# One member of a zip, in all; then one more beside it.
before=$(storage_requests)
mount_mdcfs budget-clips
clips=$mnt/budget-clips/clips/speech/clips
many member 5000 $small >"$tmp/middle"
cmp "$tmp/middle" "$clips/clip_0005000.mp3" || fail "a member in the middle of the zip"
first=$(($(storage_requests) - before))
note "$first storage requests for one member of a zip"
at_most "storage requests for one member of a zip" 5 $first
many member 5001 $small >"$tmp/next"
cmp "$tmp/next" "$clips/clip_0005001.mp3" || fail "the member beside it"
second=$(($(storage_requests) - before - first))
note "$second more for the one beside it"
at_most "storage requests for the one beside it" 1 $second
expect "names in the zip" 10000 "$(find "$clips" -type f | wc -l)"
at_most "storage requests for its listing" 1 $(($(storage_requests) - before - first - second))
