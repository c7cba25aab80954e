# SPDX-License-Identifier: MPL-2.0
# shellcheck shell=sh disable=SC2154,SC2034
# Sourced behind functions.sh and checks.sh by the tests of compressed tarballs.
#
#   make_tree COUNT BYTES      $tmp/tree: COUNT members of BYTES on average that compress to a half, and
#                              $tmp/plain.tar of them, the same every time
#   pack KIND FILE             compress $tmp/plain.tar, by one of the kinds below
#   format_of NAME             what reads it: of the dataset called NAME in the status
#   cold                       forget all blocks, keep the indexes; nothing may be mounted

make_tree() { # COUNT BYTES
	mkdir -p "$tmp/tree"
	python3 - "$tmp/tree" "$1" "$2" <<'PYTHON'
import os, random, sys
top, count, average = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(count)
words = [rng.randbytes(rng.randrange(3, 9)) for _ in range(500)]
for i in range(count):
    size = rng.randrange(1, 2 * average)
    text = b" ".join(rng.choice(words) for _ in range(size // 14))
    data = text + rng.randbytes(max(0, size - len(text)))
    folder = os.path.join(top, "d%02d" % (i // 50))
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "f%05d" % i), "wb") as f:
        f.write(data)
PYTHON
	find "$tmp/tree" -exec touch -d @1700000000 {} +
	tar --sort=name --owner=0 --group=0 -C "$tmp/tree" -cf "$tmp/plain.tar" .
}

in_parts() { # COMMAND...: compress 500 000 bytes at a time, one behind the other
	split -b 500000 "$tmp/plain.tar" "$tmp/part."
	for part in "$tmp"/part.*; do
		"$@" <"$part"
	done
	rm "$tmp"/part.*
}

# A table of the frames, behind frames of 600 000 bytes (zstd's contrib/seekable_format).
seekable() {
	python3 - "$tmp/plain.tar" <<'PYTHON'
import struct, subprocess, sys
data, table = open(sys.argv[1], "rb").read(), b""
for at in range(0, len(data), 600000):
    plain = data[at:at + 600000]
    frame = subprocess.run(["zstd", "-q", "-c"], input=plain, stdout=subprocess.PIPE, check=True).stdout
    table += struct.pack("<II", len(frame), len(plain))
    sys.stdout.buffer.write(frame)
table += struct.pack("<IBI", len(table) // 8, 0, 0x8F92EAB1)
sys.stdout.buffer.write(struct.pack("<II", 0x184D2A5E, len(table)) + table)
PYTHON
}

pack() { # KIND FILE
	case $1 in
	xz-blocks) xz -T2 -1 --block-size=1MiB -c "$tmp/plain.tar" ;;
	xz-sha256) xz -T2 -0 --block-size=300KiB --check=sha256 -c "$tmp/plain.tar" ;;
	xz-nocheck) xz -T2 -0 --block-size=1MiB --check=none -c "$tmp/plain.tar" ;;
	xz-one) xz -0 -c "$tmp/plain.tar" ;;
	xz-streams) in_parts xz -0 -c && head -c 8 /dev/zero ;; # and stream padding
	pixz) pixz -0 -p 2 -f 0.5 <"$tmp/plain.tar" ;;
	pzstd) pzstd -q -p 2 -1 -c "$tmp/plain.tar" ;;
	zstd-one) zstd -q -1 --no-check -c "$tmp/plain.tar" ;;
	zstd-stream) zstd -q -1 -c <"$tmp/plain.tar" ;; # does not say how long it is
	zstd-frames) in_parts zstd -q -1 -c ;;
	zstd-seekable) seekable ;;
	bzip2) bzip2 -1 -c "$tmp/plain.tar" ;;
	bzip2-9) bzip2 -9 -c "$tmp/plain.tar" ;;
	pbzip2) pbzip2 -b2 -p2 -c "$tmp/plain.tar" ;;
	lz4-blocks) lz4 -q -BI -B4 -c "$tmp/plain.tar" ;;
	lz4-sums) lz4 -q -BI -B5 -BX --no-frame-crc -c "$tmp/plain.tar" ;;
	lz4-linked) lz4 -q -BD -B4 -c "$tmp/plain.tar" ;;
	lz4-sized) lz4 -q -BD --content-size -c "$tmp/plain.tar" ;;
	lz4-frames) in_parts lz4 -q -BD -c ;;
	gzip) gzip -1 -c "$tmp/plain.tar" ;;
	*) fail "no kind $1" ;;
	esac >"$2"
}

format_of() { # NAME
	json_of "$mnt/.mdcfs/status.json" \
		"[x['archive']['format'] for x in d['datasets'] if x['slug'] == '$1'][0]"
}

cold() {
	rm -f "$cache"/objects/*/raw.* "$cache"/objects/*/stream-*
}
