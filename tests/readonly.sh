#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Nothing can be written, and everybody is told so with EROFS; yet access(2) says that folders are
# writable, for the official client asks that before it looks whether a dataset is there already.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3
requires_fuse

mkdir -p "$tmp/data/folder/empty"
printf 'hello\n' >"$tmp/data/folder/file"
chmod 755 "$tmp/data/folder/file"
ln -s file "$tmp/data/folder/link"
chmod 555 "$tmp/data/folder/empty"
tar -C "$tmp/data" -cf "$tmp/x.tar" folder

cat >"$tmp/write.py" <<'PYTHON'
"""Everything that would change something below argv[1]; argv[2]: the error that it must give."""
import errno, os, sys

base, wanted = sys.argv[1:]
folder = os.path.join(base, "x/x/folder")
file, new = os.path.join(folder, "file"), os.path.join(folder, "new")
other = os.path.join(base, "x/x/other")


def write(path, flags):
    fd = os.open(path, flags)
    try:
        os.write(fd, b"x")
    finally:
        os.close(fd)


attempts = {
    "create": lambda: write(new, os.O_WRONLY | os.O_CREAT),
    "create exclusively": lambda: write(new, os.O_RDWR | os.O_CREAT | os.O_EXCL),
    "create in the root": lambda: write(os.path.join(base, "new"), os.O_WRONLY | os.O_CREAT),
    "create beside the archive": lambda: write(os.path.join(base, "x/new"), os.O_WRONLY | os.O_CREAT),
    "write": lambda: write(file, os.O_WRONLY),
    "append": lambda: write(file, os.O_WRONLY | os.O_APPEND),
    "read and write": lambda: write(file, os.O_RDWR),
    "truncate at open": lambda: write(file, os.O_WRONLY | os.O_TRUNC),
    "write the archive": lambda: write(os.path.join(base, "x/x.tar"), os.O_WRONLY),
    "write the status": lambda: write(os.path.join(base, ".mdcfs/status.json"), os.O_WRONLY),
    "truncate at open, and nothing more": lambda: os.close(os.open(file, os.O_WRONLY | os.O_TRUNC)),
    "truncate": lambda: os.truncate(file, 0),
    "mkdir": lambda: os.mkdir(new),
    "mkdir in the root": lambda: os.mkdir(os.path.join(base, "new")),
    "mkfifo": lambda: os.mkfifo(new),
    "symlink": lambda: os.symlink("file", new),
    "link": lambda: os.link(file, new),
    "unlink": lambda: os.unlink(file),
    "unlink the archive": lambda: os.unlink(os.path.join(base, "x/x.tar")),
    "unlink a symlink": lambda: os.unlink(os.path.join(folder, "link")),
    "rmdir": lambda: os.rmdir(os.path.join(folder, "empty")),
    "rename": lambda: os.rename(file, new),
    "rename away": lambda: os.rename(folder, other),
    "chmod": lambda: os.chmod(file, 0o600),
    "chown": lambda: os.chown(file, os.getuid(), os.getgid()),
    "utime": lambda: os.utime(file),
    "utime of a folder": lambda: os.utime(folder, (0, 0)),
}
bad = 0
for name, attempt in attempts.items():
    try:
        attempt()
        got = "success"
    except OSError as error:
        got = errno.errorcode[error.errno]
    if got != wanted:
        print("%s: %s, not %s" % (name, got, wanted))
        bad = 1
for path in (base, os.path.join(base, "x"), folder, os.path.join(folder, "empty"), os.path.dirname(folder)):
    if os.access(path, os.W_OK) != (len(sys.argv[1:]) == 2 and not os.environ.get("ro")):
        print("%s: access(W_OK) is %s" % (path, os.access(path, os.W_OK)))
        bad = 1
sys.exit(bad)
PYTHON

check() { # [COMMAND...]: in front of python3
	timeout -s KILL 60 "$@" python3 "$tmp/write.py" "$mnt" EROFS || fail "$*: something else than EROFS"
	expect "the file's bytes" hello "$(cat "$mnt/x/x/folder/file")"
	expect "names" "empty file link" "$(ls "$mnt/x/x/folder" | tr '\n' ' ' | sed 's/ $//')"
}

mount_mdcfs "$tmp/x.tar"
check
expect "no write bit on a file" "" "$(find "$mnt" -type f -perm /222)"
expect "modes" "555 755" "$(stat -c %a "$mnt/x/x/folder/file") $(stat -c %a "$mnt/x/x/folder/empty" | sed 's/^[57]55$/755/')"
touch "$mnt/new" 2>"$err" && fail "touch"
says "Read-only file system"
printf x | dd of="$mnt/x/x/folder/file" conv=notrunc 2>"$err" && fail "dd"
says "Read-only file system"
(: >"$mnt/x/x/folder/file") 2>"$err" && fail "truncated at open"
says "ead-only file system"
umount_mdcfs

# -o ro: the kernel refuses on its own, and access(2) as well.
mount_mdcfs -o ro "$tmp/x.tar"
case $(awk -v at="$mnt" '$5 == at { print $6 }' /proc/self/mountinfo) in
ro | ro,*) ;;
*) fail "-o ro is no read-only mount" ;;
esac
ro=1
export ro
check
