#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs doctor: each thing that can be wrong is found, named, and does not cost a download.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3
requires_fuse
start_sample

found() { # STATE CHECK TEXT: a line of the last answer
	grep -E "^$1 +$2 +" "$out" | grep -qF -e "$3" || { cat "$out" >&2; fail "no '$1 $2 ... $3'"; }
}
advised() { # TEXT
	grep -E '^ +-> ' "$out" | grep -qF -e "$1" || { cat "$out" >&2; fail "no advice '$1'"; }
}
configure() { # PYTHON-STATEMENT over c
	python3 -c 'import json, os, sys
c = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(c, open(sys.argv[1] + ".new", "w"))
os.rename(sys.argv[1] + ".new", sys.argv[1])' "$tmp/sample/api.json" "$1"
}

# --- all is well
run 0 "$MDCFS" doctor -o cache_reserve=0
for check in version fuse fusermount3 allow_other files cache leases key api clock 'key taken'; do
	grep -qE "^ok +$check +" "$out" || { cat "$out" >&2; fail "$check is not well"; }
done
[ ! -s "$err" ] || fail "something on stderr"
run 0 "$MDCFS" doctor --json -o cache_reserve=0
expect "JSON" "ok 11 True" "$(python3 -c 'import json, sys
d = json.load(sys.stdin)
print(d["state"], len(d["checks"]), all(c["state"] == "ok" for c in d["checks"]))' <"$out")"
run 0 "$MDCFS" doctor --offline; [ "$(grep -cE '^(ok|warn)' "$out")" = 8 ] || fail "--offline asks"
run 2 "$MDCFS" doctor now

# --- keys
run 0 env MDC_API_KEY= "$MDCFS" doctor; found warn key "no API key"; advised "mdcfs login"
run 1 env MDC_API_KEY=wrong "$MDCFS" doctor; found fail 'key taken' "does not take this key"
run 1 "$MDCFS" doctor --offline -o api_url=http://api.example.org/api; found fail key "plain http"

# --- the service
configure 'c["down"] = True'
run 1 "$MDCFS" doctor -o api_url=http://127.0.0.1:1/api; found fail api "cannot be reached"; advised "https_proxy"
configure 'c["down"] = False; c["clock_offset"] = 7200'
run 0 "$MDCFS" doctor; found warn clock "2 h 0 min behind the service's"
configure 'c["clock_offset"] = -86400'
run 0 "$MDCFS" doctor; found warn clock "1 d 0 h ahead of the service's"
run 1 "$MDCFS" doctor --json -o api_url=http://127.0.0.1:1/api
expect "the worst" fail "$(python3 -c 'import json, sys; print(json.load(sys.stdin)["state"])' <"$out")"

# --- directories
: >"$tmp/file"
run 1 "$MDCFS" doctor --offline -o "cache_dir=$tmp/file/cache"; found fail cache "cannot be written"
run 0 "$MDCFS" doctor --offline -o cache_reserve=100%; found warn cache "kept free by cache_reserve"
expect "downloads" 0 "$(posts)"
exit 0
