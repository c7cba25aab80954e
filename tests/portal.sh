#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A portal as a directory: what each of its APIs gives, byte for byte, and what that costs in calls.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp curl
requires_fuse
start_portal
mkdir "$tmp/root"
echo hello >"$tmp/root/hello.txt"

calls() { # [REGEX]: that the portal has answered
	sleep 0.2 # a line is written when the answer has gone
	grep -cE -e "${1:-.}" "$portal_log" || :
}

same() { # FILE PATH: as curl gets it
	curl -sS --max-time 20 -o "$tmp/want" "$portal_url$2" || fail "curl $2"
	within 30 cat "$P/$1" >"$tmp/got" || fail "cat $1"
	cmp "$tmp/want" "$tmp/got" || fail "$1"
}

# Two sources side by side; a look around costs the one page of the catalogue.
mount_mdcfs "ods:$portal" "$tmp/root/hello.txt"
P=$mnt/$portal
expect "both" "hello.txt $portal" "$(ls "$mnt" | sort -r | tr '\n' ' ' | sed 's/ $//')"
expect "the other" hello "$(cat "$mnt/hello.txt/hello.txt")"
expect "datasets" "O'Brien & Co, 50% arbres-remarquables capteurs ete-2020@autre.fr photos velib vide " \
	"$(within 20 ls "$P" | LC_ALL=C sort | tr '\n' ' ')"
within 20 ls -l "$P" "$P"/* >"$tmp/list" 2>"$tmp/err" || fail "ls -l: $(cat "$tmp/err")"
expect "calls for the catalogue" 1 "$(calls /api/datasets/)"
expect "calls for records" 0 "$(calls /api/records/)"
grep -qx -e "- Records: 25000" "$P/velib/README.md" || fail "README.md"
expect "title" "Stations de vélos" "$(json_of "$P/velib/dataset.json" 'd["metas"]["title"]')"
expect "its size" "$(stat -c %s "$P/velib/dataset.json")" "$(wc -c <"$P/velib/dataset.json")"
expect "no places, no GeoJSON" "" "$(ls "$P/vide" | grep -E 'geo' || :)"
for name in nothing .git; do
	[ ! -e "$P/$name" ] || fail "$name exists"
done
expect "calls for names" 1 "$(calls /api/datasets/)"

# Whole datasets: received once, to their end, whatever reads them; then they have a size.
file=$P/velib/records.csv
run fails "$MDCFS" warm "$file"
says "have no size before they are read"
expect "size that nobody knows" 0 "$(stat -c %s "$file")"
within 30 cp "$file" "$tmp/copy.csv"
expect "size that is known" "$(stat -c %s "$tmp/copy.csv")" "$(stat -c %s "$file")"
expect "lines" 25001 "$(within 20 wc -l <"$file")"
within 20 python3 - "$file" <<'PYTHON' || fail "csv"
import csv, sys
with open(sys.argv[1], encoding="utf-8", newline="") as f:
    rows = list(csv.DictReader(f, delimiter=";"))
assert len(rows) == 25000 and rows[1]["ville"] == "Saint-Étienne", rows[:3]
PYTHON
run 0 "$MDCFS" warm "$file" "$P/velib/exports/velib.parquet"
expect "bytes by wc -c" "$(stat -c %s "$tmp/copy.csv")" "$(within 20 wc -c <"$file")"
expect "downloads" 1 "$(calls /records/1.0/download.*dataset=velib)"
same velib/records.csv "/api/records/1.0/download?dataset=velib&format=csv"
same velib/records.json "/api/records/1.0/download?dataset=velib&format=json"
same arbres-remarquables/records.geojson \
	"/api/records/1.0/download?dataset=arbres-remarquables&format=geojson"
same "O'Brien & Co, 50%/records.json" \
	"/api/records/1.0/download?dataset=O%27Brien%20%26%20Co%2C%2050%25&format=json"
same vide/records.json "/api/records/1.0/download?dataset=vide&format=json"

# Python, whose first look at the file is its size; wc -c, which believes sizes.
n=$(within 20 python3 -c 'import sys; print(len(open(sys.argv[1], "rb").read()))' \
	"$P/velib/query/rows=20000/records.csv")
expect "by python" "$n" "$(within 20 wc -c <"$P/velib/query/rows=20000/records.csv")"
expect "by wc -c at first" "$(curl -s "$portal_url/api/records/1.0/download?dataset=velib&rows=3" | wc -c)" \
	"$(within 20 wc -c <"$P/velib/query/rows=3/records.csv")"

# Queries, percent-encoded or not.
trees=arbres-remarquables
same "$trees/query/q=chêne&sort=-hauteur/records.csv" \
	"/api/records/1.0/download?dataset=$trees&format=csv&q=ch%C3%AAne&sort=-hauteur"
same "$trees/query/q=%22If%3B+commun%22/records.json" \
	"/api/records/1.0/download?dataset=$trees&format=json&q=%22If%3B%20commun%22"
same "velib/query/refine.date=2020%2F05&fields=station,date/records.csv" \
	"/api/records/1.0/download?dataset=velib&format=csv&refine.date=2020/05&fields=station,date"
same "vide/query/start=0/records.csv" "/api/records/1.0/download?dataset=vide&format=csv"
same "velib/query/start=0&rows=2/records.csv" "/api/records/1.0/download?dataset=velib&format=csv&rows=2"
same "velib/query/start=9000&rows=1000&sort=velos/records.json" \
	"/api/records/1.0/search?dataset=velib&format=json&start=9000&rows=1000&sort=velos"
same "$trees/query/geofilter.distance=48.8,2.25,2000/records.geojson" \
	"/api/records/1.0/download?dataset=$trees&format=geojson&geofilter.distance=48.8,2.25,2000"
expect "what was asked for is listed" 3 "$(ls "$P/$trees/query" | wc -l)"
run fails cat "$P/velib/query/start=9001&rows=1000/records.json"
says "Invalid argument"
run fails cat "$P/velib/query/start=5&rows=10/records.csv"
run fails cat "$P/velib/query/bogus=1/records.csv"
says "No such file"
grep -q 'velib: the API has no parameter "bogus"; it has q refine\.\*' "$mnt/.mdcfs/log" ||
	fail "the log does not tell the parameters"
grep -q 'start and rows are at most 10000 together' "$mnt/.mdcfs/log" || fail "the log does not tell the window"

# Figures and clusters.
same "velib/analyze/x=ville&y.n.func=COUNT&y.m.func=MAX&y.m.expr=velos.csv" \
	"/api/records/1.0/analyze?dataset=velib&format=csv&x=ville&y.n.func=COUNT&y.m.func=MAX&y.m.expr=velos"
same "velib/analyze/x=ville&y.n.func=COUNT.json" \
	"/api/records/1.0/analyze?dataset=velib&format=json&x=ville&y.n.func=COUNT"
same "velib/geocluster/clusterprecision=8.json" \
	"/api/records/1.0/geocluster?dataset=velib&clusterprecision=8"
run fails cat "$P/velib/analyze/x=station&y.n.func=COUNT.json"
says "Input/output error"
grep -q "partial_ok" "$mnt/.mdcfs/log" || fail "the log does not tell of partial_ok"

# A search: links to the datasets that match.
expect "a search" "velib" "$(within 20 ls "$P/.search/q=velos")"
expect "its link" "../../velib" "$(readlink "$P/.search/refine.theme=V%C3%A9los/velib")"
before=$(calls)
cmp "$P/.search/q=velos/velib/records.csv" "$tmp/copy.csv" || fail "through a link"
expect "many" 7 "$(within 20 ls -l "$P/.search/q=" | grep -c -- '->')"
expect "calls for another search" $((before + 1)) "$(calls)"
run fails ls "$P/.search/bogus=1"
says "No such file"
expect "what was searched for" 3 "$(ls "$P/.search" | wc -l)"

# Exports and attachments: those that programs seek in have a size as soon as they are open.
expect "exports" "velib.csv velib.geojson velib.json velib.jsonl velib.kml velib.parquet velib.shp velib.shp.zip velib.xlsx" \
	"$(echo $(ls "$P/velib/exports"))"
before=$(calls /exports$)
ls -l "$P/velib/exports" >/dev/null
expect "calls for the list of exports" "$before" "$(calls /exports$)"
same velib/exports/velib.jsonl /api/explore/v2.1/catalog/datasets/velib/exports/jsonl
same $trees/exports/$trees.parquet /api/explore/v2.1/catalog/datasets/$trees/exports/parquet
within 20 python3 -m zipfile -t "$P/$trees/exports/$trees.shp.zip" >/dev/null || fail "shapefile"
within 20 python3 -m zipfile -t "$P/$trees/attachments/périmètre.zip" >/dev/null || fail "attachment"
same "$trees/attachments/Lisez-moi été.txt" "/api/datasets/1.0/$trees/attachments/lisez-moi/"

# Images and files of records: named by one download of just these fields; odd names are made safe.
expect "no files, no directories for them" "" "$(ls "$P/velib" | grep -E 'images|files' || :)"
expect "images" ".._haut_photo.png img05.png img07 img08 img09.png photo 0.png photo 1.png photo 10.png \
photo 11.png photo 2.png photo 3.png photo 4.png" "$(echo $(within 20 ls -A "$P/photos/images" | LC_ALL=C sort))"
within 20 find "$P/photos/files" -type f >"$tmp/files" || fail "find files"
expect "files of records" 21 "$(wc -l <"$tmp/files")"
expect "their directories" 12 "$(ls "$P/photos/files" | wc -l)"
expect "downloads for names" 1 "$(calls "download.*dataset=photos.*fields=image%2Cnotice%2Cplan 200")"
expect "calls for names" 0 "$(calls '/photos/(files|images)/(img|file)')"
same "photos/images/img05.png" /api/datasets/1.0/photos/images/img05/
same "photos/images/.._haut_photo.png" /api/datasets/1.0/photos/images/img06/
record=$(json_of "$P/photos/records.json" 'd[3]["recordid"]')
same "photos/files/$record/même nom.txt" /api/datasets/1.0/photos/files/file03/
same "photos/files/$record/photo 3.png" /api/datasets/1.0/photos/files/img03/
expect "size when it was read" "$(stat -c %s "$P/photos/files/$record/photo 3.png")" "$(wc -c <"$tmp/want")"
for name in images/nothing files/nothing "files/$record/nothing" files/../images/..; do
	[ ! -f "$P/photos/$name" ] || fail "photos/$name exists"
done

# An archive among them is a directory, too, which is received when somebody looks inside.
shapes=$P/$trees/attachments/périmètre
expect "attachments" "Lisez-moi été.txt périmètre périmètre.zip" "$(echo $(ls "$P/$trees/attachments"))"
unpack() { # ZIP DIRECTORY
	rm -rf "$tmp/plain"
	mkdir "$tmp/plain"
	(cd "$tmp/plain" && python3 -m zipfile -e "$1" .)
	within 20 diff -r "$tmp/plain" "$2" || fail "$2"
}
unpack "$P/$trees/attachments/périmètre.zip" "$shapes"
expect "downloads of it" 1 "$(calls /attachments/perimetre)"
within 20 ls -l "$P/velib/exports" >"$tmp/list"
expect "exports received to list them" 0 "$(calls velib/exports/shp)"
expect "in an export" "data.dbf data.prj data.shp data.shx" "$(echo $(within 20 ls "$P/velib/exports/velib.shp"))"
unpack "$P/velib/exports/velib.shp.zip" "$P/velib/exports/velib.shp"
unpack "$P/photos/files/$record/plan.zip" "$P/photos/files/$record/plan"
readers=
for reader in 1 2 3 4 5 6 7 8; do
	within 20 cat "$P/arbres-remarquables/exports/arbres-remarquables.shp/data.shp" >"$tmp/shp.$reader" &
	readers="$readers $!"
done
for reader in $readers; do
	wait "$reader" || fail "a reader of an archive"
done
for reader in 2 3 4 5 6 7 8; do
	cmp "$tmp/shp.1" "$tmp/shp.$reader" || fail "reader $reader"
done
expect "downloads of the exports" 2 "$(calls exports/shp)"
[ ! -e "$shapes/nothing" ] || fail "a name that is not in the archive"
run fails cat "$P/velib/exports/velib.bogus"
run fails sh -c "echo x >'$P/velib/records.csv'"
[ -z "$(calls 'apikey')" ] || expect "keys in URLs" 0 "$(calls apikey)"
umount_mdcfs

# Push: sent at close(), whose answer is the portal's, and read back.
configure_portal '{"pushkeys": {"capteurs": "push-1"}}'
mount_mdcfs -o push "ods:$portal"
run fails sh -c "echo '{}' >'$P/capteurs/push/mesures'"
says "Permission denied"
umount_mdcfs
for key in push-1 push-2; do
	ODS_PUSH_KEY=$key
	export ODS_PUSH_KEY
	mount_mdcfs -o push "ods:$portal"
	push=$P/capteurs/push/mesures
	if [ $key = push-2 ]; then
		run fails sh -c "echo '{\"a\": 1}' | dd status=none of='$push'"
		says "Permission denied"
		umount_mdcfs
		continue
	fi
	expect "records before" "[]" "$(within 20 cat "$P/capteurs/records.json" | tr -d ' \n')"
	run 0 sh -c "echo '{\"nom\": \"a\", \"valeur\": 1}' >'$push'"
	printf '[{"nom": "b"}, {"nom": "é"}]' >"$tmp/push.json"
	within 20 cp "$tmp/push.json" "$push" || fail "cp"
	expect "read back" "a b é" "$(json_of "$P/capteurs/records.json" "' '.join(r['fields']['nom'] for r in d)")"
	before=$(calls push)
	run fails sh -c "echo '{\"nom\": ' | dd status=none of='$push'"
	says "Invalid argument"
	run fails dd if=/dev/zero of="$push" bs=1M count=6
	says "File too large"
	run fails dd if="$push" of=/dev/null
	expect "pushes of what is no JSON" "$before" "$(calls push)"
	! grep -qF push-1 "$mnt/.mdcfs/log" || fail "the push key is in the log"
	umount_mdcfs
done
unset ODS_PUSH_KEY
configure_portal '{}'

# At the next mount nothing of all that is received again; a name costs one lookup.
before=$(calls /records/)
mount_mdcfs "ods:$portal/velib"
expect "one dataset" velib "$(ls "$P")"
cmp "$tmp/copy.csv" "$file" || fail "records.csv at the second mount"
expect "size at once" "$(stat -c %s "$tmp/copy.csv")" "$(stat -c %s "$file")"
expect "calls for what is cached" "$before" "$(calls /records/)"
umount_mdcfs

# Programs that believe sizes: nobody has read this one.
mount_mdcfs -o receive_first "ods:$portal"
within 20 python3 -c 'import shutil, sys; shutil.copyfile(*sys.argv[1:])' \
	"$P/velib/query/rows=7/records.csv" "$tmp/seven.csv" || fail "shutil.copyfile"
expect "lines of a copy" 8 "$(wc -l <"$tmp/seven.csv")"
umount_mdcfs

# Another date: another version.
configure_portal '{"modified": {"velib": "2026-05-01T00:00:00+00:00"}}'
mount_mdcfs -o partial_ok "ods:$portal"
within 20 cat "$file" >"$tmp/new.csv"
if cmp -s "$tmp/copy.csv" "$tmp/new.csv"; then
	fail "the old records under a new date"
fi
same velib/records.csv "/api/records/1.0/download?dataset=velib&format=csv"
same "velib/analyze/x=station&y.n.func=COUNT.json" \
	"/api/records/1.0/analyze?dataset=velib&format=json&x=station&y.n.func=COUNT"
