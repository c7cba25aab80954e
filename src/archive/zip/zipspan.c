/* SPDX-License-Identifier: MPL-2.0 */
/* zipspan.c - see zipspan.h.  A decode is a job that parks for each range.  It is in the
 * archive's list as long as it can be joined; archive.lock guards the list, and of each decode
 * what says so.
 *
 * The last block of a member is held back until its CRC-32 and length are known to be right.
 */
#include "archive/zip/zipspan.h"

#include <errno.h>
#include <string.h>

#include "archive/gzip/gzip_inflate.h"
#include "archive/span.h"
#include "archive/zip/zip.h"
#include "archive/zip/zipinput.h"
#include "archive/zip/zipmember.h"
#include "archive/zip/zippoints.h"
#include "base/log.h"
#include "base/stats.h"

#define PIECE ((size_t)64 << 10)    /* compressed bytes decoded between two looks around */
#define MARGIN ((uint64_t)64 << 10) /* of a guess how far the compressed data is needed */
#define HEADER_MAX (ZIP_LOCAL_HEADER + 2u * 65535u)
#define EXTRA_BLOCKS 16u /* nobody asked for, but published as long as there is input */
#define ENOUGH 2	 /* what the output op ends a pass with: nobody waits any more */

struct zipspan {
	struct list link;   /* in archive.decodes, or alone: it cannot be joined any more */
	struct list wanted; /* struct pending_fill; lock */
	uint64_t next;	    /* blocks before this are published or passed; lock */
	_Atomic bool demand;
	struct job job;
	struct waiter waiter;
	struct archive *a;
	struct member m;
	struct gzip_point from;
	void *window; /* packed, of from; NULL: from is the member's start */
	size_t n_window;
	struct zipinput in;
	struct gzip_pass *gzip;
	uint64_t data_end;   /* file offset; an upper bound when begun at a seek point */
	uint64_t next_point; /* file offset that the first who asked need no more; 0 = unknown */
	uint64_t out;	     /* stream offset of the next byte out */
	uint32_t crc;	     /* of all of the member's output before that */
	unsigned extra;	     /* blocks since nobody waits */
	struct block *part;  /* the block under construction; NULL: its front is missing */
	bool too_long;	     /* than the directory says */
	int failed;	     /* why the output op gave up */
	struct zippoints points;
};

static uint64_t member_end(const struct member *m)
{
	return m->off + m->size;
}

/* ---- who wants what ---- */

/* The end of everything that is wanted, in bytes of the stream; 0 = nothing is. */
static uint64_t wanted_end(struct zipspan *s)
{
	uint64_t end = 0;

	LOCK_SCOPE(&s->a->lock);
	list_for_each(pos, tmp, &s->wanted)
		end = MAX(end, list_entry(pos, struct pending_fill, link)->end);
	return MIN(end << BLOCK_SHIFT, member_end(&s->m));
}

/* Nobody waits: end it, unless somebody comes in this instant.  What it has found is in the index
 * before, so that who comes later begins there. */
static bool leave(struct zipspan *s)
{
	if (wanted_end(s) > 0)
		return false;
	zippoints_flush(&s->points, s->a);
	LOCK_SCOPE(&s->a->lock);
	if (!list_empty(&s->wanted))
		return false;
	list_remove(&s->link);
	return true;
}

static void finish(struct zipspan *s, int err)
{
	pthread_mutex_lock(&s->a->lock);
	list_remove(&s->link);
	pthread_mutex_unlock(&s->a->lock);
	zippoints_flush(&s->points, s->a);
	fills_fail(&s->wanted, s->a->stream, s->next, err < 0 ? err : -EIO);
	block_unref(s->part);
	zipinput_free(&s->in);
	gzip_pass_free(s->gzip);
	member_free(&s->m);
	free(s->window);
	free(s);
}

/* ---- output ---- */

/* The block under construction is whole.  0, or ENOUGH. */
static int publish(struct zipspan *s, uint64_t blk)
{
	struct block *b = steal(&s->part);
	bool asked, idle;

	pthread_mutex_lock(&s->a->lock);
	asked = fills_want(&s->wanted, blk);
	s->next = MAX(s->next, blk + 1);
	fills_served(&s->wanted, s->next);
	idle = list_empty(&s->wanted);
	pthread_mutex_unlock(&s->a->lock);
	if (b && (asked || !blocks_has(s->a->stream, blk)))
		blocks_put(s->a->stream, blk, b);
	else
		block_unref(b);
	s->extra = idle ? s->extra + 1 : 0;
	return s->extra >= EXTRA_BLOCKS && leave(s) ? ENOUGH : 0;
}

static int on_output(void *arg, const void *bytes, size_t n)
{
	struct zipspan *s = arg;
	const unsigned char *from = bytes;
	int r = 0;

	stats_add(inflated_bytes, n);
	s->crc = gzip_crc(s->crc, bytes, n);
	while (r == 0 && n > 0) {
		uint64_t blk = s->out >> BLOCK_SHIFT, left = member_end(&s->m) - s->out;
		size_t at = (size_t)(s->out & (BLOCK_SIZE - 1));
		size_t k = MIN(n, (size_t)MIN(BLOCK_SIZE - at, left));

		s->too_long = left == 0;
		if (s->too_long)
			return -EBADMSG;
		if (at == 0 && !(s->part = blocks_make(s->a->stream)))
			return s->failed = -ENOMEM;
		if (s->part) {
			memcpy(s->part->data + at, from, k);
			s->part->len = (uint32_t)(at + k);
		}
		s->out += k;
		from += k;
		n -= k;
		if (at + k == BLOCK_SIZE && k < left)
			r = publish(s, blk);
	}
	return r;
}

static int on_point(void *arg, const struct gzip_point *p, const void *window, size_t n)
{
	struct zipspan *s = arg;

	zippoints_add(&s->points, s->a, p, window, n);
	return 0;
}

/* ---- input ---- */

/* How far the file is needed for what is wanted now, as far as one can tell. */
static uint64_t guess_target(struct zipspan *s)
{
	uint64_t end = wanted_end(s), at = zipinput_at(&s->in), need;

	if (end <= s->out)
		return at;
	if (end == member_end(&s->m))
		return MIN(s->data_end, zipmember_reach(s->a, &s->m));
	need = (uint64_t)((double)(end - s->out) * (double)s->m.packed / (double)s->m.size);
	return MIN(at + need + MARGIN, s->data_end);
}

/* Begin at the member's start: its local header says where that is. */
static int find_start(struct zipspan *s)
{
	uint64_t local = zipmember_local(&s->m);
	const unsigned char *p;
	uint32_t skip;
	size_t n;
	int r;

	s->data_end = local + HEADER_MAX + s->m.packed;
	zipinput_seek(&s->in, local);
	s->in.target = MIN(zipmember_reach(s->a, &s->m), local + ZIPINPUT_RANGE);
	s->in.target = MAX(s->in.target, guess_target(s));
	r = zipinput_get(&s->in, ZIP_LOCAL_HEADER, &p, &n);
	if (r < 0)
		return r;
	if (zip_local_size(p, &skip) < 0)
		return zipmember_damaged(s->a, &s->m,
					 "there is no local header where it should be");
	s->data_end = local + skip + s->m.packed;
	s->from = (struct gzip_point){ .in_bit = (local + skip) * 8, .out = s->m.off };
	return 0;
}

/* The first who asked need no more than up to the next seek point, when it is known. */
static void bound_target(struct zipspan *s)
{
	struct gzip_point next;

	if (index_point_after(s->a->index, wanted_end(s), &next) == 0 &&
	    next.out < member_end(&s->m) && next.in_bit > s->from.in_bit)
		s->next_point = next.in_bit / 8 + 1;
}

static int begin(struct zipspan *s)
{
	static const struct gzip_pass_ops ops = { .output = on_output, .point = on_point };
	int r = s->window ? 0 : find_start(s);

	if (r < 0)
		return r;
	if (s->window)
		s->data_end = zipmember_local(&s->m) + HEADER_MAX + s->m.packed;
	r = gzip_pass_new(GZIP_RAW_DEFLATE, &s->from, s->window, s->n_window, SPAN_SPACING, &ops, s,
			  &s->gzip);
	if (r < 0)
		return r == -ENOMEM
			       ? r
			       : zipmember_damaged(s->a, &s->m, "a seek point of it is damaged");
	s->out = s->from.out;
	s->crc = s->from.crc;
	zipinput_seek(&s->in, s->from.in_bit / 8);
	bound_target(s);
	return 0;
}

/* The deflate stream has ended: is the member what the directory says? */
static int check_end(struct zipspan *s)
{
	int r;

	if (s->out < member_end(&s->m))
		return zipmember_damaged(s->a, &s->m, "shorter than the directory says");
	r = zipmember_check(s->a, &s->m, s->crc);
	if (r == 0)
		(void)publish(s, zipmember_end(&s->m) - 1);
	return r < 0 ? r : 1;
}

/* What a pass said.  0 = go on; 1 = done; -errno. */
static int judge(struct zipspan *s, int r)
{
	if (s->failed < 0)
		return s->failed;
	if (s->too_long)
		return zipmember_damaged(s->a, &s->m, "longer than the directory says");
	if (r == -EBADMSG)
		return zipmember_damaged(s->a, &s->m, gzip_pass_error(s->gzip));
	return r == 1 ? check_end(s) : r == ENOUGH ? 1 : r;
}

/* Decode a piece.  0 = call again; 1 = done; PARKED; -errno. */
static int step(struct zipspan *s)
{
	const unsigned char *p;
	size_t n;
	int r;

	if (atomic_load(&s->a->stop))
		return -ENOTCONN;
	if (!zipinput_ordered(&s->in) && leave(s))
		return 1;
	if (zipinput_at(&s->in) >= s->data_end)
		return zipmember_damaged(s->a, &s->m, "its compressed data ends too early");
	s->in.demand = atomic_load(&s->demand);
	s->in.target = s->next_point > zipinput_at(&s->in) ? s->next_point : guess_target(s);
	r = zipinput_get(&s->in, 1, &p, &n);
	if (r == -ENODATA)
		return zipmember_damaged(s->a, &s->m, "its compressed data lies outside the file");
	if (r < 0)
		return r;
	n = MIN(n, PIECE);
	n = (size_t)MIN(n, s->data_end - zipinput_at(&s->in));
	r = judge(s, gzip_pass_feed(s->gzip, p, n));
	if (r == 0)
		zipinput_take(&s->in, n);
	atomic_fetch_add(&s->a->progress, 1); /* a deep seek may take long: it gets on */
	return r;
}

static void span_run(struct job *j)
{
	struct zipspan *s = container_of(j, struct zipspan, job);
	int r = waiter_take_error(&s->waiter);

	if (r == 0 && !s->gzip)
		r = begin(s);
	while (r == 0)
		r = step(s);
	if (r != PARKED)
		finish(s, r);
}

static void wake_span(struct waiter *w)
{
	struct zipspan *s = container_of(w, struct zipspan, waiter);

	pool_submit(s->a->c.st->pool, &s->job, atomic_load(&s->demand) ? JOB_DEMAND : JOB_IDLE);
}

/* ---- joining and starting ---- */

/* Is there a decode that comes by, from no further away than a start of one's own at stream byte
 * from? */
static struct zipspan *find_locked(struct archive *a, const struct member *m, uint64_t from,
				   uint64_t first)
{
	list_for_each(pos, tmp, &a->decodes) {
		struct zipspan *s = list_entry(pos, struct zipspan, link);

		if (s->m.id == m->id && s->next <= first && (s->next + 1) << BLOCK_SHIFT >= from)
			return s;
	}
	return NULL;
}

/* The best seek point for a block, else the member's start. */
static void find_point(struct zipspan *s, uint64_t first)
{
	struct gzip_point known, p;
	void *window;
	size_t n;

	s->from = (struct gzip_point){ .out = s->m.off };
	s->points.known = s->m.off;
	if (index_point(s->a->index, member_end(&s->m) - 1, &known, &window, &n) < 0)
		return;
	free(window);
	if (known.out <= s->m.off)
		return;
	s->points.known = known.out;
	if (index_point(s->a->index, first << BLOCK_SHIFT, &p, &window, &n) < 0)
		return;
	if (p.out > s->m.off && p.in_bit / 8 >= zipmember_local(&s->m) + ZIP_LOCAL_HEADER) {
		s->from = p;
		s->window = window;
		s->n_window = n;
	} else {
		free(window);
	}
}

static struct zipspan *make(struct archive *a, const struct member *m, uint64_t first, bool demand)
{
	struct zipspan *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->a = a;
	s->m = *m;
	s->m.link = NULL; /* regular or linked inside: it has neither */
	s->m.extents = NULL;
	atomic_init(&s->demand, demand);
	list_init(&s->link);
	list_init(&s->wanted);
	s->job.run = span_run;
	waiter_init(&s->waiter, wake_span);
	zipinput_init(&s->in, a, &s->waiter, demand);
	find_point(s, first);
	s->next = (s->from.out + BLOCK_SIZE - 1) >> BLOCK_SHIFT;
	return s;
}

void zipspan_want(struct archive *a, const struct member *m, uint64_t first, uint64_t end,
		  bool demand)
{
	struct pending_fill *f = calloc(1, sizeof(*f));
	struct zipspan *s = f ? make(a, m, first, demand) : NULL, *other;

	if (!s) {
		for (uint64_t blk = first; blk < end; blk++)
			blocks_fail(a->stream, blk, -ENOMEM);
		free(f);
		return;
	}
	f->first = first;
	f->end = end;
	pthread_mutex_lock(&a->lock);
	other = find_locked(a, m, s->from.out, first);
	list_push(other ? &other->wanted : &s->wanted, &f->link);
	if (other && demand)
		atomic_store(&other->demand, true);
	if (!other)
		list_push(&a->decodes, &s->link);
	pthread_mutex_unlock(&a->lock);
	if (other)
		finish(s, 0); /* not needed: it has nothing to fail */
	else
		pool_submit(a->c.st->pool, &s->job, demand ? JOB_DEMAND : JOB_IDLE);
}
