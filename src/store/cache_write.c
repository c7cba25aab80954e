/* SPDX-License-Identifier: MPL-2.0 */
/* cache_write.c - see cache.h: admission.
 *
 * A write: room is made, the gate entered (usage.h), the bytes reserved, the record claimed,
 * the data written, the record published.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "store/cache_parts.h"

#define ROOM_TRIES 8	 /* others may take the room that was made */
#define WRITE_NEEDLESS 1 /* somebody else has just written the same block */
#define WATER_PART 32	 /* of the limit is kept free, by evicting before it is needed, */
#define WATER_MAX ((uint64_t)64 << 20) /* ... but no more than this */
#define TIDY_MS 60000

/* 0, -EAGAIN when more has to go than one call should wait for, or -ENOSPC.  With 0 others may
 * still be faster to use the room. */
static int make_room(struct cache *c, struct cache_shared *s, uint64_t n)
{
	int r;

	if (usage_recount_due(s->usage))
		if (evict_recount(s->evict) < 0)
			debug(cache, "counting %s is put off", c->dir);
	if (usage_shortage(s->usage, n) == 0)
		return 0;
	r = evict_room(s->evict, n);
	if (r == 0)
		return 0;
	/* Full, and nothing to evict: the figure is wrong, or the disk is full of other things. */
	if (r == -ENOSPC)
		usage_doubt(s->usage);
	if (usage_doubted(s->usage) && evict_recount(s->evict) < 0)
		return -EAGAIN;
	return usage_shortage(s->usage, n) == 0 ? 0 : r;
}

/* The map may have grown for this block. */
static void count_map(struct cache_shared *s, struct cache_files *f)
{
	uint64_t now = blockmap_bytes(f->map), was = atomic_exchange(&f->map_bytes, now);

	if (now > was)
		usage_charge(s->usage, (int64_t)(now - was));
}

/* Inside the gate, the bytes reserved. */
static int write_claimed(struct cache_shared *s, struct cache_files *f, uint64_t blk,
			 const void *buf, size_t len)
{
	uint64_t ticket;
	int r = blockmap_claim(f->map, blk, usage_epoch(s->usage), &ticket);

	if (blockmap_grown(f->map))
		count_map(s, f);
	if (r == -EBUSY)
		usage_doubt(s->usage); /* its owner may be dead: a new epoch tells */
	if (r < 0)
		return r;
	r = file_write_at(f->fd, buf, len, blk * BLOCK_SIZE);
	if (r == 0)
		return blockmap_publish(f->map, blk, ticket, crc32c(0, buf, len), (uint32_t)len);
	if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(blk * BLOCK_SIZE),
		      BLOCK_SIZE) < 0)
		debug(cache, "block %llu keeps a part of its data", (unsigned long long)blk);
	blockmap_release(f->map, blk, ticket);
	return r;
}

/* *reserved is false when somebody else took the room meanwhile. */
static int write_inside(struct cache_shared *s, struct cache_files *f, uint64_t blk,
			const void *buf, size_t len, bool *reserved)
{
	uint64_t n = usage_round(len);
	int r = usage_enter(s->usage);

	if (r < 0)
		return r;
	*reserved = usage_reserve(s->usage, n);
	if (*reserved) {
		r = write_claimed(s, f, blk, buf, len);
		if (r < 0)
			usage_release(s->usage, n);
	}
	usage_leave(s->usage);
	return r;
}

static int write_block(struct cache_layer *l, uint64_t blk, const void *buf, size_t len)
{
	struct cache_files *f = NULL;
	struct cache_shared *s = NULL;
	bool reserved = false;
	int r = cache_shared_get(l->cache, &s);

	if (r == 0)
		r = cache_layer_files(l, &f);
	for (int i = 0; r == 0 && !reserved && i < ROOM_TRIES; i++) {
		r = make_room(l->cache, s, usage_round(len));
		if (r == 0)
			r = write_inside(s, f, blk, buf, len, &reserved);
		if (r == -ENOSPC && reserved && i == 0) { /* the disk was fuller than it said */
			usage_disk_full(s->usage);
			reserved = false;
			r = 0;
		}
	}
	if (r == -EEXIST)
		return WRITE_NEEDLESS;
	return r < 0 ? r : reserved ? 0 : -EAGAIN;
}

/* Is it there already?  A block of another length is none of this object: it goes. */
static bool is_there(struct cache_layer *l, uint64_t blk, size_t len)
{
	struct cache_files *f = atomic_load_explicit(&l->files, memory_order_acquire);
	struct block_record b;

	if (!f || blockmap_get(f->map, blk, &b) != BLOCK_VALID)
		return false;
	if (b.len == len)
		return true;
	cache_forget(l, f, blk, &b);
	return false;
}

int cache_write(struct cache_layer *l, uint64_t blk, const void *buf, size_t len)
{
	int r;

	if (len == 0 || len > BLOCK_SIZE || blk >= BLOCKMAP_MAX)
		return -EINVAL;
	if (is_there(l, blk, len))
		return 0;
	if (usage_round(len) > l->cache->max_bytes) {
		stats_inc(cache_bypassed);
		return -ENOSPC;
	}
	if (!outage_allows(&l->cache->outage)) {
		stats_inc(cache_bypassed);
		return -EAGAIN;
	}
	r = outage_result(&l->cache->outage, write_block(l, blk, buf, len));
	if (r < 0 && r != -EBUSY)
		stats_inc(cache_bypassed);
	if (r == 0)
		stats_inc(cache_writes);
	return r == WRITE_NEEDLESS ? 0 : r;
}

int cache_put(struct cache_layer *l, struct write_item *it)
{
	int r;

	it->layer = l;
	r = writer_put(l->cache->writer, it);
	if (r < 0)
		stats_inc(cache_bypassed);
	return r;
}

void cache_settle(struct cache_layer *l)
{
	writer_finish(l->cache->writer, l);
}

/* -- ahead of need -- */

/* Room that is made ahead: above the first line it begins, below the second it ends. */
static void water(struct cache_shared *s, uint64_t *begin, uint64_t *end)
{
	uint64_t part = MIN(usage_max(s->usage) / WATER_PART, WATER_MAX);

	*begin = part;
	*end = 2 * part;
}

void cache_tend(struct cache *c)
{
	struct cache_shared *s = atomic_load_explicit(&c->shared, memory_order_acquire);
	int64_t now = clock_ms(), last = atomic_load(&c->tidy_ms);
	uint64_t begin, end;

	if (!s || outage_down(&c->outage))
		return;
	if (usage_recount_due(s->usage))
		(void)!evict_recount(s->evict);
	water(s, &begin, &end);
	if (usage_shortage(s->usage, begin) > 0 && evict_room(s->evict, end) == -ENOSPC)
		debug(cache, "nothing can be evicted ahead");
	if (now - last >= TIDY_MS && atomic_compare_exchange_strong(&c->tidy_ms, &last, now))
		evict_tidy(s->evict);
}
