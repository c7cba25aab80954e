#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Archives inside archives (-o nested) behind a server: what a member costs, what a later mount knows,
# damage, an end in the middle, listing=partial, and the bounds.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 tar
requires_fuse

mkdir "$tmp/root" "$tmp/want"
python3 - "$tmp/root" "$tmp/want" <<'PYTHON'
import io, os, random, sys, tarfile, zipfile

root, want = sys.argv[1:]
rng = random.Random(9)


def make_tar(mode, n, size):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for i in range(n):
            member = tarfile.TarInfo("m%03d" % i)
            member.size = size
            tar.addfile(member, io.BytesIO(rng.randbytes(size)))
    return out.getvalue()


def make_zip(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def write(name, data):
    with open(os.path.join(root, name), "wb") as f:
        f.write(data)


stored = make_tar("w", 24, 400000)
packed = make_tar("w:gz", 40, 100000)
write("stored.zip", make_zip([("front", rng.randbytes(1000000)), ("in.tar", stored), ("back", rng.randbytes(1000000))]))
write("packed.zip", make_zip([("in.tar.gz", packed)]))
for name, data in (("stored", stored), ("packed", packed)):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(os.path.join(want, name))

# One good, one cut off, one damaged in the middle, one that is something else, one that is nothing.
flipped = bytearray(packed)
flipped[len(flipped) // 2] ^= 255
bad = [("good.tgz", packed), ("cut.tgz", packed[:len(packed) // 2]), ("flipped.tgz", bytes(flipped)),
       ("text.zip", b"this is no archive\n" * 100), ("nothing.7z", b"")]
write("bad.zip", make_zip(bad))

# Forty archives, each the only other member of the next; and two hundred beside each other.
level = make_zip([("bottom", b"bottom")])
for i in range(40):
    level = make_zip([("here", b"%d" % i), ("down.zip", level)])
write("deep.zip", level)
write("many.zip", make_zip([("z%03d.zip" % i, make_zip([("is", b"%d" % i)])) for i in range(200)]))
PYTHON
plan=$tmp/plan
: >"$plan"
start_storage "$tmp/root" "$plan"

# --- one member of a tar in a zip: the tail of the zip, the header, the member; nothing of the rest
mount_mdcfs -o nested "$storage_url/stored.zip"
before=$(storage_requests)
cmp "$mnt/stored/stored/in/m000" "$tmp/want/stored/m000" || fail "the first member of the inner tar"
asked=$(($(storage_requests) - before))
note "$asked requests for the first member of a tar in a zip"
at_most "requests for one member of a tar in a zip" 8 $asked
at_most "bytes for it" 2500000 "$(stat_of storage_bytes)"
compare_trees --no-mode "$tmp/want/stored" "$mnt/stored/stored/in"
expect "archives inside that are open" "1 0" "$(json_of "$mnt/.mdcfs/status.json" \
	'"%d %d" % (d["nested"]["open"], d["nested"]["damaged"])')"
umount_mdcfs

# --- a later mount knows what an earlier one has seen
mount_mdcfs -o nested "$storage_url/packed.zip"
ls "$mnt/packed/packed" >/dev/null
ls -d "$mnt/packed/packed/in" >/dev/null
expect "archives that a look at the folder opens" 0 "$(json_of "$mnt/.mdcfs/status.json" 'd["nested"]["open"]')"
compare_trees --no-mode "$tmp/want/packed" "$mnt/packed/packed/in"
umount_mdcfs
mount_mdcfs -o nested "$storage_url/packed.zip"
before=$(stat_of storage_requests)
compare_trees --no-mode "$tmp/want/packed" "$mnt/packed/packed/in"
expect "requests of a later mount" 0 $(($(stat_of storage_requests) - before))
expect "bytes inflated by a later mount" 0 "$(stat_of inflated_bytes)"
umount_mdcfs

# --- damage: it is told of the one it is in, with what came before
mount_mdcfs -o nested "$storage_url/bad.zip"
dir=$mnt/bad/bad
compare_trees --no-mode "$tmp/want/packed" "$dir/good"
for name in cut flipped; do
	expect "listing $name" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$dir/$name")"
	cmp "$dir/$name/m000" "$tmp/want/packed/m000" || fail "$name: what came before the damage"
done
expect "a name behind the cut" EIO "$(errno_of 'os.stat(sys.argv[2])' "$dir/cut/m039")"
for name in text nothing; do
	expect "listing $name" EIO "$(errno_of 'os.listdir(sys.argv[2])' "$dir/$name")"
	expect "a name in $name" EIO "$(errno_of 'os.stat(sys.argv[2])' "$dir/$name/x")"
done
for name in cut.tgz flipped.tgz text.zip nothing.7z; do
	log_has "bad.zip/$name: " || fail "the log does not name $name"
	expect "$name in the status" True "$(json_of "$mnt/.mdcfs/status.json" \
		"any(t['name'] == 'bad.zip/$name' for t in d['nested']['trouble'])")"
done
expect "damaged ones" "5 4" "$(json_of "$mnt/.mdcfs/status.json" '"%d %d" % (d["nested"]["open"], d["nested"]["damaged"])')"
"$MDCFS" status "$mnt" | grep -q 'bad.zip/text.zip' || fail "mdcfs status does not name text.zip"
compare_trees --no-mode "$tmp/want/packed" "$dir/good"
umount_mdcfs

# --- listing=partial: what is known, then EAGAIN; at last everything, without a remount
rm -rf "$cache"
mount_mdcfs -o nested,listing=partial "$storage_url/packed.zip"
cat >"$tmp/whole.py" <<'PYTHON'
import errno, os, sys, time

until = time.monotonic() + 30
while time.monotonic() < until:
    try:
        print(*sorted(os.listdir(sys.argv[1])))
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.EAGAIN:
            raise
sys.exit("still EAGAIN")
PYTHON
expect "names, in the end" "in in.tar.gz" "$(within 40 python3 "$tmp/whole.py" "$mnt/packed/packed")"
expect "names inside, in the end" "$(ls "$tmp/want/packed" | tr '\n' ' ')" \
	"$(within 40 python3 "$tmp/whole.py" "$mnt/packed/packed/in") "
umount_mdcfs

# --- an end in the middle of an inner pass, with somebody who waits for it
rm -rf "$cache"
mount_mdcfs -o nested "$storage_url/packed.zip"
ls "$mnt/packed/packed" >/dev/null
echo "* 206 slow=20000" >"$plan"
(errno_of 'os.listdir(sys.argv[2])' "$mnt/packed/packed/in" >"$tmp/reader") &
reader=$!
reading() {
	[ "$(json_of "$mnt/.mdcfs/status.json" 'd["nested"]["open"]')" = 1 ] && [ "$(stat_of parked)" -ge 1 ]
}
retry 20 reading || fail "nobody waits for the inner archive"
begun=$(date +%s)
kill -TERM "$mdcfs_pid"
retry 10 gone "$mdcfs_pid" || fail "it goes on"
wait "$mdcfs_pid" || fail "an unclean end"
at_most "seconds to end" 8 $(($(date +%s) - begun))
wait $reader || :
forget_mount
: >"$plan"

# --- bounds: 32 levels; and no more archives than files may be open
mount_mdcfs -o nested "$storage_url/deep.zip"
levels='
level, at = -1, sys.argv[2]
while os.path.isdir(at):
    level, at = level + 1, at + "/down"
print(level, open(os.path.dirname(at) + "/here").read())'
expect "levels" "32 7
none" "$(errno_of "$levels" "$mnt/deep/deep")"
umount_mdcfs
cat >"$tmp/few" <<SCRIPT
#!/bin/sh
ulimit -n 200
exec "$MDCFS" "\$@"
SCRIPT
chmod +x "$tmp/few"
real=$MDCFS
MDCFS=$tmp/few
mount_mdcfs -o nested "$storage_url/many.zip"
MDCFS=$real
count='
n = 0
for i in range(200):
    try:
        n += open("%s/z%03d/is" % (sys.argv[2], i)).read() == str(i)
    except OSError as e:
        if e.errno != errno.ENFILE: raise
print(n)'
expect "archives inside, with 200 files" "50
none" "$(errno_of "$count" "$mnt/many/many")"
log_has "50 archives inside archives have been entered" || fail "the log does not say why there are no more"
expect "one of the first, still" 7 "$(cat "$mnt/many/many/z007/is")"
