# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh disable=SC2154
# Sourced by bench.sh: part h, the same work by other programs that mount archives.
#
# ratarmount gets the URL, as mdcfs does; archivemount knows files only and gets the local one, so its
# figures have no network in them.  What came from nginx is counted by its access log.

RATARMOUNT="ratarmount==1.3.0 fsspec aiohttp requests" # from PyPI, into $data/peers
IN_ORDER=4000     # members read one after the other
SLOW_PROBES=3     # random members of archivemount, which decodes from the start for each
peer_mnt=$tmp/peer
peer_pid=

# Into $data/peers, once.
have_ratarmount() {
	ratarmount=$data/peers/bin/ratarmount
	[ -x "$ratarmount" ] || {
		note "installing ratarmount"
		# shellcheck disable=SC2086
		python3 -m venv "$data/peers" >"$tmp/peers.out" 2>&1 &&
			timeout 300 "$data/peers/bin/pip" install -q $RATARMOUNT >>"$tmp/peers.out" 2>&1
	}
	[ -x "$ratarmount" ] && "$ratarmount" --version >/dev/null 2>&1
}

counted_bytes() {
	awk '{ n += $1 } END { printf "%.0f\n", n }' "$tmp/nginx-bytes"
}

# What COMMAND and all after it fetched until counted is called.
count_from() {
	counted_before=$(counted_bytes)
}

counted() { # NAME
	sleep 0.2 # the last line of the log
	echo $(($(counted_bytes) - counted_before)) >>"$figures/$1"
}

peer_answers() {
	gone "$peer_pid" || is_mounted "$peer_mnt"
}

start_peer() { # COMMAND...
	mkdir -p "$peer_mnt"
	"$@" >"$tmp/peer.out" 2>&1 &
	peer_pid=$!
	retry 900 peer_answers || fail "$1 does not come to an end"
	is_mounted "$peer_mnt" || fail "$1 did not mount"
}

stop_peer() {
	[ -n "$peer_pid" ] || return 0
	retry 20 umount "$peer_mnt" 2>/dev/null || umount -l "$peer_mnt"
	stop_child "$peer_pid"
	peer_pid=
}
cleanup_fn stop_peer

start_ratarmount() { # ARCHIVE
	start_peer "$ratarmount" -f --index-file "$tmp/peer.index" "$counted_url/$1.tar.gz" "$peer_mnt"
}

start_archivemount() { # ARCHIVE
	start_peer archivemount -f -o readonly "$data/$1.tar.gz" "$peer_mnt"
}

start_ours() { # ARCHIVE
	mount_mdcfs "$counted_url/$1.tar.gz"
}

# Mount for the first time and list it all.
first_listing() { # START ARCHIVE MEMBERS FOLDER
	"$1" "$2"
	count_find "$4/corpus/en/clips" $(($3 + 1))
}

below() { # FOLDER LIST: whole paths
	awk -v at="$1/" '{ print at $0 }' "$2"
}

peak_of() { # PID NAME
	awk '$1 == "VmHWM:" { printf "%d\n", $2 / 1024 }' "/proc/$1/status" >>"$figures/$2"
}

# Random members, then some in order, twice.
read_peer() { # NAME START ARCHIVE FOLDER LIST
	count_from
	"$2" "$3"
	below "$4" "$5" | "$tmp/readfiles" each >"$tmp/micro" || fail "$1: readfiles"
	micro_to_figures "h.$1.random" <"$tmp/micro"
}

in_order() { # NAME FOLDER
	for time in first second; do
		below "$2" "$tmp/ordered" | "$tmp/readfiles" rate 1 1 >>"$figures/h.$1.$time" ||
			fail "$1: readfiles"
	done
}

measure_ours() { # ARCHIVE MEMBERS
	at=$mnt/$1/$1
	fresh_cache
	count_from
	timed h.ours.list first_listing start_ours "$1" "$2" "$at"
	umount_mdcfs
	counted h.ours.list.bytes
	forget_stream
	read_peer ours start_ours "$1" "$at" "$tmp/some"
	umount_mdcfs
	counted h.ours.random.bytes
	forget_stream
	start_ours "$1"
	in_order ours "$at"
	peak_of "$mdcfs_pid" h.ours.peak
	umount_mdcfs
}

measure_ratarmount() { # ARCHIVE MEMBERS
	rm -f "$tmp/peer.index"
	count_from
	timed h.rat.list first_listing start_ratarmount "$1" "$2" "$peer_mnt"
	stop_peer
	counted h.rat.list.bytes
	read_peer rat start_ratarmount "$1" "$peer_mnt" "$tmp/some"
	counted h.rat.random.bytes
	in_order rat "$peer_mnt"
	peak_of "$peer_pid" h.rat.peak
	stop_peer
}

measure_archivemount() { # ARCHIVE MEMBERS
	timed h.am.list first_listing start_archivemount "$1" "$2" "$peer_mnt"
	stop_peer
	head -n $SLOW_PROBES "$tmp/some" >"$tmp/few"
	read_peer am start_archivemount "$1" "$peer_mnt" "$tmp/few"
	peak_of "$peer_pid" h.am.peak
	stop_peer
}

# Figures that are printed as they are: ours, theirs, theirs / ours.
row_plain() { # TEXT UNIT OURS THEIRS
	ours=$(median "$figures/$3")
	theirs=$(median "$figures/$4")
	row "$1" "$(calculate "sprintf(\"%.0f\", $ours)")$2" "$(calculate "sprintf(\"%.0f\", $theirs)")$2" \
		"$(calculate "sprintf(\"%.2f\", $ours / $theirs)")" ""
}

rows_ratarmount() {
	row_time "h first mount and listing | ratarmount, same URL" h.ours.list h.rat.list ""
	row_plain "h bytes fetched for it" "" h.ours.list.bytes h.rat.list.bytes
	row_time "h random member, index present" h.ours.random h.rat.random ""
	for name in ours rat; do
		awk -v n=$PROBES '{ print $1 / n }' "$figures/h.$name.random.bytes" >"$figures/h.$name.each.bytes"
	done
	row_plain "h bytes fetched for each, and the mount" "" h.ours.each.bytes h.rat.each.bytes
	row_plain "h $IN_ORDER members in order, nothing decoded is kept" " /s" h.ours.first h.rat.first
	row_plain "h the same again" " /s" h.ours.second h.rat.second
	row_plain "h resident, at most" " MiB" h.ours.peak h.rat.peak
}

rows_archivemount() {
	row_time "h first mount and listing | archivemount, local file" h.ours.list h.am.list ""
	row_time "h random member" h.ours.random h.am.random ""
	row_plain "h resident, at most" " MiB" h.ours.peak h.am.peak
}

peers_with() { # ARCHIVE MEMBERS RATARMOUNT ARCHIVEMOUNT
	awk -v members="$2" -v n=$PROBES 'BEGIN {
		for (i = 0; i < n; i++)
			printf "corpus/en/clips/common_voice_en_%08d.mp3\n", 10000000 + int(members / n * (i * 37 % n))
	}' >"$tmp/some"
	awk -v n=$IN_ORDER 'BEGIN {
		for (i = 0; i < n; i++)
			printf "corpus/en/clips/common_voice_en_%08d.mp3\n", 10000000 + i
	}' >"$tmp/ordered"
	for i in $(seq "$runs"); do
		measure_ours "$1" "$2"
		[ "$3" = no ] || measure_ratarmount "$1" "$2"
		[ "$4" = no ] || measure_archivemount "$1" "$2"
	done
	[ "$3" = no ] || rows_ratarmount
	[ "$4" = no ] || rows_archivemount
	rm -f "$figures"/h.*
}

part_h() {
	rat=yes am=yes
	have_ratarmount || { rat=no; row "h ratarmount cannot be installed here: left out" "" "" "" ""; }
	command -v archivemount >/dev/null || { am=no; row "h no archivemount: left out" "" "" "" ""; }
	[ $rat$am != nono ] || return 0
	need_clips
	pread_all "$data/clips.tar.gz"
	peers_with clips $CLIPS $rat $am
	[ "${BENCH_BIG:-0}" = 1 ] || return 0
	need_big
	pread_all "$data/big.tar.gz"
	row "h the same with big.tar.gz" "" "" "" ""
	peers_with big $BIG_CLIPS $rat $am
}
