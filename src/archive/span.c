/* SPDX-License-Identifier: MPL-2.0 */
/* span.c - see span.h.  A fill is a job that parks for each compressed chunk and decodes on when it
 * has come.  Whole blocks that come out besides those asked for are published too: their
 * bytes were paid for.  A fill that goes on where one under way ends is added to it, up to a length
 * that still leaves work for the other cores: decoding on costs less than a new beginning.
 */
#include "archive/span.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/stats.h"

#define STEP (1u << 20)  /* compressed bytes fetched at once where the next point is not known */
#define LONGEST 64u      /* blocks: 8 MiB for one job */

struct span {
	struct job job;
	struct waiter waiter;
	struct list link;      /* in the archive's spans while it may be added to */
	struct archive *a;
	bool demand;
	uint64_t start, end;   /* blocks asked for; the archive's lock guards end */
	uint64_t first;        /* of these, the first not published yet */
	struct gzip_span *gzip;
	struct chunk *chunk;   /* compressed bytes being decoded */
	uint64_t fetched;      /* file offset of the byte after chunk */
	const unsigned char *in;
	size_t n_in;
	struct block *part;    /* the block under construction */
	uint64_t out;          /* stream offset of the next byte out */
	bool whole;            /* part began at its block's first byte */
};

static uint64_t end_of(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	return s->end;
}

/* Is everything that was asked for published?  Then nothing more can be added. */
static bool is_done(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	if (s->first < s->end)
		return false;
	list_remove(&s->link);
	return true;
}

static void finish(struct span *s, int err)
{
	pthread_mutex_lock(&s->a->lock);
	list_remove(&s->link);
	pthread_mutex_unlock(&s->a->lock);
	for (uint64_t blk = s->first; blk < s->end; blk++)
		blocks_fail(s->a->stream, blk, err < 0 ? err : -EIO);
	block_unref(s->part);
	chunk_free(s->chunk);
	gzip_span_free(s->gzip);
	free(s);
}

/* Order the compressed bytes from there to the next seek point behind what is wanted, or a step. */
static int fetch(struct span *s, uint64_t from)
{
	struct gzip_point next;
	uint64_t to = from + STEP;

	if (index_point_after(s->a->index, end_of(s) << BLOCK_SHIFT, &next) == 0 &&
	    next.in_bit / 8 >= from)
		to = MIN(next.in_bit / 8 + 1, from + LONGEST * BLOCK_SIZE);
	s->chunk = chunk_free(s->chunk);
	s->n_in = 0;
	s->fetched = MIN(to, s->a->c.raw->size);
	return reader_chunk(s->a->c.raw, (struct range){ from, s->fetched }, s->demand, &s->chunk);
}

/* Find the seek points around what is wanted and order the bytes between them. */
static int begin(struct span *s)
{
	AUTO(auto_free) void *window = NULL;
	struct gzip_point from = { 0 };
	size_t n = 0;
	int r = index_point(s->a->index, s->first << BLOCK_SHIFT, &from, &window, &n);

	if (r < 0 && r != -ENOENT)
		return r;
	r = gzip_span_new(GZIP_MEMBERS, r == 0 ? &from : NULL, window, n, &s->gzip);
	if (r < 0)
		return r;
	s->out = from.out;
	return fetch(s, from.in_bit / 8);
}

/* The decode comes by a block.  Is it asked for?  Beyond the end nothing can be added any more:
 * what was passed would be missing. */
static bool passes(struct span *s, uint64_t blk)
{
	LOCK_SCOPE(&s->a->lock);
	if (blk >= s->end)
		list_remove(&s->link);
	return blk >= s->first && blk < s->end;
}

/* A whole block has come out. */
static void publish(struct span *s, uint64_t blk)
{
	struct block *b = steal(&s->part);
	bool asked = passes(s, blk);

	if (b->len == 0) { /* the stream ended with the block before */
		block_unref(b);
		return;
	}
	if (s->whole && (asked || !blocks_has(s->a->stream, blk)))
		blocks_put(s->a->stream, blk, b);
	else
		block_unref(b);
	if (asked)
		s->first = blk + 1;
}

/* Decode into the current block.  0 = input used up, 1 = a block is full, 2 = the stream has ended,
 * -errno. */
static int decode_block(struct span *s)
{
	size_t at = (size_t)(s->out & (BLOCK_SIZE - 1)), room = BLOCK_SIZE - at;
	unsigned char *to;
	int r;

	if (!s->part) {
		s->part = blocks_make(s->a->stream);
		if (!s->part)
			return -ENOMEM;
		s->whole = at == 0;
	}
	to = s->part->data + at;
	r = gzip_span_run(s->gzip, &s->in, &s->n_in, &to, &room);
	stats_add(inflated_bytes, BLOCK_SIZE - at - room);
	s->out += BLOCK_SIZE - at - room;
	s->part->len = (uint32_t)(BLOCK_SIZE - room);
	if (r < 0)
		return log_error(-EIO, "%s: the compressed data is damaged", s->a->filename);
	return room == 0 ? 1 : r == 1 ? 2 : 0;
}

/* Use up the chunk.  0 = more input is needed, 1 = done, -errno. */
static int decode(struct span *s)
{
	for (;;) {
		int r = decode_block(s);

		if (r < 0)
			return r;
		if (r == 0)
			return is_done(s);
		publish(s, (s->out - (r == 1)) >> BLOCK_SHIFT);
		if (r == 2)
			return 1;
	}
}

/* The file has ended: what is there of the last block is all of it. */
static void publish_last(struct span *s)
{
	if (s->part)
		publish(s, s->out >> BLOCK_SHIFT);
	if (s->first < end_of(s))
		(void)log_error(0, "%s: the compressed data ends too early", s->a->filename);
}

static void span_run(struct job *j)
{
	struct span *s = container_of(j, struct span, job);
	int r = waiter_take_error(&s->waiter);

	if (r == 0 && !s->gzip)
		r = begin(s);
	while (r == 0) {
		r = chunk_wait(s->chunk, &s->waiter);
		if (r == PARKED)
			return;
		if (r < 0)
			break;
		s->in = s->chunk->data;
		s->n_in = range_len(s->chunk->at);
		r = decode(s);
		if (r == 0 && s->fetched == s->a->c.raw->size) {
			publish_last(s);
			break;
		}
		if (r == 0)
			r = fetch(s, s->fetched);
	}
	finish(s, r);
}

static void wake_span(struct waiter *w)
{
	struct span *s = container_of(w, struct span, waiter);

	pool_submit(s->a->c.st->pool, &s->job, s->demand ? JOB_DEMAND : JOB_IDLE);
}

/* Let a decode that ends where this fill begins go on through it. */
static bool add_to_running(struct archive *a, uint64_t first, uint32_t n)
{
	LOCK_SCOPE(&a->lock);
	list_for_each(pos, tmp, &a->spans) {
		struct span *s = list_entry(pos, struct span, link);

		if (s->end != first || first + n - s->start > LONGEST)
			continue;
		s->end += n;
		return true;
	}
	return false;
}

void span_fill(struct archive *a, uint64_t first, uint32_t n, bool demand)
{
	struct span *s;

	if (add_to_running(a, first, n))
		return;
	s = calloc(1, sizeof(*s));

	if (!s) {
		for (uint64_t blk = first; blk < first + n; blk++)
			blocks_fail(a->stream, blk, -ENOMEM);
		return;
	}
	s->a = a;
	s->start = s->first = first;
	s->end = first + n;
	s->demand = demand;
	s->job.run = span_run;
	waiter_init(&s->waiter, wake_span);
	pthread_mutex_lock(&a->lock);
	list_push(&a->spans, &s->link);
	pthread_mutex_unlock(&a->lock);
	pool_submit(a->c.st->pool, &s->job, demand ? JOB_DEMAND : JOB_IDLE);
}
