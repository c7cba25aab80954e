/* SPDX-License-Identifier: MPL-2.0 */
/* rawfill.h - ranges of a remote object turned into blocks and into chunks. */
#ifndef STORE_RAWFILL_H
#define STORE_RAWFILL_H

#include "store/blocks.h"
#include "store/origin.h"
#include "store/reader.h"

/* The `raw` layer of an object: one ranged GET for each run of blocks, each block published as soon
 * as its last byte is there. */
int rawfill_blocks(struct store *st, struct origin *o, const char *identity, uint64_t size,
		   struct blocks **out) MUST_CHECK;
/* An exact range into memory.  Leading blocks that raw (may be NULL) has already are not fetched. */
int rawfill_chunk(struct store *st, struct origin *o, struct blocks *raw, struct range at,
		  bool demand, struct chunk **out) MUST_CHECK;

#endif
