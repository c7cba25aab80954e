/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_inflate.c - the choice of an engine, and the one that zlib is. */
#include "archive/gzip/gzip_inflate.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#define HEADER_MAX (GZIP_TABLE_MAX + 8u)

struct zlib {
	struct gzip_inflate base;
	z_stream z;
	unsigned bit;	       /* of the first byte: bits to leave out, until it came */
	unsigned char tail[8]; /* the newest bytes taken, the last one at the end */
	/* With stop: the bytes of the header that is being read, and the table it was. */
	bool in_header;
	unsigned skip;	 /* bits of header[0] before it */
	size_t n_header; /* may be more than there is room for */
	unsigned char header[HEADER_MAX];
	struct gzip_table table;
};

static struct zlib *zlib_of(struct gzip_inflate *f)
{
	return container_of(f, struct zlib, base);
}

/* zlib's data_type after a call: how many bits of the bytes taken it has not used; 64 = in or
 * after the last block; 128 = after a block; 256 = after a block's header. */
static unsigned bits_left(const struct zlib *s)
{
	return (unsigned)s->z.data_type & 63;
}

static bool at_block_end(const struct zlib *s)
{
	return s->z.data_type & 128;
}

static bool at_header_end(const struct zlib *s)
{
	return s->z.data_type & 256;
}

/* A header begins at the next bit. */
static void begin_header(struct zlib *s)
{
	s->in_header = true;
	s->table.bits = 0;
	s->skip = bits_left(s) > 0 ? 8 - bits_left(s) : 0;
	s->header[0] = s->tail[sizeof(s->tail) - 1];
	s->n_header = bits_left(s) > 0;
}

static void end_header(struct zlib *s)
{
	if (s->in_header && s->n_header <= HEADER_MAX)
		(void)gzip_table_cut(&s->table, s->header, s->skip, s->n_header * 8 - bits_left(s));
	s->in_header = false;
}

static void took(struct zlib *s, const unsigned char *p, size_t n)
{
	size_t keep = MIN(n, sizeof(s->tail));

	memmove(s->tail, s->tail + keep, sizeof(s->tail) - keep);
	memcpy(s->tail + sizeof(s->tail) - keep, p + n - keep, keep);
	if (!s->in_header)
		return;
	if (s->n_header < HEADER_MAX)
		memcpy(s->header + s->n_header, p, MIN(n, HEADER_MAX - s->n_header));
	s->n_header += n;
}

/* Show zlib so many bits, to the end of the header that they are.  No byte comes out. */
static int show_table(struct zlib *s, const struct gzip_table *table)
{
	unsigned char none;

	s->z.next_in = table->bytes;
	s->z.avail_in = table->bits / 8;
	s->z.next_out = &none;
	s->z.avail_out = 0;
	(void)inflate(&s->z, Z_TREES);
	if (table->bits % 8 > 0 && s->z.avail_in == 0 && !at_header_end(s)) {
		if (inflatePrime(&s->z, (int)(table->bits % 8), table->bytes[table->bits / 8]) !=
		    Z_OK)
			return -EBADMSG;
		(void)inflate(&s->z, Z_TREES);
	}
	if (s->z.avail_in > 0 || !at_header_end(s) || bits_left(s) > 0)
		return -EBADMSG;
	s->table = *table;
	return 0;
}

static int zlib_begin(struct gzip_inflate *f, unsigned bit, const void *window, size_t n,
		      const struct gzip_table *table)
{
	struct zlib *s = zlib_of(f);

	s->bit = bit;
	f->error = NULL;
	if (inflateReset(&s->z) != Z_OK)
		return -EINVAL;
	if (n > 0 && inflateSetDictionary(&s->z, window, (uInt)n) != Z_OK)
		return -ENOMEM;
	s->z.data_type = 0;
	begin_header(s);
	if (!table)
		return 0;
	s->in_header = false;
	return show_table(s, table);
}

static int prime(struct zlib *s, const unsigned char **in, size_t *n_in)
{
	unsigned char first = **in;

	took(s, *in, 1);
	++*in;
	--*n_in;
	s->skip = s->bit; /* of a header that begins here */
	if (inflatePrime(&s->z, 8 - (int)s->bit, first >> s->bit) != Z_OK)
		return -EINVAL;
	s->bit = 0;
	return 0;
}

/* One call of inflate() and the bookkeeping around it. */
static int call(struct zlib *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		size_t *n_out, int flush)
{
	uInt can_take = (uInt)MIN(*n_in, UINT_MAX), can_give = (uInt)MIN(*n_out, UINT_MAX);
	size_t used;
	int r;

	s->z.next_in = *in;
	s->z.avail_in = can_take;
	s->z.next_out = *out;
	s->z.avail_out = can_give;
	r = inflate(&s->z, flush);
	used = can_take - s->z.avail_in;
	took(s, *in, used);
	*in += used;
	*n_in -= used;
	*out += can_give - s->z.avail_out;
	*n_out -= can_give - s->z.avail_out;
	return r;
}

/* After a call that stops: GZIP_AT_BLOCK, or GZIP_MORE. */
static int look_around(struct zlib *s)
{
	if (at_header_end(s))
		end_header(s);
	if (!at_block_end(s) || s->z.data_type & 64)
		return GZIP_MORE;
	begin_header(s);
	return GZIP_AT_BLOCK;
}

static int zlib_run(struct gzip_inflate *f, const unsigned char **in, size_t *n_in,
		    unsigned char **out, size_t *n_out, bool stop)
{
	struct zlib *s = zlib_of(f);
	bool stopped;
	int r;

	if (s->bit > 0) {
		if (*n_in == 0)
			return GZIP_MORE;
		r = prime(s, in, n_in);
		if (r < 0)
			return r;
	}
	do {
		r = call(s, in, n_in, out, n_out, stop ? Z_TREES : Z_NO_FLUSH);
		stopped = stop && (at_block_end(s) || at_header_end(s));
		if (r == Z_BUF_ERROR && stopped)
			r = Z_OK; /* a block or a header ended without a byte in or out */
		if (r == Z_OK && stopped && look_around(s) == GZIP_AT_BLOCK)
			return GZIP_AT_BLOCK;
	} while (r == Z_OK && ((*n_in > 0 && *n_out > 0) || stopped));
	if (r == Z_OK || r == Z_BUF_ERROR)
		return GZIP_MORE;
	if (r == Z_STREAM_END)
		return GZIP_END;
	f->error = s->z.msg ? s->z.msg : "not deflate data";
	return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

/* inflateMark() says how many bits of the code that is being read were used already, and how many
 * bytes that code has put out; -1: this is not among codes. */
static bool zlib_place(const struct gzip_inflate *f, struct gzip_place *out)
{
	struct zlib *s = (struct zlib *)(uintptr_t)f; /* inflateMark() only reads */
	long mark = inflateMark(&s->z);

	memcpy(out->tail, s->tail, sizeof(out->tail));
	out->back = bits_left(s);
	out->table.bits = 0;
	if (at_block_end(s))
		return true;
	if (mark < 0 || (mark & 0xffff) != 0 || s->table.bits == 0)
		return false;
	out->back += (unsigned)(mark >> 16);
	out->table = s->table;
	return out->back < 64;
}

static size_t zlib_leftover(const struct gzip_inflate *f, unsigned char out[static 8])
{
	(void)f;
	(void)out;
	return 0;
}

static void zlib_free(struct gzip_inflate *f)
{
	inflateEnd(&zlib_of(f)->z);
	free(zlib_of(f));
}

int gzip_zlib_new(struct gzip_inflate **out)
{
	static const struct gzip_inflate_ops ops = {
		zlib_begin, zlib_run, zlib_place, zlib_leftover, zlib_free,
	};
	struct zlib *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->base.ops = &ops;
	if (inflateInit2(&s->z, -MAX_WBITS) != Z_OK) {
		free(s);
		return -ENOMEM;
	}
	*out = &s->base;
	return 0;
}

int gzip_inflate_new(enum gzip_engine engine, struct gzip_inflate **out)
{
	int r = engine == GZIP_ENGINE_FAST ? gzip_isal_new(out) : -ENOSYS;

	return r == -ENOSYS ? gzip_zlib_new(out) : r;
}

struct gzip_inflate *gzip_inflate_free(struct gzip_inflate *f)
{
	if (f)
		f->ops->free(f);
	return NULL;
}

uint32_t gzip_crc_join(uint32_t first, uint32_t second, uint64_t n)
{
	return (uint32_t)crc32_combine(first, second, (z_off_t)n);
}
