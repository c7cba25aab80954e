# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh disable=SC2034,SC2154,SC1091
# Sourced by every system test, with sh or bash: . "${srcdir:-.}/tests/functions.sh"
#
# A test gets its own $tmp (removed at the end), $mnt, $cache, $log and home; nothing of the
# user's settings.  It ends with 0, 77 (skipped) or anything else (failed); whatever it started is
# ended and checked by the EXIT trap: a mount that ended uncleanly, a sanitizer's report or a secret in a
# log fails the test even if all its own checks passed.
#
#   $top       the sources           $MDCFS   the program under test (absolute)
#   fail TEXT, skip TEXT             end the test
#   requires COMMAND...              skip without these programs
#   requires_fuse                    skip without a usable /dev/fuse
#   cleanup_fn COMMAND [ARG...]      run at the end, last registered first
#   retry SECONDS COMMAND...         until it succeeds
#   start_sample [-l LIFETIME] [-q DAILY] [-x EXTRA.json]
#                                    API and storage of the sample: sets sample (a folder with objects/
#                                    and tree/), slug, api_url, storage_url, storage_log, api_log
#   start_api [PORT]                 the API alone, as $tmp/api.json says: sets api_pid
#   start_storage FOLDER [PLAN] [ARG...]  a server with faults (tests/lib/storage.py): sets storage_url,
#                                    storage_pid, storage_log
#   start_portal [CONFIG.json]       sample/portal.py: sets portal (its domain), portal_url, portal_log,
#                                    portal_config (may be rewritten: configure_portal JSON)
#   mount_mdcfs [-o OPTS]... [SOURCE...]  at $mnt; returns when it answers; sets mdcfs_pid
#   umount_mdcfs [MOUNTPOINT]        and check that the daemon ended well
#   forget_mount [MOUNTPOINT]        clear away a mount whose daemon the test has killed
#   stat_of COUNTER [MOUNTPOINT]     a figure of .mdcfs/status.json
#   storage_requests [REGEX]         lines of $storage_log (that match)
#   posts                            download sessions the sample's API was asked for
#   compare_trees [OPTION...] A B    see tests/lib/treecmp.py

set -eu

top=$(cd "${MDCFS_SRCDIR:-${srcdir:-.}}" && pwd)
[ -e "$top/tests/functions.sh" ] || { echo "functions.sh: srcdir is not set" >&2; exit 99; }
MDCFS=${MDCFS:-./mdcfs}
case $MDCFS in
/*) ;;
*/*) MDCFS=$PWD/$MDCFS ;;
*) MDCFS=$(command -v "$MDCFS") ;;
esac

LC_ALL=C.UTF-8
TZ=UTC
export LC_ALL TZ

sample_cache=${SAMPLE_CACHE:-$PWD/build/sample}
case $sample_cache in /*) ;; *) sample_cache=$PWD/$sample_cache ;; esac
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mdcfs-test.XXXXXX")
mnt=$tmp/mnt
cache=$tmp/cache
log=$tmp/mdcfs.log
storage_log=$tmp/storage.log
api_log=$tmp/api.log
unclean=0
mkdir "$mnt" "$tmp/home" "$tmp/cleanup"
: >"$tmp/mounts"
: >"$log"

# The tests see no setting and no key of the user's.
for name in $(env | sed -n 's/^\(MDC_[A-Za-z0-9_]*\|ODS_[A-Za-z0-9_]*\|MDCFS_[A-Za-z0-9_]*\|[A-Za-z]*_[Pp][Rr][Oo][Xx][Yy]\)=.*/\1/p'); do
	unset "$name"
done
HOME=$tmp/home
MDCFS_CACHE_DIR=$cache
MDCFS_LEASE_DIR=$cache/leases
MDCFS_CACHE_RESERVE=64M
MDCFS_HEDGE=no # tests count requests, and a busy machine is slow for no reason of its own
export HOME MDCFS_CACHE_DIR MDCFS_LEASE_DIR MDCFS_CACHE_RESERVE MDCFS_HEDGE
unset XDG_CACHE_HOME XDG_CONFIG_HOME XDG_RUNTIME_DIR XDG_STATE_HOME

note() {
	echo "# $*" >&2
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# MUST_WORK=1 (continuous integration): what cannot run is a failure.
skip() {
	[ "${MUST_WORK:-0}" != 1 ] || fail "cannot run, and MUST_WORK is set: $*"
	echo "skipped: $*" >&2
	exit 77
}

requires() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 || PATH=$PATH:/usr/sbin:/sbin
		command -v "$tool" >/dev/null 2>&1 || skip "$tool is missing"
	done
}

requires_fuse() {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	(: <>/dev/fuse) 2>/dev/null || skip "/dev/fuse may not be opened"
	[ "$(id -u)" = 0 ] || requires fusermount3
	[ -x "$MDCFS" ] || fail "$MDCFS: no such program"
}

# --- the end of a test ---

cleanup_count=0
cleanup_fn() {
	cleanup_count=$((cleanup_count + 1))
	for word in "$@"; do
		printf '%s\n' "$word"
	done >"$tmp/cleanup/$cleanup_count"
}

run_cleanup() { # FILE: a word a line
	set --
	while IFS= read -r word; do
		set -- "$@" "$word"
	done <"$tmp/cleanup/$cleanup_count"
	"$@" || { note "cleanup: $* failed"; unclean=1; }
}

at_exit() {
	status=$?
	trap - EXIT
	trap '' HUP INT TERM
	set +e
	# The mounts first: what they talk to must still be there, and unmounting must not hang.
	while read -r mount_pid mount_point; do
		end_mount "$mount_pid" "$mount_point" || unclean=1
	done <"$tmp/mounts"
	while [ "$cleanup_count" -gt 0 ]; do
		run_cleanup
		cleanup_count=$((cleanup_count - 1))
	done
	check_logs || unclean=1
	if [ $status = 0 ] && [ $unclean != 0 ]; then
		echo "FAILED: not a clean end" >&2
		status=1
	fi
	if [ $status != 0 ] && [ $status != 77 ]; then
		for file in "$log" "$tmp"/*.out; do
			[ ! -s "$file" ] || { echo "--- ${file##*/}" >&2; tail -n 60 "$file" >&2; }
		done
	fi
	if [ "${KEEP_TMP:-0}" = 1 ]; then
		echo "kept: $tmp" >&2
	else
		rm -rf --one-file-system "$tmp"
	fi
	exit $status
}
trap at_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Sanitizers, valgrind and secrets.
check_logs() {
	logs_bad=0
	for file in "$tmp"/*.log "$tmp"/*.out; do
		case $file in *'*'* | "$storage_log" | "$api_log") continue ;; esac
		if grep -aE '(ERROR|WARNING): [A-Za-z]+Sanitizer|runtime error:|^==[0-9]+==' "$file" >&2; then
			note "a report of a sanitizer or valgrind in ${file##*/}"
			logs_bad=1
		fi
		if grep -aE "${api_key:-no key was made}|[?&](md5|expires|X-Amz-[A-Za-z]+)=[^.]" "$file" >&2; then
			note "a secret in ${file##*/}"
			logs_bad=1
		fi
	done
	return $logs_bad
}

# --- processes ---

retry() { # SECONDS COMMAND...
	retry_until=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $retry_until ] || return 1
		sleep 0.05
	done
}

# Our children become zombies when they end: those are gone too.
gone() { # PID
	case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
	'' | [ZX]*) return 0 ;;
	esac
	return 1
}

stop_child() { # PID
	kill "$1" 2>/dev/null || return 0
	retry 5 gone "$1" || kill -9 "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# --- mounts ---

is_mounted() { # MOUNTPOINT
	awk -v at="$1" '$5 == at { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# The mount answers: through a process that we can give up on.
answers() { # MOUNTPOINT PID
	if gone "$2"; then
		return 0 # the caller looks again
	fi
	is_mounted "$1" && timeout -s KILL 5 cat "$1/.mdcfs/status.json" >/dev/null 2>&1
}

mount_mdcfs() {
	mkdir -p "$mnt"
	# In $tmp, where no .env lies about; stderr is kept and checked.
	(cd "$tmp" && exec "$MDCFS" mount -f "$@" "$mnt") >>"$log" 2>&1 </dev/null &
	mdcfs_pid=$!
	retry 60 answers "$mnt" $mdcfs_pid || {
		end_mount $mdcfs_pid "$mnt" || :
		fail "the mount does not answer: $*"
	}
	if gone $mdcfs_pid; then
		wait $mdcfs_pid && fail "mount ended at once: $*"
		fail "mount failed with status $?: $*"
	fi
	printf '%s %s\n' $mdcfs_pid "$mnt" | cat - "$tmp/mounts" >"$tmp/mounts.new"
	mv "$tmp/mounts.new" "$tmp/mounts"
}

# Forget what the kernel and we know of a mount, whatever state it is in.  Only our own
# connection is aborted: the one whose device number our mount has.
tear_down() { # PID MOUNTPOINT
	minor=$(awk -v at="$2" '$5 == at { split($3, dev, ":"); print dev[2]; exit }' /proc/self/mountinfo)
	if [ -n "$minor" ] && [ -w "/sys/fs/fuse/connections/$minor/abort" ]; then
		echo 1 >"/sys/fs/fuse/connections/$minor/abort"
	fi
	timeout 10 umount -l "$2" 2>/dev/null || timeout 10 fusermount3 -uz "$2" 2>/dev/null || :
	kill -9 "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

end_mount() { # PID MOUNTPOINT
	grep -vxF "$1 $2" "$tmp/mounts" >"$tmp/mounts.new" || :
	mv "$tmp/mounts.new" "$tmp/mounts"
	if is_mounted "$2" && ! gone "$1"; then
		timeout -s KILL 30 "$MDCFS" umount "$2" >>"$log" 2>&1 || note "mdcfs umount failed: $?"
	fi
	if ! retry 30 gone "$1"; then
		note "process $1 did not end after umount"
		tear_down "$1" "$2"
		return 1
	fi
	end_status=0
	wait "$1" || end_status=$?
	if is_mounted "$2"; then
		note "$2 is still mounted"
		tear_down "$1" "$2"
		return 1
	fi
	[ $end_status = 0 ] || { note "mount process ended with status $end_status"; return 1; }
}

umount_mdcfs() { # [MOUNTPOINT]
	umount_at=${1:-$mnt}
	umount_pid=$(awk -v at="$umount_at" '$2 == at { print $1; exit }' "$tmp/mounts")
	[ -n "$umount_pid" ] || fail "$umount_at: no mount of this test"
	end_mount "$umount_pid" "$umount_at" || fail "$umount_at: unclean end"
}

# A test killed the daemon itself (or expects it to be dead): clear away what is left.
forget_mount() { # [MOUNTPOINT]
	umount_at=${1:-$mnt}
	umount_pid=$(awk -v at="$umount_at" '$2 == at { print $1; exit }' "$tmp/mounts")
	grep -vxF "$umount_pid $umount_at" "$tmp/mounts" >"$tmp/mounts.new" || :
	mv "$tmp/mounts.new" "$tmp/mounts"
	[ -z "$umount_pid" ] || tear_down "$umount_pid" "$umount_at"
}

# --- servers ---

start_sample() { # [-l LIFETIME] [-q DAILY] [-x EXTRA.json]
	requires nginx python3 espeak-ng lame flock
	mkdir -p "$sample_cache"
	flock "$sample_cache" "$top/sample/make-dataset" "$sample_cache" >&2 || fail "make-dataset"
	sample=$sample_cache
	cleanup_fn "$top/sample/serve" stop "$tmp/sample"
	"$top/sample/serve" start "$tmp/sample" "$sample" "$@" || fail "the sample's servers did not start"
	. "$tmp/sample/env"
	slug=$(basename "$(ls "$sample"/objects/*-englis-*.tar.gz)" .tar.gz)
	MDC_API_URL=$api_url
	MDC_API_KEY=$api_key
	export MDC_API_URL MDC_API_KEY
}

# The API alone, with the configuration that is in $tmp/api.json; $api_key is exported when it is set.
start_api() { # [PORT]
	requires python3
	rm -f "$tmp/api.port"
	python3 "$top/sample/api.py" --config "$tmp/api.json" --port "${1:-0}" --port-file "$tmp/api.port" \
		--log "$api_log" </dev/null >>"$tmp/api.out" 2>&1 &
	api_pid=$!
	cleanup_fn stop_child $api_pid
	retry 20 test -s "$tmp/api.port" || fail "api.py did not start"
	MDC_API_URL=http://127.0.0.1:$(cat "$tmp/api.port")/api
	export MDC_API_URL
	[ -z "${api_key-}" ] || export MDC_API_KEY="$api_key"
}

storage_count=0
start_storage() { # FOLDER [PLAN] [ARG...]
	requires python3
	storage_count=$((storage_count + 1))
	storage_log=$tmp/storage$storage_count.access
	rm -f "$tmp/storage.port"
	: >"$storage_log"
	storage_folder=$1
	shift
	storage_plan=${1-}
	[ $# = 0 ] || shift
	python3 "$top/tests/lib/storage.py" --root "$storage_folder" --port 0 --port-file "$tmp/storage.port" \
		--log "$storage_log" ${storage_plan:+--plan "$storage_plan"} "$@" \
		</dev/null >>"$tmp/storage.out" 2>&1 &
	storage_pid=$!
	cleanup_fn stop_child $storage_pid
	retry 20 test -s "$tmp/storage.port" || fail "storage.py did not start"
	storage_url=http://127.0.0.1:$(cat "$tmp/storage.port")
}

start_portal() { # [CONFIG.json]
	requires python3
	portal_config=$tmp/portal.json
	portal_log=$tmp/portal.log
	printf '{}' >"$portal_config"
	[ $# = 0 ] || cp "$1" "$portal_config"
	rm -f "$tmp/portal.port"
	: >"$portal_log"
	python3 "$top/sample/portal.py" --config "$portal_config" --port-file "$tmp/portal.port" \
		--log "$portal_log" </dev/null >>"$tmp/portal.out" 2>&1 &
	cleanup_fn stop_child $!
	retry 20 test -s "$tmp/portal.port" || fail "portal.py did not start"
	portal=127.0.0.1:$(cat "$tmp/portal.port")
	portal_url=http://$portal
}

configure_portal() { # JSON
	printf '%s' "$1" >"$tmp/portal.new"
	mv "$tmp/portal.new" "$portal_config"
}

# --- figures ---

stat_of() { # COUNTER [MOUNTPOINT]
	timeout -s KILL 20 cat "${2:-$mnt}/.mdcfs/status.json" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["counters"][sys.argv[1]])' "$1"
}

storage_requests() { # [REGEX]
	sleep 0.2 # the client may have its answer a moment before the line is written
	grep -cE -e "${1:-.}" "$storage_log" || :
}

posts() {
	grep -cE 'POST [^ ]*/download' "$api_log" || :
}

compare_trees() { # [OPTION...] EXPECTED ACTUAL
	timeout -s KILL 300 python3 "$top/tests/lib/treecmp.py" "$@" || fail "trees differ: $*"
}
