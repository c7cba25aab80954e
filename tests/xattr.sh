#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Extended attributes: those of the namespace user. are what the archive holds, byte for byte, however it
# writes them; the others are not shown.  What is wrong with an archive is told by one too.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
requires python3 tar bsdtar gzip xz
requires_fuse

# attributes FOLDER: all attributes in user. below it.
attributes() {
	within 60 python3 - "$1" <<'EOF'
import os, sys, zlib
top = os.fsencode(sys.argv[1])
names = [b"."]
for folder, dirs, files in os.walk(top):
    names += [os.path.relpath(os.path.join(folder, n), top) for n in dirs + files]
for name in sorted(names):
    path = os.path.join(top, name)
    for key in sorted(os.listxattr(path, follow_symlinks=False)):
        if key.startswith("user."):
            value = os.getxattr(path, key, follow_symlinks=False)
            print(name, key.encode("utf-8", "surrogateescape"),
                  value if len(value) < 40 else (len(value), zlib.crc32(value)))
EOF
}

# A folder on a disk that has attributes: not every /tmp is one.
tree=$tmp/tree
mkdir "$tree"
if ! python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.test", b"")' "$tree" 2>/dev/null; then
	tree=$(mktemp -d "$PWD/xattr.XXXXXX")
	cleanup_fn rm -rf "$tree"
fi
mkdir "$tree/dir"
printf 'hello\n' >"$tree/file"
printf 'x' >"$tree/none"
ln -s file "$tree/link"
ln "$tree/file" "$tree/hard"
if ! python3 - "$tree" <<'EOF'
import os, sys
top = sys.argv[1]
if "user.test" in os.listxattr(top):
    os.removexattr(top, "user.test")
for name in "file", "dir", ".":
    path = os.path.join(top, name)
    os.setxattr(path, "user.name", name.encode())
    os.setxattr(path, "user.empty", b"")
    os.setxattr(path, "user.binary", bytes(range(256)) + b"\n12 user.x=1\n")
    os.setxattr(path, b"user.50%25=\xc3\xa4\xff z", b"odd name")
os.setxattr(os.path.join(top, "file"), "user.long", os.urandom(1000))
try:
    os.setxattr(os.path.join(top, "file"), "trusted.hidden", b"no")
except OSError:
    pass
EOF
then
	skip "no extended attributes, neither in $tmp nor in $PWD"
fi
attributes "$tree" >"$tmp/want"
[ "$(wc -l <"$tmp/want")" = 18 ] || fail "not what was set"

archive() { # FILE COMMAND...
	name=$1
	shift
	(cd "$tree" && "$@") >"$tmp/$name" || fail "$name: cannot be made"
}

check() { # FILE [FILTER]
	mount_mdcfs "$tmp/$1"
	at=$(echo "$mnt/${1%%.*}/${1%%.*}")
	within 60 ls "$at" >/dev/null
	attributes "$at" | ${2:-cat} >"$tmp/have"
	diff -u "$tmp/want" "$tmp/have" || fail "$1: attributes"
	expect "$1: a hard link" "b'file'" "$(python3 -c 'import os, sys
print(os.getxattr(sys.argv[1], "user.name"))' "$at/hard")"
	umount_mdcfs
}

archive gnu.tar tar --xattrs --xattrs-include='*' --sort=name --format=pax -cf - .
archive bsd.tar.gz bsdtar --xattrs --format=pax -czf - .
for form in LIBARCHIVE SCHILY; do
	archive "$form.tar" bsdtar --xattrs --format=pax --options "xattrheader=$form" -cf - .
done
xz -1 --format=lzma <"$tmp/gnu.tar" >"$tmp/foreign.tar.lzma"
for name in gnu.tar bsd.tar.gz LIBARCHIVE.tar SCHILY.tar; do
	check $name
done
# What libarchive makes of a name that is encoded is its own affair.
sed -i '/50%25/d' "$tmp/want"
check foreign.tar.lzma "grep -v 50%25"

note "what the calls say"
mount_mdcfs "$tmp/gnu.tar"
at=$mnt/gnu/gnu
within 20 ls "$at" >/dev/null
within 20 python3 - "$at" <<'EOF' || fail "the calls"
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(function, *args):
    ctypes.set_errno(0)
    n = function(*args)
    return n if n >= 0 else errno.errorcode[ctypes.get_errno()]
def want(what, value, have):
    if value != have:
        sys.exit("%s: %r, expected %r" % (what, have, value))
path = os.fsencode(sys.argv[1] + "/file")
buf = ctypes.create_string_buffer(70000)
get = lambda name, size: call(libc.getxattr, path, name, buf, size)
want("size", 1000, get(b"user.long", 0))
want("short buffer", "ERANGE", get(b"user.long", 999))
want("right size", 1000, get(b"user.long", 1000))
want("empty", 0, get(b"user.empty", 10))
want("no such name", "ENODATA", get(b"user.longer", 10))
want("reserved name", "ENODATA", get(b"user.mdcfs.error", 10))
want("ACL", "ENOTSUP", get(b"system.posix_acl_access", 10))
n = call(libc.listxattr, path, buf, 0)
want("short list", "ERANGE", call(libc.listxattr, path, buf, n - 1))
want("list", n, call(libc.listxattr, path, buf, n))
want("none", 0, call(libc.listxattr, os.fsencode(sys.argv[1] + "/none"), buf, 100))
want("written", "EROFS", call(libc.setxattr, path, b"user.new", b"x", 1, 0))
want("removed", "EROFS", call(libc.removexattr, path, b"user.name"))
EOF
umount_mdcfs

note "odd ones: global, reserved, too long, the same name twice, of no base64"
python3 - "$tmp/odd.tar.gz" <<'EOF'
import sys, tarfile
with tarfile.open(sys.argv[1], "w:gz", format=tarfile.PAX_FORMAT,
                  pax_headers={"SCHILY.xattr.user.everywhere": "no"}) as tar:
    def add(name, **headers):
        m = tarfile.TarInfo(name)
        m.pax_headers = {key.replace("__", "."): value for key, value in headers.items()}
        tar.addfile(m)
    add("plain")
    add("reserved", SCHILY__xattr__user__mdcfs__error="no", SCHILY__xattr__security__ima="no",
        SCHILY__acl__access="user::rw-", SCHILY__xattr__user__yes="1")
    add("twice", SCHILY__xattr__user__a="1", LIBARCHIVE__xattr__user__a="Mg")
    add("long", SCHILY__xattr__user__a="v" * 65537, SCHILY__xattr__user__b="2")
    add("bad", LIBARCHIVE__xattr__user__a="?", LIBARCHIVE__xattr__user__b="Mg==")
EOF
mount_mdcfs "$tmp/odd.tar.gz"
at=$mnt/odd/odd
within 20 ls "$at" >/dev/null
attributes "$at" >"$tmp/have"
diff -u - "$tmp/have" <<'EOF' || fail "the odd ones"
b'bad' b'user.b' b'2'
b'long' b'user.b' b'2'
b'reserved' b'user.yes' b'1'
b'twice' b'user.a' b'2'
EOF
log_has "member long: extended attributes that are too long" || fail "the log does not say so"
expect "counted" 2 "$(json_of "$mnt/.mdcfs/status.json" "[x['members'] for x in \
	d['datasets'][0]['archive']['damage']][0]")"
umount_mdcfs

note "where there is nothing to tell the kernel is told so, once"
rm -rf "$tree/dir" "$tree/file" "$tree/hard"
(cd "$tree" && tar -czf "$tmp/without.tar.gz" none)
mount_mdcfs "$tmp/without.tar.gz"
at=$mnt/without/without
within 20 ls "$at" >/dev/null
expect "no attribute" ENOTSUP "$(errno_of 'os.getxattr(sys.argv[2], "user.a")' "$at/none")"
expect "no list" ENOTSUP "$(errno_of 'os.listxattr(sys.argv[2])' "$at/none")"
