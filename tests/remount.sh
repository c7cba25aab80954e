#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What was read once is read again without anybody to ask; what was not fails, in bounded time.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
german=$(basename "$(ls "$sample"/objects/*-german-*.tar.gz)" .tar.gz)
welsh=$(basename "$(ls "$sample"/objects/*-welsh-*.tar.gz)" .tar.gz)

mount_mdcfs "$german" "$welsh"
compare_trees --no-mtime "$sample/tree/$german" "$mnt/$german/$german"
cmp "$sample/objects/$german.tar.gz" "$mnt/$german/$german.tar.gz" || fail "raw"
head -c 1000 "$mnt/$welsh/$welsh.tar.gz" | cmp -n 1000 - "$sample/objects/$welsh.tar.gz" || fail "the first bytes"
cp "$mnt/$german/dataset.json" "$tmp/dataset.json"
stat -c '%i %n' "$mnt/$german/$german"/*/*/clips/* >"$tmp/inodes"
umount_mdcfs

# Once more, with the servers there: nothing is asked of the storage, and no session.
storage_before=$(storage_requests) posts_before=$(posts)
mount_mdcfs "$german"
compare_trees --no-mtime "$sample/tree/$german" "$mnt/$german/$german"
cmp "$sample/objects/$german.tar.gz" "$mnt/$german/$german.tar.gz" || fail "raw, again"
expect "storage requests for what is cached" "$storage_before" "$(storage_requests)"
expect "sessions for what is cached" "$posts_before" "$(posts)"
expect "figures of it" "0 0" "$(stat_of storage_requests) $(stat_of download_posts)"
umount_mdcfs

"$top/sample/serve" stop "$tmp/sample"
mount_mdcfs -o deadline=3 "$german" "$welsh"
grep -q 'details kept from an earlier time' "$log" || fail "the log does not say that the API is away"
compare_trees --no-mtime "$sample/tree/$german" "$mnt/$german/$german"
cmp "$sample/objects/$german.tar.gz" "$mnt/$german/$german.tar.gz" || fail "raw, all servers gone"
cmp "$tmp/dataset.json" "$mnt/$german/dataset.json" || fail "the details"
stat -c '%i %n' "$mnt/$german/$german"/*/*/clips/* | cmp - "$tmp/inodes" || fail "inode numbers change"
head -c 1000 "$mnt/$welsh/$welsh.tar.gz" | cmp -n 1000 - "$sample/objects/$welsh.tar.gz" ||
	fail "the first bytes, all servers gone"
expect "requests to the storage" 0 "$(stat_of storage_requests)"

# What is not cached: an error, soon; and the mount lives on.
begun=$(date +%s)
got=$(errno_of 'os.pread(os.open(sys.argv[2], os.O_RDONLY), 10, 1000000)' "$mnt/$welsh/$welsh.tar.gz")
took=$(($(date +%s) - begun))
case $got in
EIO | ETIMEDOUT | ECONNREFUSED | EHOSTUNREACH) ;;
*) fail "reading what is not cached: $got" ;;
esac
at_most "seconds until it fails" 12 $took
got=$(errno_of 'os.listdir(sys.argv[2])' "$mnt/$welsh/$welsh")
case $got in
EIO | ETIMEDOUT | ECONNREFUSED | EHOSTUNREACH) ;;
*) fail "listing what is not known: $got" ;;
esac
cmp "$sample/objects/$german.tar.gz" "$mnt/$german/$german.tar.gz" || fail "raw, after the failure"
