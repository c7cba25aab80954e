/* SPDX-License-Identifier: MPL-2.0 */
/* span.c - see span.h.  A fill is a job that parks for each compressed chunk and decodes on when it
 * has come.  Whole blocks that come out besides those asked for are published too: their
 * bytes were paid for.  A fill that goes on where one under way ends is added to it, up to a length
 * that still leaves work for the other cores: decoding on costs less than a new beginning.
 *
 * Where the stream consists of units (codec.h) a unit is decoded once, for everybody who wants
 * something of it, and to its end: to begin it again for each piece of a large one would be
 * quadratic.  Few are decoded at a time, since each may need tens of megabytes.
 */
#include "archive/span.h"

#include <string.h>

#include "archive/codec/codec.h"
#include "archive/format.h"
#include "base/log.h"
#include "base/stats.h"

#define STEP (1u << 20) /* compressed bytes fetched at once where the next point is not known */
#define UNIT_STEP (8u << 20) /* ... of one unit, */
#define EDGE_STEP BLOCK_SIZE /* ... of one whose first bytes alone are wanted */
#define LONGEST 64u	     /* blocks: 8 MiB for one job */
#define TURN 16u	     /* blocks decoded before others get their turn in the pool */
#define MAX_UNITS 8u	     /* decoded at a time in one archive */
#define NOWHERE UINT64_MAX

enum { MORE = 0, DONE = 1, LATER = 2 }; /* what decoding came to */

struct span {
	struct job job;
	struct waiter waiter;
	struct list link; /* in the archive's spans while it may be added to */
	struct archive *a;
	const struct codec *codec;
	bool demand;

	/* Guarded by the archive's lock. */
	bool begun;	     /* counted in the archive's n_spans */
	uint64_t start, end; /* blocks asked for */
	uint64_t first;	     /* of these, the first not published yet */
	uint64_t passed;     /* blocks before this do not come any more */
	uint64_t unit;	     /* the point that is decoded from, its in_bit; NOWHERE = not yet */

	struct gzip_point from, next; /* the unit's beginning, and the next one's */
	bool has_next;		      /* else this is the last unit */
	uint64_t in_end;	      /* file offset: the decoder needs no more */
	bool edge;	/* only the block that goes over its beginning is wanted of this unit */
	uint64_t reach; /* units: blocks before this are decoded in any case; 0 = not looked */
	bool exact;	/* the first attempt met damage: this one gives all before it */
	struct decoder *decoder;
	struct chunk *chunk;	 /* compressed bytes being decoded */
	uint64_t fetched;	 /* file offset of the byte after chunk */
	const unsigned char *in; /* NULL: the chunk has not come yet */
	size_t n_in;
	struct block *part; /* the block under construction */
	uint64_t out;	    /* stream offset of the next byte out */
	bool whole;	    /* part began at its block's first byte */
	unsigned turn;	    /* blocks decoded in this one */
};

static uint64_t end_of(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	return s->end;
}

static void submit(struct span *s)
{
	pool_submit(s->a->c.st->pool, &s->job, s->demand ? JOB_DEMAND : JOB_IDLE);
}

static bool is_wanted(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	return s->first < s->end;
}

/* ---- which decodes run ---- */

static bool may_begin_locked(struct span *s)
{
	if (!s->codec->sequential && s->a->n_spans >= MAX_UNITS)
		return false;
	s->begun = true;
	s->a->n_spans++;
	return true;
}

/* This one ends: another one may begin. */
static void leave_locked(struct span *s)
{
	list_remove(&s->link);
	s->a->n_spans--;
	list_for_each(pos, tmp, &s->a->spans) {
		struct span *next = list_entry(pos, struct span, link);

		if (!next->begun && may_begin_locked(next)) {
			submit(next);
			return;
		}
	}
}

static void finish(struct span *s, int err)
{
	pthread_mutex_lock(&s->a->lock);
	leave_locked(s);
	pthread_mutex_unlock(&s->a->lock);
	for (uint64_t blk = s->first; blk < s->end; blk++)
		blocks_fail(s->a->stream, blk, err < 0 ? err : -EIO);
	block_unref(s->part);
	chunk_free(s->chunk);
	decoder_free(s->decoder);
	free(s);
}

/* Leave what is wanted to another decode, which works on this very unit and has not come by.  True:
 * nothing is left to do here. */
static bool hand_over(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	s->unit = s->from.in_bit;
	if (s->codec->sequential)
		return false;
	list_for_each(pos, tmp, &s->a->spans) {
		struct span *t = list_entry(pos, struct span, link);

		if (t == s || t->unit != s->unit || t->passed > s->first)
			continue;
		t->end = MAX(t->end, s->end);
		t->first = MIN(t->first, s->first);
		s->first = s->end;
		return true;
	}
	return false;
}

/* ---- input ---- */

/* Is nothing wanted behind the block under construction? */
static bool ends_at_edge(struct span *s)
{
	return end_of(s) << BLOCK_SHIFT <= s->out + BLOCK_SIZE - 1;
}

/* Order the compressed bytes from there to the end of the unit, or to the next seek point behind
 * what is wanted, or a step. */
static int fetch(struct span *s, uint64_t from)
{
	struct gzip_point next;
	uint64_t to;

	s->edge =
		s->edge && ends_at_edge(s); /* another decode may have left its wants to this one */
	to = MIN(s->in_end, from + (s->edge ? EDGE_STEP : UNIT_STEP));
	if (s->codec->sequential) {
		to = from + STEP;
		if (index_point_after(s->a->index, end_of(s) << BLOCK_SHIFT, &next) == 0 &&
		    next.in_bit / 8 >= from)
			to = MIN(next.in_bit / 8 + 1, from + LONGEST * BLOCK_SIZE);
	}
	s->chunk = chunk_free(s->chunk);
	s->in = NULL;
	s->n_in = 0;
	s->fetched = MIN(to, s->a->c.raw->size);
	return reader_chunk(s->a->c.raw, (struct range){ from, s->fetched }, s->demand, &s->chunk);
}

/* Go on with the compressed byte at off, which may lie in the chunk. */
static int input_at(struct span *s, uint64_t off)
{
	if (!s->chunk || !s->in || off < s->chunk->at.from || off >= s->fetched)
		return fetch(s, off);
	s->in = s->chunk->data + (off - s->chunk->at.from);
	s->n_in = (size_t)(s->fetched - off);
	return MORE;
}

/* Look where the unit ends that begins at s->from. */
static void find_end(struct span *s)
{
	uint64_t size = s->a->c.raw->size;

	s->has_next = !s->codec->sequential &&
		      index_point_after(s->a->index, s->from.out + 1, &s->next) == 0;
	s->in_end = s->has_next ? MIN((s->next.in_bit + 7) / 8 + s->codec->overlap, size) : size;
	s->reach = 0;
}

static int begin(struct span *s)
{
	AUTO(auto_free) void *window = NULL;
	size_t n = 0;
	int r = index_point(s->a->index, s->first << BLOCK_SHIFT, &s->from, &window, &n);
	bool none = r == -ENOENT;

	if (r < 0 && !none)
		return r;
	if (hand_over(s))
		return DONE;
	if (none)
		s->from = (struct gzip_point){ 0 };
	r = (s->exact ? s->codec->exact : s->codec->decoder)(none ? NULL : &s->from, window, n,
							     &s->decoder);
	if (r < 0)
		return r;
	s->out = s->from.out;
	find_end(s);
	return fetch(s, s->from.in_bit / 8);
}

/* ---- output ---- */

/* How far this unit's blocks are decoded though nobody asked for them: up to the last one that is
 * not there. */
static uint64_t find_reach(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT, size = blocks_size(s->a->stream);
	uint64_t end = s->has_next ? s->next.out : size < UINT64_MAX ? size : 0;

	if (s->edge)
		return 0;
	end = MIN(end >> BLOCK_SHIFT, at + (UNIT_MAX >> BLOCK_SHIFT));
	while (end > at && blocks_has(s->a->stream, end - 1))
		end--;
	return end;
}

/* Is everything that was asked for published?  Then nothing more can be added. */
static bool is_done(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT;

	if (!s->codec->sequential && s->reach == 0)
		s->reach = find_reach(s);
	LOCK_SCOPE(&s->a->lock);
	if (s->first < s->end || at < s->reach)
		return false;
	list_remove(&s->link);
	return true;
}

/* The decode comes by a block.  Is it asked for?  Of a sequential stream beyond the end nothing can
 * be added any more: what was passed would be missing. */
static bool passes(struct span *s, uint64_t blk)
{
	LOCK_SCOPE(&s->a->lock);
	s->passed = blk + 1;
	if (blk >= s->end && s->codec->sequential)
		list_remove(&s->link);
	if (blk < s->first || blk >= s->end)
		return false;
	s->first = blk + 1;
	return true;
}

/* How much of a block lies inside the stream, as far as that is good. */
static uint64_t inside(struct span *s, uint64_t blk)
{
	uint64_t size = blocks_size(s->a->stream), start = blk << BLOCK_SHIFT;

	return size > start ? size - start : 0;
}

/* A whole block has come out. */
static void publish(struct span *s, uint64_t blk)
{
	struct block *b = steal(&s->part);
	bool asked;

	s->turn++;
	b->len = (uint32_t)MIN(b->len, inside(s, blk));
	if (b->len == 0) { /* the stream ended with the block before */
		block_unref(b);
		return;
	}
	asked = s->whole && passes(s, blk);
	if (s->whole && (asked || !blocks_has(s->a->stream, blk)))
		blocks_put(s->a->stream, blk, b);
	else
		block_unref(b);
}

static int make_part(struct span *s)
{
	if (s->part)
		return 0;
	s->part = blocks_make(s->a->stream);
	s->whole = s->out % BLOCK_SIZE == 0;
	return s->part ? 0 : -ENOMEM;
}

/* Of a damaged stream the last block ends where the damage begins. */
static int damaged(struct span *s)
{
	if (s->part && s->out >= blocks_size(s->a->stream))
		publish(s, blocks_size(s->a->stream) >> BLOCK_SHIFT);
	return log_error(-EIO, "%s: the compressed data is damaged", s->a->filename);
}

/* The stream fails, and not where the pass did.  Was that not exact? */
static bool is_inexact(struct span *s)
{
	return s->codec->exact && !s->exact && s->out != blocks_size(s->a->stream) && is_wanted(s);
}

/* Begin anew, and get all that there is before the damage. */
static int begin_exact(struct span *s)
{
	s->exact = true;
	block_unref(s->part);
	s->part = NULL;
	s->decoder = decoder_free(s->decoder);
	return begin(s);
}

/* Decode into the current block.  0 = input used up, 1 = a block is full, 2 = the unit has ended,
 * -errno; -EBADMSG = damaged. */
static int decode_block(struct span *s)
{
	size_t at = (size_t)(s->out & (BLOCK_SIZE - 1)), room = BLOCK_SIZE - at;
	unsigned char *to;
	int r = make_part(s);

	if (r < 0)
		return r;
	to = s->part->data + at;
	r = decoder_run(s->decoder, &s->in, &s->n_in, &to, &room);
	stats_add(inflated_bytes, BLOCK_SIZE - at - room);
	s->out += BLOCK_SIZE - at - room;
	s->part->len = (uint32_t)(BLOCK_SIZE - room);
	if (r >= 0 &&
	    s->out > blocks_size(s->a->stream)) /* the pass has found damage before that */
		r = -EBADMSG;
	if (r < 0)
		return r;
	if (room == 0)
		publish(s, (s->out - 1) >> BLOCK_SHIFT);
	return r == DECODER_ENDED ? 2 : room == 0;
}

/* The stream has ended: what is there of the last block is all of it. */
static int end_stream(struct span *s)
{
	if (s->part && (s->codec->sequential || s->out == blocks_size(s->a->stream)))
		publish(s, s->out >> BLOCK_SHIFT);
	if (is_wanted(s))
		(void)log_error(0, "%s: the compressed data ends too early", s->a->filename);
	return DONE;
}

/* A unit has ended; a block that goes over its end, or more, may still be wanted. */
static int next_unit(struct span *s)
{
	int r;

	if (!s->has_next)
		find_end(s); /* the pass may have come to the next one */
	if (!s->has_next)
		return end_stream(s);
	if (s->out != s->next.out)
		return damaged(s);
	s->reach = 0;
	if (is_done(s))
		return DONE;
	s->edge = ends_at_edge(s);
	s->from = s->next;
	pthread_mutex_lock(&s->a->lock);
	s->unit = s->from.in_bit;
	pthread_mutex_unlock(&s->a->lock);
	s->decoder = decoder_free(s->decoder);
	r = s->codec->decoder(&s->from, NULL, 0, &s->decoder);
	find_end(s);
	return r < 0 ? r : input_at(s, s->from.in_bit / 8);
}

/* All input up to in_end went in. */
static int end_input(struct span *s)
{
	if (s->codec->sequential)
		return is_inexact(s) ? begin_exact(s) : end_stream(s);
	return s->decoder->ops->end(s->decoder) < 0 ? damaged(s) : next_unit(s);
}

/* Use up the chunk.  MORE, DONE, LATER, -errno. */
static int decode(struct span *s)
{
	s->turn = 0;
	while (s->turn < TURN) {
		int r = decode_block(s);

		if (r == -EBADMSG)
			r = is_inexact(s) ? begin_exact(s) : damaged(s);
		else if (r == 2)
			r = s->codec->sequential ? end_stream(s) : next_unit(s);
		else if (r == 0 && s->fetched == s->in_end)
			r = end_input(s);
		else if (r == 0)
			r = is_done(s) ? DONE : fetch(s, s->fetched);
		else if (r == 1)
			r = is_done(s) ? DONE : MORE;
		if (r != MORE || !s->in)
			return r;
	}
	return LATER;
}

static int step(struct span *s)
{
	int r = s->decoder ? 0 : begin(s);

	if (r == 0)
		r = chunk_wait(s->chunk, &s->waiter);
	if (r != 0)
		return r;
	if (!s->in) {
		s->in = s->chunk->data;
		s->n_in = range_len(s->chunk->at);
	}
	return decode(s);
}

static void span_run(struct job *j)
{
	struct span *s = container_of(j, struct span, job);
	int r = waiter_take_error(&s->waiter);

	while (r == MORE)
		r = step(s);
	if (r == PARKED)
		return;
	if (r == LATER) {
		s->demand &= is_wanted(s); /* the rest of the unit is for nobody yet */
		submit(s);
		return;
	}
	finish(s, r < 0 ? r : 0);
}

static void wake_span(struct waiter *w)
{
	submit(container_of(w, struct span, waiter));
}

/* ---- fills ---- */

/* Let a decode that ends where this fill begins go on through it. */
static bool add_to_running(struct archive *a, uint64_t first, uint32_t n)
{
	LOCK_SCOPE(&a->lock);
	list_for_each(pos, tmp, &a->spans) {
		struct span *s = list_entry(pos, struct span, link);

		if (s->end != first || s->passed > first || first + n - s->start > LONGEST)
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
	s->codec = a->format->codec;
	s->start = s->first = first;
	s->end = first + n;
	s->unit = NOWHERE;
	s->demand = demand;
	s->job.run = span_run;
	waiter_init(&s->waiter, wake_span);
	LOCK_SCOPE(&a->lock);
	list_push(&a->spans, &s->link);
	if (may_begin_locked(s))
		submit(s);
}
