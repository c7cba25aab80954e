/* SPDX-License-Identifier: MPL-2.0 */
/* blocks.h - a space of bytes that arrive block by block: from the network, or out of a decoder.
 *
 * The one read path: memory, then disk cache, then a fill that all who want the block share.
 * Fillers publish with blocks_put(); the block is kept in memory while somebody waits and written
 * to the cache layer.
 */
#ifndef STORE_BLOCKS_H
#define STORE_BLOCKS_H

#include "base/range.h"
#include "base/wait.h"
#include "store/memory.h"

struct blocks;

struct blocks_ops {
	/* Bring blocks [first, first + n).  All have FILLING slots; each must see exactly one
	 * blocks_put() or blocks_fail(), in time.  Never blocks.  demand: somebody waits. */
	void (*fill)(void *arg, uint64_t first, uint32_t n, bool demand);
	/* Somebody has come to wait for a block whose fill was started already, maybe for nobody.
	 * Never blocks.  NULL: that makes no difference. */
	void (*hurry)(void *arg, uint64_t blk);
};

struct blocks_config {
	struct memory *memory;
	struct cache *cache;	      /* NULL: memory only */
	const char *identity, *layer; /* borrowed until blocks_free(); layer NULL: not known yet */
	uint64_t size;		      /* bytes; UINT64_MAX while not known */
	uint64_t read_ahead;	      /* bytes, for one reader at most */
	uint32_t fill_max;	      /* blocks for one fill at most */
	bool anywhere;		      /* a fill of any block costs little more than its bytes */
	const struct blocks_ops *ops;
	void *arg;
	void (*arg_free)(void *arg); /* called by blocks_free(); may be NULL */
};

int blocks_new(const struct blocks_config *c, struct blocks **out) MUST_CHECK;
struct blocks *blocks_free(struct blocks *b); /* no fill may be under way; NULL ok; returns NULL */
/* What they are kept as on disk: until then nothing is looked up there or written.  Once; borrowed.
 * anywhere: see above. */
void blocks_set_layer(struct blocks *b, const char *layer, bool anywhere);
void blocks_set_size(struct blocks *b, uint64_t size);
uint64_t blocks_size(const struct blocks *b); /* bytes; UINT64_MAX while not known */

/* Copy [off, off + len), which must lie inside.  len, PARKED, -errno.  w NULL: -EAGAIN instead of
 * parking, and nothing is started.  buf NULL: the bytes are only brought to where they are kept, in the
 * background.  How many from off on are there already, at least 1; what is missing of the
 * others is ordered.  PARKED when the first is missing. */
int64_t blocks_pread(struct blocks *b, void *buf, size_t len, uint64_t off, struct waiter *w);
/* In memory or on its way there, or recorded on disk? */
bool blocks_has(struct blocks *b, uint64_t blk);
/* On its way: has it a slot that waits for a fill? */
bool blocks_filling(struct blocks *b, uint64_t blk);
/* A block to fill; NULL without memory. */
struct block *blocks_make(struct blocks *b);
/* The front of blocks_put(): from here on the block is in memory for who comes, until it is on disk or
 * memory is short.  Takes no reference. */
void blocks_show(struct blocks *b, uint64_t blk, struct block *data);
/* Publish: takes the caller's reference.  Wakes who waits, and queues it for the disk: may wait for a
 * place there (writer.h): pool and pass threads only. */
void blocks_put(struct blocks *b, uint64_t blk, struct block *data);
/* The same for a block that comes by and is not worth a place in the cache unless somebody waits for
 * it. */
void blocks_pass_by(struct blocks *b, uint64_t blk, struct block *data);
/* Forget the first n, in memory and on disk.  May block on the disk. */
void blocks_forget(struct blocks *b, uint64_t n);
/* Blocks [first, end) do not come by a fill that is under way: other processes shall bring what they want
 * of them on their own. */
void blocks_unclaim(struct blocks *b, uint64_t first, uint64_t end);
/* A fill failed: waiters get err, the next reader starts anew. */
void blocks_fail(struct blocks *b, uint64_t blk, int err);

#endif
