#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What a dataset has beside its file: the Croissant description and the sample, asked for when somebody looks.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse

mkdir "$tmp/data" "$tmp/small"
python3 - "$tmp" <<'PYTHON'
import hashlib, io, json, os, random, sys, tarfile

top, entries = sys.argv[1], []
def pack(path, names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            data = random.Random(name).randbytes(70000)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
for slug, more in {"both": {"sample": "few.tar.gz"}, "neither": {"metadata": False}, "odd": {"metadata": "bad"},
                   "plain": {"sample": "clip.mp3", "filename": "croissant.json"}}.items():
    path = "%s/data/%s.tar.gz" % (top, slug)
    pack(path, ["%s/%d" % (slug, i) for i in range(3)])
    if "sample" in more:
        file = top + "/small/" + more["sample"]
        pack(file, ["few/" + slug])
        more["sample"] = {"file": file}
    entries.append({"id": "cm" + hashlib.sha256(slug.encode()).hexdigest()[:23], "slug": slug, "file": path, **more})
with open(top + "/extra.json", "w", encoding="utf-8") as f:
    json.dump(entries, f)
PYTHON
start_sample -x "$tmp/extra.json"
id_of() {
	python3 -c 'import json, sys
print(next(d["id"] for d in json.load(open(sys.argv[1])) if d["slug"] == sys.argv[2]))' "$tmp/extra.json" "$1"
}
samples() { # POSTs for samples so far
	grep -c 'POST [^ ]*/sample-download' "$api_log" || :
}
descriptions() {
	grep -c 'GET [^ ]*/metadata' "$api_log" || :
}
both=$mnt/both/samples/$(id_of both)

mount_mdcfs both neither odd plain
expect "at the mount: descriptions" 0 "$(descriptions)"
expect "the file" "$(stat -c %s "$tmp/data/both.tar.gz")" "$(within 20 stat -c %s "$mnt/both/both.tar.gz")"
expect "looked past: descriptions" 0 "$(descriptions)"

# --- the description: its size is right at once, and it is asked for once
curl_url=$api_url/datasets/both/metadata
python3 -c 'import sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1]).read())' "$curl_url" >"$tmp/croissant"
asked=$(descriptions)
expect "size" "$(stat -c %s "$tmp/croissant")" "$(within 20 stat -c %s "$mnt/both/croissant.json")"
cmp "$tmp/croissant" "$mnt/both/croissant.json" || fail "the description"
expect "listed" "README.md both both.tar.gz croissant.json dataset.json samples" "$(within 20 ls "$mnt/both" | xargs)"
expect "descriptions" $((asked + 1)) "$(descriptions)"
for slug in neither odd; do
	expect "$slug" "README.md dataset.json $slug $slug.tar.gz samples" "$(within 20 ls "$mnt/$slug" | xargs)"
	within 20 test -e "$mnt/$slug/croissant.json" && fail "$slug has a description"
done
expect "none is known: descriptions" $((asked + 3)) "$(descriptions)"
cmp "$tmp/data/plain.tar.gz" "$mnt/plain/croissant.json" || fail "a dataset whose file is called so"
for again in 1 2; do
	within 20 ls "$mnt/both" "$mnt/neither" "$mnt/odd" "$mnt/plain" >"$tmp/ls.out"
done
expect "all listed: descriptions" $((asked + 4)) "$(descriptions)"

# --- the sample: nothing is asked for before its directory is entered, and then once
expect "the folder of samples" "$(id_of both)" "$(within 20 ls "$mnt/both/samples")"
within 20 stat "$both" >"$tmp/stat.out"
expect "looked past: samples" 0 "$(samples)"
expect "the sample" "few few.tar.gz" "$(within 20 ls "$both" | xargs)"
expect "entered: samples" 1 "$(samples)"
expect "its size" "$(stat -c %s "$tmp/small/few.tar.gz")" "$(within 20 stat -c %s "$both/few.tar.gz")"
cmp "$tmp/small/few.tar.gz" "$both/few.tar.gz" || fail "the sample"
mkdir "$tmp/few"
tar -xf "$tmp/small/few.tar.gz" -C "$tmp/few"
compare_trees --no-mtime "$tmp/few" "$both/few"
within 20 test -e "$both/none" && fail "a name that is not there"
expect "no sample" "" "$(within 20 ls "$mnt/neither/samples/$(id_of neither)")"
within 20 cmp "$tmp/small/clip.mp3" "$mnt/plain/samples/$(id_of plain)/clip.mp3" || fail "a sample that is no archive"
expect "all seen: samples" 3 "$(samples)"
expect "downloads of the day, of the first and of what was read" 2 "$(posts)"
umount_mdcfs

# --- the next mount knows all that, also that there is none, and reads with the same link
mount_mdcfs both neither
within 20 cmp "$tmp/croissant" "$mnt/both/croissant.json" || fail "the description, again"
within 20 ls "$both" "$mnt/neither/samples/$(id_of neither)" >"$tmp/ls.out"
within 20 cmp "$tmp/small/few.tar.gz" "$both/few.tar.gz" || fail "the sample, again"
expect "remounted: descriptions" $((asked + 4)) "$(descriptions)"
expect "remounted: samples" 3 "$(samples)"
umount_mdcfs

# --- many at once, with nothing known: one question each
rm -rf "$cache"
mount_mdcfs both
for i in 1 2 3 4 5 6 7 8; do
	within 30 cat "$both/few.tar.gz" >"$tmp/many.$i" &
	within 30 cat "$mnt/both/croissant.json" >"$tmp/croissant.$i" &
done
wait_for=0
while [ $wait_for -lt 100 ] && [ "$(cat "$tmp"/many.? "$tmp"/croissant.? | wc -c)" -lt \
	$((8 * ($(stat -c %s "$tmp/small/few.tar.gz") + $(stat -c %s "$tmp/croissant")))) ]; do
	sleep 0.1
	wait_for=$((wait_for + 1))
done
for i in 1 2 3 4 5 6 7 8; do
	cmp "$tmp/small/few.tar.gz" "$tmp/many.$i" || fail "reader $i of the sample"
	cmp "$tmp/croissant" "$tmp/croissant.$i" || fail "reader $i of the description"
done
expect "many at once: descriptions" $((asked + 5)) "$(descriptions)"
expect "many at once: samples" 4 "$(samples)"
umount_mdcfs

# --- what the service refuses concerns the sample alone
rm -rf "$cache"
python3 - "$tmp/sample/api.json" <<'PYTHON'
import json, os, sys
c = json.load(open(sys.argv[1]))
c["sample_limit"] = 0
json.dump(c, open(sys.argv[1] + ".new", "w"))
os.rename(sys.argv[1] + ".new", sys.argv[1])
PYTHON
mount_mdcfs both
expect "no sample left today" EDQUOT "$(errno_of 'os.listdir(sys.argv[2])' "$both")"
log_has "sample of both" || fail "nothing in the log"
cmp "$tmp/data/both.tar.gz" "$mnt/both/both.tar.gz" || fail "the dataset itself"
before=$(samples)
expect "again" EDQUOT "$(errno_of 'os.listdir(sys.argv[2])' "$both")"
expect "asked again" "$before" "$(samples)"
umount_mdcfs
exit 0
