/* SPDX-License-Identifier: MPL-2.0 */
/* fills.h - blocks of the decoded stream that readers wait for, kept by the decode that will publish
 * them; private to the archive layer.  The lock of the archive guards each list.
 */
#ifndef ARCHIVE_FILLS_H
#define ARCHIVE_FILLS_H

#include "base/list.h"
#include "store/blocks.h"

/* Blocks [first, end). */
struct pending_fill {
	struct list link;
	uint64_t first, end;
};

bool fills_want(const struct list *fills, uint64_t blk);
/* All blocks before next are published: forget what wants no more than those. */
void fills_served(struct list *fills, uint64_t next);
/* Who wants blocks from next on gets err.  The list is empty after it, and the caller's alone. */
void fills_fail(struct list *fills, struct blocks *stream, uint64_t next, int err);

#endif
