#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# mdcfs list: every filter, pages that change while they are turned, output for people and for programs.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3
[ -x "$MDCFS" ] || skip "no $MDCFS"
export PYTHONPYCACHEPREFIX="$tmp/pyc"

# 250 datasets behind an API of our own, that changes its mind when the test says so.
configure() { # EXTRA: more members, e.g. '"churn": "grow",'
	python3 - "$tmp" "$1" <<'PYTHON'
import json, os, sys
top, extra = sys.argv[1:]
sets = [{"id": "cmlist%04dx" % i, "slug": "set-%03d" % i, "name": "Set %d" % i, "size": 1000 * (i + 1),
         "checksum": "0" * 64, "filename": "x.tar.gz", "file": "/nonexistent",
         "locale": ["cy", "de", "br"][i % 3], "task": ["ASR", "TTS"][i % 2],
         "createdAt": "2025-01-%02dT00:00:00.000Z" % (i % 28 + 1)} for i in range(250)]
sets[7].update(name="Gwir \u4e2d\u6587 e\u0301t\u00e9 " + "long " * 30, format="WAV", licenseAbbreviation="MIT",
               sample={"file": "/nonexistent"})
sets[8].update(name="evil \x1b[31m\u009b name\ttab", null_size=True, licenseAbbreviation=None, license=None)
config = {"keys": ["k"], "datasets": sets, **json.loads("{%s}" % extra.rstrip(","))}
with open(top + "/new.json", "w") as f:
    json.dump(config, f)
os.rename(top + "/new.json", top + "/api.json")
PYTHON
}
configure ''
start_api

requests() {
	grep -c 'GET /api/datasets ' "$api_log" || :
}
asked() { # WHAT REQUESTS: since the last time
	now=$(requests)
	expect "$1: requests" "$2" "$((now - before))"
	before=$now
}
before=0
lines() { # WHAT N
	expect "$1: lines" "$2" "$(wc -l <"$out" | tr -d ' ')"
}

# --- pages
run 0 "$MDCFS" list
lines all 250; asked all 3
[ ! -s "$err" ] || fail "a list that was whole complains"
expect "each once" 250 "$(cut -f1 "$out" | sort -u | wc -l | tr -d ' ')"
expect "a line" "$(printf 'set-000\t1000\tcy\tASR\tMP3\tCC0-1.0\t2025-01-01\tSet 0')" "$(head -n 1 "$out")"
run 0 "$MDCFS" list --limit 5; lines "limit 5" 5; asked "limit 5" 1
run 0 "$MDCFS" list -n 100; lines "limit 100" 100; asked "limit 100" 1
run 0 "$MDCFS" list -n 130; lines "limit 130" 130; asked "limit 130" 2
configure '"page_max": 24'
run 0 "$MDCFS" list; lines "small pages" 250; asked "small pages" 11
expect "small pages: each once" 250 "$(cut -f1 "$out" | sort -u | wc -l | tr -d ' ')"
configure '"churn": "grow"'
run 0 "$MDCFS" list; asked "a list that grows" 3
expect "a list that grows: each once" "$(wc -l <"$out")" "$(cut -f1 "$out" | sort -u | wc -l)"
expect "a list that grows: none is missing" 250 "$(grep -c '^set-' "$out")"
configure '"churn": "shrink"'
run 0 "$MDCFS" list; lines "a list that shrinks" 249; asked "a list that shrinks" 3
configure ''

# --- filters
run 0 "$MDCFS" list --locale br; lines locale 83
run 0 "$MDCFS" list -l br --locale de -t TTS; lines "two locales, one task" 83
expect "both" "br de" "$(cut -f3 "$out" | sort -u | tr '\n' ' ' | sed 's/ $//')"
expect "only" TTS "$(cut -f4 "$out" | sort -u)"
run 0 "$MDCFS" list --license MIT; lines licence 1
run 0 "$MDCFS" list --format WAV; lines format 1
run 0 "$MDCFS" list --sample; lines sample 1
run 0 "$MDCFS" list gwir long; lines words 1
run 0 "$MDCFS" list --sort size -n 2; expect "the largest" "set-249 set-248" "$(cut -f1 "$out" | xargs)"
run 0 "$MDCFS" list --sort size --reverse -n 1; expect "the smallest" set-008 "$(cut -f1 "$out")"
run 0 "$MDCFS" list --sort newest -n 1; expect "the newest" 2025-01-28 "$(cut -f7 "$out")"
run 0 "$MDCFS" list 'a&b=c%41 d'; [ ! -s "$out" ] || fail "odd words match"; says "--filters"
run 0 "$MDCFS" list --filters
grep -qx "$(printf 'locale\tcy')" "$out" || fail "no locale"
grep -qx "$(printf 'license\tMIT')" "$out" || fail "no licence"

# --- output
run 0 "$MDCFS" list --json -n 3
expect "JSON" "3 set-002" "$(python3 -c 'import json, sys
d = json.load(sys.stdin)
print(len(d), d[2]["slug"])' <"$out")"
run 0 "$MDCFS" list --json nothing-like-this; expect "JSON of nothing" "[]" "$(xargs <"$out")"
run 0 "$MDCFS" list --json --filters
python3 -c 'import json, sys; assert json.load(sys.stdin)["tasks"] == ["ASR", "TTS"]' <"$out" || fail "filters as JSON"
run 0 "$MDCFS" list evil
expect "what is not known, and what must not reach a terminal" \
	"$(printf 'set-008\t-\tbr\tASR\tMP3\t-\t2025-01-09\tevil ?[31m? name?tab')" "$(cat "$out")"
for columns in 60 80 120 200; do
	python3 "$top/tests/lib/ptyrun.py" $columns -o "$MDCFS" list -n 12 2>"$tmp/terminal" >/dev/null || fail "on a terminal"
	python3 - "$tmp/terminal" $columns <<'PYTHON' || fail "the table in $columns columns"
import sys, unicodedata
lines = open(sys.argv[1], "rb").read().decode().replace("\r", "").splitlines()
def width(s):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in s)
assert lines[0].startswith("SLUG") and lines[0].endswith("NAME"), lines[0]
assert len([l for l in lines if l.startswith("set-")]) == 12, lines
assert all(width(l) < int(sys.argv[2]) + 1 for l in lines), [width(l) for l in lines]
assert any(l.endswith("...") for l in lines), "nothing was cut"
at = lines[0].index("NAME")
assert all("\x1b" not in l for l in lines)
PYTHON
done
[ "$(grep -c LICENCE "$tmp/terminal")" = 1 ] || fail "no licence although there is room"

# --- what goes wrong
run 2 "$MDCFS" list --sort sideways; says "relevance, newest or size"
run 2 "$MDCFS" list --limit many; says "not a number"
run 2 "$MDCFS" list --filters word; says "stands alone"
configure '"down": true'
run 1 "$MDCFS" list; says "the catalogue: the API is in trouble (503)"
run 1 env MDC_API_URL=http://127.0.0.1:1/api "$MDCFS" list; says "the catalogue: the API cannot be reached"
run 1 env MDC_API_URL="${MDC_API_URL%/api}/nothing" "$MDCFS" list; says "is api_url right?"
exit 0
