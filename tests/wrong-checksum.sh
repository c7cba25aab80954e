#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An archive whose SHA-256 is not the one that the API announced: said loudly, and not served.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires_fuse
requires tar python3

mkdir -p "$tmp/in"
echo hello >"$tmp/in/greeting"
tar -C "$tmp" -czf "$tmp/odd.tar.gz" in
tar -C "$tmp" -cJf "$tmp/packed.tar.xz" in
wrong=$(printf 'another file' | sha256sum | cut -d ' ' -f 1)
cat >"$tmp/extra.json" <<JSON
[{"id": "c0000000000000000000odd01", "slug": "odd", "name": "Odd", "filename": "odd.tar.gz",
  "file": "$tmp/odd.tar.gz", "checksum": "$wrong"},
 {"id": "c0000000000000000000odd02", "slug": "packed", "filename": "packed.tar.xz",
  "file": "$tmp/packed.tar.xz"},
 {"id": "c0000000000000000000odd03", "slug": "oddly-packed", "filename": "packed.tar.xz",
  "file": "$tmp/packed.tar.xz", "checksum": "$wrong"}]
JSON
start_sample -x "$tmp/extra.json"

run 1 "$MDCFS" verify odd
says "the SHA-256 is not the one that was announced, $wrong"
mount_mdcfs odd
[ "$(timeout 20 ls "$mnt/odd/odd/in")" = greeting ] || fail "the listing"
if timeout 20 cat "$mnt/odd/odd/in/greeting" >"$tmp/cat.out" 2>&1; then fail "it was served"; fi
grep -q 'Input/output error' "$tmp/cat.out" || fail "not EIO: $(cat "$tmp/cat.out")"
grep -q 'SHA-256 of the file is not the one' "$mnt/.mdcfs/log" || fail "the log does not say so"
"$MDCFS" status "$mnt" | grep -q 'SHA-256' || fail "the status does not say so"
for whole in odd odd.tar.gz; do
	timeout 20 python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.mdcfs.error").decode())' \
		"$mnt/odd/$whole" | grep -q '^the SHA-256 of the file is not the one' ||
		fail "the attribute of $whole does not say so"
done
umount_mdcfs

note "it is remembered"
mount_mdcfs odd
if timeout 20 cat "$mnt/odd/odd/in/greeting" >/dev/null 2>&1; then fail "it was served after a remount"; fi
umount_mdcfs

note "-o unverified serves it all the same"
mount_mdcfs -o unverified odd
[ "$(timeout 20 cat "$mnt/odd/odd/in/greeting")" = hello ] || fail "-o unverified"
umount_mdcfs

note "an archive that libarchive decodes"
mount_mdcfs packed oddly-packed
ls "$mnt/packed/packed/in" "$mnt/oddly-packed/packed/in" >/dev/null || fail "the listings of tar.xz"
[ "$(timeout 20 cat "$mnt/packed/packed/in/greeting")" = hello ] || fail "a tar.xz that is right"
expect "verified" True "$(archive_status verified)"
expect "a member" EIO \
	"$(errno_of 'open(sys.argv[2], "rb").read(1)' "$mnt/oddly-packed/packed/in/greeting")"
umount_mdcfs

note "read in two goes, of which the first was killed"
make_archive 100 $((6 << 20))
names=$(cd "$tmp/tree" && find . -type f | sort)

some_is_kept() {
	[ "$(archive_status position)" -gt $((3 << 20)) ]
}
# Whoever asks for one name after the other has what came before them in the index.
read_a_part_and_die() {
	plan "* 206 slow=1500000"
	mount_mdcfs -o connections=2 data
	(cd "$(members_at)" && for name in $names; do cat "$name"; done) >/dev/null 2>&1 &
	reader=$!
	retry 30 some_is_kept || fail "it does not get on"
	kill -9 "$mdcfs_pid"
	forget_mount
	wait $reader || :
	plan "* ok"
}

serve_dataset "$wrong"
read_a_part_and_die
mount_mdcfs data
[ "$(archive_status position)" -gt $((1 << 20)) ] || fail "little was kept"
timeout 20 ls "$(members_at)" >/dev/null || fail "the listing, after a kill"
expect "a member" EIO "$(errno_of 'open(sys.argv[2], "rb").read(1)' "$(members_at)/d01/f00050")"
expect "not verified" False "$(archive_status verified)"
log_has 'SHA-256 of the file is not the one' || fail "the log does not say so, after a kill"
umount_mdcfs

note "a state that is damaged: nothing is said, nothing is refused"
rm -rf "$cache"
serve_dataset
read_a_part_and_die
python3 - "$cache"/objects/*/index.db <<'PYTHON'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
state = bytearray(db.execute("SELECT value FROM meta WHERE key='sha256_state'").fetchone()[0])
state[20] ^= 1
db.execute("UPDATE meta SET value=? WHERE key='sha256_state'", (bytes(state),))
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
PYTHON
python3 "$top/tests/lib/indexsums.py" "$(echo "$cache"/objects/*/index.db)"
mount_mdcfs data
[ "$(archive_status position)" -gt $((1 << 20)) ] || fail "little was kept"
compare_trees "$tmp/tree" "$(members_at)"
expect "not verified, after damage" False "$(archive_status verified)"
log_has 'SHA-256 was not checked' || fail "the log does not say that it was not checked"
