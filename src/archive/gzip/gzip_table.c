/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_table.c - see gzip_table.h.  Packed: a byte that no packed window begins with, the number of
 * bits (two bytes, low one first), the bits. */
#include "archive/gzip/gzip_table.h"

#include <errno.h>
#include <string.h>

#define KIND_TABLE 2u /* gzip_window.c has 0 and 1 */

static size_t bytes_of(size_t bits)
{
	return (bits + 7) / 8;
}

size_t gzip_table_put(const struct gzip_table *t, unsigned char out[static GZIP_TABLE_PACKED])
{
	if (t->bits == 0)
		return 0;
	out[0] = KIND_TABLE;
	out[1] = t->bits & 255;
	out[2] = (unsigned char)(t->bits >> 8);
	memcpy(out + 3, t->bytes, bytes_of(t->bits));
	return 3 + bytes_of(t->bits);
}

int gzip_table_take(const void *packed, size_t n, struct gzip_table *t, size_t *n_used)
{
	const unsigned char *p = packed;
	unsigned bits;

	t->bits = 0;
	*n_used = 0;
	if (n == 0 || p[0] != KIND_TABLE)
		return 0;
	if (n < 3)
		return -EBADMSG;
	bits = p[1] | (unsigned)p[2] << 8;
	if (bits == 0 || bytes_of(bits) > GZIP_TABLE_MAX || bytes_of(bits) > n - 3)
		return -EBADMSG;
	t->bits = bits;
	memcpy(t->bytes, p + 3, bytes_of(bits));
	*n_used = 3 + bytes_of(bits);
	return 0;
}

bool gzip_table_cut(struct gzip_table *t, const unsigned char *text, size_t from, size_t to)
{
	unsigned shift = from % 8;

	t->bits = 0;
	if (from >= to || to - from > 8 * (size_t)GZIP_TABLE_MAX)
		return false;
	for (size_t i = 0; i < bytes_of(to - from); i++) {
		size_t at = from / 8 + i;
		unsigned v = text[at];

		if (shift > 0 && (at + 1) * 8 < to)
			v |= (unsigned)text[at + 1] << 8;
		t->bytes[i] = (v >> shift) & 255;
	}
	t->bits = (unsigned)(to - from);
	if (t->bits % 8) /* nothing of the data behind it */
		t->bytes[t->bits / 8] &= (unsigned char)((1u << t->bits % 8) - 1);
	return true;
}
