#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# No /dev/fuse, and one that may not be opened: said clearly.  In a mount namespace with a /dev of its own.
if [ "$(id -u)" = 0 ] && [ -z "${inside_namespace-}" ] && unshare -m true 2>/dev/null; then
	export inside_namespace=1
	exec unshare -m --propagation private sh "$0"
fi
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires setpriv mknod
[ -n "${inside_namespace-}" ] || skip "no mount namespace without root"

printf 'hello\n' >"$tmp/x.csv"
cp "$MDCFS" "$tmp/mdcfs"
mkdir "$tmp/dev" "$tmp/user"
mount -t tmpfs -o mode=755 tmpfs "$tmp/dev" || skip "no tmpfs"
mknod -m 666 "$tmp/dev/null" c 1 3
mknod -m 444 "$tmp/dev/urandom" c 1 9
mount --move "$tmp/dev" /dev
cleanup_fn umount -l /dev

for way in -f --; do
	run fails "$MDCFS" mount $way "$tmp/x.csv" "$mnt"
	says_only "mdcfs: /dev/fuse is missing" modprobe "--device /dev/fuse"
done

mknod -m 600 /dev/fuse c 10 229
chown -R 65534:65534 "$tmp/user" "$mnt"
chmod 755 "$tmp"
for way in -f --; do
	run fails setpriv --reuid=65534 --regid=65534 --clear-groups env HOME="$tmp/user" MDCFS_CACHE_DIR="$tmp/user/cache" MDCFS_LEASE_DIR= \
		"$tmp/mdcfs" mount $way "$tmp/x.csv" "$mnt"
	says_only "mdcfs: /dev/fuse may not be opened by this user" "chmod 666 /dev/fuse"
done
is_mounted "$mnt" && fail "something is mounted"

rm /dev/fuse
mknod -m 666 /dev/fuse c 1 99 # a device that does not exist
run fails "$MDCFS" mount "$tmp/x.csv" "$mnt"
says_only "mdcfs: /dev/fuse"
exit 0
