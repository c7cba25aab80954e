#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Holds sample/portal.py against curl: every API and every refusal that the other tests rely on.
set -u

srcdir=${MDCFS_SRCDIR:-${srcdir:-.}}
command -v python3 >/dev/null || exit 77
command -v curl >/dev/null || exit 77
dir=$(mktemp -d "${TMPDIR:-/tmp}/portal-conformance.XXXXXX") || exit 99
pid=
cleanup() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 99' INT TERM
failed=0
fail() { echo "FAIL: $*" >&2; failed=1; }
config() { # JSON
	printf '%s' "$1" >"$dir/new.json"
	mv "$dir/new.json" "$dir/config.json"
}
config '{"keys": ["key-1"], "users": {"u": "p w"}}'
python3 "$srcdir/sample/portal.py" --config "$dir/config.json" --port-file "$dir/port" \
	--log "$dir/log" &
pid=$!
n=0
while [ ! -s "$dir/port" ]; do
	n=$((n + 1))
	[ $n -le 200 ] || { fail "the server does not start"; exit 99; }
	sleep 0.1
done
portal=http://127.0.0.1:$(cat "$dir/port")
catalogue=$portal/api/datasets/1.0
records=$portal/api/records/1.0
exports=$portal/api/explore/v2.1/catalog/datasets

ask() { # ARGS of curl: sets status and left (curl's own); body and headers go to files
	status=$(curl -s --max-time 20 -o "$dir/body" -D "$dir/head" -w '%{http_code}' "$@")
	left=$?
}
field() { # KEY.KEY: a field of the answer as JSON, "len" for how many
	python3 -c 'import json, sys
v = json.load(open(sys.argv[1]))
for k in sys.argv[2].split(".") if sys.argv[2] else []:
    v = len(v) if k == "len" else v[int(k)] if isinstance(v, list) else v[k]
print(json.dumps(v, ensure_ascii=False))' "$dir/body" "$1" 2>/dev/null
}
header() { # NAME
	sed -n "s/^$1: *\([^\r]*\)\r*$/\1/Ip" "$dir/head"
}
is() { # WHAT WANTED GOT
	[ "$2" = "$3" ] || fail "$1: wanted $2, got $3"
}

# Dataset search and lookup
ask "$catalogue/search?rows=2"
is "search" "200 7 2" "$status $(field nhits) $(field datasets.len)"
ask "$catalogue/search/?rows=100&start=5"
is "its end" '2 "vide"' "$(field datasets.len) $(field datasets.1.datasetid)"
ask "$catalogue/search?q=velos"
is "without accents" '1 "velib"' "$(field nhits) $(field datasets.0.datasetid)"
ask -G "$catalogue/search" --data-urlencode "refine.theme=Vélos"
is "refine" 1 "$(field nhits)"
ask "$catalogue/search?rows=2&nonsense=1"
is "unknown parameter" 400 "$status"
ask "$catalogue/velib"
is "lookup" '200 "Stations de vélos" 25000' \
	"$status $(field metas.title) $(field metas.records_count)"
ask "$catalogue/O%27Brien%20%26%20Co%2C%2050%25/"
is "odd id" "200 \"O'Brien & Co\"" "$status $(field metas.title)"
ask "$catalogue/nothing"
is "unknown dataset" 404 "$status"

# Who asks
ask "$catalogue/prive"
is "private" 404 "$status"
ask -H "Authorization: Apikey key-1" "$catalogue/prive"
is "private with a key" 200 "$status"
ask -u "u:p w" "$catalogue/prive"
is "private with a password" 200 "$status"
ask "$catalogue/prive?apikey=key-1"
is "private with a key in the query" 200 "$status"
grep -q key-1 "$dir/log" && fail "the key is in the log"
ask -H "Authorization: Apikey wrong" "$catalogue/velib"
is "wrong key" 401 "$status"

# Records
ask "$records/search?dataset=velib&rows=3&start=9997&sort=-velos"
is "window" "200 25000 3" "$status $(field nhits) $(field records.len)"
ask "$records/search?dataset=velib&rows=4&start=9997"
is "beyond the window" 400 "$status"
ask "$records/search?dataset=velib&rows=1&sort=velos"
is "sort is descending" 39 "$(field records.0.fields.velos)"
ask "$records/search?dataset=velib&rows=1&sort=-velos"
is "with a minus ascending" 0 "$(field records.0.fields.velos)"
ask "$records/search?dataset=arbres-remarquables&q=chene&rows=1"
is "q" 40 "$(field nhits)"
ask "$records/search?dataset=arbres-remarquables&q=NOT%20chene&rows=1"
is "NOT" 160 "$(field nhits)"
ask -G "$records/search?dataset=arbres-remarquables" --data-urlencode 'q=hauteur>30'
is "comparison" 200 "$status"
ask "$records/search?dataset=arbres-remarquables&geofilter.distance=48.8,2.25,200"
distance=$(field nhits)
[ "$distance" -gt 0 ] && [ "$distance" -lt 200 ] || fail "geofilter.distance: $distance records"
ask "$records/search?dataset=velib&refine.date=2020&rows=1&fields=station"
is "refine by year, fields" "200 1" "$status $(field records.0.fields.len)"
id=$(field records.0.recordid | tr -d '"')
ask "$catalogue/velib/records/$id"
is "record lookup" "\"$id\"" "$(field recordid)"

# Download: chunked, whole
ask "$records/download?dataset=velib"
is "download" "200 0 chunked" "$status $left $(header transfer-encoding)"
is "its lines" 25001 "$(wc -l <"$dir/body")"
is "no length" "" "$(header content-length)"
ask "$records/download?dataset=arbres-remarquables&format=json"
is "JSON is an array" 200 "$(field len)"
ask "$records/download?dataset=arbres-remarquables&format=geojson&q=platane"
is "GeoJSON" '"FeatureCollection" 40' "$(field type) $(field features.len)"
ask "$records/download?dataset=arbres-remarquables&csv_separator=,"
python3 -c 'import csv, sys
rows = list(csv.reader(open(sys.argv[1], encoding="utf-8", newline="")))
assert len(rows) == 201 and all(len(r) == 6 for r in rows), len(rows)' "$dir/body" ||
	fail "CSV with quotes and line ends"

# Analysis and clusters
ask "$records/analyze?dataset=velib&x=ville&y.n.func=COUNT&y.m.func=MAX&y.m.expr=velos"
is "analysis" "200 3 39" "$status $(field len) $(field 0.m)"
ask "$records/analyze?dataset=velib&x=station&y.n.func=COUNT&maxpoints=5"
is "truncated" "5 true" "$(field len) $(header ods-analyze-truncated)"
ask "$records/analyze?dataset=velib&x=date.year&y.n.func=COUNT&format=csv"
is "CSV" "x;n" "$(head -n 1 "$dir/body" | tr -d '\r')"
ask "$records/analyze?dataset=velib"
is "no series" 400 "$status"
ask "$records/geocluster?dataset=velib&clusterprecision=8"
is "clusters" "200 8" "$status $(field clusterprecision)"

# Exports of v2.1
ask "$exports/velib/exports"
is "list of exports" 200 "$status"
ask "$exports/velib/exports/jsonl"
is "JSON lines" "200 25000" "$status $(wc -l <"$dir/body")"
ask "$exports/arbres-remarquables/exports/shp"
python3 -m zipfile -t "$dir/body" >/dev/null || fail "shapefile"
ask "$exports/photos/exports/shp"
is "no places, no shapefile" 400 "$status"
ask "$portal/explore/dataset/velib/download/?format=csv"
is "download of the pages" 200 "$status"

# Multimedia
ask "$catalogue/arbres-remarquables/attachments/perimetre/"
python3 -m zipfile -t "$dir/body" >/dev/null || fail "attachment"
ask "$catalogue/photos/files/file00"
is "file" 850 "$(wc -c <"$dir/body")"
ask "$catalogue/photos/images/img01/"
is "image" 200 "$status"
ask "$catalogue/photos/images/img01/300/"
is "thumbnail" 100 "$(wc -c <"$dir/body")"
ask "$catalogue/photos/files/nothing"
is "unknown file" 404 "$status"

# Push
push=$portal/api/push/1.0/capteurs/mesures/push/?pushkey
ask --data '{"nom": "a", "valeur": 1}' "$push=push-1"
is "push" '200 "OK"' "$status $(field status)"
ask --data '[{"nom": "b", "valeur": 2}, {"nom": "c", "valeur": 3}]' "$push=push-1"
is "push of several" 200 "$status"
ask "$records/download?dataset=capteurs&format=json"
is "read back" '3 "b"' "$(field len) $(field 1.fields.nom)"
ask --data '{"nom": ' "$push=push-1"
is "no JSON" 400 "$status"
ask --data '{}' "$push=wrong"
is "wrong push key" 401 "$status"
ask "$push=push-1"
is "push by GET" 404 "$status"

# Quotas, in all their forms
config '{"quota": 1}'
ask "$catalogue/velib"
is "first call" "200 1 0" \
	"$status $(header x-ratelimit-limit) $(header x-ratelimit-remaining)"
ask "$catalogue/velib"
is "quota" "429 10002" "$status $(field errorcode)"
config '{"quota": 0, "quota_style": "403" }'
ask "$catalogue/velib"
is "old quota" "403 10001" "$status $(field errorcode)"
config '{"quota": 0, "quota_style": "quote"}'
ask "$catalogue/velib"
is "stray quote" "403 " "$status $(field errorcode)"
grep -q '"error"": "License Violation' "$dir/body" || fail "no stray quote"
config '{"anonymous": false}'
ask "$catalogue/velib"
is "no anonymous users" 401 "$status"

# Faults
config '{"faults": [{"path": "velib", "times": 1, "status": 500},
	{"query": "dataset=velib", "skip": 1, "times": 1, "cut": 100000},
	{"path": "photos", "html": true}], "many": 300, "shrink": 1, "duplicate": true,
	"modified": {"velib": "2026-05-01T00:00:00+00:00"}}'
ask "$catalogue/velib"
is "planned" 500 "$status"
ask "$catalogue/velib"
is "then well, with its date" '200 "2026-05-01T00:00:00+00:00"' "$status $(field metas.modified)"
ask "$records/download?dataset=velib"
is "whole" "200 0" "$status $left"
ask "$records/download?dataset=velib"
is "cut" "200 18 100000" "$status $left $(wc -c <"$dir/body")"
ask "$catalogue/photos"
is "a page for people" "200 text/html" "$status $(header content-type)"
ask "$catalogue/search?rows=100&start=100"
is "shrinks, repeats" '306 "serie-00092"' "$(field nhits) $(field datasets.0.datasetid)"

exit $failed
