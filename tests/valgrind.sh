#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# The whole program under valgrind, from mount to umount: no byte read that was not written, none outside
# of what was allocated, none forgotten.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar gzip valgrind
requires_fuse

program=$MDCFS
# Of a program that libtool has wrapped in a script, the program itself.
case $(head -c 2 "$program") in
'#!') program=$(dirname "$MDCFS")/.libs/$(basename "$MDCFS") ;;
esac
if grep -qaE "lib(a|t|ub)san" "$program"; then
	echo "skipped: built with sanitizers" >&2
	exit 77
fi
cat >"$tmp/mdcfs" <<WRAPPER
#!/bin/sh
exec valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect \\
	--show-leak-kinds=definite,indirect "$program" "\$@"
WRAPPER
chmod +x "$tmp/mdcfs"
"$tmp/mdcfs" version >"$tmp/version" 2>&1 || { cat "$tmp/version" >&2; fail "version, under valgrind"; }
MDCFS=$tmp/mdcfs

make_archive 60 $((1 << 20))
make_random "$tmp/www/data.bin" $((4 << 20))
reference=$tmp/www/data.bin
plan "3 206 drop@5000" "5 206 wrong-range" "6 503 retry-after=1"
mount_mdcfs -o stall_timeout=5,deadline=30,connections=3 "$storage_url/data.tar.gz" "$storage_url/data.bin"
compare_trees "$tmp/tree" "$(members_at)"
timeout -s KILL 60 cmp "$(data_at)" "$reference" || fail "the file"
expect "a name that is not there" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$(members_at)/d00/nothing")"
for file in status.json metrics log; do
	timeout -s KILL 20 cat "$mnt/.mdcfs/$file" >/dev/null || fail "$file"
done
umount_mdcfs

# Everything from the cache, then what is not there is refused, interrupted and left behind.
plan "* ok"
mount_mdcfs -o deadline=30 "$storage_url/data.tar.gz" "$storage_url/data.bin"
compare_trees "$tmp/tree" "$(members_at)"
umount_mdcfs
rm -rf "$cache"
plan "1-2 ok" "3 404" "4 206 flip@70000" "* 206 stall@1000 seconds=60"
mount_mdcfs -o deadline=30,stall_timeout=30 "$storage_url/data.tar.gz" "$storage_url/data.bin"
expect "a block that is refused" ENOENT "$(read_block 8)"
parked_before=$(stat_of parked)
python3 "$top/tests/lib/readers.py" blocks 8 "$(data_at)" 12 2 "$reference" >"$tmp/readers" &
readers=$!
ls "$(members_at)" >"$tmp/listing" 2>&1 &
lister=$!
waiting() {
	[ "$(stat_of parked)" -ge $((parked_before + 8)) ]
}
retry 30 waiting || fail "nobody waits"
kill -TERM $lister
retry 20 gone $lister || fail "a listing that is not interrupted"
kill -TERM "$mdcfs_pid"
retry 30 gone "$mdcfs_pid" || fail "the mount does not end"
retry 10 gone $readers || fail "a reader still waits"
