#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A link that has expired is renewed once, whoever reads then, and reading goes on.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample -l 4
original=$sample/objects/$slug.tar.gz

mount_mdcfs "$slug"
file=$mnt/$slug/$slug.tar.gz
head -c 1000 "$file" | cmp -n 1000 - "$original" || fail "the first bytes"
expect "sessions at first" 1 "$(posts)"

expired() {
	[ "$(date +%s)" -gt "$(json_of "$(ls "$cache"/leases/*.json)" 'd["expires"]')" ]
}
retry 10 expired || fail "the link does not expire"

# Four at once, at places that are not cached.
cat >"$tmp/readers.py" <<'PYTHON'
import os, sys
original, path = sys.argv[1:]
size = os.path.getsize(original)
pids = []
for i in range(4):
    pid = os.fork()
    if pid == 0:
        a, b = os.open(original, os.O_RDONLY), os.open(path, os.O_RDONLY)
        off = size // 5 * (i + 1)
        os._exit(os.pread(a, 5000, off) != os.pread(b, 5000, off))
    pids.append(pid)
sys.exit(any(os.waitpid(pid, 0)[1] for pid in pids))
PYTHON
within 30 python3 "$tmp/readers.py" "$original" "$file" || fail "reading after the link has expired"
expect "sessions after the link has expired" 2 "$(posts)"
expect "sessions that were counted" 2 "$(stat_of download_posts)"
umount_mdcfs

# An expired link on disk is not even tried; the daemon that finds it renews it.
retry 10 expired || fail "the second link does not expire"
refused=$(storage_requests ' 403 ')
mount_mdcfs "$slug"
tail -c 1000 "$original" >"$tmp/expected"
tail -c 1000 "$file" | cmp - "$tmp/expected" || fail "the last bytes"
expect "sessions after a new mount" 3 "$(posts)"
expect "requests with an expired link" "$refused" "$(storage_requests ' 403 ')"
