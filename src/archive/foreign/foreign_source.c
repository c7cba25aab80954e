/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_source.c - see foreign_source.h. */
#include "archive/foreign/foreign_source.h"

#include <stdatomic.h>

#include "archive/feed.h"

#define STEP (64u << 10)  /* bytes of one scattered read */
#define CALM (256u << 10) /* after so many in order a feed begins */
#define NEAR (1u << 20)	  /* a feed reads through a gap of so many */

struct foreign_source {
	struct foreign_source_config c;
	uint64_t pos;	   /* the next byte to hand out */
	uint64_t in_order; /* bytes read since the last jump */
	int error;
	struct feed *feed;	    /* NULL: reads are scattered */
	const unsigned char *piece; /* of the feed, ends at its offset */
	size_t n_piece;
	unsigned char buf[STEP];
};

int foreign_source_new(const struct foreign_source_config *c, struct foreign_source **out)
{
	struct foreign_source *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->c = *c;
	*out = s;
	return 0;
}

struct foreign_source *foreign_source_free(struct foreign_source *s)
{
	if (s)
		feed_free(s->feed);
	free(s);
	return NULL;
}

static void end_feed(struct foreign_source *s)
{
	s->feed = feed_free(s->feed);
	s->n_piece = 0;
	s->in_order = 0;
}

static int64_t read_scattered(struct foreign_source *s, const void **p)
{
	int64_t n = reader_pread_wait(s->c.raw, s->buf, STEP, s->pos, s->c.stop);

	if (n > 0) {
		s->in_order += (uint64_t)n;
		*p = s->buf;
	}
	return n;
}

/* Bring the feed to the byte at pos, which is before it by NEAR at most.  Bytes, 0, -errno. */
static int64_t read_fed(struct foreign_source *s, const void **p)
{
	uint64_t end;

	while ((end = feed_offset(s->feed)) <= s->pos) {
		int r = feed_next(s->feed, &s->piece, &s->n_piece);

		if (r <= 0)
			return r;
	}
	*p = s->piece + (s->n_piece - (end - s->pos));
	return (int64_t)(end - s->pos);
}

/* Is the byte at pos in the feed's piece, or a little later? */
static bool feed_reaches(const struct foreign_source *s)
{
	uint64_t at = feed_offset(s->feed);

	return s->pos >= at - s->n_piece && s->pos <= at + NEAR;
}

static int choose(struct foreign_source *s)
{
	if (s->feed && !feed_reaches(s))
		end_feed(s);
	if (s->feed || s->in_order < CALM)
		return 0;
	return feed_new(s->c.raw, s->pos, s->c.max_ranges, s->c.max_bytes, s->c.stop, &s->feed);
}

int64_t foreign_source_read(struct foreign_source *s, const void **p)
{
	int64_t n = s->error;

	if (n == 0 && s->pos >= s->c.raw->size)
		return 0;
	if (n == 0 && atomic_load(s->c.stop))
		n = -ECANCELED;
	if (n == 0)
		n = choose(s);
	if (n == 0)
		n = s->feed ? read_fed(s, p) : read_scattered(s, p);
	if (n < 0) {
		s->error = (int)n;
		return n;
	}
	if (s->c.seen)
		s->c.seen(s->c.seen_arg, s->pos, *p, (size_t)n);
	s->pos += (uint64_t)n;
	return n;
}

uint64_t foreign_source_skip(struct foreign_source *s, uint64_t n)
{
	uint64_t left = s->pos < s->c.raw->size ? s->c.raw->size - s->pos : 0;

	n = MIN(n, left);
	foreign_source_seek(s, s->pos + n);
	return n;
}

void foreign_source_seek(struct foreign_source *s, uint64_t pos)
{
	if (pos > s->pos + NEAR || pos < s->pos)
		s->in_order = 0;
	s->pos = pos;
}

uint64_t foreign_source_position(const struct foreign_source *s)
{
	return s->pos;
}

uint64_t foreign_source_size(const struct foreign_source *s)
{
	return s->c.raw->size;
}

int foreign_source_error(const struct foreign_source *s)
{
	return s->error;
}
