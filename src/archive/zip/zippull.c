/* SPDX-License-Identifier: MPL-2.0 */
/* zippull.c - see zippull.h.  The archive's lock guards the list of decodes and what is wanted of
 * each; a decode that runs is its thread's own otherwise.
 */
#include "archive/zip/zippull.h"

#include <errno.h>
#include <string.h>

#include "archive/feed.h"
#include "archive/gzip/gzip_inflate.h"
#include "archive/zip/zip.h"
#include "archive/zip/zipforeign.h"
#include "archive/zip/zipmember.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"

#define THREADS 4u
#define FEED_BYTES ((uint64_t)16 << 20) /* of ranges under way, for one decode */
#define EXTRA_BLOCKS 16u		/* nobody asked for, but decoded on before it rests */
#define REST_MS 5000			/* without a reader for so long a decode ends */

struct pull {
	struct list link;   /* in puller.pulls; lock */
	struct list wanted; /* struct pending_fill; lock */
	uint64_t next;	    /* blocks before this are published or passed; lock */
	bool running;	    /* has a thread; lock */
	struct archive *a;
	struct member m;
	struct feed *feed;
	const unsigned char *piece; /* the feed's, that has not been given to the decoder */
	size_t n_piece;
	uint64_t at, data_end; /* file offsets: of piece, and where the member's data ends */
	struct foreign_member *foreign;
	int read_error;
	bool proving;	    /* this is the decode for the checksum alone */
	uint64_t out;	    /* bytes decoded */
	uint32_t crc;	    /* and their CRC-32 */
	unsigned extra;	    /* blocks since nobody waits */
	struct block *part; /* the block under construction */
};

/* All decodes of one archive. */
struct puller {
	pthread_cond_t more; /* somebody wants something, or the archive stops */
	struct list pulls;   /* in the order they came */
	unsigned n_waiting;  /* of these, without a thread */
	struct pull_thread {
		struct puller *p;
		struct archive *a;
		pthread_t id;
		bool running, joinable;
	} thread[THREADS];
};

static struct pull *pull_entry(struct list *l)
{
	return list_entry(l, struct pull, link);
}

static uint64_t first_block(const struct pull *s)
{
	return s->m.off >> BLOCK_SHIFT;
}

/* ---- who wants what ---- */

/* Nobody waits: stay for a while, unless others need the thread.  -ECANCELED = nobody came. */
static int rest(struct pull *s)
{
	struct puller *p = s->a->filler;
	int64_t until = clock_ms() + REST_MS;

	LOCK_SCOPE(&s->a->lock);
	while (list_empty(&s->wanted) && p->n_waiting == 0 && !atomic_load(&s->a->stop) &&
	       clock_ms() < until)
		(void)cond_wait_ms(&p->more, &s->a->lock, until - clock_ms());
	s->extra = 0;
	if (!list_empty(&s->wanted))
		return 0;
	list_remove(&s->link); /* nobody can join it any more */
	list_init(&s->link);
	return -ECANCELED;
}

/* ---- input ---- */

/* The feed's next piece from s->at on.  0; -ENODATA; -errno. */
static int next_piece(struct pull *s)
{
	int r = feed_next(s->feed, &s->piece, &s->n_piece);

	if (r == 1)
		s->at = feed_offset(s->feed) - s->n_piece;
	return r == 1 ? 0 : r == 0 ? -ENODATA : r;
}

/* Hand out the rest of the piece, as far as it is this member's. */
static int64_t read_data(void *arg, const void **p)
{
	struct pull *s = arg;
	size_t n;
	int r = 0;

	if (s->at >= s->data_end)
		return 0;
	if (s->n_piece == 0)
		r = next_piece(s);
	if (r < 0)
		return s->read_error = r;
	n = (size_t)MIN(s->n_piece, s->data_end - s->at);
	*p = s->piece;
	s->piece += n;
	s->n_piece -= n;
	s->at += n;
	atomic_fetch_add(&s->a->progress, 1);
	return (int64_t)n;
}

/* Bytes between the local header and the data say nothing to us. */
static int pass_over(struct pull *s, uint64_t n)
{
	while (n > 0) {
		size_t k = (size_t)MIN(n, s->n_piece);
		int r = 0;

		s->piece += k;
		s->n_piece -= k;
		s->at += k;
		n -= k;
		if (n > 0 && s->n_piece == 0)
			r = next_piece(s);
		if (r < 0)
			return r;
	}
	return 0;
}

static int damaged(struct pull *s, const char *what)
{
	return zipmember_damaged(s->a, &s->m, what);
}

static int read_header(struct pull *s)
{
	unsigned char header[ZIP_LOCAL_HEADER];
	uint32_t skip;
	int r = next_piece(s);

	if (r < 0)
		return r;
	if (s->n_piece < sizeof(header))
		return -ENODATA;
	memcpy(header, s->piece, sizeof(header));
	if (zip_local_size(header, &skip) < 0)
		return damaged(s, "there is no local header where it should be");
	s->data_end = s->at + skip + s->m.packed;
	feed_set_end(s->feed, s->data_end);
	r = pass_over(s, skip);
	if (r < 0)
		return r;
	return zipforeign_new(s->a, &s->m, header, read_data, s, &s->foreign);
}

static void close_decode(struct pull *s)
{
	s->foreign = foreign_member_free(s->foreign);
	s->feed = feed_free(s->feed);
	s->n_piece = 0;
	s->out = 0;
	s->crc = 0;
}

/* Begin at the member's start. */
static int open_decode(struct pull *s)
{
	const struct options *opt = s->a->c.st->opt;
	int r;

	close_decode(s);
	r = feed_new(s->a->c.raw, zipmember_local(&s->m), opt->connections,
		     MIN(FEED_BYTES, opt->memory / 8), &s->a->stop, &s->feed);
	if (r < 0)
		return r;
	feed_set_end(s->feed, zipmember_reach(s->a, &s->m));
	r = read_header(s);
	return r == -ENODATA ? damaged(s, "the file ends before its data") : r;
}

/* ---- output ---- */

/* The block under construction is whole.  0, -ECANCELED: nobody waits. */
static int publish(struct pull *s, uint64_t blk)
{
	struct block *b = steal(&s->part);
	bool asked, idle;

	pthread_mutex_lock(&s->a->lock);
	asked = fills_want(&s->wanted, blk);
	s->next = blk + 1;
	fills_served(&s->wanted, s->next);
	idle = list_empty(&s->wanted);
	pthread_mutex_unlock(&s->a->lock);
	if (asked || !blocks_has(s->a->stream, blk))
		blocks_put(s->a->stream, blk, b);
	else
		block_unref(b);
	s->extra = idle ? s->extra + 1 : 0;
	return s->extra >= EXTRA_BLOCKS ? rest(s) : 0;
}

/* The last block stays here until the member is known to be as it should be. */
static int deliver(struct pull *s, const unsigned char *p, size_t n)
{
	int r = 0;

	stats_add(inflated_bytes, n);
	s->crc = gzip_crc(s->crc, p, n);
	while (r == 0 && n > 0) {
		size_t at = (size_t)(s->out & (BLOCK_SIZE - 1)), k = MIN(n, BLOCK_SIZE - at);

		if (!s->proving && at == 0 && !(s->part = blocks_make(s->a->stream)))
			return -ENOMEM;
		if (s->part) {
			memcpy(s->part->data + at, p, k);
			s->part->len = (uint32_t)(at + k);
		}
		s->out += k;
		p += k;
		n -= k;
		if (s->part && at + k == BLOCK_SIZE && s->out < s->m.size)
			r = publish(s, first_block(s) + ((s->out - 1) >> BLOCK_SHIFT));
	}
	return r;
}

/* ---- one decode ---- */

/* Decode to the end, or until nobody waits.  0; -errno. */
static int decode(struct pull *s)
{
	const void *p;
	size_t n;
	int r = open_decode(s);

	while (r == 0) {
		r = atomic_load(&s->a->stop) ? -ENOTCONN : foreign_member_data(s->foreign, &p, &n);
		if (r == 0)
			return zipforeign_check(s->a, &s->m, s->out, s->crc);
		if (r == 1)
			r = deliver(s, p, n);
		else if (s->read_error == -ENODATA)
			r = damaged(s, "the file ends inside its data");
		else if (s->read_error == 0)
			r = zipforeign_failed(s->a, &s->m, s->foreign, r);
	}
	return r;
}

/* Would a wrong password go unseen until the end? */
static bool must_prove(struct pull *s)
{
	return s->m.encrypted && s->m.method == ZIP_STORED &&
	       verdict_of(&s->a->verdict, s->m.id) == 0;
}

static int run(struct pull *s)
{
	int r = 0;

	s->proving = must_prove(s);
	if (s->proving)
		r = decode(s);
	if (r < 0)
		return r;
	if (s->proving)
		verdict_good(&s->a->verdict, s->m.id, index_members(s->a->index));
	s->proving = false;
	r = decode(s);
	s->extra = 0;
	if (r == 0)
		(void)publish(s, first_block(s) + ((s->m.size - 1) >> BLOCK_SHIFT));
	return r;
}

static void pull_free(struct pull *s)
{
	close_decode(s);
	block_unref(s->part);
	member_free(&s->m);
	free(s);
}

/* Nobody can join it any more: what it has not published will not come. */
static void finish(struct pull *s, int r)
{
	int err = atomic_load(&s->a->stop) ? -ENOTCONN : r < 0 ? r : -EIO;

	pthread_mutex_lock(&s->a->lock);
	list_remove(&s->link);
	pthread_mutex_unlock(&s->a->lock);
	fills_fail(&s->wanted, s->a->stream, s->next, err);
	pull_free(s);
}

/* ---- threads ---- */

/* The next decode that has no thread.  NULL: none, the thread ends. */
static struct pull *take(struct pull_thread *t)
{
	LOCK_SCOPE(&t->a->lock);
	list_for_each(pos, tmp, &t->p->pulls) {
		struct pull *s = pull_entry(pos);

		if (s->running)
			continue;
		s->running = true;
		t->p->n_waiting--;
		return s;
	}
	t->running = false;
	return NULL;
}

static void *pull_thread(void *arg)
{
	struct pull_thread *t = arg;
	struct pull *s;

	while ((s = take(t)))
		finish(s, atomic_load(&t->a->stop) ? -ENOTCONN : run(s));
	return NULL;
}

/* Let a thread see what is new.  Without any it is an error. */
static int start_thread_locked(struct puller *p)
{
	bool any = false;
	int r = 0;

	pthread_cond_broadcast(&p->more);
	for (unsigned i = 0; i < THREADS; i++) {
		struct pull_thread *t = &p->thread[i];

		any |= t->running;
		if (t->running)
			continue;
		if (t->joinable) /* it has said that it ends */
			pthread_join(t->id, NULL);
		r = -pthread_create(&t->id, NULL, pull_thread, t);
		t->running = t->joinable = r == 0;
		return any || t->running ? 0 : r;
	}
	return 0;
}

/* archive_stop(): nobody starts anything any more. */
static void puller_stop(struct archive *a)
{
	struct puller *p = a->filler;

	pthread_mutex_lock(&a->lock);
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i < THREADS; i++)
		if (p->thread[i].joinable)
			pthread_join(p->thread[i].id, NULL);
	pthread_cond_destroy(&p->more);
	free(p);
	a->filler = NULL;
	a->filler_stop = NULL;
}

static struct puller *get_puller_locked(struct archive *a)
{
	struct puller *p = a->filler;

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	cond_init(&p->more);
	list_init(&p->pulls);
	for (unsigned i = 0; i < THREADS; i++) {
		p->thread[i].p = p;
		p->thread[i].a = a;
	}
	a->filler = p;
	a->filler_stop = puller_stop;
	return p;
}

/* ---- joining and starting ---- */

static struct pull *find_locked(struct puller *p, const struct member *m, uint64_t first)
{
	list_for_each(pos, tmp, &p->pulls) {
		struct pull *s = pull_entry(pos);

		if (s->m.id == m->id && s->next <= first)
			return s;
	}
	return NULL;
}

static struct pull *make(struct archive *a, const struct member *m)
{
	struct pull *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->a = a;
	s->m = *m;
	s->m.link = NULL; /* regular or linked inside: it has neither */
	s->m.extents = NULL;
	s->next = first_block(s);
	list_init(&s->link);
	list_init(&s->wanted);
	return s;
}

/* Hand f to a decode that comes by, or to a new one.  0 or -errno: f is still the caller's. */
static int want_locked(struct archive *a, const struct member *m, struct pending_fill *f)
{
	struct puller *p = atomic_load(&a->stop) ? NULL : get_puller_locked(a);
	struct pull *s = p ? find_locked(p, m, f->first) : NULL;
	int r;

	if (!p)
		return atomic_load(&a->stop) ? -ENOTCONN : -ENOMEM;
	if (s) {
		list_push(&s->wanted, &f->link);
		pthread_cond_broadcast(&p->more);
		return 0;
	}
	s = make(a, m);
	if (!s)
		return -ENOMEM;
	list_push(&p->pulls, &s->link);
	p->n_waiting++;
	r = start_thread_locked(p);
	if (r < 0) {
		p->n_waiting--;
		list_remove(&s->link);
		pull_free(s);
	} else {
		list_push(&s->wanted, &f->link);
	}
	return r;
}

void zippull_want(struct archive *a, const struct member *m, uint64_t first, uint64_t end)
{
	struct pending_fill *f = calloc(1, sizeof(*f));
	int r = -ENOMEM;

	if (f) {
		f->first = first;
		f->end = end;
		pthread_mutex_lock(&a->lock);
		r = want_locked(a, m, f);
		pthread_mutex_unlock(&a->lock);
	}
	if (r == 0)
		return;
	for (uint64_t blk = first; blk < end; blk++)
		blocks_fail(a->stream, blk, r);
	free(f);
}
