/* SPDX-License-Identifier: MPL-2.0 */
/* sequential.c - see sequential.h. */
#include "store/sequential.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"

#define QUEUE_MAX 32u /* blocks on their way to the disk */

struct sequential {
	struct store *st;
	struct origin *origin;
	struct blocks *blocks;
	uint64_t n_blocks;

	/* The transfer's own. */
	struct fetch fetch;
	struct block *part;
	uint64_t next; /* the block that is being filled */

	pthread_mutex_t lock; /* guards what follows */
	bool running, paused;
	unsigned landing;      /* blocks on their way to the disk; one for the transfer itself */
	int err;	       /* how the transfer ended */
	unsigned char *wanted; /* a byte for each block: it has a slot that waits */
	uint64_t n_wanted;
};

/* A complete block on its way from the I/O thread to the pool. */
struct landing {
	struct job job;
	struct sequential *s;
	uint64_t blk;
	struct block *data;
};

static void begin(struct sequential *s);

/* Everything the transfer brought is where it belongs: whoever still waits wants what had passed. */
static void ended(struct sequential *s)
{
	AUTO(auto_free) unsigned char *failed = NULL;
	bool again;

	pthread_mutex_lock(&s->lock);
	if (s->err < 0 && s->n_wanted > 0) {
		failed = s->wanted;
		s->wanted = calloc(s->n_blocks, 1);
		s->n_wanted = 0;
	}
	again = s->n_wanted > 0;
	s->running = again;
	pthread_mutex_unlock(&s->lock);
	for (uint64_t blk = 0; failed && blk < s->n_blocks; blk++)
		if (failed[blk])
			blocks_fail(s->blocks, blk, s->err);
	if (again)
		begin(s);
}

/* One thing less is under way. */
static void landed(struct sequential *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->landing == 0;
	if (s->paused && s->landing < QUEUE_MAX / 2) {
		s->paused = false;
		http_resume(s->st->http, &s->fetch.rq);
	}
	pthread_mutex_unlock(&s->lock);
	if (last)
		ended(s);
}

static void land(struct job *j)
{
	struct landing *l = container_of(j, struct landing, job);
	struct sequential *s = l->s;

	pthread_mutex_lock(&s->lock);
	if (s->wanted && s->wanted[l->blk]) {
		s->wanted[l->blk] = 0;
		s->n_wanted--;
	}
	pthread_mutex_unlock(&s->lock);
	blocks_put(s->blocks, l->blk, l->data);
	free(l);
	landed(s);
}

static int block_complete(struct sequential *s)
{
	struct landing *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct landing){ .job.run = land, .s = s, .blk = s->next++, .data = steal(&s->part) };
	pool_submit(s->st->pool, &l->job, JOB_DEMAND);
	return 0;
}

/* May so many bytes be taken now? */
static bool has_room(struct sequential *s, size_t n)
{
	LOCK_SCOPE(&s->lock);
	s->paused = s->landing > QUEUE_MAX;
	if (!s->paused)
		s->landing += (unsigned)(n >> BLOCK_SHIFT) + 1;
	return !s->paused;
}

static void give_back(struct sequential *s, unsigned n)
{
	LOCK_SCOPE(&s->lock);
	s->landing -= n; /* the transfer's own one is still there */
}

static int take_data(struct fetch *fetch, uint64_t off, const void *p, size_t n)
{
	struct sequential *s = container_of(fetch, struct sequential, fetch);
	unsigned room = (unsigned)(n >> BLOCK_SHIFT) + 1;
	const unsigned char *from = p;
	int r = 0;

	if (!has_room(s, n))
		return HTTP_PAUSE;
	while (n > 0 && r == 0) {
		uint64_t start = s->next << BLOCK_SHIFT;
		size_t left = (size_t)(MIN(start + BLOCK_SIZE, fetch->at.to) - off);
		size_t k = MIN(n, left);

		if (!s->part && !(s->part = blocks_make(s->blocks))) {
			r = -ENOMEM;
			break;
		}
		memcpy(s->part->data + (off - start), from, k);
		s->part->len = (uint32_t)(off + k - start);
		off += k;
		from += k;
		n -= k;
		if (k == left && (r = block_complete(s)) == 0)
			room--;
	}
	give_back(s, room);
	return r;
}

static void take_done(struct fetch *fetch, int err)
{
	struct sequential *s = container_of(fetch, struct sequential, fetch);

	block_unref(steal(&s->part));
	s->err = err;
	landed(s);
}

static void begin(struct sequential *s)
{
	s->next = 0;
	s->landing = 1;
	s->paused = false;
	s->err = 0;
	s->fetch = (struct fetch){
		.at = { 0, origin_size(s->origin) },
		.demand = true,
		.data = take_data,
		.done = take_done,
	};
	origin_fetch(s->origin, &s->fetch);
}

static void fill(void *arg, uint64_t first, uint32_t n, bool demand)
{
	struct sequential *s = arg;
	bool start = false, known;

	(void)demand;
	pthread_mutex_lock(&s->lock);
	if (!s->wanted)
		s->wanted = calloc(s->n_blocks, 1);
	known = s->wanted;
	for (uint64_t blk = first; known && blk < first + n; blk++) {
		s->n_wanted += !s->wanted[blk];
		s->wanted[blk] = 1;
	}
	if (known) {
		start = !s->running;
		s->running = true;
	}
	pthread_mutex_unlock(&s->lock);
	for (uint64_t blk = first; !known && blk < first + n; blk++)
		blocks_fail(s->blocks, blk, -ENOMEM);
	if (start)
		begin(s);
}

static const struct blocks_ops ops = { .fill = fill };

static void free_arg(void *arg)
{
	struct sequential *s = arg;

	pthread_mutex_destroy(&s->lock);
	free(s->wanted);
	free(s);
}

int sequential_blocks(struct store *st, struct origin *o, const char *identity, uint64_t size,
		      struct blocks **out)
{
	struct sequential *s;
	struct blocks_config c = {
		.memory = st->memory,
		.cache = st->cache,
		.identity = identity,
		.layer = "raw",
		.size = size,
		.read_ahead = BLOCK_SIZE, /* the rest comes anyway */
		.fill_max = 1,
		.ops = &ops,
		.arg_free = free_arg,
	};
	int r;

	if (!st->cache || size > st->opt->cache_size / 2)
		return log_error(-ENOSPC,
				 "without ranges all of it is kept: cache_size must be twice its "
				 "%" PRIu64 " bytes",
				 size);
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->st = st;
	s->origin = o;
	s->n_blocks = (size + BLOCK_SIZE - 1) >> BLOCK_SHIFT;
	pthread_mutex_init(&s->lock, NULL);
	c.arg = s;
	r = blocks_new(&c, &s->blocks);
	if (r < 0)
		free_arg(s);
	else
		*out = s->blocks;
	return r;
}

/* ---- chunks ---- */

struct copy {
	struct job job;
	struct waiter waiter;
	struct store *st;
	struct blocks *raw;
	struct chunk *chunk;
	uint64_t off;
};

static void copy_end(struct copy *c, int err)
{
	chunk_end(c->chunk, err);
	free(c);
}

static void copy_run(struct job *j)
{
	struct copy *c = container_of(j, struct copy, job);
	struct chunk *k = c->chunk;
	int64_t n = waiter_take_error(&c->waiter);

	while (n >= 0 && c->off < k->at.to) {
		uint64_t to = MIN(((c->off >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT, k->at.to);

		n = chunk_abandoned(k) ? -ECANCELED
				       : blocks_pread(c->raw, k->data + (c->off - k->at.from),
						      (size_t)(to - c->off), c->off, &c->waiter);
		if (n == PARKED)
			return;
		if (n >= 0)
			c->off = to;
	}
	copy_end(c, n < 0 ? (int)n : 0);
}

static void copy_wake(struct waiter *w)
{
	struct copy *c = container_of(w, struct copy, waiter);

	pool_submit(c->st->pool, &c->job, JOB_DEMAND);
}

int sequential_chunk(struct store *st, struct blocks *raw, struct range at, struct chunk **out)
{
	AUTO(auto_free) struct copy *c = calloc(1, sizeof(*c));
	struct chunk *k = c ? chunk_new(st->memory, at) : NULL;

	if (!k)
		return -ENOMEM;
	c->st = st;
	c->raw = raw;
	c->chunk = *out = k;
	c->off = at.from;
	c->job.run = copy_run;
	waiter_init(&c->waiter, copy_wake);
	pool_submit(st->pool, &steal(&c)->job, JOB_DEMAND);
	return 0;
}
