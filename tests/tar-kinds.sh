#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Odd tar archives through a mount, against what GNU tar unpacks: bytes, types, modes, times to the
# nanosecond, links and which of them are the same file.  Where GNU tar fails for a member it is left
# out here too.  Plain and packed, since those are two ways of reading.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar bsdtar cpio gzip perl
requires_fuse
[ "$(id -u)" = 0 ] || umask 022

made=$tmp/made want=$tmp/want
mkdir "$made" "$want"

# expected NAME [TAR-OPTION...]: unpack made/NAME.tar to want/NAME; what tar says is kept
expected() {
	name=$1
	shift
	mkdir "$want/$name"
	tar -C "$want/$name" -xpf "$made/$name.tar" "$@" 2>"$tmp/$name.said" || :
}

# --- by hand
for kind in links symlinks changes times names; do
	python3 "$top/tests/lib/oddtar.py" $kind "$made/$kind.tar" || fail "oddtar.py $kind"
	expected $kind
done
expect "what tar refuses of links" 2 "$(grep -c 'Cannot hard link' "$tmp/links.said")"
expect "what tar refuses of changes" 2 "$(grep -c 'Cannot open' "$tmp/changes.said")"

# --- by other programs
mkdir -p "$tmp/tree/folder/below"
cd "$tmp/tree"
printf 'one\n' >one
head -c 3000 /dev/urandom >folder/two
printf 'three\n' >folder/below/three
ln folder/two folder/hard
ln -s two folder/soft
chmod 751 folder
touch -d '2001-02-03 04:05:06.789' one
touch -d '2001-02-03 04:05:07' folder/two folder/below/three folder/below folder
find . -mindepth 1 | sort >"$tmp/list"
cpio --quiet -o -H ustar <"$tmp/list" >"$made/cpio-ustar.tar"
cpio --quiet -o -H tar <"$tmp/list" >"$made/cpio-tar.tar"
for format in v7 ustar pax gnutar; do
	bsdtar -cf "$made/bsdtar-$format.tar" --format $format .
done
# shellcheck disable=SC2016 # perl's variables
perl -MArchive::Tar -e 'my $t = Archive::Tar->new; chomp(my @f = <STDIN>); $t->add_files(@f);
	$t->write($ARGV[0])' "$made/perl.tar" <"$tmp/list" 2>/dev/null

# --- dumps, labels, volumes
tar -cf "$made/dump.tar" --format=gnu --listed-incremental="$tmp/snar" .
printf 'changed\n' >one
rm folder/hard
printf 'more\n' >folder/below/more
tar -cf "$made/dump-1.tar" --format=gnu --listed-incremental="$tmp/snar" .
tar -cf "$made/dump-pax.tar" --format=pax --listed-incremental="$tmp/snar2" .
tar -cf "$made/label.tar" --format=gnu --label='a volume' .
tar -cf "$made/label-pax.tar" --format=pax --label='a volume' .
tar -cf "$made/global.tar" --format=pax --pax-option='globexthdr.name=g,mtime=123456789.5,comment=x' .
for name in cpio-ustar cpio-tar bsdtar-v7 bsdtar-ustar bsdtar-pax bsdtar-gnutar perl dump dump-1 \
	dump-pax label label-pax global; do
	expected $name
done

# --- one behind the other: all of it, as with tar -i; tar -A takes the zero blocks out itself
cat "$made/links.tar" "$made/symlinks.tar" "$made/dump.tar" >"$made/cat.tar"
expected cat -i
cp "$made/symlinks.tar" "$made/appended.tar"
tar -Af "$made/appended.tar" "$made/times.tar"
expected appended

# --- nothing
tar -cf "$made/empty.tar" -T /dev/null
mkdir "$want/empty"

for file in "$made"/*.tar; do
	gzip -1 -c "$file" >"${file%.tar}-gz.tar.gz"
done
mount_mdcfs "$made"/*
for name in "$want"/*; do
	name=${name##*/}
	for folder in "$name/$name" "$name-gz/$name-gz"; do
		# Folders that tar made up have the time of the unpacking.
		compare_trees --ns --no-dir-mtime --links "$want/$name" "$mnt/$folder"
	done
done
umount_mdcfs
