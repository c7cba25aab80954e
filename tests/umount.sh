#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Every way to end a mount ends it: nothing mounted, no process, exit status 0; also while readers wait
# for a server that does not answer.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 fusermount3
requires_fuse

mkdir "$tmp/root"
head -c 3000000 /dev/urandom >"$tmp/root/data.bin"
start_storage "$tmp/root" "$tmp/plan"
printf 'hello\n' >"$tmp/x.csv"

# A shell's background children ignore SIGINT; one at a terminal does not.
real=$MDCFS
cat >"$tmp/at-terminal" <<SCRIPT
#!/bin/sh
exec env --default-signal=INT "$real" "\$@"
SCRIPT
chmod +x "$tmp/at-terminal"

ended() { # WHAT: the daemon of the last mount has ended well by now
	retry 10 gone "$mdcfs_pid" || fail "$1: the daemon goes on"
	status=0
	wait "$mdcfs_pid" || status=$?
	expect "$1: exit status" 0 "$status"
	is_mounted "$mnt" && fail "$1: still mounted"
	forget_mount
}

for way in "$MDCFS umount $mnt" "fusermount3 -u $mnt" "umount $mnt" "kill -TERM" "kill -INT" "kill -HUP"; do
	case $way in umount*) [ "$(id -u)" = 0 ] || continue ;; esac
	MDCFS=$tmp/at-terminal
	mount_mdcfs "$tmp/x.csv"
	MDCFS=$real
	expect "$way: before" hello "$(cat "$mnt/x.csv/x.csv")"
	case $way in
	kill*) run 0 $way "$mdcfs_pid" ;;
	*) run 0 $way ;;
	esac
	ended "$way"
done

# A reader is parked, the server silent.
read_on() {
	errno_of 'os.pread(os.open(sys.argv[2], os.O_RDONLY), 10, 1500000)' "$mnt/data.bin/data.bin" >"$tmp/reader"
}
parked() {
	[ "$(stat_of parked)" -gt 0 ]
}
park_one() {
	printf '1 ok\n* 206 stall@0\n' >"$tmp/plan"
	mount_mdcfs "$storage_url/data.bin"
	rm -rf "$tmp/reader"
	read_on &
	reader=$!
	cleanup_fn stop_child $reader
	retry 20 parked || fail "no reader is parked"
}

park_one
run fails "$MDCFS" umount "$mnt"
says "is busy"
is_mounted "$mnt" || fail "a busy mount is gone"
begun=$(date +%s)
kill -TERM "$mdcfs_pid"
ended "SIGTERM with a parked reader"
wait $reader || :
expect "what the reader gets" ENOTCONN "$(sed 's/ECONNABORTED/ENOTCONN/' "$tmp/reader")"
at_most "seconds to end with a parked reader" 8 $(($(date +%s) - begun))
rm -rf "$cache"

park_one
begun=$(date +%s)
run 0 "$MDCFS" umount -l "$mnt"
is_mounted "$mnt" && fail "umount -l leaves the mount"
kill -TERM "$mdcfs_pid"
ended "umount -l and SIGTERM"
wait $reader || :
at_most "seconds to end after umount -l" 8 $(($(date +%s) - begun))

# A busy mount says who is there.
mount_mdcfs "$tmp/x.csv"
(cd "$mnt/x.csv" && exec sleep 60) &
sitter=$!
cleanup_fn stop_child $sitter
there() {
	[ "$(readlink "/proc/$sitter/cwd")" = "$mnt/x.csv" ]
}
retry 10 there || fail "nobody sits in the mount"
run fails "$MDCFS" umount "$mnt"
says "$mnt is busy: in use by"
says "$sitter"
stop_child $sitter
umount_mdcfs

# In the background: it answers when the command returns, and needs nothing of the terminal.
run 0 "$MDCFS" mount "$tmp/x.csv" "$mnt"
[ ! -s "$out" ] && [ ! -s "$err" ] || fail "mounting in the background says something"
expect "at once" hello "$(within 5 cat "$mnt/x.csv/x.csv")"
daemon=$(json_of "$mnt/.mdcfs/status.json" 'd["pid"]')
for fd in 0 1 2; do
	expect "descriptor $fd of the daemon" /dev/null "$(readlink "/proc/$daemon/fd/$fd")"
done
expect "its folder" / "$(readlink "/proc/$daemon/cwd")"
expect "its session" "$daemon" "$(sed 's/.*) //' "/proc/$daemon/stat" | cut -d' ' -f4)"
run 0 "$MDCFS" umount "$mnt"
is_mounted "$mnt" && fail "still mounted"
gone "$daemon" || fail "umount returns while the daemon goes on"
exit 0
