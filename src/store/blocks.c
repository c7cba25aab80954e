/* SPDX-License-Identifier: MPL-2.0 */
/* blocks.c - see blocks.h.  b->lock guards the read-ahead state only; the slots are memory.c's. */
#include "store/blocks.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/stats.h"
#include "store/follow.h"
#include "store/readahead.h"
#include "store/writer.h"

#define SLOT_TRIES 4u /* without memory for a slot */

struct blocks {
	struct blocks_config c;
	_Atomic(const char *) layer;	    /* c.layer, or what came later; NULL: not known */
	_Atomic(struct cache_layer *) disk; /* set once, by the first who needs it; NULL: none */
	_Atomic bool no_disk;		    /* there will be none */
	_Atomic bool anywhere;		    /* c.anywhere, or what came later */
	_Atomic uint64_t size;
	pthread_mutex_t opening; /* of disk */
	pthread_mutex_t lock;	 /* guards what follows */
	struct readahead ra;
};

int blocks_new(const struct blocks_config *c, struct blocks **out)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->c = *c;
	atomic_init(&b->size, c->size);
	atomic_init(&b->layer, c->layer);
	atomic_init(&b->anywhere, c->anywhere);
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->opening, NULL);
	atomic_init(&b->no_disk, !c->cache);
	b->ra.max_window = c->read_ahead >> BLOCK_SHIFT;
	b->ra.step = c->fill_max;
	*out = b;
	return 0;
}

/* Many spaces are never used: an archive may need no decoded stream.  The files are made, and kept
 * open, for those that are. */
static struct cache_layer *disk_of(struct blocks *b)
{
	struct cache_layer *l = atomic_load_explicit(&b->disk, memory_order_acquire);
	const char *layer;
	int r;

	if (l || atomic_load_explicit(&b->no_disk, memory_order_relaxed))
		return l;
	LOCK_SCOPE(&b->opening);
	l = atomic_load(&b->disk);
	layer = atomic_load(&b->layer);
	if (l || !layer || atomic_load(&b->no_disk))
		return l;
	r = cache_layer_open(b->c.cache, b->c.identity, layer, &l);
	if (r < 0) {
		atomic_store(&b->no_disk, true);
		(void)log_warn(r, "%s layer is not cached", layer);
		return NULL;
	}
	atomic_store_explicit(&b->disk, l, memory_order_release);
	return l;
}

struct blocks *blocks_free(struct blocks *b)
{
	if (!b)
		return NULL;
	if (b->c.cache)
		follow_forget(cache_follow(b->c.cache), b);
	cache_layer_close(atomic_load(&b->disk)); /* what is on its way there refers to b */
	memory_drop(b->c.memory, b);
	if (b->c.arg_free)
		b->c.arg_free(b->c.arg);
	pthread_mutex_destroy(&b->opening);
	pthread_mutex_destroy(&b->lock);
	free(b);
	return NULL;
}

void blocks_set_layer(struct blocks *b, const char *layer, bool anywhere)
{
	atomic_store(&b->anywhere, anywhere);
	atomic_store(&b->layer, layer);
}

void blocks_set_size(struct blocks *b, uint64_t size)
{
	atomic_store(&b->size, size);
}

uint64_t blocks_size(const struct blocks *b)
{
	return atomic_load(&b->size);
}

bool blocks_has(struct blocks *b, uint64_t blk)
{
	struct cache_layer *disk;

	if (memory_has(b->c.memory, b, blk))
		return true;
	disk = disk_of(b);
	return disk && cache_has(disk, blk);
}

bool blocks_filling(struct blocks *b, uint64_t blk)
{
	return memory_filling(b->c.memory, b, blk);
}

struct block *blocks_make(struct blocks *b)
{
	return block_new(b->c.memory);
}

/* Other processes need not wait for a block from us any more. */
static void unclaim(struct blocks *b, uint64_t blk)
{
	struct cache_layer *disk = atomic_load_explicit(&b->disk, memory_order_acquire);

	if (disk)
		cache_unclaim(disk, blk);
}

void blocks_unclaim(struct blocks *b, uint64_t first, uint64_t end)
{
	for (uint64_t blk = first; blk < end; blk++)
		unclaim(b, blk);
}

/* A block on its way to the disk. */
struct writing {
	struct write_item item;
	struct blocks *blocks;
	struct block *data;
};

static void written(struct write_item *it, int r)
{
	struct writing *w = container_of(it, struct writing, item);

	if (r == 0)
		memory_on_disk(w->blocks->c.memory, w->blocks, it->blk);
	cache_unclaim(it->layer, it->blk);
	atomic_store(&w->data->queued, false);
	block_unref(w->data);
	free(w);
}

/* Queue it for the disk; what does not get there stays in memory as long as there is room. */
static void write_block(struct blocks *b, uint64_t blk, struct block *data)
{
	struct cache_layer *disk = disk_of(b);
	struct writing *w = disk ? calloc(1, sizeof(*w)) : NULL;

	if (!w) {
		unclaim(b, blk);
		return;
	}
	w->item = (struct write_item){
		.blk = blk, .buf = data->data, .len = data->len, .done = written
	};
	w->blocks = b;
	w->data = data;
	atomic_fetch_add(&data->refs, 1);
	atomic_store(&data->queued, true);
	if (cache_put(disk, &w->item) < 0) {
		atomic_store(&data->queued, false);
		unclaim(b, blk);
		block_unref(data);
		free(w);
	}
}

void blocks_show(struct blocks *b, uint64_t blk, struct block *data)
{
	if (!memory_put(b->c.memory, b, blk, data, false))
		memory_show(b->c.memory, b, blk, data);
}

void blocks_put(struct blocks *b, uint64_t blk, struct block *data)
{
	blocks_show(b, blk, data); /* that may be the only place it has */
	write_block(b, blk, data);
	block_unref(data);
}

void blocks_pass_by(struct blocks *b, uint64_t blk, struct block *data)
{
	if (memory_put(b->c.memory, b, blk, data, false))
		write_block(b, blk, data);
	else
		unclaim(b, blk);
	block_unref(data);
}

void blocks_forget(struct blocks *b, uint64_t n)
{
	struct cache_layer *disk = disk_of(b);

	if (disk)
		cache_settle(disk);
	memory_drop(b->c.memory, b);
	for (uint64_t blk = 0; disk && blk < n; blk++)
		cache_drop(disk, blk);
}

/* Is it to be read from disk?  Not from a very slow one, if there is another way. */
static bool is_readable(struct blocks *b, struct cache_layer *disk, uint64_t blk)
{
	return disk && cache_has(disk, blk) &&
	       (!atomic_load_explicit(&b->anywhere, memory_order_relaxed) || !cache_is_slow(disk));
}

/* It was not read from a slow disk, but cannot be had elsewhere: those who wait look there. */
static bool is_passed_over(struct blocks *b, uint64_t blk)
{
	struct cache_layer *disk = atomic_load_explicit(&b->disk, memory_order_acquire);

	return disk && atomic_load(&b->anywhere) && cache_has(disk, blk) && cache_insist(disk);
}

void blocks_fail(struct blocks *b, uint64_t blk, int err)
{
	if (err != -ENOTCONN && err != -ECANCELED && is_passed_over(b, blk))
		err = 0;
	unclaim(b, blk);
	memory_fail(b->c.memory, b, blk, err);
}

/* The block from disk, kept in memory for its neighbours' readers.  0 or -ENOENT. */
static int from_disk(struct blocks *b, uint64_t blk, struct block **out)
{
	AUTO(auto_block_unref) struct block *data = NULL;
	struct cache_layer *disk = disk_of(b);
	size_t len;

	if (!is_readable(b, disk, blk))
		return -ENOENT;
	data = block_new(b->c.memory);
	if (!data || cache_read(disk, blk, data->data, &len) < 0)
		return -ENOENT;
	data->len = (uint32_t)len;
	if (memory_put(b->c.memory, b, blk, data, true))
		memory_on_disk(b->c.memory, b, blk);
	*out = steal(&data);
	return 0;
}

/* ---- what another process brings ---- */

static void there(struct blocks *b, uint64_t blk)
{
	AUTO(auto_block_unref) struct block *data = NULL;

	if (from_disk(b, blk, &data) < 0) /* gone again, or damaged */
		b->c.ops->fill(b->c.arg, blk, 1, true);
}

static void ours(struct blocks *b, uint64_t first, uint32_t n)
{
	for (uint32_t k; n > 0; first += k, n -= k) {
		k = MIN(n, b->c.fill_max);
		b->c.ops->fill(b->c.arg, first, k, true);
	}
}

static void ended(struct blocks *b, uint64_t blk)
{
	blocks_fail(b, blk, -ENOTCONN);
}

/* A slot was made for it.  True: another process brings it, and we look after that. */
static bool followed(struct blocks *b, struct cache_layer *disk, uint64_t blk)
{
	static const struct follow_ops ops = { there, ours, ended };

	return disk && !cache_claim(disk, blk) &&
	       follow_add(cache_follow(b->c.cache), &ops, b, disk, blk) == 0;
}

/* Start fills for those of [from, to) that are nowhere yet, in runs.  from_begun: from has a
 * slot that waits for its fill. */
static void start_fills(struct blocks *b, uint64_t from, uint64_t to, bool from_begun, bool demand)
{
	enum memory_claim claim = demand ? CLAIM_MORE : CLAIM_AHEAD;
	struct cache_layer *disk = disk_of(b);
	uint64_t first = from;
	uint32_t n = 0;

	for (uint64_t blk = from; blk < to; blk++) {
		bool absent = !disk || (!is_readable(b, disk, blk) &&
					(demand || !cache_elsewhere(disk, blk)));
		bool begun = (blk == from && from_begun) ||
			     (absent && memory_begin(b->c.memory, b, blk, claim, NULL) == BEGUN);

		begun = begun && !followed(b, disk, blk);

		if (begun && n++ == 0)
			first = blk;
		if (n > 0 && (!begun || n == b->c.fill_max || blk + 1 == to)) {
			b->c.ops->fill(b->c.arg, first, n, demand);
			n = 0;
		}
	}
}

static uint64_t block_count(struct blocks *b)
{
	uint64_t size = atomic_load(&b->size);

	return size == UINT64_MAX ? UINT64_MAX >> BLOCK_SHIFT
				  : (size + BLOCK_SIZE - 1) >> BLOCK_SHIFT;
}

static void read_ahead(struct blocks *b, struct range blks)
{
	struct range more;

	pthread_mutex_lock(&b->lock);
	more = readahead_note(&b->ra, blks, block_count(b));
	pthread_mutex_unlock(&b->lock);
	if (more.from < more.to)
		start_fills(b, more.from, more.to, false, false);
}

/* One block, or why not: MEMORY_FILLING means that w (when given) is parked on it. */
static enum memory_state get_block(struct blocks *b, uint64_t blk, struct block **out,
				   struct waiter *w)
{
	enum memory_state s = memory_get(b->c.memory, b, blk, out, w);

	if (s == MEMORY_READY)
		stats_inc(memory_hits);
	else if (s == MEMORY_ABSENT && from_disk(b, blk, out) == 0)
		s = MEMORY_READY;
	return s;
}

/* Copy the part of [off, off + len) that lies in one block. */
static int copy_part(const struct block *data, uint64_t blk, unsigned char *buf, size_t len,
		     uint64_t off)
{
	uint64_t start = blk << BLOCK_SHIFT;
	uint64_t from = MAX(off, start), to = MIN(off + len, start + BLOCK_SIZE);

	if (to - start > data->len)
		return log_error(-EIO, "block %llu has only %u bytes", (unsigned long long)blk,
				 data->len);
	memcpy(buf + (from - off), data->data + (from - start), to - from);
	return 0;
}

/* Everything that is here, copied; *missing is the first block that is not, else blks.to. */
static int copy_present(struct blocks *b, struct range blks, unsigned char *buf, size_t len,
			uint64_t off, uint64_t *missing)
{
	*missing = blks.to;
	for (uint64_t blk = blks.from; blk < blks.to; blk++) {
		AUTO(auto_block_unref) struct block *data = NULL;
		int r;

		if (get_block(b, blk, &data, NULL) != MEMORY_READY) {
			*missing = MIN(*missing, blk);
			continue;
		}
		r = copy_part(data, blk, buf, len, off);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Park w on a block that is not there, with a slot made for it when it has none; only then its fill
 * may start, so that the error of one that fails at once comes to w.  *begun: BEGUN, then that is up
 * to the caller; BEGUN_LATER: w is parked until there is memory.  MEMORY_READY: it came in the
 * meantime; MEMORY_ABSENT: no slot could be made. */
static enum memory_state park(struct blocks *b, uint64_t blk, struct waiter *w,
			      enum memory_begun *begun)
{
	AUTO(auto_block_unref) struct block *data = NULL;

	*begun = memory_begin(b->c.memory, b, blk, w->patient ? CLAIM_TURN : CLAIM_NOW, w);
	if (*begun == BEGUN_LATER)
		return MEMORY_FILLING;
	return memory_get(b->c.memory, b, blk, &data, w);
}

/* Somebody is parked on the first of these. */
static void start_parked(struct blocks *b, uint64_t from, uint64_t to, enum memory_begun begun)
{
	if (begun == BEGUN_LATER)
		return;
	if (begun != BEGUN && b->c.ops->hurry)
		b->c.ops->hurry(b->c.arg, from);
	start_fills(b, from, to, begun == BEGUN, true);
}

/* Is it on disk, or on its way there?  What memory alone has (the disk was full or failing when it came, or
 * the cache was cleared since) is sent there now. */
static bool is_kept(struct blocks *b, uint64_t blk)
{
	AUTO(auto_block_unref) struct block *data = NULL;
	struct cache_layer *disk = disk_of(b);

	if (disk && cache_has(disk, blk))
		return true;
	if (memory_get(b->c.memory, b, blk, &data, NULL) != MEMORY_READY)
		return false;
	if (!atomic_load(&data->queued))
		write_block(b, blk, data);
	return true;
}

/* Nobody waits at the first missing block but w, which is in no hurry. */
static enum memory_state order(struct blocks *b, uint64_t from, uint64_t to, struct waiter *w)
{
	enum memory_begun begun;
	enum memory_state state = park(b, from, w, &begun);

	if (state == MEMORY_FILLING && begun != BEGUN_LATER)
		start_fills(b, from, to, begun == BEGUN, false);
	return state;
}

static int64_t bring(struct blocks *b, size_t len, uint64_t off, struct waiter *w)
{
	struct range blks = { off >> BLOCK_SHIFT, (off + len + BLOCK_SIZE - 1) >> BLOCK_SHIFT };
	bool reads_on = w && w->reads_on; /* parked, w may be gone */
	enum memory_state state = MEMORY_READY;
	uint64_t blk = blks.from;

	for (unsigned tries = 0; tries < SLOT_TRIES; tries += state == MEMORY_ABSENT) {
		while (blk < blks.to && is_kept(b, blk))
			blk++;
		if (blk == blks.from && !w)
			return -EAGAIN;
		if (blk == blks.from)
			state = order(b, blk, blks.to, w);
		else if (w)
			start_fills(b, blk, blks.to, false, false);
		if (reads_on)
			read_ahead(b, blks);
		if (blk > blks.from)
			return blk == blks.to ? (int64_t)len
					      : (int64_t)((blk << BLOCK_SHIFT) - off);
		if (state == MEMORY_FILLING)
			return PARKED;
	}
	return -ENOMEM;
}

int64_t blocks_pread(struct blocks *b, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	struct range blks = { off >> BLOCK_SHIFT, (off + len + BLOCK_SIZE - 1) >> BLOCK_SHIFT };
	uint64_t missing;

	if (!buf)
		return bring(b, len, off, w);
	for (unsigned tries = 0; tries < SLOT_TRIES;) {
		enum memory_state state = MEMORY_READY;
		int r = copy_present(b, blks, buf, len, off, &missing);
		enum memory_begun begun = BEGUN_NOT;

		if (r < 0)
			return r;
		if (missing < blks.to && !w)
			return -EAGAIN;
		if (missing < blks.to)
			state = park(b, missing, w, &begun);
		if (state == MEMORY_FILLING)
			start_parked(b, missing, blks.to, begun);
		if (w && state != MEMORY_ABSENT && begun != BEGUN_LATER)
			read_ahead(b, blks);
		if (missing == blks.to || state == MEMORY_FILLING)
			return missing == blks.to ? (int64_t)len : PARKED;
		tries += state == MEMORY_ABSENT;
	}
	return -ENOMEM;
}
