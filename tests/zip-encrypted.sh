#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Encrypted zip members: without a password, with a wrong one, and with the right one.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"

requires python3 zip 7z cmp
requires_fuse

secret='s3cret, pass\word'
mkdir "$tmp/tree" "$tmp/tree/sub" "$tmp/made"
cd "$tmp/tree"
: >empty
seq 3000 >text
python3 -c 'import random; open("large", "wb").write(random.Random(3).randbytes(3000000))'
seq 400000 >numbers
seq 200 >sub/more
ln -s sub/more link
zip -qry -P "$secret" ../made/traditional.zip .
zip -qry -0 -P "$secret" ../made/stored.zip .
7z a -bd -tzip -snl -mx=1 -p"$secret" -mem=AES256 ../made/aes256.zip . >"$tmp/7z.out"
7z a -bd -tzip -snl -mm=Copy -p"$secret" -mem=AES128 ../made/aes128.zip . >"$tmp/7z.out"
7z a -bd -tzip -mm=BZip2 -p"$secret" -mem=AES256 ../made/bzip2.zip text >"$tmp/7z.out"
(echo plain >plain && zip -qX ../made/traditional.zip plain && zip -qX ../made/aes256.zip plain && rm plain)
cd "$tmp"
printf '%s\nnot this line\n' "$secret" >password
printf 'wr0ng\n' >wrong
chmod 600 password wrong
start_storage "$tmp/made"

note "without a password"
mount_mdcfs "$storage_url/traditional.zip" "$storage_url/aes256.zip"
for zip in traditional aes256; do
	members=$mnt/$zip/$zip
	expect "$zip: names" "empty large link numbers plain sub text" "$(ls "$members" | xargs)"
	expect "$zip: size" "$(stat -c %s tree/large)" "$(stat -c %s "$members/large")"
	cat "$members/empty" || fail "$zip: nothing is encrypted in an empty member"
	expect "$zip: what is not encrypted" plain "$(cat "$members/plain")"
	before=$(storage_requests)
	for i in 1 2 3; do
		expect "$zip: text ($i)" EACCES "$(errno_of 'open(sys.argv[2]).read()' "$members/text")"
	done
	expect "$zip: large" EACCES "$(errno_of 'open(sys.argv[2], "rb").read(1)' "$members/large")"
	expect "$zip: a link" EACCES "$(errno_of 'os.readlink(sys.argv[2])' "$members/link")"
	expect "$zip: requests for what cannot be read" "$before" "$(storage_requests)"
	expect "$zip: lines about text" 1 "$(grep -c "$zip.zip: member text: encrypted: it needs -o password_file=" "$log")"
done
umount_mdcfs

note "a wrong password"
mount_mdcfs -o password_file="$tmp/wrong" "$storage_url"/traditional.zip "$storage_url"/stored.zip "$storage_url"/aes256.zip "$storage_url"/aes128.zip
for zip in traditional stored aes256 aes128; do
	members=$mnt/$zip/$zip
	for file in text large numbers text; do
		expect "$zip: $file" EACCES "$(errno_of 'open(sys.argv[2], "rb").read(5000)' "$members/$file")"
	done
	expect "$zip: lines about text" 1 "$(grep -c "$zip.zip: member text: the password is wrong" "$log")"
done
umount_mdcfs

# One in 256 gets past the first check: what it makes of a member is neither served nor kept.
note "a wrong password that looks right"
for file in large numbers text; do
	python3 - made/stored.zip $file >wrong <<'PYTHON'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as z:
    for i in range(100000):
        try:
            z.open(sys.argv[2], pwd=b"%d" % i).close()
        except RuntimeError:
            continue
        print(i)
        break
PYTHON
	# The password before may have looked right too, once in 256 runs.
	before=$(grep -c "member $file: the password is wrong, or its data is damaged" "$log") || :
	mount_mdcfs -o password_file="$tmp/wrong" "$storage_url"/stored.zip "$storage_url"/aes256.zip
	for i in 1 2; do
		expect "$file ($i)" EACCES "$(errno_of 'open(sys.argv[2], "rb").read(5000)' "$mnt/stored/stored/$file")"
	done
	expect "lines about $file" $((before + 1)) \
		"$(grep -c "member $file: the password is wrong, or its data is damaged" "$log")"
	umount_mdcfs
done

note "the right password"
mount_mdcfs -o password_file="$tmp/password" "$storage_url"/traditional.zip "$storage_url"/stored.zip "$storage_url"/aes256.zip \
	"$storage_url"/aes128.zip "$storage_url"/bzip2.zip
for zip in traditional stored aes256 aes128; do
	members=$mnt/$zip/$zip
	# From its middle, before anything else was read of it.
	tail -c 1000000 tree/large >tail
	tail -c 1000000 "$members/large" | cmp tail - || fail "$zip: the end of large"
	diff -r -x plain tree "$members" || fail "$zip: trees differ"
	expect "$zip: a link" sub/more "$(readlink "$members/link")"
done
expect "encrypted, by another method" ENOTSUP "$(errno_of 'open(sys.argv[2]).read()' "$mnt/bzip2/bzip2/text")"
grep -q 'text: method 12 (BZIP2), encrypted, is not supported' "$log" || fail "no line about the method"

note "the password is nowhere to be seen"
pid=$(awk '{ print $1; exit }' "$tmp/mounts")
cat "$mnt/.mdcfs/status.json" "$mnt/.mdcfs/log" "$mnt/.mdcfs/metrics" "$log" "/proc/$pid/cmdline" "/proc/$pid/environ" >seen
if grep -aF 's3cret' seen; then fail "the password was shown"; fi
if grep -rF 's3cret' "$cache"; then fail "the password is in the cache"; fi
expect "rights of what is cached" "600" "$(find "$cache/objects" -name 'stream-*.data' -exec stat -c %a {} + | sort -u)"
umount_mdcfs

note "a later mount finds the decoded blocks, but serves them with a password only"
mount_mdcfs "$storage_url/aes256.zip"
expect "cached, without a password" EACCES "$(errno_of 'open(sys.argv[2]).read()' "$mnt/aes256/aes256/text")"
umount_mdcfs

note "damage"
python3 - made/aes256.zip made/broken.zip <<'PYTHON'
import struct, sys, zipfile
data = bytearray(open(sys.argv[1], "rb").read())
with zipfile.ZipFile(sys.argv[1]) as z:
    i = z.getinfo("text")
at = i.header_offset + 30 + sum(struct.unpack_from("<HH", data, i.header_offset + 26))
data[at + i.compress_size - 5] ^= 1 # the authentication code
open(sys.argv[2], "wb").write(data)
PYTHON
mount_mdcfs -o password_file="$tmp/password" "$storage_url/broken.zip"
expect "a wrong authentication code" EIO "$(errno_of 'open(sys.argv[2]).read()' "$mnt/broken/broken/text")"
cmp tree/sub/more "$mnt/broken/broken/sub/more" || fail "another member of it"
umount_mdcfs

note "a 7z: nobody decrypts it"
7z a -bd -mhe=off -p"$secret" made/seven.7z tree/text >"$tmp/7z.out"
mount_mdcfs -o password_file="$tmp/password" made/seven.7z
expect "its size" "$(stat -c %s tree/text)" "$(stat -c %s "$mnt/seven/seven/tree/text")"
for i in 1 2; do
	expect "reading it" ENOTSUP "$(errno_of 'open(sys.argv[2]).read()' "$mnt/seven/seven/tree/text")"
done
expect "lines about it" 1 "$(grep -c 'text: encrypted in a way that cannot be read' "$log")"
umount_mdcfs

note "password files that are none"
mkdir "$tmp/m"
run fails "$MDCFS" mount -f -o password_file="$tmp/none" "$tmp/made/stored.zip" "$tmp/m"
says "password file $tmp/none: No such file"
: >"$tmp/nothing"
run fails "$MDCFS" mount -f -o password_file="$tmp/nothing" "$tmp/made/stored.zip" "$tmp/m"
says "password file $tmp/nothing: its first line is no password"
chmod 644 password
mount_mdcfs -o password_file="$tmp/password" "$tmp/made/traditional.zip"
grep -qF "password file $tmp/password: others can read it" "$log" || fail "no warning about its rights"
cmp tree/text "$mnt/traditional/traditional/text" || fail "text"
umount_mdcfs
