#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Tar archives that are not whole: cut off in a header or in data, with garbage inside, a volume of
# several.  What can be read is read, the rest is an error and not silence, and status and log say
# what is wrong.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar gzip
requires_fuse

mkdir "$tmp/tree" "$tmp/made"
cd "$tmp/tree"
for name in a b c d; do
	head -c 30000 /dev/urandom >$name
done
tar --format=gnu --sort=name -cf "$tmp/t.tar" a b c d
cd "$tmp/made"
member=$((512 + 30208)) # header, data and padding of each
head -c $((2 * member + 300)) "$tmp/t.tar" >cut-header.tar
head -c $((2 * member + 10000)) "$tmp/t.tar" >cut-data.tar
{
	head -c $((2 * member)) "$tmp/t.tar"
	head -c 5120 /dev/urandom
	tail -c +$((2 * member + 1)) "$tmp/t.tar"
} >garbage.tar
cp "$tmp/t.tar" bad-sum.tar
printf x | dd of=bad-sum.tar bs=1 seek=$((member + 100)) conv=notrunc status=none
tar -C "$tmp/tree" --format=gnu --sort=name -M -L 50 -cf volume1.tar -f volume2.tar -f volume3.tar a b c d
for file in *.tar; do
	gzip -1 -c "$file" >"${file%.tar}-gz.tar.gz"
done

mount_mdcfs "$tmp"/made/*
error_of() { # NAME: what the status says
	json_of "$mnt/.mdcfs/status.json" \
		"[x['archive']['error'] for x in d['datasets'] if x['slug'] == '$1'][0]"
}
has() { # NAME MEMBER...: these are whole
	folder=$mnt/$1/$1
	shift
	for file in "$@"; do
		cmp "$tmp/tree/$file" "$folder/$file" || fail "$folder/$file"
	done
}
has_not() { # NAME ERRNO MEMBER
	expect "$1: $3" "$2" "$(errno_of 'open(sys.argv[2], "rb").read()' "$mnt/$1/$1/$3")"
}
for gz in "" -gz; do
	for name in cut-header cut-data; do
		has "$name$gz" a b
		expect "$name$gz: a listing" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/$name$gz/$name$gz")"
		has_not "$name$gz" EIO d
		expect "$name$gz: error" "is cut off, the last member is not whole" "$(error_of "$name$gz")"
		log_has "$name$gz.tar" || fail "$name$gz: nothing in the log"
	done
	has_not "cut-data$gz" EIO c
	# GNU tar goes on behind such things too.
	has "garbage$gz" a b c d
	has "bad-sum$gz" a c d
	has_not "bad-sum$gz" ENOENT b
	expect "garbage$gz: names" "a b c d" "$(ls "$mnt/garbage$gz/garbage$gz" | tr '\n' ' ' | sed 's/ $//')"
	for name in garbage bad-sum; do
		expect "$name$gz: error" "1 damaged places were skipped" "$(error_of "$name$gz")"
	done
	log_has "garbage$gz.tar${gz:+.gz}: damaged at byte $((2 * member)) of" || fail "garbage$gz: not where"
	log_has "bad-sum$gz.tar${gz:+.gz}: damaged at byte $member of" || fail "bad-sum$gz: not where"
	expect "bad-sum$gz: names" "a c d" "$(ls "$mnt/bad-sum$gz/bad-sum$gz" | tr '\n' ' ' | sed 's/ $//')"
	# Half a file is none: of a volume that goes on elsewhere the whole members are there.
	has "volume1$gz" a
	has_not "volume1$gz" EIO b
	has "volume2$gz" c
	expect "volume2$gz: names" "c d" "$(within 20 python3 -c 'import os, sys
names = []
try:
    for entry in os.scandir(sys.argv[1]):
        names.append(entry.name)
except OSError:
    pass
print(*sorted(names))' "$mnt/volume2$gz/volume2$gz")"
done
