/* SPDX-License-Identifier: MPL-2.0 */
/* asked.h - the blocks that one decode is to end, as ranges in a list; private to the archive layer.
 * Their slots are FILLING.  Whose block comes out of another decode is told by taking it off the list.
 * Threads: whoever holds the lock that guards the list.
 */
#ifndef ARCHIVE_ASKED_H
#define ARCHIVE_ASKED_H

#include "store/blocks.h"

#define ASKED_NOTHING UINT64_MAX

struct asked {
	struct list link;
	uint64_t first, end; /* blocks; not empty */
	bool demand;	     /* somebody waits */
};

struct asked *asked_new(uint64_t first, uint64_t end, bool demand); /* NULL without memory */
/* The first block of all, or ASKED_NOTHING; one past the last, or 0. */
uint64_t asked_first(const struct list *l);
uint64_t asked_end(const struct list *l);
bool asked_on_demand(const struct list *l);		     /* is one of them? */
struct asked *asked_find(const struct list *l, uint64_t blk); /* NULL: blk is not there */
/* Take one block off.  False: it is not there, or (without memory) it stays. */
bool asked_take(struct list *l, uint64_t blk);
/* Move the blocks from this one on to another list; without memory some stay. */
void asked_move(struct list *l, uint64_t from, struct list *to);
/* All of them have failed: their slots end with err, and the list is empty. */
void asked_fail(struct list *l, struct blocks *b, int err);

#endif
