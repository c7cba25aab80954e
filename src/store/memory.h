/* SPDX-License-Identifier: MPL-2.0 */
/* memory.h - blocks in memory: those on their way and those just read.
 *
 * One table for the whole mount, keyed by (space, block number).  A slot is FILLING (a fill is
 * under way, readers park on its want) or READY; a failed fill leaves no slot.
 *
 * One budget for everything that is as large as the data.  What is promised, blocks of FILLING slots
 * and ranges on their way to decoders, may take half of it: what nobody waits for is refused first, then
 * readers wait for their turn.  READY blocks have what is left of the whole: those on
 * disk too are few (a handful of recent ones), those brought ahead of their reader stay until it comes,
 * within a quarter of the budget; blocks that could not be cached may use half of it.
 * Who holds what others wait for is never refused, so that the budget cannot block itself.
 * Threads: any.  One leaf lock; bytes are copied outside it, under a reference.
 */
#ifndef STORE_MEMORY_H
#define STORE_MEMORY_H

#include <stdatomic.h>

#include "base/wait.h"
#include "store/cache.h"

struct memory;
struct blocks;

/* A block's bytes; shared and constant once published. */
struct block {
	struct memory *home;
	_Atomic unsigned refs;
	uint32_t len;	    /* valid bytes */
	atomic_bool queued; /* on its way to the disk */
	unsigned char data[BLOCK_SIZE];
};

int memory_new(uint64_t budget, struct memory **out) MUST_CHECK;
struct memory *memory_free(struct memory *m); /* NULL ok; returns NULL */
uint64_t memory_used(struct memory *m);	      /* bytes in blocks and ranges now */
uint64_t memory_peak(struct memory *m);	      /* ... at most, so far */

/* Count what is not in blocks: a range for a decoder.  Any number, it is there already. */
void memory_charge(struct memory *m, uint64_t n);
void memory_discharge(struct memory *m, uint64_t n);
/* Is so much promised that work which may wait, or go on with less, should? */
bool memory_tight(struct memory *m);

struct block *block_new(struct memory *m); /* one reference; NULL without memory */
struct block *block_ref(struct block *b);  /* +1; returns b */
void block_unref(struct block *b);	   /* NULL ok */
void auto_block_unref(struct block **b);

enum memory_state { MEMORY_ABSENT, MEMORY_FILLING, MEMORY_READY };

/* Look a block up.  READY: *out is a new reference.  FILLING: w (if not NULL) was parked. */
enum memory_state memory_get(struct memory *m, struct blocks *space, uint64_t blk,
			     struct block **out, struct waiter *w);
/* For whom is a slot? */
enum memory_claim {
	CLAIM_AHEAD, /* nobody waits: refused when three eighths of the budget are promised */
	CLAIM_MORE,  /* somebody waits, but for something before it first: refused at half of it */
	CLAIM_TURN,  /* somebody waits who can wait for memory too: has to when it is */
	CLAIM_NOW    /* somebody whom others wait for: never refused */
};
enum memory_begun {
	BEGUN,	      /* the slot is FILLING, its fill is up to the caller */
	BEGUN_BEFORE, /* there was a slot */
	BEGUN_NOT,    /* refused, or there is no memory */
	BEGUN_LATER   /* CLAIM_TURN: w was parked; run again */
};
/* Make a FILLING slot; w counts with CLAIM_TURN only. */
enum memory_begun memory_begin(struct memory *m, struct blocks *space, uint64_t blk,
			       enum memory_claim claim, struct waiter *w);
/* Is there a slot in any state? */
bool memory_has(struct memory *m, struct blocks *space, uint64_t blk);
bool memory_filling(struct memory *m, struct blocks *space,
		    uint64_t blk); /* one that is FILLING? */
/* Publish b (takes no reference of the caller's).  A FILLING slot becomes READY and its waiters
 * are woken; without a slot nothing happens unless keep is true.  True when a slot holds it now. */
bool memory_put(struct memory *m, struct blocks *space, uint64_t blk, struct block *b, bool keep);
/* Make a READY slot, where there is none, for the time until b is on disk: who comes until then
 * needs no fill.  Takes no reference of the caller's. */
void memory_show(struct memory *m, struct blocks *space, uint64_t blk, struct block *b);
/* The block is on disk too: it may be dropped early. */
void memory_on_disk(struct memory *m, struct blocks *space, uint64_t blk);
/* End a FILLING slot with an error for its waiters. */
void memory_fail(struct memory *m, struct blocks *space, uint64_t blk, int err);
/* Drop everything of a space; FILLING slots are failed with -ENOTCONN. */
void memory_drop(struct memory *m, struct blocks *space);

#endif
