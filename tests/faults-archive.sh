#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Faults of storage while an archive is read for the first time: the tree is the one that tar unpacks, or
# the listing fails and says why.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 300 $((12 << 20))

# Everything that passes, in one pass.
plan "2 206 drop@1000" "3 500" "4 206 wrong-range" "5 close" "6 503 retry-after=1" "7 206 drop@200000" \
	"8 206 stall@70000 seconds=3"
mount_mdcfs -o stall_timeout=2,deadline=20,connections=3 "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
stalled() { # it is logged when the server gives it up
	[ "$(asked '^8 ')" = 1 ]
}
retry 5 stalled || fail "the plan was not reached"
expect "state" complete "$(archive_status state)"
expect "members" "$(find "$tmp/tree" -mindepth 1 | wc -l)" "$(archive_status members)"
expect "no error" "" "$(archive_status error)"
at_most "bytes fetched" $((archive_size + archive_size / 8)) "$(stat_of storage_bytes)"
umount_mdcfs

plan "* ok"
mount_mdcfs "$storage_url/data.tar.gz"
compare_trees "$tmp/tree" "$(members_at)"
expect "requests with a warm cache" 1 "$(asked)"
umount_mdcfs

# Refused in the middle: the listing fails, it is not shorter; later it goes on from there.
broken() { # NAME ERRNO PLAN-LINE...
	name=$1 error=$2
	shift 2
	rm -rf "$cache"
	plan "$@"
	mount_mdcfs -o deadline=2,stall_timeout=1,connections=3 "$storage_url/data.tar.gz"
	expect "$name: a listing" "$error" "$(errno_of 'os.listdir(sys.argv[2])' "$(members_at)")"
	[ "$(archive_status state)" != complete ] || fail "$name: the archive is complete"
}
lists() {
	timeout -s KILL 60 ls "$(members_at)" >/dev/null 2>&1
}
goes_on() {
	plan "* ok"
	retry 20 lists || fail "$name: storage is well, and there is no listing"
	compare_trees "$tmp/tree" "$(members_at)"
	expect "$name: and then" complete "$(archive_status state)"
	umount_mdcfs
}
broken "403" EACCES "1-3 ok" "* 403"
goes_on
broken "404" EIO "1-3 ok" "* 404"
goes_on
broken "500 for ever" EIO "1-3 ok" "* 500"
goes_on
broken "another version" ESTALE "1-3 ok" '* 206 etag="v2"'
log_has "another version" || fail "the log does not say it"
goes_on

# A byte is wrong: gzip's checksum tells, if the structure does not.
broken "a wrong byte" EIO "1-3 ok" "4 206 flip@100000"
expect "state" failed "$(archive_status state)"
archive_status error | grep -q . || fail "the status does not say what is wrong"
log_has "data.tar.gz: $(archive_status error)" || fail "the log does not say what is wrong"
cmp "$tmp/tree/d00/f00000" "$(members_at)/d00/f00000" || fail "a member before the damage"
expect "a name that may be behind it" EIO "$(errno_of 'os.stat(sys.argv[2])' "$(members_at)/d00/nothing")"
umount_mdcfs
