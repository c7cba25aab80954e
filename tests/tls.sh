#!/bin/sh
# SPDX-License-Identifier: MPL-2.0
# Certificates and proxies: who is not the server is not read from, and the command says why; a CA of one's
# own; redirects from https stay there; proxies of the environment.
. "${srcdir:-.}/tests/functions.sh"
. "$top/tests/lib/checks.sh"
. "$top/tests/lib/faults.sh"
requires python3 openssl
requires_fuse

# A CA, and certificates of it: for 127.0.0.1, for another host, and one that has expired.
mkdir "$tmp/ca" "$tmp/www"
ca() { # NAME SUBJECT-ALT-NAME START END
	(cd "$tmp/ca" &&
		openssl req -newkey rsa:2048 -nodes -keyout "$1.key" -subj "/CN=test $1" -out "$1.csr" &&
		printf 'subjectAltName=%s\n' "$2" >"$1.ext" &&
		: >index.txt && echo 01 >"serial" &&
		openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in "$1.csr" -out "$1.pem" \
			-extfile "$1.ext" -startdate "$3" -enddate "$4" -notext) >>"$tmp/openssl.out" 2>&1 ||
		fail "openssl made no certificate: $1"
}
cat >"$tmp/ca/ca.conf" <<CONF
[ca]
default_ca = own
[own]
database = $tmp/ca/index.txt
serial = $tmp/ca/serial
new_certs_dir = $tmp/ca
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CONF
for name in ca stranger; do
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tmp/ca/$name.key" -out "$tmp/ca/$name.pem" \
		-subj "/CN=$name" -days 2 >>"$tmp/openssl.out" 2>&1 || fail "openssl made no CA"
done
ca good IP:127.0.0.1 20200101000000Z 20991231235959Z
ca other DNS:elsewhere.example 20200101000000Z 20991231235959Z
ca old IP:127.0.0.1 20200101000000Z 20200102000000Z

make_random "$tmp/www/data.bin" $((1 << 20))
reference=$tmp/www/data.bin
: >"$plan_file"
start_tls() { # CERTIFICATE
	plan_mark=0
	start_storage "$tmp/www" "$plan_file" --tls "$tmp/ca/$1.pem" "$tmp/ca/$1.key"
	tls_url=https${storage_url#http}
}

refused() { # WHY OPTIONS
	run fails "$MDCFS" mount -f -o "$2" "$tls_url/data.bin" "$mnt"
	is_mounted "$mnt" && fail "$1: mounted"
	says "certificate"
	expect "$1: requests" 0 "$(asked)"
}

start_tls good
refused "a CA that nobody knows" connections=2
refused "another CA" "cacert=$tmp/ca/stranger.pem"
run fails "$MDCFS" mount -f -o "cacert=$tmp/ca/none.pem" "$tls_url/data.bin" "$mnt"
says "cacert"
mount_mdcfs -o "cacert=$tmp/ca/ca.pem" "$tls_url/data.bin"
cmp "$(data_at)" "$reference" || fail "through TLS"
umount_mdcfs

# From https to http, even of the same host, nothing is followed; to https it is.
rm -rf "$cache"
good_url=$tls_url
start_storage "$tmp/www" # sets storage_url
plain_url=$storage_url
printf '* redirect=%s/data.bin\n' "$plain_url" >"$tmp/plan.new"
mv "$tmp/plan.new" "$plan_file"
run fails "$MDCFS" mount -f -o "cacert=$tmp/ca/ca.pem" "$good_url/data.bin" "$mnt"
says "from https to http"
expect "requests behind the redirect" 0 "$(storage_requests)"

start_tls other
refused "another host's certificate" "cacert=$tmp/ca/ca.pem"
start_tls old
refused "a certificate that has expired" "cacert=$tmp/ca/ca.pem"

# Proxies of the environment.
start_proxy() { # [OPTION...]
	rm -f "$tmp/proxy.port"
	: >"$tmp/proxy.access"
	python3 "$top/tests/lib/proxy.py" --port-file "$tmp/proxy.port" --log "$tmp/proxy.access" "$@" \
		</dev/null >>"$tmp/proxy.out" 2>&1 &
	cleanup_fn stop_child $!
	retry 20 test -s "$tmp/proxy.port" || fail "proxy.py did not start"
	proxy=http://127.0.0.1:$(cat "$tmp/proxy.port")
}
read_through() { # URL: mounted, compared, and unmounted again
	rm -rf "$cache"
	mount_mdcfs -o "cacert=$tmp/ca/ca.pem" "$1/data.bin"
	cmp "$(data_at)" "$reference" || fail "$1 with a proxy"
	umount_mdcfs
}
: >"$plan_file"
start_tls good
start_proxy
http_proxy=$proxy https_proxy=$proxy
export http_proxy https_proxy
read_through "$plain_url"
grep -qF "GET $plain_url/data.bin" "$tmp/proxy.access" || fail "the proxy was not asked"
read_through "$tls_url"
grep -qF "CONNECT ${tls_url#https://}" "$tmp/proxy.access" || fail "no tunnel through the proxy"
grep -qF "GET ${tls_url}" "$tmp/proxy.access" && fail "the proxy saw what is inside the tunnel"
: >"$tmp/proxy.access"
no_proxy=127.0.0.1
export no_proxy
read_through "$plain_url"
expect "what a host of no_proxy asks of it" 0 "$(grep -c . "$tmp/proxy.access" || :)"
unset no_proxy

start_proxy --refuse 403
https_proxy=$proxy
rm -rf "$cache"
plan_mark=$(wc -l <"$storage_log")
run fails "$MDCFS" mount -f -o "cacert=$tmp/ca/ca.pem" "$tls_url/data.bin" "$mnt"
says "403"
expect "requests past a proxy that refuses" 0 "$(asked)"
