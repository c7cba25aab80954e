#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A whole session with everything going on and a lot going wrong: no key, token, password or signature is anywhere
# but where it has to be, in the file of keys and in the leases.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp grep
requires_fuse

# --- what is served: datasets of both generations, one with a sample, some that refuse; a link with secrets
mkdir "$tmp/data" "$tmp/www"
python3 - "$tmp" <<'PYTHON'
import hashlib, io, json, random, sys, tarfile
top, entries = sys.argv[1], []
for slug, more in {"both": {"sample": {"file": top + "/data/few.tar.gz"}}, "terms": {"terms_agreed": False},
                   "few": None, "linked": None}.items():
    path = "%s/data/%s.tar.gz" % (top, slug)
    with tarfile.open(path, "w:gz") as tar:
        for i in range(4):
            data = random.Random(slug + str(i)).randbytes(300000)
            member = tarfile.TarInfo("%s/%d" % (slug, i))
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    if more is not None:
        entries.append({"id": "cm" + hashlib.sha256(slug.encode()).hexdigest()[:23], "slug": slug, "file": path, **more})
json.dump(entries, open(top + "/extra.json", "w", encoding="utf-8"))
PYTHON
cp "$tmp/data/linked.tar.gz" "$tmp/www/"
cp "$tmp/data/few.tar.gz" "$tmp/www/refused.tar.gz"
start_sample -l 43200 -x "$tmp/extra.json"
key=$MDC_API_KEY
unset MDC_API_KEY
start_storage "$tmp/www"
plan=http://anna:linkpass-2718281828@${storage_url#http://}
query='X-Amz-Signature=5161a9e0feed1618&X-Amz-Credential=credential-3141592653'
configure() { # PYTHON-STATEMENT over c
	python3 -c 'import json, os, sys
c = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(c, open(sys.argv[1] + ".new", "w"))
os.rename(sys.argv[1] + ".new", sys.argv[1])' "$tmp/sample/api.json" "$1"
}

# Everything a command says is kept in $tmp/said; its exit status does not matter.
: >"$tmp/said"
say() {
	printf '$ %s\n' "$1" >>"$tmp/said"
	timeout -s KILL 60 "$MDCFS" "$@" >>"$tmp/said" 2>&1 </dev/null || :
}
# What the mount at $mnt shows of itself, and what can be seen of its process.
look_at_mount() {
	for name in log status.json metrics; do
		timeout -s KILL 20 cat "$mnt/.mdcfs/$name" >>"$tmp/said" || fail "no $name"
	done
	for file in "$mnt"/*/dataset.json "$mnt"/*/README.md "$mnt"/*/croissant.json; do
		timeout -s KILL 20 cat "$file" >>"$tmp/said" 2>&1 || :
	done
	for name in cmdline environ; do
		tr '\0' '\n' <"/proc/$mdcfs_pid/$name" >>"$tmp/process"
	done
	say status "$mnt"
	say status --json "$mnt"
}

# --- the key comes from a pipe
printf '%s\n' "$key" >"$tmp/typed"
"$MDCFS" login <"$tmp/typed" >>"$tmp/said" 2>&1 || fail "login"
printf 'portal-user:portalpass-1414213562\n' | "$MDCFS" login ods:data.example.org >>"$tmp/said" 2>&1 || fail "login"
rm "$tmp/typed"

# --- a mount that says everything it can say
mount_mdcfs -o debug=all both "$slug"
cmp "$tmp/data/both.tar.gz" "$mnt/both/both.tar.gz" || fail "reading"
for file in "$mnt"/both/both/both/?; do
	within 30 cat "$file" >"$tmp/member" || fail "$file"
done
within 30 ls "$mnt"/both/samples/* "$mnt/both" >"$tmp/listing" || fail "the sample"
within 30 cmp "$tmp/data/few.tar.gz" "$(ls -d "$mnt"/both/samples/*)/few.tar.gz" || fail "the sample's bytes"
within 10 cat "$mnt/both/none" >"$tmp/none" 2>&1 || :
look_at_mount
say info both
say info --json both
say list
say list --json --sample
say doctor
say doctor --json
say index show both
say index export both "$tmp/both.index"
say cache show
umount_mdcfs

# --- refusals: terms, a wrong key, storage that takes no link, a limit, an API that is down
say mount terms "$mnt"
MDC_API_KEY=wrongkey-1732050807 say mount "$slug" "$mnt"
MDC_API_KEY=wrongkey-1732050807 say doctor
say mount -o api_key=wrongkey-1732050807 "$slug" "$mnt"
rm -rf "$cache/objects"
configure 'c["good"], c["secret"] = c["secret"], "another secret"'
find "$cache/leases" -name '*.json' -exec cp {} "$tmp/" \;
rm -rf "$cache/leases"
mount_mdcfs -o debug=all,deadline=5s both
within 60 cat "$mnt/both/both.tar.gz" >"$tmp/refused" 2>>"$tmp/said" && fail "storage takes a link signed with another secret"
look_at_mount
umount_mdcfs
configure 'c["secret"] = c["good"]; c["daily_limit"] = 0'
find "$cache/leases" -name '*.json' -exec sh -c 'cp "$1" "$2/refused-${1##*/}"' - {} "$tmp" \;
rm -rf "$cache/leases" "$cache/objects"
say mount -o debug=all both "$mnt"
timeout 20 "$MDCFS" umount "$mnt" >>"$tmp/said" 2>&1 || :
configure 'c["daily_limit"] = 30; c["down"] = True'
say list
say info both

# --- a link with a password and a signature, and one that is refused
mount_mdcfs -o debug=all "$plan/linked.tar.gz?$query"
cmp "$tmp/data/linked.tar.gz" "$mnt/linked/linked.tar.gz" || fail "reading a link"
look_at_mount
tr '\0' '\n' <"/proc/$mdcfs_pid/cmdline" >"$tmp/link.cmdline"
grep -qF linked.tar.gz "$tmp/link.cmdline" || fail "the test looks at another process"
say info "$plan/linked.tar.gz?$query"
say index show "$plan/linked.tar.gz?$query"
umount_mdcfs
say info "http://anna:linkpass-2718281828@127.0.0.1:1/x.tar.gz?$query"
say mount "http://anna:linkpass-2718281828@127.0.0.1:1/x.tar.gz?$query" "$mnt"
say mount "http://anna:linkpass-2718281828@[bad/x.tar.gz?$query" "$mnt"

# --- the first generation: tokens
configure 'c["down"] = False; c["generation"] = "token"'
rm -rf "$cache/objects" "$cache/leases"
mount_mdcfs -o debug=all both
cmp -n 200000 "$tmp/data/both.tar.gz" "$mnt/both/both.tar.gz" || fail "reading with a token"
look_at_mount
umount_mdcfs
say cache verify
say doctor --offline

# --- now look
python3 - "$tmp" "$cache/leases" >"$tmp/secrets" <<'PYTHON'
import glob, json, os, re, sys, urllib.parse
top, leases = sys.argv[1:]
secrets = set()
for path in glob.glob(leases + "/*.json") + glob.glob(top + "/*.json"):
    text = open(path, encoding="utf-8").read()
    for url in re.findall(r'https?://[^"\s]+', text):
        parts = urllib.parse.urlsplit(url)
        for name, value in urllib.parse.parse_qsl(parts.query):
            if name != "expires" and len(value) > 8:
                secrets.add(value)
        if "/download/" in parts.path:
            secrets.add(parts.path.rsplit("/", 1)[1])
    secrets.update(re.findall(r"(?:dlt|tok)_[0-9a-f-]{8,}", text))
print("\n".join(sorted(secrets)))
PYTHON
[ "$(grep -cE '^[A-Za-z0-9_-]{22}$' "$tmp/secrets")" -ge 3 ] || fail "no signatures are known: the test is blind"
grep -qE '^(dlt|tok)_' "$tmp/secrets" || fail "no token is known: the test is blind"
printf '%s\n' "$key" wrongkey-1732050807 linkpass-2718281828 5161a9e0feed1618 credential-3141592653 \
	portalpass-1414213562 >>"$tmp/secrets"
grep -qaFf "$tmp/secrets" -r "$cache/leases" || fail "grep finds nothing"
grep -qF "$key" "$HOME/.config/mdcfs/credentials" || fail "the key is not kept"

found=$(grep -alFf "$tmp/secrets" -r "$cache" "$HOME" "$log" "$tmp/said" "$tmp/process" "$tmp/both.index" |
	grep -vxF "$HOME/.config/mdcfs/credentials" | grep -v "^$cache/leases/" || :)
if [ -n "$found" ]; then
	grep -anFf "$tmp/secrets" $found | cut -c1-300 | head -n 5 >&2
	fail "secrets in: $found"
fi
for file in "$HOME/.config/mdcfs/credentials" "$cache"/leases/*.json; do
	expect "mode of ${file##*/}" 600 "$(stat -c %a "$file")"
done
expect "mode of the leases" 700 "$(stat -c %a "$cache/leases")"
grep -q "debug: http: " "$log" || fail "nothing was said: the test is blind"
[ "$(grep -c '^\$ ' "$tmp/said")" -ge 25 ] || fail "too little was done"
exit 0
