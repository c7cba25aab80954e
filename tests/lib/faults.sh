# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh disable=SC2154,SC2034
# Sourced behind functions.sh and checks.sh by tests that plan the faults of a storage server.
#
#   make_random FILE BYTES     the same bytes every time, no two blocks alike
#   serve_file BYTES [OPTION...]  $tmp/www/data.bin on a server with a plan (all is well so far);
#                              sets reference
#   plan LINE...               what happens to the requests from now on, counted from 1
#   asked [REGEX]              how many requests the server has ended since the last plan (that match)
#   asked_for REQUESTS         so many at least?
#   range_of N                 the Range of the N-th of them
#   read_block N [COUNT]       read block N (128 KiB) of the file and compare: prints ok, differs, E...
#   now_ms                     a clock

plan_file=$tmp/plan
block=131072

make_random() { # FILE BYTES
	python3 - "$1" "$2" <<'PYTHON'
import random, sys
size = int(sys.argv[2])
rnd = random.Random(size)
with open(sys.argv[1], "wb") as f:
    while size > 0:
        n = min(size, 1 << 20)
        f.write(rnd.randbytes(n))
        size -= n
PYTHON
}

serve_file() { # BYTES
	mkdir -p "$tmp/www"
	reference=$tmp/www/data.bin
	make_random "$reference" "$1"
	serve_www
}

serve_www() {
	: >"$plan_file"
	plan_mark=0
	start_storage "$tmp/www" "$plan_file"
}

# A new file each time: the server looks at its inode.
plan() { # LINE...
	printf '%s\n' "$@" >"$plan_file.new"
	plan_mark=$(wc -l <"$storage_log")
	mv "$plan_file.new" "$plan_file"
}

since_plan() {
	sleep 0.1 # the client may have its answer a moment before the line is written
	tail -n "+$((plan_mark + 1))" "$storage_log"
}

asked() { # [REGEX]
	since_plan | grep -cE -e "${1:-.}" || :
}

asked_for() { # REQUESTS
	[ "$(asked)" -ge "$1" ]
}

range_of() { # N
	since_plan | awk -v n="$1" 'NR == n { sub("bytes=", "", $4); print $4 }'
}

block_range() { # N [SKIPPED]
	echo "$(($1 * block + ${2:-0}))-$((($1 + 1) * block - 1))"
}

data_at() { # [MOUNTPOINT]
	echo "${1:-$mnt}/data.bin/data.bin"
}

read_block() { # N [COUNT]
	timeout -s KILL "${read_limit:-40}" python3 "$top/tests/lib/readat.py" "$(data_at)" \
		$(($1 * block)) $((${2:-1} * block)) "$reference" || :
}

now_ms() {
	date +%s%3N
}

# $tmp/www/data.tar.gz and its unpacked files, $tmp/tree: TOTAL bytes that do not compress, in COUNT members
# of some directories, so that offsets in the archive and in the stream are about the same.
# With xattr some have attributes, where the disk can hold them.
make_archive() { # COUNT TOTAL [xattr]
	mkdir -p "$tmp/www" "$tmp/tree"
	python3 - "$tmp/tree" "$@" <<'PYTHON'
import os, random, sys
top, count, total = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rnd = random.Random(count)
for i in range(count):
    folder = os.path.join(top, "d%02d" % (i // 50))
    os.makedirs(folder, exist_ok=True)
    size = 2 * total // count * rnd.randrange(1, 100) // 100
    with open(os.path.join(folder, "f%05d" % i), "wb") as f:
        f.write(rnd.randbytes(size))
    if "xattr" in sys.argv and i % 3 == 0:
        try:
            os.setxattr(f.name, "user.number", b"%d" % i)
            os.setxattr(folder, "user.last", os.path.basename(f.name).encode())
        except OSError:
            pass
PYTHON
	(cd "$tmp/tree" && find . -mindepth 1 -exec touch -d @1700000000 {} + &&
		tar --sort=name ${3:+--xattrs --format=pax} -cf - ./*) | gzip -1 -n >"$tmp/www/data.tar.gz"
	archive_size=$(stat -c %s "$tmp/www/data.tar.gz")
	serve_www
}

# Let the API know $tmp/www/data.tar.gz as the dataset "data", with its SHA-256 or with another one.  Needs
# make_archive; exports what a mount of it needs, sets api_pid.
serve_dataset() { # [CHECKSUM]
	api_key=dataset-key-3141592653
	cat >"$tmp/api.json" <<CONF
{"keys": ["$api_key"], "storage": "$storage_url", "secret": "", "daily_limit": null,
 "datasets": [{"id": "cm0data00000000000000000", "slug": "data", "filename": "data.tar.gz",
  "file": "$tmp/www/data.tar.gz", "checksum": "${1:-$(sha256sum <"$tmp/www/data.tar.gz" | cut -d ' ' -f 1)}"}]}
CONF
	rm -f "$tmp/api.port"
	python3 "$top/sample/api.py" --config "$tmp/api.json" --port 0 --port-file "$tmp/api.port" \
		--log "$api_log" </dev/null >"$tmp/api.out" 2>&1 &
	api_pid=$!
	cleanup_fn stop_child $api_pid
	retry 20 test -s "$tmp/api.port" || fail "api.py did not start"
	MDC_API_URL=http://127.0.0.1:$(cat "$tmp/api.port")/api
	MDC_API_KEY=$api_key
	export MDC_API_URL MDC_API_KEY
}

# Where its members are.
members_at() { # [MOUNTPOINT]
	echo "${1:-$mnt}/data/data"
}

archive_status() { # KEY [MOUNTPOINT]
	json_of "${2:-$mnt}/.mdcfs/status.json" "d['datasets'][0]['archive']['$1']"
}
