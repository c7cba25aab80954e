#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What a mount shows around its archives: the folder of each dataset, the id, the control directory.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires curl python3
requires_fuse
start_sample

second=$(basename "$(ls "$sample"/objects/*-german-*.tar.gz)" .tar.gz)
id=$(json_of "$sample/datasets.json" '[x["id"] for x in d if "-englis-" in x["slug"]][0]')
printf 'not an archive\n' >"$tmp/notes.csv"

# The English one twice, by slug and by id; a local file last.
mount_mdcfs "$slug" "mdc:$second" "$id" "$tmp/notes.csv"
dir=$mnt/$slug

expect "the root" "$(printf '%s\n' .mdcfs notes.csv "$second" "$slug" "$slug-2" | sort)" "$(ls -A "$mnt" | sort)"
expect "a dataset's folder" "$(printf '%s\n' croissant.json dataset.json README.md samples "$slug" "$slug.tar.gz" | sort)" \
	"$(ls -A "$dir" | sort)"
expect "a file that is no archive" "README.md dataset.json notes.csv" "$(ls -A "$mnt/notes.csv" | sort | tr '\n' ' ' | sed 's/ $//')"
cmp "$tmp/notes.csv" "$mnt/notes.csv/notes.csv" || fail "a file that is no archive"
expect "no archive member was asked for" 0 "$(storage_requests)"

# dataset.json: what the API said.
curl -s --max-time 20 "$api_url/datasets/$slug" >"$tmp/details.json"
python3 - "$tmp/details.json" "$dir/dataset.json" <<'PYTHON' || fail "dataset.json"
import json, sys
api, shown = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
assert api == shown, (api, shown)
text = open(sys.argv[2], encoding="utf-8").read()
assert text.count("\n") > 5 and text.endswith("\n"), "not pretty-printed"
PYTHON
for word in "$(json_of "$tmp/details.json" 'd["name"]')" "$(json_of "$tmp/details.json" 'd["license"]')" \
	"$(json_of "$tmp/details.json" 'd["datasetUrl"]')" \
	"$(json_of "$tmp/details.json" 'd["shortDescription"]')"; do
	grep -qF -e "$word" "$dir/README.md" || fail "README.md does not have: $word"
done
expect "the archive's size" "$(stat -c %s "$sample/objects/$slug.tar.gz")" "$(stat -c %s "$dir/$slug.tar.gz")"
expect "owner" "$(id -u):$(id -g)" "$(stat -c %u:%g "$dir/$slug.tar.gz")"
expect "mode of a file" 444 "$(stat -c %a "$dir/$slug.tar.gz")"
expect "mode of a folder" 755 "$(stat -c %a "$dir")"
expect "time of the dataset" 1767225600 "$(stat -c %Y "$dir/$slug.tar.gz")"

# The id is there for those who have it, and leads to the same files.
expect "the id" "$slug" "$(readlink "$mnt/$id")"
[ "$mnt/$id/dataset.json" -ef "$dir/dataset.json" ] || fail "the id leads elsewhere"
expect "a name that is not there" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$mnt/nothing")"
expect "nor in a dataset" ENOENT "$(errno_of 'os.stat(sys.argv[2])' "$dir/nothing")"
cmp "$dir/dataset.json" "$mnt/$slug-2/dataset.json" || fail "the same dataset twice"

# The control directory.
expect "control files" "log metrics status.json" "$(ls -A "$mnt/.mdcfs" | sort | tr '\n' ' ' | sed 's/ $//')"
expect "datasets in the status" "$(printf '%s\n' "$slug" "$second" "$slug-2" notes.csv)" \
	"$(json_of "$mnt/.mdcfs/status.json" '"\n".join(x["slug"] for x in d["datasets"])')"
expect "pid in the status" "$mdcfs_pid" "$(json_of "$mnt/.mdcfs/status.json" 'd["pid"]')"
expect "mount point in the status" "$mnt" "$(json_of "$mnt/.mdcfs/status.json" 'd["mountpoint"]')"
expect "state of an archive unread" unopened \
	"$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][0]["archive"]["state"]')"
expect "state of no archive" none \
	"$(json_of "$mnt/.mdcfs/status.json" 'd["datasets"][3]["archive"]["state"]')"
within 20 cat "$mnt/.mdcfs/metrics" >"$tmp/metrics"
grep -Eq '^mdcfs_requests_total [1-9][0-9]*$' "$tmp/metrics" || fail "metrics without mdcfs_requests_total"
if grep -Evq '^(# (HELP|TYPE) mdcfs_[a-z_]+ .+|mdcfs_[a-z_]+ [0-9]+)$' "$tmp/metrics"; then
	fail "metrics: a line that is none"
fi
expect "each metric once" "" "$(grep -v '^#' "$tmp/metrics" | cut -d' ' -f1 | sort | uniq -d)"
size=$(stat -c %s "$mnt/.mdcfs/status.json")
[ "$size" -gt 100 ] || fail "status.json has $size bytes"

# A file opened again says what is so now; statfs answers.
before=$(stat_of requests)
ls "$dir" >/dev/null
[ "$(stat_of requests)" -gt "$before" ] || fail "status.json does not change"
within 20 df "$mnt" >"$tmp/df" || fail "df"
expect "type" fuse.mdcfs "$(awk -v at="$mnt" '$5 == at { sub(/.* - /, ""); print $1 }' /proc/self/mountinfo)"

umount_mdcfs
expect "sessions: of the dataset that was read" 1 "$(posts)"
