/* SPDX-License-Identifier: MPL-2.0 */
/* span.c - see span.h.  A fill is a job that parks for each compressed chunk and decodes on when it
 * has come.  Whole blocks that come out besides those asked for are published too: their
 * bytes were paid for.  A fill that goes on where one under way ends is added to it, up to a length
 * that still leaves work for the other cores: decoding on costs less than a new beginning.
 *
 * Where the stream consists of units (codec.h) a unit is decoded once, for everybody who wants
 * something of it, and to its end: to begin it again for each piece of a large one would be
 * quadratic.  Few are decoded at a time, since each may need tens of megabytes.
 *
 * What was asked for is kept as ranges, each with one decode.  A block that comes out of any decode is
 * taken off whichever list has it, so that it has exactly one end, and who finds nothing left
 * on his own list has nothing to do.
 */
#include "archive/span.h"

#include <string.h>

#include "archive/asked.h"
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
#define KEPT_UNITS 2u	     /* ... of these, for somebody who waits */
#define NOWHERE UINT64_MAX

enum { MORE = 0, DONE = 1, LATER = 2 }; /* what decoding came to */

struct span {
	struct job job;
	struct waiter waiter;
	struct list link; /* in the archive's spans while it may be added to */
	struct archive *a;
	const struct codec *codec;
	_Atomic bool demand; /* somebody waits; written under the lock */

	/* Guarded by the archive's lock. */
	bool begun;	     /* counted in the archive's n_spans */
	struct list asked;   /* struct asked; none begins before `passed` */
	uint64_t start, end; /* blocks asked for so far lie in these */
	uint64_t passed;     /* blocks before this do not come any more */
	uint64_t unit;	     /* the point that is decoded from, its in_bit; NOWHERE = not yet */
	bool edge; /* only the block that goes over its beginning is wanted of this unit */

	struct gzip_point from, next; /* the unit's beginning, and the next one's */
	bool has_next;		      /* else this is the last unit */
	uint64_t in_end;	      /* file offset: the decoder needs no more */
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
	pool_submit(s->a->c.st->pool, &s->job, atomic_load(&s->demand) ? JOB_DEMAND : JOB_IDLE);
}

/* ---- which decodes run, and what is asked of them ---- */

static bool may_begin_locked(struct span *s)
{
	unsigned max = atomic_load(&s->demand) ? MAX_UNITS : MAX_UNITS - KEPT_UNITS;

	if (!s->codec->sequential && s->a->n_spans >= max)
		return false;
	s->begun = true;
	s->a->n_spans++;
	return true;
}

/* Somebody waits for something: its decode goes before those that nobody waits for. */
static void raise_locked(struct span *s)
{
	if (atomic_exchange(&s->demand, true))
		return;
	if (s->begun)
		pool_raise(s->a->c.st->pool, &s->job, JOB_DEMAND);
	else if (may_begin_locked(s))
		submit(s);
}

static void ask_locked(struct span *s, struct asked *k)
{
	list_push(&s->asked, &k->link);
	s->end = MAX(s->end, k->end);
	if (k->demand)
		raise_locked(s);
}

static bool is_wanted(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	return !list_empty(&s->asked);
}

/* Does somebody still wait for this, or is the rest for later? */
static void look_for_demand(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	atomic_store(&s->demand, asked_on_demand(&s->asked));
}

/* Is nothing left to do here?  Then nothing more can be added. */
static bool is_idle_locked(struct span *s)
{
	if (!list_empty(&s->asked))
		return false;
	list_remove(&s->link);
	return true;
}

/* The first block that is still to come; others may have come while this waited for its turn. */
static bool first_asked(struct span *s, uint64_t *first)
{
	LOCK_SCOPE(&s->a->lock);
	while ((*first = asked_first(&s->asked)) != ASKED_NOTHING &&
	       !blocks_filling(s->a->stream, *first))
		(void)asked_take(&s->asked, *first); /* a range's front: needs no memory */
	return !is_idle_locked(s);
}

/* Leave the blocks from this one on to those who decode this very unit and have not come by; best to one
 * that wants more of it than its edge. */
static void hand_over_locked(struct span *s, uint64_t from)
{
	for (int edge = 0; edge < 2; edge++) {
		list_for_each(pos, tmp, &s->a->spans) {
			struct span *t = list_entry(pos, struct span, link);

			if (t == s || t->unit != s->unit || t->edge != edge)
				continue;
			asked_move(&s->asked, MAX(from, t->passed), &t->asked);
			t->end = MAX(t->end, asked_end(&t->asked));
			if (asked_on_demand(&t->asked))
				raise_locked(t);
		}
	}
	s->end = asked_end(&s->asked);
}

/* This one ends: another one may begin. */
static void leave_locked(struct span *s)
{
	list_remove(&s->link);
	s->a->n_spans--;
	for (int demand = 1; demand >= 0; demand--) {
		list_for_each(pos, tmp, &s->a->spans) {
			struct span *next = list_entry(pos, struct span, link);

			if (!next->begun && atomic_load(&next->demand) == demand &&
			    may_begin_locked(next)) {
				submit(next);
				return;
			}
		}
	}
}

static void finish(struct span *s, int err)
{
	pthread_mutex_lock(&s->a->lock);
	leave_locked(s);
	pthread_mutex_unlock(&s->a->lock);
	asked_fail(&s->asked, s->a->stream, err < 0 ? err : -EIO);
	block_unref(s->part);
	chunk_free(s->chunk);
	decoder_free(s->decoder);
	free(s);
}

/* Now that the unit is known: leave what is wanted to another decode of it.  True: nothing is left to do
 * here. */
static bool hand_over(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	s->unit = s->from.in_bit;
	if (!s->codec->sequential)
		hand_over_locked(s, 0);
	return is_idle_locked(s);
}

/* ---- input ---- */

/* Is nothing wanted behind the block under construction? */
static bool ends_at_edge_locked(struct span *s)
{
	return s->end << BLOCK_SHIFT <= s->out + BLOCK_SIZE - 1;
}

/* Another decode may have left its wants to this one. */
static void look_beyond_edge(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	s->edge = s->edge && ends_at_edge_locked(s);
}

/* Order the compressed bytes from there to the end of the unit, or to the next seek point behind
 * what is wanted, or a step. */
static int fetch(struct span *s, uint64_t from)
{
	struct gzip_point next;
	uint64_t to;

	look_beyond_edge(s);
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
	return reader_chunk(s->a->c.raw, (struct range){ from, s->fetched },
			    atomic_load(&s->demand), &s->chunk);
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

	if (!first_asked(s, &first))
		return DONE;
	r = index_point(s->a->index, first << BLOCK_SHIFT, &s->from, &window, &n);
	none = r == -ENOENT;
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

static bool is_there(struct span *s, uint64_t blk)
{
	return blocks_has(s->a->stream, blk) && !blocks_filling(s->a->stream, blk);
}

/* How far this unit's blocks are decoded though nobody asked for them: up to the last one that is
 * not there. */
static uint64_t find_reach(struct span *s)
{
	uint64_t at = s->out >> BLOCK_SHIFT, size = blocks_size(s->a->stream);
	uint64_t end = s->has_next ? s->next.out : size < UINT64_MAX ? size : 0;

	if (s->edge)
		return 0;
	end = MIN(end >> BLOCK_SHIFT, at + (UNIT_MAX >> BLOCK_SHIFT));
	while (end > at && is_there(s, end - 1))
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
	return at >= s->reach && is_idle_locked(s);
}

/* The decode comes by a block.  Is it asked for, of anybody?  Of a sequential stream beyond the end nothing
 * can be added any more: what was passed would be missing. */
static bool passes(struct span *s, uint64_t blk)
{
	bool asked;

	LOCK_SCOPE(&s->a->lock);
	s->passed = blk + 1;
	asked = asked_take(&s->asked, blk);
	list_for_each(pos, tmp, &s->a->spans)
		asked |= asked_take(&list_entry(pos, struct span, link)->asked, blk);
	if (blk >= s->end && s->codec->sequential)
		list_remove(&s->link);
	return asked;
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
	if (s->whole && (asked || !is_there(s, blk)))
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

/* Leave to those who are at the next unit already what lies in it.  True: nothing is left to do here. */
static bool enter_next(struct span *s)
{
	LOCK_SCOPE(&s->a->lock);
	s->from = s->next;
	s->unit = s->from.in_bit;
	hand_over_locked(s, (s->out + BLOCK_SIZE - 1) >> BLOCK_SHIFT);
	s->edge = ends_at_edge_locked(s);
	return is_idle_locked(s);
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
	struct span *s = container_of(j, struct span, job);
	int r = waiter_take_error(&s->waiter);

	while (r == MORE)
		r = step(s);
	if (r == PARKED)
		return;
	if (r == LATER) {
		look_for_demand(s); /* the rest of the unit may be for nobody yet */
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
static bool add_to_running_locked(struct archive *a, struct asked *k)
{
	list_for_each(pos, tmp, &a->spans) {
		struct span *s = list_entry(pos, struct span, link);

		if (s->end != k->first || s->passed > k->first || k->end - s->start > LONGEST)
			continue;
		ask_locked(s, k);
		return true;
	}
	return false;
}

static struct span *span_new(struct archive *a, uint64_t first, bool demand)
{
	struct span *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->a = a;
	s->codec = a->format->codec;
	s->start = first;
	s->unit = NOWHERE;
	atomic_init(&s->demand, demand);
	s->job.run = span_run;
	list_init(&s->asked);
	waiter_init(&s->waiter, wake_span);
	return s;
}

void span_fill(struct archive *a, uint64_t first, uint32_t n, bool demand)
{
	AUTO(auto_free) struct span *s = span_new(a, first, demand);
	struct asked *k = s ? asked_new(first, first + n, demand) : NULL;

	if (!k) {
		for (uint64_t blk = first; blk < first + n; blk++)
			blocks_fail(a->stream, blk, -ENOMEM);
		return;
	}
	LOCK_SCOPE(&a->lock);
	if (add_to_running_locked(a, k))
		return;
	ask_locked(s, k);
	list_push(&a->spans, &s->link);
	if (may_begin_locked(s))
		submit(s);
	s = NULL;
}

void span_hurry(struct archive *a, uint64_t blk)
{
	LOCK_SCOPE(&a->lock);
	list_for_each(pos, tmp, &a->spans) {
		struct span *s = list_entry(pos, struct span, link);
		struct asked *k = asked_find(&s->asked, blk);

		if (!k)
			continue;
		k->demand = true;
		raise_locked(s);
	}
}
