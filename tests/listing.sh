#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# An archive that has not been read yet: what is asked for comes as soon as it has passed, a listing is
# whole or fails, and nobody reads on without a reason.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3
requires_fuse

mkdir "$tmp/root"
python3 - "$tmp/root/big.tar.gz" <<'PYTHON'
import gzip, io, os, random, sys, tarfile

rng = random.Random(5)
with gzip.GzipFile(sys.argv[1], "wb", compresslevel=1, mtime=0) as gz, tarfile.open(fileobj=gz, mode="w|") as tar:
    for i in range(1000):
        member = tarfile.TarInfo("top/%s/m%04d" % ("front" if i < 10 else "rest", i))
        member.size = 65536
        tar.addfile(member, io.BytesIO(rng.randbytes(65536)))
PYTHON
size=$(stat -c %s "$tmp/root/big.tar.gz")
tar -C "$tmp" -xf "$tmp/root/big.tar.gz" top/front
start_storage "$tmp/root"

# The first byte of the first member, through the API: a few requests, and not the archive.
printf '[{"id": "cmbig0000000000000000000", "slug": "big", "file": "%s"}]\n' "$tmp/root/big.tar.gz" >"$tmp/extra.json"
local_url=$storage_url local_log=$storage_log
start_sample -x "$tmp/extra.json"
mount_mdcfs big
dir=$mnt/big/big
expect "the first byte" "$(head -c 1 "$tmp/top/front/m0000" | od -An -tx1)" \
	"$(within 20 head -c 1 "$dir/top/front/m0000" | od -An -tx1)"
at_most "storage requests up to the first byte" 4 "$(storage_requests)"
at_most "API requests up to the first byte" 2 "$(grep -c . "$api_log")"
at_most "bytes fetched up to the first byte" $((size / 2)) "$(stat_of storage_bytes)"
cmp "$tmp/top/front/m0009" "$dir/top/front/m0009" || fail "another member at the front"

# Names with a dot in front are looked for everywhere and by everything.
before=$(stat_of storage_bytes)
for name in .git .hidden .Trash; do
	expect "$name" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$dir/$name")"
	expect "top/$name" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$dir/top/$name")"
done
expect "state while nobody waits" "False" \
	"$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"] == "complete"')"
at_most "bytes fetched for hidden names" $((16 << 20)) "$(($(stat_of storage_bytes) - before))"

# listing=wait: the whole, however often it is asked for at once.
for i in 1 2 3; do
	within 60 ls "$dir/top/rest" >"$tmp/list$i" &
	eval "lister$i=\$!"
done
wait "$lister1" && wait "$lister2" && wait "$lister3" || fail "listing"
for i in 1 2 3; do
	expect "names of listing $i" 990 "$(wc -l <"$tmp/list$i")"
done
expect "a name that is not there" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$dir/top/nothing")"
expect "state" complete "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"]')"
expect "members" 1003 "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["members"]')"
at_most "bytes fetched for everything" $((size + (1 << 20))) "$(stat_of storage_bytes)"
umount_mdcfs

# listing=partial: what is known, then an error; and the pass goes on to the end by itself.
MDCFS_CACHE_DIR=$tmp/cache2
mount_mdcfs -o listing=partial "$local_url/big.tar.gz"
cat >"$tmp/list.py" <<'PYTHON'
import errno, os, sys

names = []
try:
    with os.scandir(sys.argv[1]) as entries:
        for entry in entries:
            names.append(entry.name)
    print("whole", len(names))
except OSError as error:
    print(errno.errorcode[error.errno], len(names))
PYTHON
[ -f "$mnt/big/big/top/front/m0003" ] || fail "a name at the front"
set -- $(within 20 python3 "$tmp/list.py" "$mnt/big/big/top/front")
case $1 in
EAGAIN) [ "$2" -ge 4 ] || fail "a partial listing has $2 names" ;;
*) fail "a partial listing: $1" ;;
esac
whole() {
	[ "$(within 20 python3 "$tmp/list.py" "$mnt/big/big/top/rest")" = "whole 990" ]
}
retry 60 whole || fail "the pass does not go on to the end"
expect "names at the front" "whole 10" "$(within 20 python3 "$tmp/list.py" "$mnt/big/big/top/front")"
umount_mdcfs

# strict: a name with a dot in front is waited for as well.
MDCFS_CACHE_DIR=$tmp/cache3
mount_mdcfs -o strict "$local_url/big.tar.gz"
expect "a hidden name, strict" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$mnt/big/big/top/.hidden")"
expect "state after it" complete "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"]')"
umount_mdcfs

# pass=background: to the end without anybody waiting.
MDCFS_CACHE_DIR=$tmp/cache4
mount_mdcfs -o pass=background "$local_url/big.tar.gz"
complete() {
	[ "$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"]')" = complete ]
}
retry 60 complete || fail "pass=background does not come to an end"
expect "sessions" 1 "$(posts)"
[ "$(grep -c . "$local_log")" -gt 0 ] || fail "the other server was not asked"
