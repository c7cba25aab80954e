/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_inflate.c - the choice of an engine, and the one that zlib is. */
#include "archive/gzip_inflate.h"

#include <errno.h>
#include <limits.h>

#define ZLIB_CONST
#include <zlib.h>

struct zlib {
	struct gzip_inflate base;
	z_stream z;
	unsigned bit;       /* of the first byte: bits to leave out, until it came */
	unsigned char last; /* the last byte taken */
};

static struct zlib *zlib_of(struct gzip_inflate *f)
{
	return container_of(f, struct zlib, base);
}

static int zlib_begin(struct gzip_inflate *f, unsigned bit, const void *window, size_t n)
{
	struct zlib *s = zlib_of(f);

	s->bit = bit;
	f->error = NULL;
	if (inflateReset(&s->z) != Z_OK)
		return -EINVAL;
	if (n > 0 && inflateSetDictionary(&s->z, window, (uInt)n) != Z_OK)
		return -ENOMEM;
	return 0;
}

static int prime(struct zlib *s, const unsigned char **in, size_t *n_in)
{
	s->last = *(*in)++;
	--*n_in;
	if (inflatePrime(&s->z, 8 - (int)s->bit, s->last >> s->bit) != Z_OK)
		return -EINVAL;
	s->bit = 0;
	return 0;
}

/* One call of inflate() and the bookkeeping around it. */
static int call(struct zlib *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		size_t *n_out, int flush)
{
	uInt can_take = (uInt)MIN(*n_in, UINT_MAX), can_give = (uInt)MIN(*n_out, UINT_MAX);
	int r;

	s->z.next_in = *in;
	s->z.avail_in = can_take;
	s->z.next_out = *out;
	s->z.avail_out = can_give;
	r = inflate(&s->z, flush);
	if (s->z.avail_in < can_take)
		s->last = s->z.next_in[-1];
	*in += can_take - s->z.avail_in;
	*n_in -= can_take - s->z.avail_in;
	*out += can_give - s->z.avail_out;
	*n_out -= can_give - s->z.avail_out;
	return r;
}

/* zlib's data_type after a call with Z_BLOCK: 128 = after a block, 64 = in or after the last. */
static bool between_blocks(const struct zlib *s)
{
	return (s->z.data_type & (128 | 64)) == 128;
}

static int zlib_run(struct gzip_inflate *f, const unsigned char **in, size_t *n_in,
		    unsigned char **out, size_t *n_out, bool stop)
{
	struct zlib *s = zlib_of(f);
	int r;

	if (s->bit > 0) {
		if (*n_in == 0)
			return GZIP_MORE;
		r = prime(s, in, n_in);
		if (r < 0)
			return r;
	}
	do {
		r = call(s, in, n_in, out, n_out, stop ? Z_BLOCK : Z_NO_FLUSH);
		if (r == Z_BUF_ERROR && (s->z.data_type & 128))
			r = Z_OK; /* a block ended without a byte in or out */
		if (r == Z_OK && stop && between_blocks(s))
			return GZIP_AT_BLOCK;
	} while (r == Z_OK && ((*n_in > 0 && *n_out > 0) || (stop && (s->z.data_type & 128))));
	if (r == Z_OK || r == Z_BUF_ERROR)
		return GZIP_MORE;
	if (r == Z_STREAM_END)
		return GZIP_END;
	f->error = s->z.msg ? s->z.msg : "not deflate data";
	return r == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static unsigned zlib_unused(const struct gzip_inflate *f, unsigned char *last)
{
	const struct zlib *s = (const void *)f;

	*last = s->last;
	return (unsigned)s->z.data_type & 7;
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
		zlib_begin, zlib_run, zlib_unused, zlib_leftover, zlib_free,
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
