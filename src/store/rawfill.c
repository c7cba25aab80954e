/* SPDX-License-Identifier: MPL-2.0 */
/* rawfill.c - see rawfill.h. */
#include "store/rawfill.h"

#include <stdatomic.h>
#include <string.h>

#define FILL_MAX 48u /* blocks: 6 MiB for one GET, so that ten fit into the window */

/* ---- blocks ---- */

struct raw {
	struct store *st;
	pthread_mutex_t lock; /* guards fills */
	struct list fills;    /* under way */
	struct origin *origin;
	struct blocks *blocks;
};

/* One GET for a run of blocks.  References: the fetch, and each block on its way to the pool. */
struct fill {
	struct fetch fetch;
	struct raw *raw;
	struct list link;
	uint64_t first;
	uint64_t next, end; /* the block that is being filled; one past the last */
	struct block *part;
	_Atomic unsigned refs;
};

/* A complete block on its way from the I/O thread to the pool. */
struct landing {
	struct job job;
	struct fill *fill;
	uint64_t blk;
	struct block *data;
};

static void fill_unref(struct fill *f)
{
	if (atomic_fetch_sub(&f->refs, 1) == 1)
		free(f);
}

static void land(struct job *j)
{
	struct landing *l = container_of(j, struct landing, job);

	blocks_put(l->fill->raw->blocks, l->blk, l->data);
	fill_unref(l->fill);
	free(l);
}

static int block_complete(struct fill *f)
{
	struct landing *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	*l = (struct landing){
		.job.run = land, .fill = f, .blk = f->next, .data = steal(&f->part)
	};
	atomic_fetch_add(&f->refs, 1);
	f->next++;
	pool_submit(f->raw->st->pool, &l->job, f->fetch.demand ? JOB_DEMAND : JOB_IDLE);
	return 0;
}

static int fill_data(struct fetch *fetch, uint64_t off, const void *p, size_t n)
{
	struct fill *f = container_of(fetch, struct fill, fetch);
	const unsigned char *from = p;

	while (n > 0) {
		uint64_t start = f->next << BLOCK_SHIFT;
		size_t room = (size_t)(MIN(start + BLOCK_SIZE, fetch->at.to) - off),
		       k = MIN(n, room);

		if (!f->part && !(f->part = blocks_make(f->raw->blocks)))
			return -ENOMEM;
		memcpy(f->part->data + (off - start), from, k);
		f->part->len = (uint32_t)(off + k - start);
		off += k;
		from += k;
		n -= k;
		if (k == room) {
			int r = block_complete(f);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void fill_done(struct fetch *fetch, int err)
{
	struct fill *f = container_of(fetch, struct fill, fetch);

	pthread_mutex_lock(&f->raw->lock);
	list_remove(&f->link);
	pthread_mutex_unlock(&f->raw->lock);
	for (uint64_t blk = f->next; blk < f->end; blk++)
		blocks_fail(f->raw->blocks, blk, err < 0 ? err : -EIO);
	block_unref(f->part);
	f->part = NULL;
	fill_unref(f);
}

static void raw_fill(void *arg, uint64_t first, uint32_t n, bool demand)
{
	struct raw *raw = arg;
	struct fill *f = calloc(1, sizeof(*f));

	if (!f) {
		for (uint64_t blk = first; blk < first + n; blk++)
			blocks_fail(raw->blocks, blk, -ENOMEM);
		return;
	}
	f->raw = raw;
	f->first = f->next = first;
	f->end = first + n;
	atomic_init(&f->refs, 1);
	f->fetch.at.from = first << BLOCK_SHIFT;
	f->fetch.at.to = MIN((first + n) << BLOCK_SHIFT, origin_size(raw->origin));
	f->fetch.demand = demand;
	f->fetch.data = fill_data;
	f->fetch.done = fill_done;
	LOCK_SCOPE(&raw->lock); /* who hurries it finds it submitted */
	list_push(&raw->fills, &f->link);
	origin_fetch(raw->origin, &f->fetch);
}

/* What was ordered for nobody goes on as if for somebody: the bytes before the block come first, but
 * nobody else's. */
static void raw_hurry(void *arg, uint64_t blk)
{
	struct raw *raw = arg;

	LOCK_SCOPE(&raw->lock);
	list_for_each(pos, tmp, &raw->fills) {
		struct fill *f = list_entry(pos, struct fill, link);

		if (blk >= f->first && blk < f->end)
			origin_hurry(&f->fetch);
	}
}

static const struct blocks_ops raw_ops = { .fill = raw_fill, .hurry = raw_hurry };

static void raw_free(void *arg)
{
	struct raw *raw = arg;

	pthread_mutex_destroy(&raw->lock);
	free(raw);
}

int rawfill_blocks(struct store *st, struct origin *o, const char *identity, uint64_t size,
		   struct blocks **out)
{
	struct raw *raw = calloc(1, sizeof(*raw));
	struct blocks_config c = {
		.memory = st->memory,
		.cache = store_blocks_cache(st),
		.identity = identity,
		.layer = "raw",
		.size = size,
		.read_ahead = MIN(st->opt->read_ahead, st->opt->memory / 4),
		.fill_max = FILL_MAX,
		.anywhere = true,
		.ops = &raw_ops,
		.arg = raw,
		.arg_free = raw_free,
	};
	int r;

	if (!raw)
		return -ENOMEM;
	raw->st = st;
	raw->origin = o;
	pthread_mutex_init(&raw->lock, NULL);
	list_init(&raw->fills);
	r = blocks_new(&c, &raw->blocks);
	if (r < 0)
		raw_free(raw);
	else
		*out = raw->blocks;
	return r;
}

/* ---- chunks ---- */

struct chunk_fetch {
	struct fetch fetch;
	struct chunk *chunk;
};

static int chunk_data(struct fetch *fetch, uint64_t off, const void *p, size_t n)
{
	struct chunk *c = container_of(fetch, struct chunk_fetch, fetch)->chunk;

	if (chunk_abandoned(c))
		return -ECANCELED;
	memcpy(c->data + (off - c->at.from), p, n);
	return 0;
}

static void chunk_done(struct fetch *fetch, int err)
{
	struct chunk_fetch *cf = container_of(fetch, struct chunk_fetch, fetch);

	chunk_end(cf->chunk, err);
	free(cf);
}

static void chunk_fetch_hurry(struct chunk *c)
{
	struct chunk_fetch *cf = c->maker;

	origin_hurry(&cf->fetch);
}

/* How far from the front is the range here already?  Copies it. */
static uint64_t copy_cached(struct blocks *raw, struct chunk *c)
{
	uint64_t off = c->at.from;

	while (raw && off < c->at.to && blocks_has(raw, off >> BLOCK_SHIFT)) {
		uint64_t to = MIN(((off >> BLOCK_SHIFT) + 1) << BLOCK_SHIFT, c->at.to);

		if (blocks_pread(raw, c->data + (off - c->at.from), (size_t)(to - off), off, NULL) <
		    0)
			break;
		off = to;
	}
	return off;
}

int rawfill_chunk(struct store *st, struct origin *o, struct blocks *raw, struct range at,
		  bool demand, struct chunk **out)
{
	AUTO(auto_free) struct chunk_fetch *cf = calloc(1, sizeof(*cf));
	struct chunk *c = cf ? chunk_new(st->memory, at) : NULL;
	uint64_t from;

	if (!c)
		return -ENOMEM;
	*out = c;
	from = copy_cached(raw, c);
	if (from == at.to) {
		chunk_end(c, 0);
		return 0;
	}
	cf->chunk = c;
	c->hurry = chunk_fetch_hurry;
	c->maker = cf;
	cf->fetch.at = (struct range){ from, at.to };
	cf->fetch.demand = demand;
	cf->fetch.data = chunk_data;
	cf->fetch.done = chunk_done;
	origin_fetch(o, &steal(&cf)->fetch);
	return 0;
}
