#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# A dataset costs one download session, however much is read by however many mounts; the key goes to the
# API alone and is never seen again.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 cmp
requires_fuse
start_sample
german=$(basename "$(ls "$sample"/objects/*-german-*.tar.gz)" .tar.gz)
welsh=$(basename "$(ls "$sample"/objects/*-welsh-*.tar.gz)" .tar.gz)

id_of() { # SLUG
	json_of "$sample/datasets.json" "[x['id'] for x in d if x['slug'] == '$1'][0]"
}

no_secret() { # of the mount at $mnt with the pid $mdcfs_pid
	for file in log status.json metrics; do
		timeout 20 cat "$mnt/.mdcfs/$file" >"$tmp/seen"
		if grep -aE "$api_key|[?&](md5|expires)=" "$tmp/seen" >&2; then
			fail "a secret in $file"
		fi
	done
	tr '\0' ' ' <"/proc/$mdcfs_pid/cmdline" >"$tmp/seen"
	grep -qaF -e "$api_key" "$tmp/seen" && fail "the key is in the command line"
	return 0
}

# Everything, in three mounts one after the other, by every name there is.
for name in "$welsh" "$(id_of "$welsh")" "mdc:$welsh"; do
	mount_mdcfs "$name"
	find "$mnt" -type f -exec cat {} + >/dev/null || fail "reading everything"
	no_secret
	umount_mdcfs
done
expect "sessions for three mounts" 1 "$(posts)"
expect "sessions by id" 1 "$(grep -c "^POST /api/datasets/$(id_of "$welsh")/download 200$" "$api_log")"

# Two mounts at once, begun at once, one cache.
mkdir "$tmp/a" "$tmp/b"
for at in a b; do
	cleanup_fn end_background "$tmp/$at"
	timeout -s KILL 30 "$MDCFS" mount "$german" "$tmp/$at" >"$tmp/$at.out" 2>&1 &
	eval "pid_$at=\$!"
done
end_background() { # MOUNTPOINT
	! is_mounted "$1" || "$MDCFS" umount "$1" 2>/dev/null || umount -l "$1"
}
wait "$pid_a" || fail "the first of two mounts"
wait "$pid_b" || fail "the second of two mounts"
for at in a b; do
	within 60 tar -C "$tmp/$at/$german" -cf "$tmp/$at.tar" "$german" "$german.tar.gz" &
	eval "pid_$at=\$!"
done
wait "$pid_a" || fail "reading the first of two mounts"
wait "$pid_b" || fail "reading the second of two mounts"
cmp "$tmp/a.tar" "$tmp/b.tar" || fail "two mounts differ"
for at in a b; do
	run 0 "$MDCFS" umount "$tmp/$at"
done
expect "sessions for two mounts at once" 2 "$(posts)"

# At the storage: GETs of ranges, without a key.
expect "requests with a key" 0 "$(storage_requests 'auth=yes')"
expect "requests other than GET" 0 "$(storage_requests '^[0-9.]+ (HEAD|POST|PUT|OPTIONS)')"
expect "requests without a range" 0 "$(storage_requests '"-"')"
expect "refusals" 0 "$(storage_requests ' 4[0-9][0-9] ')"

# On disk: for us alone, and without the key.
[ -n "$(find "$cache/leases" -name '*.json')" ] || fail "no lease is kept"
expect "what others may read" "" "$(find "$cache" -perm /077)"
grep -rqaF -e "$api_key" "$cache" && fail "the key is in the cache"
expect "leases alone hold links" "" "$(grep -rlaE '[?&]md5=' "$cache" | grep -v '/leases/' || :)"

# Another cache: the lease is the user's, and serves there too, with nothing but the path to it.
MDCFS_CACHE_DIR=$tmp/cache-other
mount_mdcfs "$welsh"
cmp "$sample/objects/$welsh.tar.gz" "$mnt/$welsh/$welsh.tar.gz" || fail "reading into another cache"
umount_mdcfs
expect "sessions for another cache" 2 "$(posts)"

# The key from .env, and from the configuration.
key=$api_key url=$MDC_API_URL
unset MDC_API_KEY MDC_API_URL
printf 'MDC_API_KEY=%s\nexport MDC_API_URL="%s"\n' "$key" "$url" >"$tmp/.env"
chmod 600 "$tmp/.env"
MDCFS_CACHE_DIR=$tmp/cache-env
MDCFS_LEASE_DIR=$tmp/leases-env
mount_mdcfs "$welsh"
no_secret
umount_mdcfs
expect "sessions with the key of .env" 3 "$(posts)"
rm "$tmp/.env"
mkdir -p "$HOME/.config/mdcfs"
printf 'api_key = %s\napi_url = %s\n' "$key" "$url" >"$HOME/.config/mdcfs/config"
chmod 600 "$HOME/.config/mdcfs/config"
MDCFS_CACHE_DIR=$tmp/cache-config
unset MDCFS_LEASE_DIR # the default: below the home
mount_mdcfs "$welsh"
no_secret
umount_mdcfs
expect "sessions with the key of the configuration" 4 "$(posts)"
[ -n "$(find "$HOME/.local/state/mdcfs" -name '*.json')" ] || fail "no lease below the home"
expect "what others may read of it" "" "$(find "$HOME/.local/state/mdcfs" -perm /077)"
