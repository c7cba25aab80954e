/* SPDX-License-Identifier: MPL-2.0 */
/* follow.h - blocks that another process brings: one thread looks for them, until they are recorded in the
 * cache, or the other one has given up or died, or it takes too long.  Then they are ours to bring.
 * Threads: any.
 */
#ifndef STORE_FOLLOW_H
#define STORE_FOLLOW_H

#include "base/list.h"

struct blocks;
struct cache_layer;
struct follow;

struct follow_ops {
	/* All on the thread of its own; may read the disk, must not wait for anything else. */
	void (*there)(struct blocks *b, uint64_t blk);		    /* it is recorded */
	void (*ours)(struct blocks *b, uint64_t first, uint32_t n); /* to be brought by us */
	void (*ended)(struct blocks *b, uint64_t blk);		    /* nobody will: we stop */
};

int follow_new(struct follow **out) MUST_CHECK; /* 0 or -ENOMEM; no thread before it is needed */
struct follow *follow_free(struct follow *f);	/* NULL ok; returns NULL */
/* Follow a block that has a slot which waits for its fill.  0; -errno: it is the caller's to bring. */
int follow_add(struct follow *f, const struct follow_ops *ops, struct blocks *b,
	       struct cache_layer *l, uint64_t blk) MUST_CHECK;
/* No call for b is under way or will come. */
void follow_forget(struct follow *f, struct blocks *b);
/* Everything ends now, and what is added later too. */
void follow_stop(struct follow *f);

#endif
