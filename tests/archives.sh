#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Local archives of many kinds, with odd members, against what tar and Python's zipfile unpack.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp tar xz zstd bzip2
requires_fuse
[ "$(id -u)" = 0 ] || umask 022

# --- the members
tree=$tmp/tree
mkdir -p "$tree/empty" "$tree/deep"
python3 - "$tree" <<'PYTHON'
import os, random, sys

top = os.fsencode(sys.argv[1])
rng = random.Random(11)


def put(name, data=b"data\n", mode=0o644):
    path = os.path.join(top, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


put(b"plain", b"plain\n")
put(b"nothing", b"")
put(b"program", b"#!/bin/sh\n", 0o755)
put(b"setuid", b"x", 0o4755)
put(b"setgid", b"x", 0o2711)
put(b"secret", b"x", 0o600)
put(b"unreadable", b"x", 0o000)
put(b"block", rng.randbytes(131072))
put(b"large", rng.randbytes(700001))
put(b"zeros", bytes(300000))
put("gr\u00fc\u00dfe-\u65e5\u672c\u8a9e-\U0001f600".encode(), b"unicode\n")
put(b"raw-\xff\xfe-bytes", b"raw\n")
put(b"line\nbreak", b"line\n")
put(b"back\\slash and blank", b"back\n")
put(b"'quoted' \"name\" $x", b"quoted\n")
put(b"n" * 200, b"long name\n")
put(b"d" * 90 + b"/" + b"e" * 90 + b"/" + b"f" * 250, b"long path\n")
for i in range(40):
    put(b"deep/" + b"/".join(b"%d" % j for j in range(i % 7)) + b"/file%d" % i, b"%d\n" % i)
os.symlink(b"plain", os.path.join(top, b"symlink"))
os.symlink(b"../../../outside", os.path.join(top, b"dangling"))
os.symlink(b"t" * 300, os.path.join(top, b"long-target"))
os.symlink(b"deep", os.path.join(top, b"to-folder"))
os.link(os.path.join(top, b"large"), os.path.join(top, b"hard-link"))
os.link(os.path.join(top, b"large"), os.path.join(top, b"deep/second-link"))
with open(os.path.join(top, b"sparse"), "wb") as f:
    f.truncate(3000000)
    for off in (0, 1000000, 2999990):
        f.seek(off)
        f.write(b"island")
with open(os.path.join(top, b"hole"), "wb") as f:
    f.truncate(500000)
os.chmod(os.path.join(top, b"deep"), 0o711)
for folder, dirs, files in os.walk(top, topdown=False):
    for name in files + dirs:
        path = os.path.join(folder, name)
        os.utime(path, (1500000000 + rng.randrange(10**8),) * 2, follow_symlinks=False)
PYTHON

# --- tar, in its formats
mkdir "$tmp/made"
for format in gnu pax oldgnu; do
	tar -C "$tree" --format=$format --sparse --sort=name -cf "$tmp/made/$format.tar" .
done
tar -C "$tree" --format=pax --sparse --sparse-version=0.1 -cf "$tmp/made/pax01.tar" .
gzip -c "$tmp/made/gnu.tar" >"$tmp/made/one.tar.gz"
gzip -c "$tmp/made/pax.tar" >"$tmp/made/two.tgz"
# Several gzip members, as parallel packers write them.
split -b 1000000 "$tmp/made/pax.tar" "$tmp/part."
for part in "$tmp"/part.*; do gzip -c "$part"; done >"$tmp/made/three.tar.gz"
xz -0 -c "$tmp/made/gnu.tar" >"$tmp/made/four.tar.xz"
zstd -q -1 -c "$tmp/made/gnu.tar" >"$tmp/made/five.tar.zst"
bzip2 -1 -c "$tmp/made/pax.tar" >"$tmp/made/six.tar.bz2"

mount_mdcfs "$tmp"/made/*
is_same() { # ARCHIVE FOLDER [OPTION...]
	archive=$1 folder=$2
	shift 2
	mkdir "$tmp/unpacked"
	tar -C "$tmp/unpacked" -xpf "$archive"
	compare_trees "$@" "$tmp/unpacked" "$folder"
	rm -rf "$tmp/unpacked"
}
for archive in "$tmp"/made/*; do
	name=$(basename "$archive")
	stem=${name%.t*}
	folder=$(ls -d "$mnt/$stem"*/"$stem")
	is_same "$archive" "$folder"
	expect "$name: names of one file" "1 3" "$(stat -c %i "$folder/large" "$folder/hard-link" "$folder/deep/second-link" |
		sort -u | wc -l) $(stat -c %h "$folder/large")"
	expect "$name: set bits" "4555 2511" "$(stat -c %a "$folder/setuid") $(stat -c %a "$folder/setgid")"
	expect "$name: blocks of a hole" 0 "$(stat -c %b "$folder/hole")"
	expect "$name: what nobody may read" x "$(cat "$folder/unreadable")"
	cmp "$archive" "$mnt/$stem"*/"$name" || fail "$name: the archive itself"
done
umount_mdcfs

# --- the same name twice, folders without an entry, changes of kind
mkdir "$tmp/odd" "$tmp/odd/made"
cd "$tmp/odd"
mkdir -p a/b/c
echo first >a/b/c/file
echo old >twice
tar -cf odd.tar a/b/c/file twice
echo 'second, and longer' >twice
echo other >other
tar -rf odd.tar twice other
echo third >twice
touch -d @1234567890 twice
tar -rf odd.tar twice
gzip -c odd.tar >odd2.tar.gz
cd "$tmp"
mount_mdcfs "$tmp/odd/odd.tar" "$tmp/odd/odd2.tar.gz"
for name in odd odd2; do
	is_same "$tmp/odd/odd.tar" "$mnt/$name/$name" --no-mtime
	expect "the last of three" "third 1234567890" "$(cat "$mnt/$name/$name/twice") $(stat -c %Y "$mnt/$name/$name/twice")"
	expect "a folder without an entry" "directory 755" "$(stat -c '%F %a' "$mnt/$name/$name/a/b")"
	expect "names" "a other twice" "$(ls "$mnt/$name/$name" | tr '\n' ' ' | sed 's/ $//')"
done
umount_mdcfs

# --- zip: stored and deflated
python3 - "$tree" "$tmp/made" "$tmp/from-zip" <<'PYTHON'
import os, stat, sys, time, zipfile

tree, made, out = sys.argv[1:]
os.environ["TZ"] = "UTC"
time.tzset()
for method, word in ((zipfile.ZIP_STORED, "stored"), (zipfile.ZIP_DEFLATED, "deflated")):
    with zipfile.ZipFile(os.path.join(made, word + ".zip"), "w", method) as z:
        for folder, dirs, files in os.walk(tree):
            for name in sorted(dirs + files):
                path = os.path.join(folder, name)
                shown = os.path.relpath(path, tree)
                try:
                    shown.encode()
                except UnicodeError:
                    continue
                st = os.lstat(path)
                target = os.path.join(out, shown)
                when = int(st.st_mtime) & ~1  # DOS times are even
                info = zipfile.ZipInfo(shown, time.gmtime(when)[:6])
                info.create_system, info.external_attr = 3, st.st_mode << 16
                info.compress_type = method
                if stat.S_ISLNK(st.st_mode):
                    data = os.fsencode(os.readlink(path))
                elif stat.S_ISDIR(st.st_mode):
                    info.filename += "/"
                    data = b""
                else:
                    data = open(path, "rb").read()
                z.writestr(info, data)
                if word == "deflated":
                    continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                if stat.S_ISLNK(st.st_mode):
                    os.symlink(os.readlink(path), target)
                elif stat.S_ISDIR(st.st_mode):
                    os.makedirs(target, exist_ok=True)
                else:
                    open(target, "wb").write(data)
                if not stat.S_ISLNK(st.st_mode):
                    os.chmod(target, stat.S_IMODE(st.st_mode))
    if word == "stored":
        for folder, dirs, files in os.walk(out, topdown=False):
            for name in dirs + files:
                path = os.path.join(folder, name)
                st = os.lstat(os.path.join(tree, os.path.relpath(path, out)))
                os.utime(path, (int(st.st_mtime) & ~1,) * 2, follow_symlinks=False)
PYTHON
mount_mdcfs "$tmp/made/stored.zip" "$tmp/made/deflated.zip"
for name in stored deflated; do
	compare_trees "$tmp/from-zip" "$mnt/$name/$name"
	cmp "$tmp/made/$name.zip" "$mnt/$name/$name.zip" || fail "$name.zip itself"
done
umount_mdcfs

# --- no archive, whatever it is called: the file is there, its folder is not
printf 'this is a text\n' >"$tmp/text.tar.gz"
mount_mdcfs "$tmp/text.tar.gz"
expect "the text" "this is a text" "$(cat "$mnt/text/text.tar.gz")"
expect "listing no archive" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$mnt/text/text")"
expect "a name in no archive" EIO "$(errno_of 'os.stat(sys.argv[2])' "$mnt/text/text/x")"
log_has "text.tar.gz: is no archive of a known kind" || fail "the log does not say why"
expect "status of no archive" failed "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"]')"
