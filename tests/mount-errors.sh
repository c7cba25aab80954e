#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# What cannot be mounted: one clear line, a failure, and nothing left behind.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3
requires_fuse

flagged() { # SLUG FLAG VALUE: an entry for the catalogue
	printf '{"id": "cm%s", "slug": "%s", "file": "%s/x.tar.gz", "%s": %s}' \
		"$(printf %s "$1" | sha256sum | cut -c1-23)" "$1" "$tmp" "$2" "$3"
}

mkdir "$tmp/folder"
printf 'hello\n' >"$tmp/folder/f"
tar -C "$tmp" -czf "$tmp/x.tar.gz" folder
{
	printf '['
	flagged unagreed terms_agreed false
	printf ', '
	flagged expensive paid true
	printf ', '
	flagged taken-back withdrawn true
	printf ', '
	flagged members-only private true
	printf ']\n'
} >"$tmp/extra.json"
start_sample -x "$tmp/extra.json"
cd "$tmp"

# The processes of `mdcfs mount` that name a path of this test.
ours() {
	grep -lszx mount /proc/[0-9]*/cmdline | xargs -r grep -lszF "$tmp/" || :
}

nothing_left() { # WHAT
	if awk '{ print $5 }' /proc/self/mountinfo | grep -q "^$tmp/"; then
		fail "$1: something is mounted"
	fi
	[ -z "$(ours)" ] || fail "$1: a process is left: $(ours)"
}

# refused TEXTS ARGUMENT...: not mounted at $mnt, with one line that has these texts (| between them)
refused() {
	texts=$1
	shift
	for way in -f ""; do
		run fails "$MDCFS" mount $way "$@" "$mnt"
		says_only "mdcfs: "
		printf '%s\n' "$texts" | tr '|' '\n' >"$tmp/texts"
		while IFS= read -r text; do
			says "$text"
		done <"$tmp/texts"
		nothing_left "$1"
	done
}

# --- the dataset
unset MDC_API_KEY
refused "$slug|an API key is needed|MDC_API_KEY" "$slug"
expect "sessions asked for without a key" 0 "$(posts)"
export MDC_API_KEY=wrong-key-that-is-secret
refused "$slug|the API key was refused|MDC_API_KEY" "$slug"
grep -q wrong-key "$err" && fail "the key is in the message"
export MDC_API_KEY="$api_key"
refused "no-such-dataset: no such dataset" no-such-dataset
refused "no-such-dataset: no such dataset" mdc:no-such-dataset
refused "no such/file" "no such/file"
page=${api_url%/api}/datasets/cm$(printf unagreed | sha256sum | cut -c1-23)
refused "unagreed: access is not granted|$page|agree to the terms" unagreed
refused "expensive: a paid dataset|/datasets/cm" expensive
refused "taken-back: withdrawn" taken-back
mount_mdcfs members-only # details with a key, and agreed to
umount_mdcfs
unset MDC_API_KEY
refused "members-only" members-only
export MDC_API_KEY="$api_key"
refused "unagreed: access is not granted" unagreed "$slug" # and the other is not mounted either
mount_mdcfs "$slug" unagreed # of several the first alone is asked for; the others when they are read
asked=$(posts)
expect "its details" unagreed "$(json_of "$mnt/unagreed/dataset.json" 'd["slug"]')"
expect "sessions before it is read" 0 $(($(posts) - asked))
expect "reading it" EACCES "$(errno_of 'open(sys.argv[2]).read()' "$mnt/unagreed/x.tar.gz")"
umount_mdcfs
expect "nothing was read of the storage" 0 "$(storage_requests)"

# --- API and URLs
sample_url=$MDC_API_URL
closed=$(python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % s.getsockname()[1])')
export MDC_API_URL="$closed/api"
refused "never-seen: the API cannot be reached" never-seen
export MDC_API_URL="ftp://127.0.0.1/"
refused "api_url is not" never-seen
export MDC_API_URL="$sample_url"
mkdir "$tmp/root"
cp "$tmp/x.tar.gz" "$tmp/root/"
head -c 300000 /dev/urandom >"$tmp/root/big.bin"
start_storage "$tmp/root" "$tmp/plan"
refused "missing.tar.gz" "$storage_url/missing.tar.gz"
says "No such file or directory"
refused "does not end in a file name" "$storage_url/"
refused "the URL holds blanks" "$storage_url/a b.tar.gz"
refused "only http:// and https://" "ftp://127.0.0.1/x.tar.gz"
refused "x.tar.gz|Connection refused" "$closed/x.tar.gz" -o deadline=1
echo '* 403 body=denied' >"$tmp/plan"
refused "x.tar.gz: the server refuses access" "$storage_url/x.tar.gz?token=s3cret"
grep -q s3cret "$err" && fail "the URL's query is in the message"
rm "$tmp/plan"

# --- local files
refused "$tmp/absent.tar.gz|No such file or directory" "$tmp/absent.tar.gz"
refused "$tmp/folder|only a regular file" "$tmp/folder"

# --- the mount point
at() { # MOUNTPOINT TEXT...
	point=$1
	shift
	for way in -f --; do
		run fails "$MDCFS" mount $way "$tmp/x.tar.gz" "$point"
		says_only "mount point $point" "$@"
	done
}
at "$tmp/absent" "does not exist" mkdir
at "$tmp/x.tar.gz" "is not a directory"
at "$tmp/folder" "is not empty"
nothing_left "a bad mount point"
mount_mdcfs "$tmp/x.tar.gz"
at "$mnt" "is busy" "mounted there already"
kill -9 "$mdcfs_pid"
dead() {
	[ "$(errno_of 'os.statvfs(sys.argv[2])' "$mnt")" = ENOTCONN ]
}
retry 10 dead || fail "kill -9"
at "$mnt" "is a dead mount" "mdcfs umount -l $mnt"
run 0 "$MDCFS" umount -l "$mnt"
is_mounted "$mnt" && fail "umount -l leaves the dead mount"
forget_mount

# --- how it is called
usage() { # TEXT ARGUMENT...
	text=$1
	shift
	run 2 "$MDCFS" mount "$@"
	says "$text"
}
usage "unknown option 'frobnicate'" -o frobnicate "$tmp/x.tar.gz" "$mnt"
usage "did you mean listing?" -o lsiting=wait "$tmp/x.tar.gz" "$mnt"
usage "where to mount?"
nothing_left "wrong usage"
