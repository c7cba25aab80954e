/* SPDX-License-Identifier: MPL-2.0 */
/* sequential.h - the `raw` layer of an object whose server answers no ranges: one GET from its first
 * byte to its last, each block kept as it comes.
 *
 * It is begun when a block is wanted that is not there, and goes on to the end.  Who wants a block further
 * on waits for it; for one that has passed and is not in the cache any more it begins once more.  A
 * body that breaks is asked for from the start, and what came before is left out (origin.h).  The
 * transfer pauses while blocks wait to be written.
 */
#ifndef STORE_SEQUENTIAL_H
#define STORE_SEQUENTIAL_H

#include "store/blocks.h"
#include "store/origin.h"
#include "store/reader.h"

/* As rawfill_blocks().  -ENOSPC: the cache has no room for all of it (logged). */
int sequential_blocks(struct store *st, struct origin *o, const char *identity, uint64_t size,
		      struct blocks **out) MUST_CHECK;
/* As rawfill_chunk(), out of those blocks. */
int sequential_chunk(struct store *st, struct blocks *raw, struct range at,
		     struct chunk **out) MUST_CHECK;

#endif
