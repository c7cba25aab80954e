/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_filler.c - see foreign_filler.h.  What is wanted lies in a list by block number, under
 * the archive's lock; the walk is the thread's own.  It moves in small steps: the next header, or
 * the next piece of data.
 */
#include "archive/foreign/foreign_filler.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "archive/foreign/foreign_reader.h"
#include "base/log.h"
#include "base/stats.h"

#define REST_S 5	       /* without wants for so long the thread ends */
#define FEED_BYTES (16u << 20) /* of ranges under way, at most */
#define DAMAGE_LOGGED 20u

struct foreign_want {
	struct list link;
	uint64_t blk;
};

struct filler {
	struct archive *a;

	/* Guarded by the archive's lock. */
	pthread_cond_t more;
	struct list wants; /* ascending; each block has to see blocks_put() or blocks_fail() */
	bool running, joinable;
	pthread_t thread;

	/* The thread's own. */
	struct foreign_reader *reader; /* NULL: the next step begins at the front */
	bool decoding;		       /* inside an entry that is being decoded */
	uint64_t end;		       /* stream offset behind the entry, as far as known */
	uint64_t out;		       /* stream offset of the walk */
	bool whole;		       /* part has all bytes of its block before out */
	struct block *part; /* the block at out; NULL at its first byte, or without whole */
	uint64_t limit;	    /* wants beyond this block wait for the next walk */
	unsigned logged;
};

/* ---- wants ---- */

static struct foreign_want *want_entry(struct list *l)
{
	return list_entry(l, struct foreign_want, link);
}

static int want_add_locked(struct filler *f, uint64_t blk)
{
	struct foreign_want *n = calloc(1, sizeof(*n));
	struct list *pos = f->wants.prev;

	if (!n)
		return -ENOMEM;
	n->blk = blk;
	while (pos != &f->wants && want_entry(pos)->blk > blk)
		pos = pos->prev;
	list_insert(pos->next, &n->link);
	return 0;
}

/* Is a block of [from, to] wanted? */
static bool wanted_locked(struct filler *f, uint64_t from, uint64_t to)
{
	list_for_each(pos, tmp, &f->wants) {
		uint64_t blk = want_entry(pos)->blk;

		if (blk >= from)
			return blk <= to;
	}
	return false;
}

/* Nothing more is wanted of [from, to]: true when something was. */
static bool unwant(struct filler *f, uint64_t from, uint64_t to, int err)
{
	bool any = false;

	LOCK_SCOPE(&f->a->lock);
	list_for_each(pos, tmp, &f->wants) {
		struct foreign_want *n = want_entry(pos);

		if (n->blk < from || n->blk > to)
			continue;
		any = true;
		list_remove(&n->link);
		if (err < 0)
			blocks_fail(f->a->stream, n->blk, err);
		free(n);
	}
	return any;
}

/* ---- the walk ---- */

/* The first block that this walk can still give whole. */
static uint64_t ahead(const struct filler *f)
{
	return (f->out >> BLOCK_SHIFT) + !f->whole;
}

static void drop_part(struct filler *f)
{
	block_unref(f->part);
	f->part = NULL;
}

static void close_walk(struct filler *f)
{
	f->reader = foreign_reader_free(f->reader);
	f->decoding = false;
	drop_part(f);
}

static int open_walk(struct filler *f)
{
	const struct options *opt = f->a->c.st->opt;
	struct foreign_source_config c = {
		.raw = f->a->c.raw,
		.max_ranges = opt->connections,
		.max_bytes = MIN(FEED_BYTES, opt->memory / 8),
		.stop = &f->a->stop,
	};

	close_walk(f);
	f->out = f->end = 0;
	f->whole = true;
	f->limit = UINT64_MAX;
	return foreign_reader_new(&c, &f->reader);
}

/* The walk has come to off without seeing the bytes before it. */
static void skip_to(struct filler *f, uint64_t off)
{
	if (off <= f->out)
		return;
	drop_part(f);
	f->out = off;
	f->whole = off % BLOCK_SIZE == 0;
}

/* The block in part is complete.  What nobody asked for was decoded all the same: keep it. */
static void publish(struct filler *f, uint64_t blk, size_t len)
{
	struct block *b = steal(&f->part);
	bool asked = unwant(f, blk, blk, 0);

	b->len = (uint32_t)len;
	if (asked || !blocks_has(f->a->stream, blk))
		blocks_put(f->a->stream, blk, b);
	else
		block_unref(b);
}

static void deliver(struct filler *f, const char *bytes, size_t n)
{
	stats_add(inflated_bytes, n);
	while (n > 0) {
		uint64_t blk = f->out >> BLOCK_SHIFT;
		size_t at = (size_t)(f->out & (BLOCK_SIZE - 1)), k = MIN(n, BLOCK_SIZE - at);

		if (f->whole && !f->part && !(f->part = blocks_make(f->a->stream))) {
			(void)unwant(f, blk, blk, -ENOMEM);
			f->whole = false;
		}
		if (f->part)
			memcpy(f->part->data + at, bytes, k);
		f->out += k;
		bytes += k;
		n -= k;
		if (at + k < BLOCK_SIZE)
			continue;
		if (f->part)
			publish(f, blk, BLOCK_SIZE);
		f->whole = true;
	}
}

/* Is something of the entry's rest wanted from this walk? */
static bool rest_wanted(struct filler *f)
{
	LOCK_SCOPE(&f->a->lock);
	return f->end > f->out &&
	       wanted_locked(f, ahead(f), MIN((f->end - 1) >> BLOCK_SHIFT, f->limit));
}

/* ---- ends ---- */

static void complain(struct filler *f)
{
	if (f->logged++ < DAMAGE_LOGGED)
		(void)log_error(-EIO, "%s: %s", f->a->filename, foreign_reader_error(f->reader));
}

/* There is no more of the archive.  The last block may be short; another one may not. */
static void walk_ends(struct filler *f)
{
	if (f->part && f->out == blocks_size(f->a->stream))
		publish(f, f->out >> BLOCK_SHIFT, (size_t)(f->out & (BLOCK_SIZE - 1)));
	(void)unwant(f, ahead(f), UINT64_MAX, -EIO);
	close_walk(f);
}

/* The walk cannot go on. */
static void walk_fails(struct filler *f, int r)
{
	if (r != -EBADMSG && r != -ENODATA) { /* not the archive's fault */
		(void)unwant(f, 0, UINT64_MAX, atomic_load(&f->a->stop) ? -ENOTCONN : r);
		close_walk(f);
		return;
	}
	complain(f);
	if (f->decoding && !foreign_reader_decodes(f->reader)) {
		/* Another walk can pass over this entry. */
		(void)unwant(f, ahead(f), (MAX(f->end, f->out + 1) - 1) >> BLOCK_SHIFT, -EIO);
		close_walk(f);
	} else {
		walk_ends(f);
	}
}

/* ---- steps ---- */

static void next_entry(struct filler *f)
{
	const struct foreign_entry *e;
	int r = foreign_reader_next(f->reader, &e);

	if (r < 0) {
		walk_fails(f, r);
	} else if (r == 0) {
		walk_ends(f);
	} else {
		skip_to(f, e->m.off);
		f->end = e->m.off + e->room;
		f->decoding = !e->size_known || foreign_reader_decodes(f->reader) || rest_wanted(f);
	}
}

static void next_piece(struct filler *f)
{
	const void *p;
	size_t n;
	int r = foreign_reader_data(f->reader, &p, &n);

	if (r == 1) {
		deliver(f, p, n);
		f->end = MAX(f->end, f->out);
	} else if (r == 0) {
		f->decoding = false;
	} else if (r == -EILSEQ) {
		complain(f);
		(void)unwant(f, ahead(f), (MAX(f->end, f->out + 1) - 1) >> BLOCK_SHIFT, -EIO);
		skip_to(f, f->end);
		f->decoding = false;
	} else {
		walk_fails(f, r);
	}
}

/* Is there something for this walk ahead?  Once somebody waits behind it, the walk ends with what
 * is wanted by then: a reader that always wants more would keep the other one waiting for ever. */
static bool has_target(struct filler *f)
{
	LOCK_SCOPE(&f->a->lock);
	if (!f->reader || list_empty(&f->wants))
		return false;
	if (f->limit == UINT64_MAX && want_entry(f->wants.next)->blk < ahead(f))
		f->limit = want_entry(f->wants.prev)->blk;
	return wanted_locked(f, ahead(f), f->limit);
}

static void step(struct filler *f)
{
	int r = 0;

	if (!has_target(f))
		r = open_walk(f);
	if (r < 0) {
		walk_fails(f, r);
		return;
	}
	if (f->decoding)
		next_piece(f);
	else
		next_entry(f);
}

/* ---- the thread ---- */

/* Wait until something is wanted.  False: stopped, or nothing was for long; the thread ends. */
static bool wait_for_wants(struct filler *f)
{
	struct timespec until;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += REST_S;
	LOCK_SCOPE(&f->a->lock);
	while (list_empty(&f->wants) && !atomic_load(&f->a->stop) && r == 0)
		r = pthread_cond_timedwait(&f->more, &f->a->lock, &until);
	f->running = !list_empty(&f->wants) && !atomic_load(&f->a->stop);
	return f->running;
}

static void *filler_thread(void *arg)
{
	struct filler *f = arg;

	while (wait_for_wants(f))
		step(f);
	close_walk(f);
	return NULL;
}

/* Let the thread see the wants.  Lock held. */
static int filler_kick_locked(struct filler *f)
{
	int r;

	if (f->running) {
		pthread_cond_signal(&f->more);
		return 0;
	}
	if (f->joinable) /* it has said that it ends */
		pthread_join(f->thread, NULL);
	r = -pthread_create(&f->thread, NULL, filler_thread, f);
	f->running = f->joinable = r == 0;
	return r;
}

/* archive_stop() has joined the pass, and a->stop keeps everybody else away. */
static void filler_stop(struct archive *a)
{
	struct filler *f = a->filler;

	pthread_mutex_lock(&a->lock);
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&a->lock);
	if (f->joinable)
		pthread_join(f->thread, NULL);
	(void)unwant(f, 0, UINT64_MAX, -ENOTCONN);
	pthread_cond_destroy(&f->more);
	free(f);
	a->filler = NULL;
	a->filler_stop = NULL;
}

static int filler_get_locked(struct archive *a, struct filler **out)
{
	struct filler *f = a->filler;

	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->a = a;
		pthread_cond_init(&f->more, NULL);
		list_init(&f->wants);
		a->filler = f;
		a->filler_stop = filler_stop;
	}
	*out = f;
	return 0;
}

void foreign_fill(struct archive *a, uint64_t first, uint32_t n, bool demand)
{
	struct filler *f = NULL;
	uint64_t added = 0;
	struct list *l;
	int r;

	(void)demand; /* both move the same walk */
	pthread_mutex_lock(&a->lock);
	r = atomic_load(&a->stop) ? -ENOTCONN : filler_get_locked(a, &f);
	while (r == 0 && added < n && (r = want_add_locked(f, first + added)) == 0)
		added++;
	if (added > 0 && filler_kick_locked(f) < 0) {
		while ((l = list_pop(&f->wants))) /* no thread: there were none before these */
			free(want_entry(l));
		added = 0;
	}
	pthread_mutex_unlock(&a->lock);
	for (uint64_t blk = first + added; blk < first + n; blk++)
		blocks_fail(a->stream, blk, r < 0 ? r : -EAGAIN);
}
