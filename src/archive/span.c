/* SPDX-License-Identifier: MPL-2.0 */
/* span.c - see span.h.  A fill is a job that parks for each compressed chunk and decodes on when it
 * has come.  Whole blocks that come out besides those asked for are published too: their
 * bytes were paid for.  A fill that goes on where one under way ends is added to it, up to a length
 * that still leaves work for the other cores: decoding on costs less than a new beginning.
 *
 * Where the stream consists of units (codec.h) a unit is decoded once, for everybody who wants
 * something of it, and to its end: to begin it again for each piece of a large one would be
 * quadratic.  Who does what is decided in wanted.c.
 */
#include "archive/span.h"

#include <string.h>

#include "archive/codec/codec.h"
#include "archive/format.h"
#include "archive/wanted.h"
#include "base/log.h"
#include "base/stats.h"

#define STEP (1u << 20) /* compressed bytes fetched at once where the next point is not known */
#define UNIT_STEP (8u << 20)	/* ... of one unit, */
#define EDGE_STEP BLOCK_SIZE	/* ... of one whose first bytes alone are wanted */
#define LONGEST_STEP (8u << 20) /* ... where it is */
#define TURN 16u		/* blocks decoded before others get their turn in the pool */

enum { MORE = 0, DONE = 1, LATER = 2 }; /* what decoding came to */

struct span {
	struct wanted wanted; /* what it is to bring, and its job */
	struct waiter waiter;
	struct archive *a;
	const struct codec *codec;

	struct gzip_point from, next; /* the unit's beginning, and the next one's */
	bool has_next;		      /* else this is the last unit */
	uint64_t in_end;	      /* file offset: the decoder needs no more */
	uint64_t reach; /* blocks before this are decoded in any case; 0 = not looked */
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

static void finish(struct span *s, int err)
{
	wanted_chunk(&s->wanted, NULL);
	wanted_leave(&s->wanted, err < 0 ? err : -EIO);
	block_unref(s->part);
	chunk_free(s->chunk);
	decoder_free(s->decoder);
	free(s);
}

/* ---- input ---- */

/* Order the compressed bytes from there to the end of the unit, or to the next seek point behind
 * what is wanted, or a step. */
static int fetch(struct span *s, uint64_t from)
{
	struct gzip_point next;
	uint64_t to;
	int r;

	to = MIN(s->in_end, from + (wanted_edge(&s->wanted, s->out) ? EDGE_STEP : UNIT_STEP));
	if (s->codec->sequential) {
		to = from + STEP;
		if (index_point_after(s->a->index, wanted_end(&s->wanted) << BLOCK_SHIFT, &next) ==
			    0 &&
		    next.in_bit / 8 >= from)
			to = MIN(next.in_bit / 8 + 1, from + LONGEST_STEP);
	}
	wanted_chunk(&s->wanted, NULL);
	s->chunk = chunk_free(s->chunk);
	s->in = NULL;
	s->n_in = 0;
	s->fetched = MIN(to, s->a->c.raw->size);
	r = reader_chunk(s->a->c.raw, (struct range){ from, s->fetched },
			 atomic_load(&s->wanted.demand), &s->chunk);
	if (r == 0)
		wanted_chunk(&s->wanted, s->chunk);
	return r;
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
	uint64_t first;
	bool none;
	int r;

	if (!wanted_first(&s->wanted, &first))
		return DONE;
	r = index_point(s->a->index, first << BLOCK_SHIFT, &s->from, &window, &n);
	none = r == -ENOENT;
	if (r < 0 && !none)
		return r;
	if (none)
		s->from = (struct gzip_point){ 0 };
	if (!wanted_begin(&s->wanted, &s->from))
		return DONE;
	r = (s->exact ? s->codec->exact : s->codec->decoder)(none ? NULL : &s->from, window, n,
							     &s->decoder);
	if (r < 0)
		return r;
	s->out = s->from.out;
	find_end(s);
	return fetch(s, s->from.in_bit / 8);
}

/* ---- output ---- */

static bool is_there(struct span *s, uint64_t blk)
{
	return blocks_has(s->a->stream, blk) && !blocks_filling(s->a->stream, blk);
}

/* A beginning that cost much pays for an eighth more: who reads on in small steps would else begin as
 * often there. */
static uint64_t find_reach_on(struct span *s)
{
	AUTO(auto_free) void *window = NULL;
	uint64_t at = s->out >> BLOCK_SHIFT;
	struct gzip_point p;
	size_t n;

	if (index_point(s->a->index, s->out, &p, &window, &n) < 0)
		p = (struct gzip_point){ 0 };
	return at + ((s->out - MIN(p.out, s->out)) >> (BLOCK_SHIFT + 3));
}

/* The end of the unit. */
static uint64_t find_reach_in_unit(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT, size = blocks_size(s->a->stream);
	uint64_t end = s->has_next ? s->next.out : size < UINT64_MAX ? size : 0;

	return MIN(end >> BLOCK_SHIFT, at + (UNIT_MAX >> BLOCK_SHIFT));
}

/* How far blocks are decoded though nobody asked for them: up to the last one that is not there. */
static uint64_t find_reach(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT, end;

	if (s->wanted.edge) /* nobody but this job changes it */
		return 0;
	end = s->codec->sequential ? find_reach_on(s) : find_reach_in_unit(s);
	while (end > at && is_there(s, end - 1))
		end--;
	return end;
}

/* Is everything that was asked for published?  Then nothing more can be added. */
static bool is_done(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT;

	if (s->codec->sequential && wanted_any(&s->wanted))
		s->reach = 0;
	else if (s->reach == 0)
		s->reach = find_reach(s);
	return at >= s->reach && wanted_nothing(&s->wanted);
}

/* How much of a block lies inside the stream, as far as that is good. */
static uint64_t inside(struct span *s, uint64_t blk)
{
	uint64_t size = blocks_size(s->a->stream), start = blk << BLOCK_SHIFT;

	return size > start ? size - start : 0;
}

/* A whole block has come out.  It is shown before its turn is over: a reader that comes in between finds it,
 * and no decode begins anew for it. */
static void publish(struct span *s, uint64_t blk)
{
	AUTO(auto_block_unref) struct block *b = steal(&s->part);
	bool missing;

	s->turn++;
	b->len = (uint32_t)MIN(b->len, inside(s, blk));
	if (b->len == 0 || !s->whole) /* 0: the stream ended with the block before */
		return;
	missing = !is_there(s, blk);
	if (missing)
		blocks_show(s->a->stream, blk, b);
	if (wanted_passes(&s->wanted, blk) || missing)
		blocks_put(s->a->stream, blk, steal(&b));
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
	return s->codec->exact && !s->exact && s->out != blocks_size(s->a->stream) &&
	       wanted_any(&s->wanted);
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
	if (wanted_any(&s->wanted))
		(void)log_error(0, "%s: the compressed data ends too early", s->a->filename);
	return DONE;
}

/* Leave to those who are at the next unit already what lies in it.  True: nothing is left to do here. */
static bool enter_next(struct span *s)
{
	s->from = s->next;
	return !wanted_enter(&s->wanted, &s->from, (s->out + BLOCK_SIZE - 1) >> BLOCK_SHIFT);
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
	if (enter_next(s))
		return DONE;
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
	struct span *s = container_of(j, struct span, wanted.job);
	int r = waiter_take_error(&s->waiter);

	while (r == MORE)
		r = step(s);
	if (r == PARKED)
		return;
	if (r == LATER) {
		wanted_settle(&s->wanted); /* the rest of the unit may be for nobody yet */
		wanted_submit(&s->wanted);
		return;
	}
	finish(s, r < 0 ? r : 0);
}

static void wake_span(struct waiter *w)
{
	wanted_submit(&container_of(w, struct span, waiter)->wanted);
}

/* ---- fills ---- */

static struct span *span_new(struct archive *a, uint64_t first, bool demand)
{
	struct span *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->a = a;
	s->codec = a->format->codec;
	wanted_init(&s->wanted, a, first, demand, span_run);
	waiter_init(&s->waiter, wake_span);
	return s;
}

void span_fill(struct archive *a, uint64_t first, uint32_t n, bool demand)
{
	AUTO(auto_free) struct span *s = span_new(a, first, demand);
	struct asked *k = s ? asked_new(first, first + n, demand) : NULL;
	bool taken;

	if (!k) {
		for (uint64_t blk = first; blk < first + n; blk++)
			blocks_fail(a->stream, blk, -ENOMEM);
		return;
	}
	wanted_order(&s->wanted, k, &taken);
	if (taken)
		s = NULL;
}

void span_hurry(struct archive *a, uint64_t blk)
{
	wanted_hurry(a, blk);
}
