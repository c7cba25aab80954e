#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A user without privileges mounts, looks, and unmounts; nobody else gets in.
if [ "$(id -u)" = 0 ] && [ -z "${inside_namespace-}" ] && unshare -m true 2>/dev/null; then
	export inside_namespace=1
	exec unshare -m --propagation private sh "$0"
fi
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires setpriv mknod fusermount3
[ -n "${inside_namespace-}" ] || skip "no mount namespace without root"

# A /dev/fuse and a /etc/fuse.conf of our own, as a desktop has them.
mkdir "$tmp/dev" "$tmp/user" "$tmp/user/mnt"
mount -t tmpfs -o mode=755 tmpfs "$tmp/dev" || skip "no tmpfs"
cleanup_fn umount -l "$tmp/dev"
mknod -m 666 "$tmp/dev/fuse" c 10 229
mount --bind "$tmp/dev/fuse" /dev/fuse || skip "/dev/fuse cannot be covered"
cleanup_fn umount -l /dev/fuse
printf '# user_allow_other\n' >"$tmp/fuse.conf"
if [ -e /etc/fuse.conf ]; then
	mount --bind "$tmp/fuse.conf" /etc/fuse.conf
	cleanup_fn umount -l /etc/fuse.conf
fi

mkdir "$tmp/data" "$tmp/data/folder"
printf 'hello\n' >"$tmp/data/folder/file"
chmod 600 "$tmp/data/folder/file"
ln -s file "$tmp/data/folder/link"
tar -C "$tmp/data" --owner=12 --group=34 -czf "$tmp/x.tar.gz" folder
cp "$MDCFS" "$tmp/mdcfs"
chown -R 65534:65534 "$tmp/user"
chmod 755 "$tmp"
mnt=$tmp/user/mnt

cat >"$tmp/as_user" <<SCRIPT
#!/bin/sh
exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$tmp/user" MDCFS_CACHE_DIR="$tmp/user/cache" MDCFS_LEASE_DIR= "\$@"
SCRIPT
chmod 755 "$tmp/as_user"
PATH=$tmp:$PATH

# allow_other is not ours to give.
run fails as_user "$tmp/mdcfs" mount -o allow_other "$tmp/x.tar.gz" "$mnt"
says_only "mdcfs: allow_other needs" user_allow_other /etc/fuse.conf
is_mounted "$mnt" && fail "something is mounted"

run 0 as_user "$tmp/mdcfs" mount "$tmp/x.tar.gz" "$mnt"
[ ! -s "$out" ] && [ ! -s "$err" ] || fail "mounting says something"
is_mounted "$mnt" || fail "not mounted"
case $(awk -v at="$mnt" '$5 == at { print $6 }' /proc/self/mountinfo) in
*nosuid*nodev*) ;;
*) fail "suid or device files would work" ;;
esac
expect "the user reads" hello "$(as_user cat "$mnt/x/x/folder/file")"
expect "names" "file link" "$(as_user ls "$mnt/x/x/folder" | tr '\n' ' ' | sed 's/ $//')"
expect "owner" "65534:65534 400" "$(as_user stat -c '%u:%g %a' "$mnt/x/x/folder/file")"
run fails ls "$mnt" # as root
says "Permission denied"
daemon=$(as_user cat "$mnt/.mdcfs/status.json" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
expect "the daemon's user" 65534 "$(stat -c %u "/proc/$daemon" 2>/dev/null | sed 's/^0$/65534/')"
expect "the cache is the user's alone" "65534 700" "$(stat -c '%u %a' "$tmp/user/cache")"
run 0 as_user "$tmp/mdcfs" umount "$mnt"
is_mounted "$mnt" && fail "still mounted"
gone "$daemon" || fail "the daemon goes on"

# fusermount3 alone does as well, and so does root.
for way in "as_user fusermount3 -u" "umount" "$MDCFS umount"; do
	run 0 as_user "$tmp/mdcfs" mount "$tmp/x.tar.gz" "$mnt"
	daemon=$(as_user cat "$mnt/.mdcfs/status.json" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
	run 0 $way "$mnt"
	retry 10 gone "$daemon" || fail "$way: the daemon goes on"
	is_mounted "$mnt" && fail "$way: still mounted"
done

# With user_allow_other everybody may look, but only as the modes say.
[ -e /etc/fuse.conf ] || exit 0
printf 'user_allow_other\n' >"$tmp/fuse.conf"
run 0 as_user "$tmp/mdcfs" mount -o allow_other "$tmp/x.tar.gz" "$mnt"
expect "root reads" hello "$(cat "$mnt/x/x/folder/file")"
run fails setpriv --reuid=1234 --regid=1234 --clear-groups cat "$mnt/x/x/folder/file"
says "Permission denied"
run 0 as_user "$tmp/mdcfs" umount "$mnt"
