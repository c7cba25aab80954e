#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Without a network a known dataset is mounted, listed and read from the cache; what is missing fails at once
# and says why; when the network is back it works by itself.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 tar
requires_fuse

options=deadline=60,connect_timeout=3
make_archive 60 $((6 << 20))
serve_dataset
api_port=${MDC_API_URL#http://127.0.0.1:}
api_port=${api_port%/api}
storage_port=${storage_url##*:}

api_down() {
	stop_child "$api_pid"
}
api_up() {
	start_api "$api_port"
}
storage_down() {
	stop_child $storage_pid
}
storage_up() {
	plan_mark=0
	start_storage "$tmp/www" "$plan_file" --port "$storage_port"
}

read_raw() { # OFFSET: of the archive itself, which no listing has cached
	errno_of 'os.pread(os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECT), 4096, int(sys.argv[3]))' \
		"$mnt/data/data.tar.gz" "$1"
}
reads_raw() {
	[ "$(read_raw "$1")" = none ]
}
fails_at_once() { # WHAT OFFSET...
	what=$1
	shift
	for offset in "$@"; do
		begun=$(now_ms)
		expect "$what: $offset" EIO "$(read_raw "$offset")"
		took=$(($(now_ms) - begun))
		[ $took -le 10000 ] || fail "$what: $offset: failed after $took ms only"
	done
	log_has "out of reach" || fail "$what: the log does not say why"
	timeout -s KILL 20 "$MDCFS" status "$mnt" | grep -q 'out of reach' || fail "$what: the status does not"
}
is_all_there() { # WHAT
	compare_trees "$tmp/tree" "$(members_at)"
	[ "$(json_of "$mnt/data/dataset.json" 'd["slug"]')" = data ] || fail "$1: dataset.json"
	expect "$1: mounted by its id" data "$(readlink "$mnt/cm0data00000000000000000")"
}

mount_mdcfs -o $options data
is_all_there "with a network"
umount_mdcfs

note "storage alone is away"
storage_down
mount_mdcfs -o $options data
is_all_there "without storage"
fails_at_once "without storage" 1048576 2097152 3145728
storage_up
retry 20 reads_raw 1048576 || fail "storage is back, and is not found"
umount_mdcfs

note "nobody is there"
storage_down
api_down
mount_mdcfs -o $options,metadata_ttl=1 data
log_has "the details kept from an earlier time are used" || fail "the log does not say it"
is_all_there "without anybody"
fails_at_once "without anybody" 2097152 3145728 4194304
"$MDCFS" status "$mnt" | grep -q 'not checked' || fail "the status says that it was checked"
storage_up
api_up
retry 20 reads_raw 2097152 || fail "all are back, and are not found"
checked() {
	! "$MDCFS" status "$mnt" | grep -q 'not checked'
}
retry 20 checked || fail "it is not asked whether there is a new version"
umount_mdcfs

note "no name is known: that of the proxy stands for all"
http_proxy=http://no-such-host.invalid:1 no_proxy=
export http_proxy no_proxy
mount_mdcfs -o $options data
is_all_there "without names"
fails_at_once "without names" 3145728 4194304 5242880
umount_mdcfs
unset http_proxy no_proxy

note "and no download session either"
expect "sessions so far" 1 "$(posts)"
api_down
rm -rf "$cache/leases" "$HOME/.local" "$HOME/.cache" "$HOME/.config"
mount_mdcfs -o $options data
is_all_there "without a session"
fails_at_once "without a session" 3145728 4194304
api_up
retry 30 reads_raw 3145728 || fail "the API is back, and no session is asked for"
expect "sessions" 2 "$(posts)"
umount_mdcfs

note "what was never seen"
api_down
run fails "$MDCFS" mount -f never-seen "$mnt"
says "never-seen: the API cannot be reached"
