#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What the API says of a dataset comes in many forms, and may lack what one would like to know.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse

mkdir "$tmp/data"
python3 - "$tmp" <<'PYTHON'
import hashlib, io, json, os, random, sys, tarfile

top, entries = sys.argv[1], []
forms = {"plain": {}, "size-as-string": {"size_as_string": True}, "null-size": {"null_size": True},
         "null-checksum": {"null_checksum": True}, "knows-nothing": {"null_size": True, "null_checksum": True},
         "prefixed": {"prefix_checksum": True}, "old": {"old_shape": True},
         "old-and-bare": {"old_shape": True, "null_size": True},
         "more": {"fields": {"nobody": ["knows", None, {"x": 1}]}, "name": "A/B \u201cquoted\u201d \u00e9"}}
for form, flags in forms.items():
    path = os.path.join(top, "data", form + ".tar.gz")
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo("folder/" + form)
        data = random.Random(form).randbytes(200000)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    entries.append({"id": "cm" + hashlib.sha256(form.encode()).hexdigest()[:23], "slug": form, "file": path, **flags})
with open(os.path.join(top, "extra.json"), "w", encoding="utf-8") as f:
    json.dump(entries, f)
PYTHON
start_sample -x "$tmp/extra.json"

slugs=$(ls "$tmp/data" | sed 's/\.tar\.gz$//')
for round in first again; do
	mount_mdcfs $slugs
	for slug in $slugs; do
		# The id stands in where there is no slug, or no filename.
		dir=$mnt/$slug
		file=$(ls "$dir" | grep '\.tar\.gz$')
		original=$tmp/data/$slug.tar.gz
		expect "$slug: size" "$(stat -c %s "$original")" "$(stat -c %s "$dir/$file")"
		cmp "$original" "$dir/$file" || fail "$slug: raw"
		tar -xOf "$original" >"$tmp/member"
		cmp "$tmp/member" "$dir/${file%.tar.gz}/folder/$slug" || fail "$slug: member"
		expect "$slug: id" "$slug" "$(json_of "$dir/dataset.json" 'd["slug"]')"
	done
	grep -q 'A/B “quoted” é' "$mnt/more/README.md" || fail "the name"
	umount_mdcfs
done
expect "one session each" "$(echo "$slugs" | wc -l)" "$(posts)"
grep -E 'error|warning' "$log" && fail "complaints about a good dataset"
exit 0
