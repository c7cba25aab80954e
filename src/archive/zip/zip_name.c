/* SPDX-License-Identifier: MPL-2.0 */
/* zip_name.c - see zip_name.h. */
#include "archive/zip/zip_name.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/log.h"

#define GROWTH 4u /* bytes of UTF-8 that one byte of any character set can become */
#define NAME_LIMIT (GROWTH * 65536u)
#define NO_ICONV ((iconv_t)-1)

struct zip_name {
	iconv_t cd; /* NO_ICONV: CP437, by the table below */
	bool guess; /* the user named no character set */
	struct buf path;
};

/* Code page 437, bytes 0x80 to 0xff (unicode.org, MAPPINGS/VENDORS/MICSFT/PC/CP437.TXT). */
/* clang-format off */
static const uint16_t cp437[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
	0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};
/* clang-format on */

int zip_name_new(const char *encoding, struct zip_name **out)
{
	bool table = !encoding || !*encoding || strcasecmp(encoding, "CP437") == 0;
	AUTO(auto_free) struct zip_name *z = malloc(sizeof(*z));

	if (!z)
		return -ENOMEM;
	*z = (struct zip_name){ .cd = NO_ICONV, .path = BUF_INIT(NAME_LIMIT) };
	z->guess = !encoding || !*encoding;
	if (!table)
		z->cd = iconv_open("UTF-8", encoding);
	if (!table && z->cd == NO_ICONV)
		return log_error(-errno, "character set %s", encoding);
	*out = steal(&z);
	return 0;
}

struct zip_name *zip_name_free(struct zip_name *z)
{
	if (!z)
		return NULL;
	if (z->cd != NO_ICONV)
		iconv_close(z->cd);
	buf_free(&z->path);
	free(z);
	return NULL;
}

static bool is_ascii(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] & 0x80)
			return false;
	return true;
}

/* Bytes of the valid UTF-8 sequence at p (RFC 3629, section 4), 0 when there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = p[0] & (0x7fu >> len);

	if (len <= 1)
		return len;
	if (len > n || p[0] >= 0xf8)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : len;
}

static bool is_utf8(const unsigned char *p, size_t n)
{
	for (size_t len; n > 0; p += len, n -= len) {
		len = utf8_length(p, n);
		if (len == 0)
			return false;
	}
	return true;
}

static int from_cp437(struct zip_name *z, const unsigned char *p, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		unsigned c = p[i] < 0x80 ? p[i] : cp437[p[i] & 0x7f];
		unsigned char u[3] = { (unsigned char)c };
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : 3;

		if (len == 2)
			u[0] = (unsigned char)(0xc0 | c >> 6);
		if (len == 3) {
			u[0] = (unsigned char)(0xe0 | c >> 12);
			u[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		}
		if (len > 1)
			u[len - 1] = (unsigned char)(0x80 | (c & 0x3f));
		r = buf_add(&z->path, u, len);
	}
	return r;
}

/* 0, -EILSEQ: not text in that character set, -ENOMEM. */
static int from_iconv(struct zip_name *z, const unsigned char *p, size_t n)
{
	size_t room = GROWTH * n + 16, left = room;
	AUTO(auto_free) char *text = malloc(room);
	AUTO(auto_free) char *raw = malloc(n + 1);
	char *in = raw, *to = text;

	if (!text || !raw)
		return -ENOMEM;
	memcpy(raw, p, n);
	iconv(z->cd, NULL, NULL, NULL, NULL);
	if (iconv(z->cd, &in, &n, &to, &left) == (size_t)-1 ||
	    iconv(z->cd, NULL, NULL, &to, &left) == (size_t)-1)
		return -EILSEQ;
	if (memchr(text, '\0', room - left))
		return -EILSEQ;
	return buf_add(&z->path, text, room - left);
}

static bool unicode_valid(const struct zip_extra *x, const unsigned char *raw, size_t n)
{
	return x->unicode && !memchr(x->unicode, '\0', x->n_unicode) &&
	       x->unicode_crc == zip_extra_crc(raw, n);
}

static int convert(struct zip_name *z, const unsigned char *raw, size_t n, unsigned from,
		   const struct zip_extra *x)
{
	bool as_is = (from & ZIP_NAME_UTF8) != 0;
	int r;

	if (!as_is && unicode_valid(x, raw, n))
		return buf_add(&z->path, x->unicode, x->n_unicode);
	if (as_is || is_ascii(raw, n) || (z->guess && (from & ZIP_NAME_UNIX) && is_utf8(raw, n)))
		return buf_add(&z->path, raw, n);
	r = z->cd == NO_ICONV ? from_cp437(z, raw, n) : from_iconv(z, raw, n);
	return r == -EILSEQ ? buf_add(&z->path, raw, n) : r;
}

static void turn_backslashes(char *p)
{
	if (strchr(p, '/'))
		return;
	for (; *p; p++)
		if (*p == '\\')
			*p = '/';
}

int zip_name_path(struct zip_name *z, const unsigned char *raw, size_t n, unsigned from,
		  const struct zip_extra *x, const char **path, size_t *len)
{
	int r;

	n = strnlen((const char *)raw, n);
	z->path.len = 0;
	r = convert(z, raw, n, from, x);
	if (r < 0)
		return r;
	if (from & ZIP_NAME_DOS)
		turn_backslashes(z->path.p);
	*path = z->path.p;
	*len = z->path.len;
	return 0;
}
