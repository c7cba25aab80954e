/* SPDX-License-Identifier: MPL-2.0 */
/* spool_held.h - the last blocks of a take: where the cache has no place for them, or loses them, this is
 * the only one they have.  Private to spool*.c.  Threads: under the owner's lock.
 */
#ifndef STORE_SPOOL_HELD_H
#define STORE_SPOOL_HELD_H

#include "store/memory.h"

#define HELD_MAX 96u /* blocks: more than a take's window and queue together */

struct held {
	struct block *v[HELD_MAX]; /* block n is in v[n % HELD_MAX] */
};

void held_clear(struct held *h);
/* Takes b.  The one whose place it takes: the caller's. */
struct block *held_put(struct held *h, uint64_t blk, struct block *b) MUST_CHECK;
/* Copy [off, off + len) of the have > 0 bytes that have come.  False: one of the blocks is not held. */
bool held_read(const struct held *h, uint64_t have, unsigned char *buf, size_t len, uint64_t off);

#endif
