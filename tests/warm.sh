#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs warm and -o warm: what was brought is read without the network, and brought once; more than the cache
# may hold is refused; a reader does not queue behind it, whatever it has ordered.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip zip cmp
requires_fuse

mkdir -p "$tmp/tree/clips" "$tmp/tree/other" "$tmp/www"
for i in 1 2 3 4 5 6 7 8; do
	make_random "$tmp/tree/clips/$i.mp3" $((300000 + i * 1000))
	make_random "$tmp/tree/other/$i.mp3" $((200000 + i * 1000))
done
truncate -s 3000000 "$tmp/tree/clips/sparse"
printf 'in the middle' | dd of="$tmp/tree/clips/sparse" bs=1 seek=1500000 conv=notrunc status=none
tar -C "$tmp/tree" -S -czf "$tmp/www/speech.tar.gz" .
(cd "$tmp/tree" && zip -qr -0 "$tmp/www/stored.zip" . && zip -qr "$tmp/www/packed.zip" clips)
serve_file $((64 << 20))

mount_all() {
	mount_mdcfs -o connections=4,memory=64M "$@" "$storage_url/speech.tar.gz" "$storage_url/stored.zip" \
		"$storage_url/packed.zip" "$storage_url/data.bin"
}
# What is read ahead of the last file fails, and nobody waits for it.
no_network() { # COMMAND...
	plan "* 404"
	"$@" || fail "without the network: $*"
	plan "* ok"
}
same_tree() { # DATASET FOLDER
	within 30 diff -r "$tmp/tree/$2" "$mnt/$1/$1/$2" || fail "$1: $2 differs"
}

mount_all
for name in speech stored packed; do
	ls "$mnt/$name/$name" >/dev/null
done
umount_mdcfs
rm -rf "$cache"/objects/*/*.data "$cache"/objects/*/*.map # the indexes stay
mount_all

# Folders, files and lists; twice; from the list's own folder too.
run 0 "$MDCFS" warm --json "$mnt/speech/speech/clips" "$mnt/stored/stored/other/1.mp3"
expect "what it says" "10 0 True" "$(json_of "$out" '"%(files)d %(failed)d %(complete)s" % d')"
no_network same_tree speech clips
no_network cmp "$tmp/tree/other/1.mp3" "$mnt/stored/stored/other/1.mp3"
before=$(stat_of storage_requests)
run 0 "$MDCFS" warm "$mnt/speech/speech/clips" "$mnt/stored/stored/other/1.mp3"
expect "requests for what is there" "$before" "$(stat_of storage_requests)"
grep -q "^10 files, .* are in the cache$" "$out" || fail "what it says: $(cat "$out")"
printf '%s\n' clips/1.mp3 clips/2.mp3 >"$tmp/list"
(cd "$mnt/packed/packed" && "$MDCFS" warm --from "$tmp/list" 2>&1) | grep -q '^2 files' || fail "a list"
printf '%s\n' "$mnt/packed/packed/clips/3.mp3" | "$MDCFS" warm -f - -J 1 >"$out" || fail "from standard input"
no_network cmp "$tmp/tree/clips/2.mp3" "$mnt/packed/packed/clips/2.mp3"
no_network cmp "$tmp/tree/clips/3.mp3" "$mnt/packed/packed/clips/3.mp3"
run 0 "$MDCFS" warm "$mnt/packed" "$mnt/stored"
for name in stored packed; do
	no_network same_tree $name clips
done
# The folder's archive itself was not brought, its members lie in it.
at_most "bytes fetched for all of it" 17000000 "$(stat_of storage_bytes)"

# What is no good.
run 2 "$MDCFS" warm
run 2 "$MDCFS" warm -J 0 "$mnt"
run 1 "$MDCFS" warm "$tmp/tree"
says "is in no mount of mdcfs"
run 1 "$MDCFS" warm "$mnt/speech/speech/none"
says "No such file"
run 1 "$MDCFS" warm --from "$tmp/none"
run 0 "$MDCFS" warm "$mnt/.mdcfs" "$mnt/speech/README.md"

# More than the cache may hold: nothing is fetched for that.
umount_mdcfs
mount_all -o cache_size=32M
before=$(stat_of storage_requests)
run 1 "$MDCFS" warm "$(data_at)"
says "the cache of $mnt may hold 32.0 MiB"
expect "requests for what cannot be held" "$before" "$(stat_of storage_requests)"
umount_mdcfs

# Who reads is served at once, while one of two connections is busy with what was ordered before
# and more is queued; and of what is queued too, which leaves its place then.
mount_mdcfs -o connections=2,memory=64M "$storage_url/data.bin"
before=$(stat_of storage_bytes)
plan "1 206 stall@65536 seconds=25" "* ok"
"$MDCFS" warm "$(data_at)" >"$tmp/warm.out" 2>&1 &
warmer=$!
cleanup_fn stop_child $warmer
stalled() {
	[ "$(stat_of storage_bytes)" -ge $((before + 65536)) ]
}
retry 20 stalled || fail "it does not begin"
expect "a block that nobody has ordered" ok "$(read_block 400)"
expect "requests that have ended" 1 "$(asked)"
expect "a block that is queued" ok "$(read_block 145)"
expect "requests that have ended" 2 "$(asked)"
range_of 2 | grep -q "^$((145 * block))-" || fail "another range was fetched: $(range_of 2)"
kill -TERM $warmer
status=0
wait $warmer || status=$?
expect "its exit status" 130 $status
grep -q "what was brought is kept" "$tmp/warm.out" || fail "it does not say so: $(cat "$tmp/warm.out")"
umount_mdcfs

# The mount does it by itself, and within the limit.
rm -rf "$cache"
plan "* ok"
mount_all -o warm
warm() {
	[ "$(grep -c ': warm, ' "$log")" = 4 ]
}
retry 60 warm || fail "it is not warm"
for name in speech stored packed; do
	no_network same_tree $name clips
done
no_network within 30 cmp "$reference" "$(data_at)"
umount_mdcfs
rm -rf "$cache"
mount_mdcfs -o warm,cache_size=16M,memory=16M "$storage_url/data.bin"
full() {
	grep -q 'data.bin: the cache is full, ' "$log"
}
retry 30 full || fail "it does not say that the cache is full"
expect "blocks evicted for it" 0 "$(stat_of cache_evictions)"
at_most "bytes fetched for it" $((48 << 20)) "$(stat_of storage_bytes)"
umount_mdcfs

# What memory has and the disk has no more is brought there again.
rm -rf "$cache"
head -c $((6 << 20)) "$reference" >"$tmp/www/small.bin"
mount_mdcfs "$storage_url/small.bin"
all_blocks() {
	[ "$("$MDCFS" cache verify --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["blocks"])')" = 48 ]
}
"$MDCFS" warm "$mnt/small.bin/small.bin" >"$tmp/warm.out" 2>&1 || fail "a small file: $(cat "$tmp/warm.out")"
retry 10 all_blocks || fail "a small file is not in the cache"
"$MDCFS" cache clear >"$tmp/clear.out" 2>&1 || fail "it is not cleared: $(cat "$tmp/clear.out")"
"$MDCFS" warm "$mnt/small.bin/small.bin" >"$tmp/warm.out" 2>&1 || fail "once more: $(cat "$tmp/warm.out")"
retry 10 all_blocks || fail "it is said to be in the cache, and is not"
umount_mdcfs
