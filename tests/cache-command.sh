#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs cache: shows what is kept, by names and without secrets; finds and forgets what is damaged; pins;
# takes away what is of no use, and everything when told to, under a mount too.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip
requires_fuse

make_archive 60 $((12 << 20)) # more than stays in memory
make_random "$tmp/www/data.bin" $((2 << 20))
reference=$tmp/www/data.bin
serve_dataset
secret=token-2718281828
link="$storage_url/data.bin?key=$secret"

shown() { # EXPRESSION over d
	run 0 "$MDCFS" cache show --json
	json_of "$out" "$1"
}
item() { # NAME EXPRESSION over i
	shown "[$2 for i in d['objects'] if i['name'] == '$1'][0]"
}
read_all() {
	timeout -s KILL 60 cmp "$reference" "$(data_at)" || fail "the file"
	compare_trees "$tmp/tree" "$(members_at)"
}

note "an empty cache"
expect "objects" 0 "$(shown "len(d['objects'])")"
run 0 "$MDCFS" cache verify
run 1 "$MDCFS" cache show nonsense
says "nothing in the cache is called nonsense"

note "what is there, and of what"
mount_mdcfs data "$link"
read_all
expect "in use" True "$(item mdc:data "i['in_use']")"
umount_mdcfs
expect "objects" 2 "$(shown "len(d['objects'])")"
expect "file" data.tar.gz "$(item mdc:data "i['file']")"
expect "version" "$(sha256sum <"$tmp/www/data.tar.gz" | cut -d ' ' -f 1)" "$(item mdc:data "i['version']")"
expect "size" "$(stat -c %s "$tmp/www/data.tar.gz")" "$(item mdc:data "i['size']")"
expect "in use, no more" False "$(item mdc:data "i['in_use']")"
expect "blocks of the file" $((2 << 20 >> 17)) "$(item "$storage_url/data.bin" "i['layers'][0]['blocks']")"
used=$(shown "d['used']")
on_disk=$(du -s --block-size=1 "$cache/objects" | cut -f 1)
[ "$used" -le "$on_disk" ] && [ "$used" -ge $((on_disk - 65536)) ] || fail "used: $used, on disk: $on_disk"
run 0 "$MDCFS" cache show
grep -q '^mdc:data$' "$out" || fail "no name is shown"
[ -z "$(grep -rl "$secret" "$cache" "$out")" ] || fail "the secret is in $(grep -rl "$secret" "$cache" "$out")"
run 0 "$MDCFS" cache show "$link"
grep -q "data.bin" "$out" && ! grep -q '^mdc:data$' "$out" || fail "one of them is asked for"

note "damage is found and forgotten"
run 0 "$MDCFS" cache verify --json
expect "damaged" 0 "$(json_of "$out" "d['damaged']")"
[ "$(json_of "$out" "d['blocks']")" -ge 30 ] || fail "blocks: $(cat "$out")"
identity=$(item "$storage_url/data.bin" "i['identity']")
printf 'x' | dd of="$cache/objects/$identity/raw.data" bs=1 seek=200000 conv=notrunc status=none
printf 'x' | dd of="$cache/objects/$identity/raw.data" bs=1 seek=1700000 conv=notrunc status=none
run 1 "$MDCFS" cache verify --json
expect "damaged" 2 "$(json_of "$out" "d['damaged']")"
says "data.bin: 2 damaged blocks were forgotten"
run 0 "$MDCFS" cache verify
grep -q "all are sound" "$out" || fail "they are not forgotten"
expect "blocks left" $(((2 << 20 >> 17) - 2)) "$(item "$storage_url/data.bin" "i['layers'][0]['blocks']")"

note "a damaged note is no name, until it is opened again"
printf 'x' | dd of="$cache/objects/$identity/about.json" bs=1 seek=0 conv=notrunc status=none
expect "named objects" 1 "$(shown "len([1 for i in d['objects'] if i['name']])")"
mount_mdcfs data "$link"
plan "* ok"
read_all
expect "what was forgotten was fetched again, nothing else" 2 "$(asked 'data.bin')"
umount_mdcfs
expect "named objects" 2 "$(shown "len([1 for i in d['objects'] if i['name']])")"

note "pins"
run 0 "$MDCFS" cache pin data
expect "pinned" True "$(item mdc:data "i['pinned']")"
run 0 "$MDCFS" cache clear
says "mdc:data is pinned and stays"
expect "what is left" mdc:data "$(shown "','.join(i['name'] for i in d['objects'])")"
run 1 "$MDCFS" cache pin "$storage_url/data.bi"
run 0 "$MDCFS" cache pin "$link" # not in the cache now
expect "pinned before it is read" True "$(item "$storage_url/data.bin" "i['pinned']")"
run 0 "$MDCFS" cache unpin data "$link"
expect "pinned" 0 "$(shown "len([1 for i in d['objects'] if i['pinned']])")"

note "under a mount: blocks go, the index stays, reads are right"
mount_mdcfs data "$link"
read_all
run 0 "$MDCFS" cache clear data
says "in use: its index stays"
expect "data left" 0 "$(item mdc:data "sum(r['blocks'] for r in i['layers'])")"
[ "$(item mdc:data "i['meta']")" -gt 0 ] || fail "the index is gone"
[ "$(item "$storage_url/data.bin" "i['data']")" -gt 0 ] || fail "the other one was cleared too"
run 0 "$MDCFS" cache gc
run 0 "$MDCFS" cache clear
python3 -c 'import os, sys
for top, _, files in os.walk(sys.argv[1]):
    for name in files:
        fd = os.open(os.path.join(top, name), os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)' "$(members_at)"
compare_trees "$tmp/tree" "$(members_at)"
[ "$(item mdc:data "i['data']")" -gt 0 ] || fail "nothing is kept any more"
umount_mdcfs

note "what nobody needs goes: an earlier version, other formats, drafts; the rest stays"
make_random "$tmp/www/data.bin" $((1 << 20))
mount_mdcfs data "$link"
read_all
umount_mdcfs
expect "versions of the file" 2 "$(shown "len([1 for i in d['objects'] if i['name'].endswith('.bin')])")"
archive=$(item mdc:data "i['identity']")
cp "$cache/objects/$archive/raw.map" "$cache/objects/$archive/stream-targz-1.map"
: >"$cache/objects/$archive/.draft-aaaaaa"
: >"$cache/objects/$archive/index.db.77.tmp"
printf 'some other format' >"$cache/objects/$archive/foreign.map"
head -c 65536 /dev/zero | tee "$cache/objects/$archive/foreign.data" >"$cache/objects/$archive/stream-targz-1.data"
mkdir "$cache/objects/0123456789abcdef"
run 0 "$MDCFS" cache gc --json
expect "objects removed" 2 "$(json_of "$out" "d['objects']")"
[ "$(json_of "$out" "d['bytes']")" -gt 200000 ] || fail "bytes: $(cat "$out")"
expect "what is left of the archive" "about.json index.db raw.data raw.map stream-targz" \
	"$(cd "$cache/objects/$archive" && echo * .d* | sed 's/ index.db[-.][a-z]*//g; s/ stream-targz-[0-9]*\.map//; s/stream-targz-[0-9]*\.data/stream-targz/; s/ \.d\*//')"
plan "* ok"
mount_mdcfs data "$link"
read_all
expect "requests afterwards" 1 "$(asked)"
umount_mdcfs

note "beyond a smaller limit"
run 0 "$MDCFS" cache gc -o cache_size=6M
[ "$(shown "d['used']")" -le $((6 << 20)) ] || fail "it is beyond the limit: $(shown "d['used']")"

note "all of it"
run 0 "$MDCFS" cache clear --force
expect "objects" 0 "$(shown "len(d['objects'])")"
mount_mdcfs data "$link"
read_all
expect "sessions in all" 1 "$(posts)"
umount_mdcfs
