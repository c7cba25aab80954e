/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_isal.c - the engine that ISA-L is, and the checksum (ISA-L's where it was built in). */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "archive/gzip/gzip_inflate.h"

#include <errno.h>
#include <string.h>

#ifndef HAVE_ISAL

#include <zlib.h>

int gzip_isal_new(struct gzip_inflate **out)
{
	(void)out;
	return -ENOSYS;
}

uint32_t gzip_crc(uint32_t crc, const void *p, size_t n)
{
	return (uint32_t)crc32_z(crc, p, n);
}

#else

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

struct isal {
	struct gzip_inflate base;
	unsigned bit;	       /* of the first byte: bits to leave out, until it came */
	size_t n_left;	       /* at the end: bytes of earlier calls that are not part of it */
	unsigned char tail[8]; /* the newest bytes taken, the last one at the end */
	struct inflate_state z;
};

uint32_t gzip_crc(uint32_t crc, const void *p, size_t n)
{
	return crc32_gzip_refl(crc, p, n);
}

static struct isal *isal_of(struct gzip_inflate *f)
{
	return container_of(f, struct isal, base);
}

/* ISA-L's pointers are not const, though it only reads there. */
static uint8_t *unconst(const void *p)
{
	return (uint8_t *)(uintptr_t)p;
}

static int isal_begin(struct gzip_inflate *f, unsigned bit, const void *window, size_t n,
		      const struct gzip_table *table)
{
	struct isal *s = isal_of(f);

	if (table)
		return -ENOSYS;

	s->bit = bit;
	s->n_left = 0;
	f->error = NULL;
	isal_inflate_reset(&s->z);
	if (n > 0 && isal_inflate_set_dict(&s->z, unconst(window), (uint32_t)n) != COMP_OK)
		return -EINVAL;
	return 0;
}

static void keep_tail(struct isal *s, const unsigned char *p, size_t n)
{
	size_t take = MIN(n, sizeof(s->tail));

	memmove(s->tail, s->tail + take, sizeof(s->tail) - take);
	memcpy(s->tail + sizeof(s->tail) - take, p + n - take, take);
}

/* At most 2^30 at a time: ISA-L counts in 32 bits. */
static int call(struct isal *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		size_t *n_out)
{
	const unsigned char *start = *in;
	uint32_t can_take = (uint32_t)MIN(*n_in, 1u << 30);
	uint32_t can_give = (uint32_t)MIN(*n_out, 1u << 30);
	int64_t used;
	int r;

	s->z.next_in = unconst(start);
	s->z.avail_in = can_take;
	s->z.next_out = *out;
	s->z.avail_out = can_give;
	r = isal_inflate(&s->z);
	*out += can_give - s->z.avail_out;
	*n_out -= can_give - s->z.avail_out;
	used = (int64_t)can_take - (int64_t)s->z.avail_in;
	/* At the end it has taken too much.  Newer versions give that back themselves, 2.30 leaves
	 * it in read_in.  Part of it may have come with earlier calls. */
	if (s->z.block_state == ISAL_BLOCK_FINISH) {
		used -= s->z.read_in_length / 8;
		s->z.read_in_length = 0;
	}
	s->n_left = used < 0 ? (size_t)-used : 0;
	if (used > 0) {
		keep_tail(s, start, (size_t)used);
		*in += used;
		*n_in -= (size_t)used;
	}
	return r;
}

static const char *reason(int r)
{
	switch (r) {
	case ISAL_INVALID_BLOCK:
		return "invalid block";
	case ISAL_INVALID_SYMBOL:
		return "invalid symbol";
	case ISAL_INVALID_LOOKBACK:
		return "invalid distance too far back";
	default:
		return "not deflate data";
	}
}

static void prime(struct isal *s, const unsigned char **in, size_t *n_in)
{
	s->z.read_in = (uint64_t) * *in >> s->bit;
	s->z.read_in_length = 8 - (int32_t)s->bit;
	keep_tail(s, *in, 1);
	++*in;
	--*n_in;
	s->bit = 0;
}

static int isal_run(struct gzip_inflate *f, const unsigned char **in, size_t *n_in,
		    unsigned char **out, size_t *n_out, bool stop)
{
	struct isal *s = isal_of(f);
	bool progress;

	(void)stop; /* it cannot */
	if (s->bit > 0 && *n_in > 0)
		prime(s, in, n_in);
	if (s->bit > 0)
		return GZIP_MORE;
	do {
		size_t had_in = *n_in, had_out = *n_out;
		int r = call(s, in, n_in, out, n_out);

		if (r != ISAL_DECOMP_OK) {
			f->error = reason(r);
			return -EBADMSG;
		}
		if (s->z.block_state == ISAL_BLOCK_FINISH)
			return GZIP_END;
		progress = *n_in < had_in || *n_out < had_out;
	} while (*n_in > 0 && *n_out > 0 && progress);
	return GZIP_MORE;
}

static bool isal_place(const struct gzip_inflate *f, struct gzip_place *out)
{
	(void)f;
	(void)out;
	return false;
}

static size_t isal_leftover(const struct gzip_inflate *f, unsigned char out[static 8])
{
	const struct isal *s = (const void *)f;
	size_t n = MIN(s->n_left, sizeof(s->tail));

	memcpy(out, s->tail + sizeof(s->tail) - n, n);
	return n;
}

static void isal_free(struct gzip_inflate *f)
{
	free(isal_of(f));
}

int gzip_isal_new(struct gzip_inflate **out)
{
	static const struct gzip_inflate_ops ops = {
		isal_begin, isal_run, isal_place, isal_leftover, isal_free,
	};
	struct isal *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->base = (struct gzip_inflate){ .ops = &ops };
	s->bit = 0;
	s->n_left = 0;
	memset(s->tail, 0, sizeof(s->tail));
	isal_inflate_init(&s->z);
	*out = &s->base;
	return 0;
}

#endif
