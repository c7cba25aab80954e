/* SPDX-License-Identifier: MPL-2.0 */
/* url.c - see url.h.
 * The host decides where a key goes, so the parser is strict there: an authority that another
 * parser could read differently (two '@', a backslash, a strange port) has no host for us.
 */
#include "net/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

struct part {
	const char *p;
	size_t len;
};

struct url_parts {
	struct part scheme, host; /* an IPv6 host is without its brackets */
	unsigned port;            /* 0 = not given */
	bool ipv6;
	const char *path;         /* the first byte after the authority: '/', '?', '#' or the NUL */
};

static bool part_is(struct part a, const char *word)
{
	return strlen(word) == a.len && strncasecmp(a.p, word, a.len) == 0;
}

/* RFC 3986 3.1; what has no "://" has no scheme for us. */
static bool parse_scheme(const char *url, struct part *out)
{
	size_t n = 0;

	while (isalnum((unsigned char)url[n]) || (url[n] && strchr("+-.", url[n])))
		n++;
	*out = (struct part){ url, n };
	return n > 0 && isalpha((unsigned char)url[0]) && strncmp(url + n, "://", 3) == 0;
}

/* RFC 3986 3.2.3: ":" and digits; empty means the default. */
static bool parse_port(const char *p, const char *end, unsigned *port)
{
	unsigned n = 0;

	*port = 0;
	if (p == end)
		return true;
	if (*p++ != ':')
		return false;
	for (; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return false;
		n = n * 10 + (unsigned)(*p - '0');
		if (n > 65535)
			return false;
	}
	*port = n;
	return true;
}

static bool parse_host(const char *p, const char *end, struct url_parts *u)
{
	const char *q = p;

	u->ipv6 = p < end && *p == '[';
	if (u->ipv6) {
		for (q = ++p; q < end && (isxdigit((unsigned char)*q) || *q == ':' || *q == '.');
		     q++)
			;
		u->host = (struct part){ p, (size_t)(q - p) };
		return q < end && *q == ']' && parse_port(q + 1, end, &u->port);
	}
	while (q < end && (isalnum((unsigned char)*q) || strchr("-._~", *q) || (*q & 0x80)))
		q++;
	u->host = (struct part){ p, (size_t)(q - p) };
	return parse_port(q, end, &u->port);
}

/* scheme://[user[:password]@]host[:port] and where the path begins. */
static bool parse(const char *url, struct url_parts *u)
{
	const char *p, *end, *at;

	if (!parse_scheme(url, &u->scheme))
		return false;
	p = url + u->scheme.len + 3;
	end = p + strcspn(p, "/?#");
	u->path = end;
	for (at = p; at < end; at++)
		if (*at == '\\' || (unsigned char)*at <= ' ' || *at == 0x7f)
			return false;
	at = memchr(p, '@', (size_t)(end - p));
	if (at)
		p = at + 1;
	return parse_host(p, end, u);
}

const char *url_redact(const char *url, char *out, size_t cap)
{
	struct url_parts u;
	const char *rest = url;
	size_t n = strcspn(url, "?#");
	const char *more = url[n] ? "?..." : "";

	if (cap == 0)
		return out;
	if (!parse_scheme(url, &u.scheme)) {
		snprintf(out, cap, "%.*s%s", (int)MIN(n, (size_t)INT_MAX), url, more);
	} else if (!parse(url, &u)) {
		/* A password may stand anywhere in what cannot be read. */
		snprintf(out, cap, "%.*s://...", (int)u.scheme.len, url);
	} else {
		rest = u.host.p - u.ipv6;
		n = strcspn(rest, "?#");
		snprintf(out, cap, "%.*s://%.*s%s", (int)u.scheme.len, url,
			 (int)MIN(n, (size_t)INT_MAX), rest, more);
	}
	return out;
}

static unsigned default_port(struct part scheme)
{
	if (part_is(scheme, "https"))
		return 443;
	return part_is(scheme, "http") ? 80 : 0;
}

static bool parse_http(const char *url, struct url_parts *u)
{
	if (!parse(url, u) || u->host.len == 0 || default_port(u->scheme) == 0)
		return false;
	if (u->port == 0)
		u->port = default_port(u->scheme);
	return true;
}

bool url_is_http(const char *url)
{
	struct url_parts u;

	return parse_http(url, &u);
}

bool url_same_origin(const char *a, const char *b)
{
	struct url_parts x, y;

	return parse_http(a, &x) && parse_http(b, &y) && x.port == y.port && x.ipv6 == y.ipv6 &&
	       default_port(x.scheme) == default_port(y.scheme) && x.host.len == y.host.len &&
	       strncasecmp(x.host.p, y.host.p, x.host.len) == 0;
}

char *url_origin(const char *url)
{
	struct url_parts u;
	char port[16] = "", *out;

	if (!parse_http(url, &u))
		return NULL;
	if (u.port != default_port(u.scheme))
		snprintf(port, sizeof(port), ":%u", u.port);
	if (asprintf(&out, "%s://%s%.*s%s%s", part_is(u.scheme, "https") ? "https" : "http",
		     u.ipv6 ? "[" : "", (int)u.host.len, u.host.p, u.ipv6 ? "]" : "", port) < 0)
		return NULL;
	for (char *c = out; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
	return out;
}

bool url_is_loopback(const char *url)
{
	struct url_parts u;
	char host[64];
	struct in6_addr a6;
	struct in_addr a4;

	if (!parse_http(url, &u) || u.host.len >= sizeof(host))
		return false;
	memcpy(host, u.host.p, u.host.len);
	host[u.host.len] = '\0';
	if (u.ipv6)
		return inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
	/* inet_pton takes dotted quads alone, so "127.1" and "0x7f.1" are names here. */
	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == IN_LOOPBACKNET;
	return strcasecmp(host, "localhost") == 0;
}

bool url_may_carry_key(const char *url)
{
	struct url_parts u;

	if (!parse_http(url, &u))
		return false;
	return part_is(u.scheme, "https") || url_is_loopback(url);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode percent escapes in place; a stray '%' stays.  The new length. */
static size_t decode(char *s)
{
	char *to = s;
	int hi, lo;

	for (const char *p = s; *p; p++) {
		hi = *p == '%' ? hex_digit(p[1]) : -1;
		lo = hi >= 0 ? hex_digit(p[2]) : -1;
		if (lo >= 0)
			p += 2;
		*to++ = lo >= 0 ? (char)(hi << 4 | lo) : *p;
	}
	*to = '\0';
	return (size_t)(to - s);
}

char *url_basename(const char *url)
{
	AUTO(auto_free) char *name = NULL;
	struct url_parts u;
	const char *p, *end;
	size_t n;

	if (!parse(url, &u))
		return NULL;
	end = u.path + strcspn(u.path, "?#");
	p = memrchr(u.path, '/', (size_t)(end - u.path));
	name = p ? strndup(p + 1, (size_t)(end - p - 1)) : NULL;
	if (!name)
		return NULL;
	n = decode(name);
	if (n == 0 || n > NAME_MAX || strlen(name) != n || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	return steal(&name);
}

char *url_encode(const char *text)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = calloc(strlen(text) + 1, 3);
	char *to = out;

	if (!out)
		return NULL;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		/* RFC 3986 2.3, in ASCII whatever the locale. */
		if ((c < 0x80 && isalnum(c)) || strchr("-._~", c)) {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
		}
	}
	return out;
}
