#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An archive whose SHA-256 is not the one that the API announced: said loudly, and not served.
. "${srcdir:-.}/tests/functions.sh"
requires_fuse
requires tar python3

mkdir -p "$tmp/in"
echo hello >"$tmp/in/greeting"
tar -C "$tmp" -czf "$tmp/odd.tar.gz" in
cat >"$tmp/extra.json" <<JSON
[{"id": "c0000000000000000000odd01", "slug": "odd", "name": "Odd", "filename": "odd.tar.gz",
  "file": "$tmp/odd.tar.gz", "checksum": "$(printf 'another file' | sha256sum | cut -d ' ' -f 1)"}]
JSON
start_sample -x "$tmp/extra.json"

mount_mdcfs odd
[ "$(timeout 20 ls "$mnt/odd/odd/in")" = greeting ] || fail "the listing"
if timeout 20 cat "$mnt/odd/odd/in/greeting" >"$tmp/cat.out" 2>&1; then fail "it was served"; fi
grep -q 'Input/output error' "$tmp/cat.out" || fail "not EIO: $(cat "$tmp/cat.out")"
grep -q 'SHA-256 of the file is not the one' "$mnt/.mdcfs/log" || fail "the log does not say so"
"$MDCFS" status "$mnt" | grep -q 'SHA-256' || fail "the status does not say so"
umount_mdcfs

note "it is remembered"
mount_mdcfs odd
if timeout 20 cat "$mnt/odd/odd/in/greeting" >/dev/null 2>&1; then fail "it was served after a remount"; fi
umount_mdcfs

note "-o unverified serves it all the same"
mount_mdcfs -o unverified odd
[ "$(timeout 20 cat "$mnt/odd/odd/in/greeting")" = hello ] || fail "-o unverified"
