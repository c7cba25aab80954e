/* SPDX-License-Identifier: MPL-2.0 */
/* chunkfill.h - chunks for a reader that has no better way to make them than its own pread().
 * Threads: any.
 */
#ifndef STORE_CHUNKFILL_H
#define STORE_CHUNKFILL_H

#include "store/reader.h"

/* The op `chunk` of reader.h, by jobs of this pool: piece by piece, parked where pread() parks. */
int chunk_by_pread(struct pool *pool, struct reader *r, struct range at, bool demand,
		   struct chunk **out) MUST_CHECK;

#endif
