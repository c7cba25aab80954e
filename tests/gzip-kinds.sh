#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# One tree in gzip files of every kind: by several programs, in one member or a million, with odd
# headers and ends.  Whole ones give what tar unpacks, within few seek points; damaged ones say what
# is wrong, and give what came before.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar gzip pigz bgzip igzip
requires_fuse

mkdir -p "$tmp/tree/d" "$tmp/whole" "$tmp/broken"
python3 - "$tmp/tree" <<'PYTHON'
import os, random, sys

rng = random.Random(5)
words = [rng.randbytes(rng.randrange(2, 9)).hex().encode() for _ in range(500)]
for number in range(60):
    size = rng.randrange(30000)
    data = (rng.randbytes(size), b" ".join(rng.choices(words, k=size // 9)), bytes(size))[number % 3]
    with open(os.path.join(sys.argv[1], "d" if number % 2 else "", "f%02d" % number), "wb") as f:
        f.write(data)
with open(os.path.join(sys.argv[1], "long"), "wb") as f:
    f.write(b" ".join(rng.choices(words, k=600000)))
PYTHON
tar -C "$tmp/tree" --sort=name -cf "$tmp/t.tar" .

# --- whole ones
cd "$tmp/whole"
gzip -9 -c "$tmp/t.tar" >gzip.tar.gz
pigz -b 128 -p 2 -c "$tmp/t.tar" >pigz.tar.gz
pigz -i -b 128 -p 2 -c "$tmp/t.tar" >pigz-i.tar.gz
bgzip -c "$tmp/t.tar" >bgzip.tar.gz
igzip -0 -c "$tmp/t.tar" >igzip.tar.gz
odd() { # KIND [NUMBER]
	python3 "$top/tests/lib/oddgzip.py" "$1" "$tmp/t.tar" "$1.tar.gz" "${2:-0}" || fail "oddgzip.py $1"
}
odd fields
odd empty
odd tiny 1000000
odd blocks
odd trailing_zeros 5000
odd trailing_garbage 5000
size=$(stat -c %s "$tmp/t.tar")
for file in *; do # the archives are what they should be
	gzip -dc "$file" 2>/dev/null | cmp - "$tmp/t.tar" || fail "$file: gzip unpacks something else"
done
mount_mdcfs -o cache_size=400M "$PWD"/*
for file in *; do
	name=${file%.tar.gz}
	compare_trees "$tmp/tree" "$mnt/$name/$name"
	expect "$file: error" "" "$(json_of "$mnt/.mdcfs/status.json" \
		"[x['archive']['error'] for x in d['datasets'] if x['slug'] == '$name'][0]")"
done
json_of "$mnt/.mdcfs/status.json" "'\n'.join(x['slug'] + ' ' + x['identity'] for x in d['datasets'])" >"$tmp/ids"
umount_mdcfs

# Seek points come by distance: there is not one a member, and there are some in a block without end.
while read -r name id; do
	points=$(python3 "$top/tests/lib/points.py" "$cache/objects/$id/index.db")
	packed=$(stat -c %s "$name.tar.gz")
	at_most "$name: points" $((packed / (384 * 1024))) "${points% *}"
	at_most "$name: bytes between points" $((600 * 1024)) "${points#* }"
	[ "${points% *}" -ge $((packed / (600 * 1024) - 1)) ] || fail "$name: only ${points% *} points"
done <"$tmp/ids"

# A cold read in the middle of such a block fetches and decodes about as much as lies between two.
rm "$cache"/objects/*/*.data "$cache"/objects/*/*.map
start_storage "$tmp/whole"
mount_mdcfs -o read_ahead=128K "$storage_url/igzip.tar.gz"
within 60 ls "$mnt/igzip/igzip" >/dev/null
umount_mdcfs
rm "$cache"/objects/*/*.data "$cache"/objects/*/*.map
mount_mdcfs -o read_ahead=128K "$storage_url/igzip.tar.gz"
expect "a cold read" ok "$(within 20 python3 "$top/tests/lib/readat.py" "$mnt/igzip/igzip/long" 2500000 40000 \
	"$tmp/tree/long")"
at_most "bytes fetched for it" $((700 * 1024)) "$(stat_of storage_bytes)"
at_most "bytes decoded for it" $((4 << 20)) "$(stat_of inflated_bytes)"
umount_mdcfs

# --- broken ones: what came before is there
cd "$tmp/broken"
odd wrong_crc
odd wrong_size
odd cut 100000
mount_mdcfs "$PWD"/*
broken() { # NAME WORDS
	expect "$1: a listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/$1/$1")"
	expect "$1: state" failed "$(json_of "$mnt/.mdcfs/status.json" \
		"[x['archive']['state'] for x in d['datasets'] if x['slug'] == '$1'][0]")"
	log_has "$1.tar.gz: $2" || fail "$1: the log does not say '$2'"
	for file in f00 f02 d/f01; do
		cmp "$tmp/tree/$file" "$mnt/$1/$1/$file" || fail "$1: $file"
	done
}
broken wrong_crc "gzip data damaged near byte $(stat -c %s wrong_crc.tar.gz): wrong CRC"
broken wrong_size "gzip data damaged near byte $(stat -c %s wrong_size.tar.gz): wrong length"
broken cut "the compressed data ends too early, at byte $(stat -c %s cut.tar.gz)"
cmp "$tmp/tree/long" "$mnt/wrong_crc/wrong_crc/long" || fail "the last member before a wrong CRC"
expect "what is not there" EIO "$(errno_of 'open(sys.argv[2], "rb").read()' "$mnt/cut/cut/long")"
