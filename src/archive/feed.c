/* SPDX-License-Identifier: MPL-2.0 */
/* feed.c - see feed.h. */
#include "archive/feed.h"

#include <string.h>

#define MAX_CHUNKS 64u
#define FIRST_CHUNK (256u << 10)
#define LARGEST_CHUNK (4u << 20)
#define PIECE (256u << 10) /* handed out at once: checkpoints come between pieces */

struct feed {
	struct reader *reader;
	const _Atomic bool *stop;
	unsigned max_ranges;
	uint64_t max_bytes;
	uint64_t end; /* no byte from here on is wanted */
	uint64_t chunk_size;
	unsigned window;		 /* ranges under way at once, now */
	struct chunk *chunk[MAX_CHUNKS]; /* in order; [0] is being handed out */
	unsigned n;
	uint64_t ordered; /* the next range to order begins here */
	uint64_t off;	  /* next byte to hand out */
};

int feed_new(struct reader *r, uint64_t off, unsigned max_ranges, uint64_t max_bytes,
	     const _Atomic bool *stop, struct feed **out)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->reader = r;
	f->stop = stop;
	f->max_ranges = MIN(MAX(max_ranges, 1), MAX_CHUNKS);
	if (r->ahead_max > 0)
		max_bytes = MIN(max_bytes, r->ahead_max);
	f->max_bytes = MAX(max_bytes, 2 * (uint64_t)FIRST_CHUNK);
	f->end = r->size;
	f->chunk_size = FIRST_CHUNK;
	f->window = 1;
	f->off = f->ordered = off;
	*out = f;
	return 0;
}

void feed_set_end(struct feed *f, uint64_t end)
{
	f->end = MIN(end, f->reader->size);
}

struct feed *feed_free(struct feed *f)
{
	if (!f)
		return NULL;
	for (unsigned i = 0; i < f->n; i++)
		chunk_free(f->chunk[i]);
	free(f);
	return NULL;
}

static int order(struct feed *f)
{
	while (f->n < f->window && f->ordered < f->end) {
		struct range at = { f->ordered, MIN(f->ordered + f->chunk_size, f->end) };
		int r = reader_chunk(f->reader, at, true, &f->chunk[f->n]);

		if (r < 0)
			return r;
		f->n++;
		f->ordered = at.to;
	}
	return 0;
}

static void drop_first(struct feed *f)
{
	chunk_free(f->chunk[0]);
	f->n--;
	memmove(f->chunk, f->chunk + 1, f->n * sizeof(f->chunk[0]));
}

/* The consumer came back for more: larger ranges, then more of them. */
static void grow(struct feed *f)
{
	if (memory_tight(f->reader->memory)) { /* with what is there a pass goes on as well */
		f->chunk_size = MAX(f->chunk_size / 2, FIRST_CHUNK);
		return;
	}
	if (f->chunk_size < LARGEST_CHUNK && f->chunk_size * 2 * f->window <= f->max_bytes)
		f->chunk_size *= 2;
	if (f->window < f->max_ranges && f->chunk_size * (f->window + 1) <= f->max_bytes)
		f->window++;
}

int feed_next(struct feed *f, const unsigned char **p, size_t *n)
{
	int r;

	if (f->n > 0 && f->off == f->chunk[0]->at.to) {
		drop_first(f);
		grow(f);
	}
	if (f->off >= f->end)
		return 0;
	r = order(f);
	if (r == 0)
		r = chunk_wait_thread(f->chunk[0], f->stop);
	if (r < 0)
		return r;
	*p = f->chunk[0]->data + (f->off - f->chunk[0]->at.from);
	*n = (size_t)MIN(PIECE, f->chunk[0]->at.to - f->off);
	f->off += *n;
	return 1;
}

bool feed_ready(struct feed *f)
{
	unsigned i = f->n > 0 && f->off == f->chunk[0]->at.to; /* used up: the next one counts */

	return f->off >= f->end || f->n == 0 || i >= f->n || chunk_ready(f->chunk[i]);
}

uint64_t feed_offset(const struct feed *f)
{
	return f->off;
}
