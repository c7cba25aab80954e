#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A mount without a source: a dataset comes when its name is looked up, asked for once, and nobody else waits.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
slugs=$(cd "$sample/objects" && ls | sed 's/\.tar\.gz$//')
other=$(echo "$slugs" | grep -v "^$slug\$" | head -n 1)
third=$(echo "$slugs" | grep -vx -e "$slug" -e "$other" | head -n 1)
id_of() {
	python3 -c 'import json, sys
print(next(d["id"] for d in json.load(open(sys.argv[1])) if d["slug"] == sys.argv[2]))' "$sample/datasets.json" "$1"
}
asked() { # WHAT N: requests since the last time
	now=$(wc -l <"$api_log")
	expect "$1: requests" "$2" "$((now - before))"
	before=$now
}
listed() { # WHAT NAME...: what the root shows
	what=$1
	shift
	expect "$what: the root" "$*" "$(within 10 ls "$mnt" | xargs)"
}
before=0

mount_mdcfs
listed "at first"
expect "at first" ".mdcfs" "$(within 10 ls -A "$mnt")"
asked "mounting nothing" 0

# --- by slug
within 20 test -d "$mnt/$slug" || fail "a dataset that was looked up"
asked "the first look" 1
within 20 test -e "$mnt/$slug/dataset.json" || fail "what is in it"
expect "size" "$(stat -c %s "$sample/objects/$slug.tar.gz")" "$(within 20 stat -c %s "$mnt/$slug/$slug.tar.gz")"
asked "further looks" 0
expect "no download so far" 0 "$(posts)"
listed "after one look" "$slug"
cmp "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "its bytes"
expect "one download" 1 "$(posts)"
compare_trees "$sample/tree/$slug" "$mnt/$slug/$slug"
expect "in the status" "$slug" "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["slug"]')"

# --- by id: the same dataset, and a link to its slug
before=$(wc -l <"$api_log")
expect "its id" "$slug" "$(within 20 readlink "$mnt/$(id_of "$slug")")"
asked "an id that is known" 0
expect "another's id" "$other" "$(within 20 readlink "$mnt/$(id_of "$other")")"
asked "another's id" 1
within 20 test -d "$mnt/$other" || fail "the slug behind an id"
asked "its slug" 0
listed "after an id" $(printf '%s\n' "$slug" "$other")

# --- names that are none
for name in .git .Trash-1000 AUTORUN.INF 'a b' x -rf "$(printf '%0300d' 7 | tr 0 a)" 'Cmx_1' ümlaut; do
	within 10 test -e "$mnt/$name" && fail "$name exists"
done
asked "names that cannot be one" 0
expect "errno" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$mnt/nothing-like-this")"
asked "an unknown name" 1
for again in 1 2 3; do
	within 10 test -e "$mnt/nothing-like-this" && fail "it exists"
done
asked "an unknown name again" 0
python3 - "$mnt/no-such-name" "$mnt/$third" <<'PYTHON' || fail "many at once"
import os, sys
missing, there = sys.argv[1:]
pids = []
for i in range(24):
    pid = os.fork()
    if pid == 0:
        try:
            os.stat(there if i % 2 else missing)
            os._exit(1 - i % 2)
        except FileNotFoundError:
            os._exit(i % 2)
    pids.append(pid)
sys.exit(any(os.waitpid(p, 0)[1] for p in pids))
PYTHON
asked "24 who look for two names" 2

# --- an API that does not answer: who looks waits, can be interrupted, and nobody else waits
parked=$(stat_of parked)
kill -STOP "$api_pid"
timeout 60 stat "$mnt/some-other-name" >"$tmp/slow.out" 2>&1 &
slow=$!
waits() {
	[ "$(stat_of parked)" -gt "$parked" ]
}
retry 10 waits || fail "nobody waits"
within 5 cmp "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "reading meanwhile"
within 15 ls "$mnt/$other" >"$tmp/ls.out" || fail "listing meanwhile"
[ "$(within 5 ls "$mnt" | wc -l)" = 3 ] || fail "the root meanwhile"
timeout -s INT 1 stat "$mnt/yet-another-name" >"$tmp/stat.out" 2>&1 && fail "it exists"
gone $slow && fail "the other who waits was interrupted too"
kill $slow
retry 5 gone $slow || fail "who waits cannot be ended"
wait $slow || :
umount_mdcfs
kill -CONT "$api_pid"

# --- with a source, only when it is wished
mount_mdcfs "$slug"
within 10 test -e "$mnt/$other" && fail "a dataset that was not named"
umount_mdcfs
mount_mdcfs -o automount "$slug"
within 10 test -e "$mnt/$other/README.md" || fail "-o automount"
umount_mdcfs

# --- without a network: what was looked up at an earlier time is known
kill "$api_pid"
retry 10 gone "$api_pid" || fail "the API does not end"
mount_mdcfs
expect "out of reach" EIO "$(errno_of 'os.stat(sys.argv[2])' "$mnt/never-heard-of")"
log_has "never-heard-of: the API cannot be reached" || fail "nothing in the log"
within 30 cmp -n 100000 "$sample/objects/$slug.tar.gz" "$mnt/$slug/$slug.tar.gz" || fail "what is cached"
umount_mdcfs
exit 0
