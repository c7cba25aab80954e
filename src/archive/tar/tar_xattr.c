/* SPDX-License-Identifier: MPL-2.0 */
/* tar_xattr.c - see tar_xattr.h. */
#include "archive/tar/tar_xattr.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *prefix;
	enum tar_xattr form;
} forms[] = {
	{ "SCHILY.xattr.", TAR_XATTR_PLAIN },
	{ "LIBARCHIVE.xattr.", TAR_XATTR_BASE64 },
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" at p stands for, or -1. */
static int escaped(const char *p)
{
	int high = p[0] == '%' ? hex_digit(p[1]) : -1;
	int low = high >= 0 ? hex_digit(p[2]) : -1;

	return low >= 0 ? high << 4 | low : -1;
}

/* False: too long, or a NUL in it. */
static bool decode_name(const char *p, char name[static XATTRS_NAME_MAX + 1])
{
	size_t n = 0;

	while (*p && n <= XATTRS_NAME_MAX) {
		int byte = escaped(p);

		if (byte == 0)
			return false;
		name[n++] = byte > 0 ? (char)byte : *p;
		p += byte > 0 ? 3 : 1;
	}
	if (n > XATTRS_NAME_MAX)
		return false;
	name[n] = '\0';
	return true;
}

enum tar_xattr tar_xattr_key(const char *key, char name[static XATTRS_NAME_MAX + 1])
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t n = strlen(forms[i].prefix);

		if (strncmp(key, forms[i].prefix, n) != 0)
			continue;
		if (!decode_name(key + n, name))
			return TAR_XATTR_BAD;
		return xattrs_shown(name) ? forms[i].form : TAR_XATTR_NONE;
	}
	return TAR_XATTR_NONE;
}

bool tar_xattr_prefix(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (strncmp(key, forms[i].prefix, strlen(forms[i].prefix)) == 0)
			return true;
	return false;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int tar_xattr_value(enum tar_xattr form, struct buf *value)
{
	uint32_t bits = 0;
	size_t n = value->len, out = 0;

	if (form != TAR_XATTR_BASE64)
		return 0;
	for (unsigned pad = 0; pad < 2 && value->len % 4 == 0 && n > 0; pad++)
		n -= value->p[n - 1] == '=';
	if (n % 4 == 1)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(value->p[i]);

		if (digit < 0)
			return -EBADMSG;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4 != 0) /* never ahead of what is read */
			value->p[out++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
	}
	value->len = out;
	return 0;
}
