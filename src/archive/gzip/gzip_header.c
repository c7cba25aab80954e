/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_header.c - see gzip_header.h. */
#include "archive/gzip/gzip_header.h"

#include <errno.h>
#include <string.h>

#include "archive/gzip/gzip_inflate.h"

enum { FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16, RESERVED = 0xe0 };

void gzip_header_init(struct gzip_header *h)
{
	*h = (struct gzip_header){ .field = GZIP_FIELD_FIXED };
}

bool gzip_header_empty(const struct gzip_header *h)
{
	return h->field == GZIP_FIELD_FIXED && h->n == 0;
}

static int bad(struct gzip_header *h, const char *why)
{
	h->why = why;
	return -EBADMSG;
}

static unsigned two_bytes(const struct gzip_header *h)
{
	return h->bytes[0] | (unsigned)h->bytes[1] << 8;
}

/* The first field from f on that this header has. */
static enum gzip_field present(const struct gzip_header *h, enum gzip_field f)
{
	if (f <= GZIP_FIELD_EXTRA && !(h->flags & FEXTRA))
		f = GZIP_FIELD_NAME;
	if (f == GZIP_FIELD_NAME && !(h->flags & FNAME))
		f = GZIP_FIELD_COMMENT;
	if (f == GZIP_FIELD_COMMENT && !(h->flags & FCOMMENT))
		f = GZIP_FIELD_CRC;
	if (f == GZIP_FIELD_CRC && !(h->flags & FHCRC))
		f = GZIP_FIELD_END;
	return f;
}

static void next_field(struct gzip_header *h)
{
	h->field = present(h, h->field + 1);
	h->n = 0;
}

static void count(struct gzip_header *h, const unsigned char **p, size_t *n, size_t used)
{
	if (h->flags & FHCRC)
		h->crc = gzip_crc(h->crc, *p, used);
	*p += used;
	*n -= used;
}

/* Collect a field of `size` bytes; true when it is complete. */
static bool collect(struct gzip_header *h, const unsigned char **p, size_t *n, unsigned size)
{
	size_t take = MIN(*n, size - h->n);

	memcpy(h->bytes + h->n, *p, take);
	h->n += (unsigned)take;
	if (h->field == GZIP_FIELD_EXTRA_SIZE) {
		count(h, p, n, take);
	} else {
		*p += take;
		*n -= take;
	}
	return h->n == size;
}

/* Byte by byte, so that trailing garbage is known for what it is at its first wrong byte. */
static int feed_magic(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	static const unsigned char magic[2] = { 0x1f, 0x8b };

	while (*n > 0 && h->n < sizeof(magic)) {
		if (**p != magic[h->n])
			return -ENOENT;
		h->bytes[h->n++] = *(*p)++;
		--*n;
	}
	return 0;
}

static int feed_fixed(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	int r = feed_magic(h, p, n);

	if (r < 0 || *n == 0 || !collect(h, p, n, 10))
		return r;
	if (h->bytes[2] != 8)
		return bad(h, "unknown compression method");
	h->flags = h->bytes[3];
	if (h->flags & RESERVED)
		return bad(h, "reserved flag in the header");
	if (h->flags & FHCRC)
		h->crc = gzip_crc(0, h->bytes, 10);
	next_field(h);
	return 0;
}

static void feed_extra(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	size_t take = MIN(*n, h->extra_left);

	count(h, p, n, take);
	h->extra_left -= (unsigned)take;
	if (h->extra_left == 0)
		next_field(h);
}

static void feed_text(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	const unsigned char *nul = memchr(*p, 0, *n);

	count(h, p, n, nul ? (size_t)(nul - *p) + 1 : *n);
	if (nul)
		next_field(h);
}

static int feed_crc(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	if (!collect(h, p, n, 2))
		return 0;
	if (two_bytes(h) != (h->crc & 0xffff))
		return bad(h, "wrong checksum of the header");
	next_field(h);
	return 0;
}

static int feed_field(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	switch (h->field) {
	case GZIP_FIELD_FIXED:
		return feed_fixed(h, p, n);
	case GZIP_FIELD_EXTRA_SIZE:
		if (!collect(h, p, n, 2))
			return 0;
		h->extra_left = two_bytes(h);
		next_field(h);
		if (h->extra_left == 0)
			next_field(h);
		return 0;
	case GZIP_FIELD_EXTRA:
		feed_extra(h, p, n);
		return 0;
	case GZIP_FIELD_NAME:
	case GZIP_FIELD_COMMENT:
		feed_text(h, p, n);
		return 0;
	case GZIP_FIELD_CRC:
		return feed_crc(h, p, n);
	case GZIP_FIELD_END:
		break;
	}
	return 0;
}

int gzip_header_feed(struct gzip_header *h, const unsigned char **p, size_t *n)
{
	while (*n > 0 && h->field != GZIP_FIELD_END) {
		int r = feed_field(h, p, n);

		if (r < 0)
			return r;
	}
	return h->field == GZIP_FIELD_END;
}
