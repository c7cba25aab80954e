#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# make bench: how fast it is, next to the plain tools on the same machine in the same run.
#
# What is compared runs in turn, A B A B ..., and the medians are shown with their ratio and the goal.
#
#   BENCH_ONLY=a,d    only these parts (a to k)      BENCH_RUNS=5   runs of each, 3 without
#   BENCH_BIG=1       5 million members, 2 GB too    BENCH_DATA=DIR keep the generated files there
#
#   a  sequential read, nothing cached    against curl, one stream and eight ranges in parallel
#   b  sequential read, all cached        against the same file on the disk
#   c  open, read and close small files   against the same files on the disk
#   d  one member out of the middle       against one GET of its bytes
#   e  first pass over a .tar.gz          against curl | gzip -dc | tar t
#   f  find                               against a tmpfs with the same names
#   g  a large index: mounting, finding, looking up, memory
#   h  other programs that mount archives (tests/bench/peers.sh): ratarmount, installed from PyPI below
#      BENCH_DATA where that works, and archivemount where it is installed
#   j  writing the cache on the way, its checksums, and a mount with many blocks in it
#   i  first pass over tarballs that are decoded by block or frame, against curl | xz -dc | tar t and its
#      like; only when asked for: BENCH_ONLY=i
#   k  sequential read, one answer in ten faulty   against the same without faults
#
# Page caches are dropped where the row says so; that needs root, and those rows are left out without it.
. "${srcdir:-.}/tests/functions.sh"

requires_fuse
requires nginx curl python3 gzip tar
runs=${BENCH_RUNS:-3}
only=,${BENCH_ONLY:-a,b,c,d,e,f,g,h,j,k},
data=${BENCH_DATA:-$PWD/build/bench}
mkdir -p "$data"
data=$(cd "$data" && pwd)

RAW_MIB=1024     # incompressible
CLIPS=16000      # of about CLIP_BYTES each: 480 MiB
CLIP_BYTES=32000
BIG_CLIPS=56000  # of about BIG_CLIP_BYTES: 2 GB
BIG_CLIP_BYTES=40000
TINY_BYTES=64    # members of part g
LOOKUPS=100000   # for one figure
MANY_BLOCKS=1000000 # in the map of part j
SMALL_FILES=4000 # for part c: 30 KiB each
PROBES=60        # random accesses for one figure
FAULTY_MIB=256   # of part k
RTT_MS=20        # of the "distant" rows

[ "$(id -u)" = 0 ] && drop=yes || drop=no

wanted() { # PART
	case $only in *,$1,*) return 0 ;; esac
	return 1
}

# --- figures ---

now() {
	date +%s%N
}

# Seconds that a command took, into $figures/NAME, a line a run.
figures=$tmp/figures
mkdir "$figures"
timed() { # NAME COMMAND...
	figure=$figures/$1
	shift
	start=$(now)
	"$@" || fail "bench: $*"
	end=$(now)
	awk -v ns=$((end - start)) 'BEGIN { printf "%.6f\n", ns / 1e9 }' >>"$figure"
}

median() { # FILE
	sort -n "$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

calculate() { # EXPRESSION of awk
	awk "BEGIN { print $1 }"
}

row_format='%-57s %12s %12s %7s  %s\n'

row() { # TEXT OURS THEIRS RATIO GOAL
	# shellcheck disable=SC2059
	printf "$row_format" "$1" "$2" "$3" "$4" "$5"
}

# Throughput of two timings of the same work: MiB/s, and how much of theirs ours is.
row_rate() { # TEXT MIB OURS THEIRS GOAL
	ours=$(median "$figures/$3")
	theirs=$(median "$figures/$4")
	row "$1" "$(calculate "sprintf(\"%.0f MiB/s\", $2 / $ours)")" \
		"$(calculate "sprintf(\"%.0f MiB/s\", $2 / $theirs)")" \
		"$(calculate "sprintf(\"%.2f\", $theirs / $ours)")" "$5"
}

# Two durations: how many times theirs ours takes.
row_time() { # TEXT OURS THEIRS GOAL
	ours=$(median "$figures/$2")
	theirs=$(median "$figures/$3")
	row "$1" "$(calculate "sprintf(\"%.4g ms\", 1000 * $ours)")" \
		"$(calculate "sprintf(\"%.4g ms\", 1000 * $theirs)")" \
		"$(calculate "sprintf(\"%.3g\", $ours / $theirs)")" "$4"
}

drop_caches() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
}

# --- data and servers ---

build_tools() {
	for tool in readfiles maketar; do
		"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -pthread -o "$tmp/$tool" "$top/tests/bench/$tool.c" ||
			skip "no C compiler"
	done
}

# A file of $data is made once: COMMAND writes it to stdout.
make_file() { # NAME COMMAND...
	[ ! -s "$data/$1" ] || return 0
	note "making $1"
	made=$1
	shift
	"$@" >"$data/new" && mv "$data/new" "$data/$made" || fail "bench: cannot make $made"
}

random_bytes() {
	head -c ${RAW_MIB}M /dev/urandom
}

# Real MP3 speech: everything that the sample has, end to end.
corpus() {
	requires flock espeak-ng lame
	mkdir -p "$sample_cache"
	flock "$sample_cache" "$top/sample/make-dataset" "$sample_cache" >&2
	find "$sample_cache/tree" -name '*.mp3' -print0 | sort -z | xargs -0 cat
}

archive() { # MEMBERS [SIZE CORPUS] : gzip'ed at level 6, at level 1 when empty
	level=6
	[ $# -gt 1 ] || level=1
	"$tmp/maketar" "$@" | gzip -n -$level
}

# The same, on all cores where there is pigz.
large_archive() { # LEVEL MEMBERS SIZE CORPUS
	level=$1
	shift
	command -v pigz >/dev/null && gzip=pigz || gzip=gzip
	"$tmp/maketar" "$@" | $gzip -n -"$level"
}

need_raw() {
	make_file raw.bin random_bytes
}

need_clips() {
	[ -s "$data/clips.tar.gz" ] || make_file corpus.mp3 corpus
	make_file clips.tar.gz archive $CLIPS $CLIP_BYTES "$data/corpus.mp3"
}

need_big() {
	[ -s "$data/big.tar.gz" ] || make_file corpus.mp3 corpus
	make_file big.tar.gz large_archive 6 $BIG_CLIPS $BIG_CLIP_BYTES "$data/corpus.mp3"
}

need_tiny() { # MEMBERS
	[ -s "$data/tiny$1.tar.gz" ] || make_file corpus.mp3 corpus
	make_file "tiny$1.tar.gz" large_archive 1 "$1" $TINY_BYTES "$data/corpus.mp3"
}

need_small() {
	[ -s "$data/small.tar.gz" ] || make_file corpus.mp3 corpus
	make_file small.tar.gz archive $SMALL_FILES 30720 "$data/corpus.mp3"
}

need_names() { # MEMBERS
	make_file "names$1.tar.gz" archive "$1"
}

start_nginx() {
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	user=
	[ "$(id -u)" != 0 ] || user='user root;'
	mkdir "$tmp/nginx"
	cat >"$tmp/nginx.conf" <<-CONF
		pid $tmp/nginx.pid;
		error_log $tmp/nginx-error.log warn;
		worker_processes 2;
		$user
		events { worker_connections 1024; }
		http {
			client_body_temp_path $tmp/nginx; proxy_temp_path $tmp/nginx; fastcgi_temp_path $tmp/nginx;
			uwsgi_temp_path $tmp/nginx; scgi_temp_path $tmp/nginx;
			log_format bytes '\$body_bytes_sent';
			access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
			default_type application/octet-stream;
			server {
				listen 127.0.0.1:$port;
				location / { root $data; }
				# Each connection brings this much, as those to an object store do.
				location /limited/ { alias $data/; limit_rate 40m; }
				location /counted/ { alias $data/; access_log $tmp/nginx-bytes bytes; }
			}
		}
	CONF
	nginx -p "$tmp/" -c "$tmp/nginx.conf" -e "$tmp/nginx-error.log" || fail "nginx did not start"
	cleanup_fn stop_nginx
	url=http://127.0.0.1:$port
	counted_url=$url/counted
}

stop_nginx() {
	[ ! -s "$tmp/nginx.pid" ] || kill "$(cat "$tmp/nginx.pid")"
}

start_relay() {
	[ -z "${far_url-}" ] || return 0
	relay_to "$port"
	far_url=$relay_url
}

relay_to() { # PORT: sets relay_url, RTT_MS away
	rm -f "$tmp/relay.port"
	python3 "$top/tests/bench/relay.py" "$1" $((RTT_MS / 2)) "$tmp/relay.port" >>"$tmp/relay.out" 2>&1 &
	cleanup_fn stop_child $!
	retry 10 test -s "$tmp/relay.port" || fail "relay.py did not start"
	relay_url=http://127.0.0.1:$(cat "$tmp/relay.port")
}

# --- one measurement each ---

fresh_cache() {
	rm -rf "$cache"
}

pread_all() { # FILE
	dd if="$1" of=/dev/null bs=1M status=none
}

curl_one() { # URL
	curl -sf "$1" >/dev/null
}

curl_ranges() { # URL BYTES [FOLDER for what comes]
	part=$(($2 / 8))
	curls=
	for i in 0 1 2 3 4 5 6 7; do
		to=${3:+$3/$i}
		curl -sf -r $((i * part))-$(((i + 1) * part - 1)) -o "${to:-/dev/null}" "$1" &
		curls="$curls $!"
	done
	for pid in $curls; do
		wait "$pid" || return 1
	done
}

raw_bytes=$((RAW_MIB << 20))

part_a() {
	need_raw
	pread_all "$data/raw.bin" # served out of the page cache
	for way in "" limited/; do
		name=a$way
		name=${name%/}
		for i in $(seq "$runs"); do
			fresh_cache
			mount_mdcfs "$url/${way}raw.bin"
			timed "$name.mdcfs" pread_all "$mnt/raw.bin/raw.bin"
			umount_mdcfs
			timed "$name.one" curl_one "$url/${way}raw.bin"
			timed "$name.eight" curl_ranges "$url/${way}raw.bin" $raw_bytes
			mkdir "$tmp/kept"
			timed "$name.kept" curl_ranges "$url/${way}raw.bin" $raw_bytes "$tmp/kept"
			rm -rf "$tmp/kept"
		done
	done
	row_rate "a cold sequential | curl, one stream" $RAW_MIB a.mdcfs a.one ">= 0.95"
	row_rate "a cold sequential | curl -r, 8 in parallel" $RAW_MIB a.mdcfs a.eight ""
	row_rate "a cold sequential | curl -r, 8 in parallel, into files" $RAW_MIB a.mdcfs a.kept ""
	row_rate "a 40 MiB/s a connection | curl, one stream" $RAW_MIB alimited.mdcfs alimited.one ""
	row_rate "a 40 MiB/s a connection | curl -r, 8 in parallel" $RAW_MIB alimited.mdcfs alimited.eight ">= 0.95"
}

part_b() {
	need_raw
	fresh_cache
	mount_mdcfs "$url/raw.bin"
	pread_all "$mnt/raw.bin/raw.bin"
	for i in $(seq "$runs"); do
		pread_all "$mnt/raw.bin/raw.bin"
		timed b.hot pread_all "$mnt/raw.bin/raw.bin"
		pread_all "$data/raw.bin"
		timed b.hot.native pread_all "$data/raw.bin"
		[ $drop = yes ] || continue
		drop_caches
		timed b.cold pread_all "$mnt/raw.bin/raw.bin"
		drop_caches
		timed b.cold.native pread_all "$data/raw.bin"
		# Only the kernel's copy of the mount goes: what the daemon costs.
		umount_mdcfs
		mount_mdcfs "$url/raw.bin"
		cat "$cache"/objects/*/raw.data >/dev/null
		timed b.daemon pread_all "$mnt/raw.bin/raw.bin"
		pread_all "$data/raw.bin"
	done
	umount_mdcfs
	row_rate "b warm sequential, page cache hot | disk, hot" $RAW_MIB b.hot b.hot.native ">= 1.0"
	[ $drop = yes ] || return 0
	row_rate "b warm sequential, caches dropped | disk, dropped" $RAW_MIB b.cold b.cold.native ">= 0.4"
	row_rate "b warm, new mount, block cache hot | disk, hot" $RAW_MIB b.daemon b.hot.native ""
}

rate() { # NAME THREADS ROUNDS LIST
	"$tmp/readfiles" rate "$2" "$3" <"$4" >>"$figures/$1" || fail "readfiles"
}

row_files() { # TEXT OURS THEIRS GOAL
	ours=$(median "$figures/$2")
	theirs=$(median "$figures/$3")
	row "$1" "$ours /s" "$theirs /s" "$(calculate "sprintf(\"%.2f\", $ours / $theirs)")" "$4"
}

mount_beside() { # URL
	"$MDCFS" mount "$1" "$tmp/mnt2" >>"$log" 2>&1 && cat "$tmp/mnt2/.mdcfs/status.json" >/dev/null
}

umount_beside() {
	"$MDCFS" umount "$tmp/mnt2" >>"$log" 2>&1
}

part_j() {
	need_raw
	pread_all "$data/raw.bin"
	for i in $(seq "$runs"); do
		fresh_cache
		mount_mdcfs "$url/raw.bin"
		timed j.cached pread_all "$mnt/raw.bin/raw.bin"
		umount_mdcfs
		cat "$cache"/objects/*/raw.data >/dev/null
		timed j.cat cat "$cache"/objects/*/raw.data >/dev/null
		timed j.verify "$MDCFS" cache verify >/dev/null
		fresh_cache
		mount_mdcfs -o cache_size=0 "$url/raw.bin"
		timed j.uncached pread_all "$mnt/raw.bin/raw.bin"
		umount_mdcfs
	done
	fresh_cache
	truncate -s $((MANY_BLOCKS * 131072)) "$data/zeros.bin"
	mkdir "$tmp/mnt2"
	for blocks in none $MANY_BLOCKS; do
		mount_beside "$url/zeros.bin"
		umount_beside
		[ $blocks = none ] ||
			python3 "$top/tests/bench/fillmap.py" "$(dirname "$cache"/objects/*/raw.map)/raw" $blocks
		for i in $(seq "$runs"); do
			timed j.mount.$blocks mount_beside "$url/zeros.bin"
			umount_beside
		done
	done
	mount_mdcfs "$url/zeros.bin"
	dd if="$mnt/zeros.bin/zeros.bin" of=/dev/null bs=128k count=100 skip=$((MANY_BLOCKS / 2)) status=none
	[ "$(stat_of cache_hits)" -ge 100 ] || fail "bench: the blocks are not taken for cached"
	umount_mdcfs
	row_rate "j cold sequential, cached | not cached (cache_size=0)" $RAW_MIB j.cached j.uncached ">= 0.85"
	row_rate "j cache verify: read and checksum | cat of the same file" $RAW_MIB j.verify j.cat ""
	row_time "j mount, $MANY_BLOCKS cached blocks | none" j.mount.$MANY_BLOCKS j.mount.none "< 1000 ms, ~1"
}

part_c() {
	need_small
	mkdir "$tmp/native"
	tar xf "$data/small.tar.gz" -C "$tmp/native"
	fresh_cache
	mount_mdcfs "$url/small.tar.gz"
	find "$mnt/small/small" -type f >"$tmp/ours"
	find "$tmp/native" -type f >"$tmp/theirs"
	for i in $(seq "$runs"); do
		for threads in 1 4; do
			"$tmp/readfiles" rate $threads 1 <"$tmp/ours" >/dev/null
			rate c.ours.$threads $threads 5 "$tmp/ours"
			rate c.theirs.$threads $threads 5 "$tmp/theirs"
		done
		[ $drop = yes ] || continue
		umount_mdcfs
		mount_mdcfs "$url/small.tar.gz"
		rate c.new $threads 1 "$tmp/ours"
	done
	umount_mdcfs
	rm -rf "$tmp/native"
	row_files "c open+read+close 30 KiB, 1 thread | disk" c.ours.1 c.theirs.1 ">= 0.8"
	row_files "c open+read+close 30 KiB, 4 threads | disk" c.ours.4 c.theirs.4 ">= 1.0"
	[ $drop = yes ] || return 0
	row_files "c new mount, block cache hot, 4 threads | disk, hot" c.new c.theirs.4 ""
}

micro_to_figures() { # NAME: microseconds on stdin, seconds into the figures
	awk '{ printf "%.6f\n", $1 / 1e6 }' >>"$figures/$1"
}

# Forget the decoded bytes, keep the index.
forget_stream() {
	rm -f "$cache"/objects/*/stream-*
}

# One curl, one connection, PROBES ranges of BYTES spread over a file; the first pays for connecting.
curl_probes() { # URL BYTES SIZE
	: >"$tmp/curl.conf"
	i=0
	while [ $i -lt $PROBES ]; do
		[ $i = 0 ] || echo next
		at=$((($3 - $2) / PROBES * (i * 37 % PROBES)))
		printf 'url = "%s"\nrange = "%s-%s"\noutput = "/dev/null"\nwrite-out = "%%{time_total}\\n"\nsilent\nfail\n' \
			"$1" $at $((at + $2 - 1))
		i=$((i + 1))
	done >"$tmp/curl.conf"
	curl -K "$tmp/curl.conf" | tail -n +2
}

random_members() { # URL-PREFIX NAME ARCHIVE BYTES
	mount_mdcfs "$1/$3.tar.gz"
	find "$mnt/$3/$3" -type f | sort >"$tmp/all"
	awk -v n=$PROBES '{ line[NR] = $0 } END { for (i = 0; i < n; i++) print line[int(NR / n * (i * 37 % n)) + 1] }' \
		"$tmp/all" >"$tmp/some"
	umount_mdcfs
	forget_stream
	mount_mdcfs "$1/$3.tar.gz"
	head -n 1 "$tmp/all" >"$tmp/first" # its request opens the connection, as curl's first does
	"$tmp/readfiles" each <"$tmp/first" >/dev/null
	before=$(stat_of storage_bytes)
	asked=$(stat_of storage_requests)
	"$tmp/readfiles" each <"$tmp/some" | micro_to_figures "$2.ours"
	fetched=$(($(stat_of storage_bytes) - before))
	asked=$(($(stat_of storage_requests) - asked))
	umount_mdcfs
	curl_probes "$1/$3.tar.gz" "$4" "$(stat -c %s "$data/$3.tar.gz")" >>"$figures/$2.theirs"
}

# The same members once more, from a new mount: nothing is decoded or fetched for them again.
warm_members() { # URL-PREFIX NAME ARCHIVE
	mount_mdcfs "$1/$3.tar.gz"
	before=$(stat_of storage_bytes) # what told that it is the same file
	"$tmp/readfiles" each <"$tmp/some" | micro_to_figures "$2.warm"
	[ "$(stat_of inflated_bytes)" = 0 ] || fail "warm members: $(stat_of inflated_bytes) bytes were decoded"
	[ "$(stat_of storage_bytes)" = "$before" ] || fail "warm members: something was fetched"
	umount_mdcfs
}

rows_members() { # NAME BYTES TEXT
	row_time "d $3 | curl -r, loopback" "$1.ours" "$1.theirs" ""
	row "d bytes fetched for each of them" $((fetched / PROBES)) "$2" \
		"$(calculate "sprintf(\"%.1f\", $fetched / $PROBES / $2)")" ""
	row "d requests for each of them" "$(calculate "sprintf(\"%.2f\", $asked / $PROBES)")" 1 "" ""
	row "d again, new mount: nothing fetched, nothing decoded" \
		"$(calculate "sprintf(\"%.4g ms\", 1000 * $(median "$figures/$1.warm"))")" "" "" ""
}

part_d() {
	need_raw
	need_clips
	fresh_cache
	mount_mdcfs "$url/raw.bin"
	before=$(stat_of storage_bytes)
	"$tmp/readfiles" pread "$mnt/raw.bin/raw.bin" $PROBES | micro_to_figures d.raw.ours
	fetched=$(($(stat_of storage_bytes) - before))
	umount_mdcfs
	curl_probes "$url/raw.bin" 4096 $raw_bytes >>"$figures/d.raw.theirs"
	row_time "d 4 KiB anywhere in the raw file | curl -r, loopback" d.raw.ours d.raw.theirs ""
	row "d bytes fetched for each of them" $((fetched / PROBES)) 4096 \
		"$(calculate "sprintf(\"%.1f\", $fetched / $PROBES / 4096)")" "<= 131072 (a block)"
	fresh_cache
	random_members "$url" d.near clips $CLIP_BYTES
	warm_members "$url" d.near clips
	rows_members d.near $CLIP_BYTES "member of a .tar.gz, index present"
	start_relay
	fresh_cache
	random_members "$far_url" d.far clips $CLIP_BYTES
	row_time "d member of a .tar.gz | curl -r, $RTT_MS ms away" d.far.ours d.far.theirs "<= 1.3"
	[ "${BENCH_BIG:-0}" = 1 ] || return 0
	need_big
	fresh_cache
	random_members "$url" d.big big $BIG_CLIP_BYTES
	warm_members "$url" d.big big
	rows_members d.big $BIG_CLIP_BYTES "member of a .tar.gz of 2 GB"
}

# The shell waits for find itself: it may hold its directory for a while after its last line.
count_find() { # DIRECTORY EXPECTED
	[ -p "$tmp/fifo" ] || mkfifo "$tmp/fifo"
	wc -l <"$tmp/fifo" >"$tmp/found" &
	find "$1" >"$tmp/fifo"
	wait $!
	found=$(cat "$tmp/found")
	[ "$found" = "$2" ] || fail "find $1: $found names, not $2"
}

untar_pipe() { # URL
	curl -sf "$1" | gzip -dc | tar t >/dev/null
}

# Seconds of processor time: what a crowded machine does not change.
cpu_of_daemon() { # NAME
	awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); printf "%.2f\n", ($12 + $13) / tick }' \
		"/proc/$mdcfs_pid/stat" >>"$figures/$1"
}

cpu_of_children() { # NAME: those that this shell has waited for
	times >"$tmp/times"
	awk 'NR == 2 { split($1 "m" $2, t, /[ms]+/); print 60 * (t[1] + t[3]) + t[2] + t[4] }' "$tmp/times" >>"$figures/$1"
}

untar_pipe_cpu() { # URL NAME
	(untar_pipe "$1" && cpu_of_children "$2")
}

row_cpu() { # TEXT OURS THEIRS
	ours=$(median "$figures/$2")
	theirs=$(median "$figures/$3")
	row "$1" "$ours s" "$theirs s" "$(calculate "sprintf(\"%.3g\", $ours / $theirs)")" ""
}

first_pass() { # ARCHIVE MEMBERS
	pread_all "$data/$1.tar.gz"
	for i in $(seq "$runs"); do
		fresh_cache
		mount_mdcfs "$url/$1.tar.gz"
		timed "e.$1.ours" count_find "$mnt/$1/$1/corpus/en/clips" $(($2 + 1))
		cpu_of_daemon "e.$1.ours.cpu"
		umount_mdcfs
		timed "e.$1.theirs" untar_pipe_cpu "$url/$1.tar.gz" "e.$1.theirs.cpu"
	done
	bytes=$(stat -c %s "$data/$1.tar.gz")
	row_rate "e first pass, .tar.gz of $((bytes / 1000000)) MB | curl, gzip -dc, tar t" \
		$((bytes >> 20)) "e.$1.ours" "e.$1.theirs" "> 1.0"
	row_cpu "e processor time of that" "e.$1.ours.cpu" "e.$1.theirs.cpu"
}

part_e() {
	need_clips
	first_pass clips $CLIPS
	[ "${BENCH_BIG:-0}" = 1 ] || return 0
	need_big
	first_pass big $BIG_CLIPS
}

part_f() {
	mkdir "$tmp/shm"
	for n in 100000 1000000; do
		need_names $n
		shm=$(mktemp -d "/dev/shm/mdcfs-bench.XXXXXX")
		cleanup_fn rm -rf "$shm"
		gzip -dc "$data/names$n.tar.gz" | tar x -C "$shm"
		fresh_cache
		mount_mdcfs "$url/names$n.tar.gz"
		at=$mnt/names$n/names$n/corpus/en/clips
		count_find "$at" $((n + 1))
		for i in $(seq "$runs"); do
			umount_mdcfs
			mount_mdcfs "$url/names$n.tar.gz"
			timed f.$n.first count_find "$at" $((n + 1))
			timed f.$n.again count_find "$at" $((n + 1))
			timed f.$n.theirs count_find "$shm/corpus/en/clips" $((n + 1))
		done
		umount_mdcfs
		rm -rf "$shm"
		row_time "f find, $n names, new mount | tmpfs" f.$n.first f.$n.theirs ""
		row_time "f find, $n names, again | tmpfs" f.$n.again f.$n.theirs "<= 3"
	done
}

resident() { # FIELD: of the daemon, MiB
	awk -v field="$1:" '$1 == field { printf "%d", $2 / 1024 }' "/proc/$mdcfs_pid/status"
}

# Until the kernel has answered the first question, measured by the program itself: it goes to the
# background when the mount answers.
mount_and_answer() {
	"$MDCFS" mount "$1" "$mnt" >>"$log" 2>&1 && test -d "$mnt/.mdcfs"
}

# Random members of n, by 64 readers at once: what a name takes inside the daemon.
many_readers() { # MEMBERS
	awk -v at="$at" -v n="$1" -v count=$LOOKUPS 'BEGIN {
		srand(7)
		for (i = 0; i < count; i++)
			printf "%s/common_voice_en_%08d.mp3\n", at, 10000000 + int(rand() * n)
	}' >"$tmp/random"
	names=$(stat_of lookups)
	ns=$(stat_of lookup_ns)
	rate "g.$1.readers" 64 1 "$tmp/random"
	names=$(($(stat_of lookups) - names))
	ns=$(($(stat_of lookup_ns) - ns))
	[ $names -gt $((LOOKUPS / 3)) ] || fail "$names names were looked up, of $LOOKUPS"
	calculate "sprintf(\"%.2f\", $ns / $names / 1000)" >>"$figures/g.$1.lookup"
}

first_of_many() { # MEMBERS
	fresh_cache
	mount_mdcfs "$url/tiny$1.tar.gz"
	timed "g.$1.pass" count_find "$at" $(($1 + 1))
	row "g first pass and listing, $1 members" \
		"$(calculate "sprintf(\"%.0f /s\", $1 / $(median "$figures/g.$1.pass"))")" "" "" ""
	row "g resident after it: now, at most" "$(resident VmRSS) MiB" "$(resident VmHWM) MiB" "" "< 128 MiB"
	row "g write-ahead log of the index, at most" "$(($(cat "$cache"/objects/*/index.db-wal | wc -c) >> 20)) MiB" "" "" ""
	umount_mdcfs
	row "g index on disk, bytes a member" \
		"$(($(cat "$cache"/objects/*/index.db | wc -c) / $1))" "" "" "<= 100 + name"
}

large_index() { # MEMBERS
	at=$mnt/tiny$1/tiny$1/corpus/en/clips
	first_of_many "$1"
	for i in $(seq "$runs"); do
		timed "g.$1.mount" mount_and_answer "$url/tiny$1.tar.gz"
		timeout 30 "$MDCFS" umount "$mnt" >>"$log" 2>&1 || fail "umount"
		mount_mdcfs "$url/tiny$1.tar.gz"
		timed "g.$1.find" count_find "$at" $(($1 + 1))
		many_readers "$1"
		rss=$(resident VmRSS) hwm=$(resident VmHWM)
		umount_mdcfs
	done
	row "g mount with an index of $1 members" \
		"$(calculate "sprintf(\"%.0f ms\", 1000 * $(median "$figures/g.$1.mount"))")" "" "" "< 100 ms"
	row "g find, new mount" "$(calculate "sprintf(\"%.0f /s\", $1 / $(median "$figures/g.$1.find"))")" \
		"" "" ">= 500000 /s"
	row "g looking a name up, inside the process, 64 readers" "$(median "$figures/g.$1.lookup") us" \
		"" "" "< 20 us"
	row "g open+read+close of random members, 64 readers" "$(median "$figures/g.$1.readers") /s" "" "" ""
	row "g resident after all that: now, at most" "$rss MiB" "$hwm MiB" "" "< 128 MiB"
}

part_g() {
	sizes=1000000
	[ "${BENCH_BIG:-0}" != 1 ] || sizes="$sizes 5000000"
	for n in $sizes; do
		need_tiny "$n"
		large_index "$n"
	done
}

units_pipe() { # URL COMMAND
	curl -sf "$1" | "$2" -dc | tar t >/dev/null
}

# The members of small.tar.gz, packed again by a tool that makes units.
units_pass() { # SUFFIX COMMAND-TO-UNPACK COMMAND-TO-PACK...
	name=units.tar.$1 unpack=$2
	shift 2
	gzip -dc "$data/small.tar.gz" >"$tmp/small.tar"
	make_file "$name" "$@" "$tmp/small.tar"
	rm "$tmp/small.tar"
	pread_all "$data/$name"
	for i in $(seq "$runs"); do
		fresh_cache
		mount_mdcfs "$url/$name"
		timed "i.$unpack.ours" count_find "$mnt/units/units/corpus/en/clips" $((SMALL_FILES + 1))
		umount_mdcfs
		timed "i.$unpack.theirs" units_pipe "$url/$name" "$unpack"
	done
	bytes=$(stat -c %s "$data/$name")
	row_rate "i first pass, $name of $((bytes / 1000000)) MB | curl, $unpack -dc, tar t" \
		$((bytes >> 20)) "i.$unpack.ours" "i.$unpack.theirs" "> 1.0"
}

# One answer in ten is faulty (tests/lib/storage.py has the list), and not.
part_k() {
	faulty=$data/faulty
	mkdir -p "$faulty"
	for name in data usual; do
		[ -s "$faulty/$name.bin" ] || head -c ${FAULTY_MIB}M /dev/urandom >"$faulty/$name.bin"
	done
	: >"$tmp/plan"
	start_storage "$faulty" "$tmp/plan"
	relay_to "${storage_url##*:}"
	for i in $(seq "$runs"); do
		for name in k.ok k.brisk k.own k.all; do
			case $name in
			k.ok) plan="* ok" ;;
			k.all) plan="random $i 10" ;;
			*) plan="random $i 10 ${name#k.}" ;;
			esac
			fresh_cache
			echo "* ok" >"$tmp/plan"
			mount_mdcfs -o hedge=yes "$relay_url/data.bin" "$relay_url/usual.bin"
			cat "$mnt/usual.bin/usual.bin" >/dev/null # so that it is known what is usual
			echo "$plan" >"$tmp/plan.new"
			mv "$tmp/plan.new" "$tmp/plan"
			timed "$name" cmp "$mnt/data.bin/data.bin" "$faulty/data.bin"
			umount_mdcfs
		done
	done
	what="k sequential, $RTT_MS ms away, 10 % faulty"
	row_rate "$what, with faults that pass at once | none" "$FAULTY_MIB" k.brisk k.ok ">= 0.8"
	row_rate "$what, with late and slow ones too | none" "$FAULTY_MIB" k.own k.ok ">= 0.8"
	row_rate "$what, with Retry-After too | none" "$FAULTY_MIB" k.all k.ok ""
}

part_i() {
	requires xz zstd pzstd bzip2 lz4
	need_small
	units_pass xz xz xz -T0 -1 --block-size=8MiB -c
	units_pass zst zstd pzstd -q -c
	units_pass bz2 bzip2 bzip2 -c
	units_pass lz4 lz4 lz4 -q -c
}

. "$top/tests/bench/peers.sh"

build_tools
start_nginx
printf '%s, %s cores, Linux %s, mdcfs %s; median of %s\n' "$(date +%F)" "$(nproc)" "$(uname -r)" \
	"$("$MDCFS" version | awk 'NR == 1 { print $2 }')" "$runs"
row "" mdcfs "the other" ratio goal
for part in a b c d e f g h i j k; do
	! wanted $part || part_$part
done
