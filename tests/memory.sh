#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Memory does not grow with the number of members: 100 000 of them listed and looked at, and the
# daemon stays below 64 MB.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 find
requires_fuse
members=100000
limit_kib=65536

resident() { # FIELD of /proc/PID/status, in KiB
	awk -v field="$1:" '$1 == field { print $2 }' "/proc/$mdcfs_pid/status"
}

small_enough() { # WHEN
	note "$1: VmRSS $(resident VmRSS) KiB, VmHWM $(resident VmHWM) KiB"
	# Sanitizers have memory of their own: what they allocate says nothing.
	! grep -qE 'lib(a|t)san' "/proc/$mdcfs_pid/maps" || return 0
	at_most "KiB resident $1" $limit_kib "$(resident VmRSS)"
}

mkdir "$tmp/data"
python3 "$top/tests/lib/manyfiles.py" tar.gz $members 0 "$tmp/data/many.tar.gz"
start_storage "$tmp/data"
mount_mdcfs "$storage_url/many.tar.gz"
clips=$mnt/many/many/speech/clips

expect "names that find sees" $((members + 1)) "$(timeout 60 find "$clips" | wc -l)"
small_enough "after find"
# shellcheck disable=SC2012
expect "lines of ls -lR" $members "$(timeout 60 ls -lR "$clips" | grep -c '^-')"
small_enough "after ls -lR"
umount_mdcfs

# Again, from the index: nothing is read but what tells that it is the same file.
mount_mdcfs "$storage_url/many.tar.gz"
expect "names of a second mount" $((members + 1)) "$(timeout 60 find "$clips" | wc -l)"
# shellcheck disable=SC2012
expect "lines of ls -lR of a second mount" $members "$(timeout 60 ls -lR "$clips" | grep -c '^-')"
small_enough "after listing a second mount"
at_most "requests of a second mount" 1 "$(stat_of storage_requests)"
