/* SPDX-License-Identifier: MPL-2.0 */
/* fills.c - see fills.h. */
#include "archive/fills.h"

static struct pending_fill *entry(struct list *l)
{
	return list_entry(l, struct pending_fill, link);
}

bool fills_want(const struct list *fills, uint64_t blk)
{
	list_for_each(pos, tmp, fills)
		if (blk >= entry(pos)->first && blk < entry(pos)->end)
			return true;
	return false;
}

void fills_served(struct list *fills, uint64_t next)
{
	list_for_each(pos, tmp, fills) {
		struct pending_fill *f = entry(pos);

		if (f->end > next)
			continue;
		list_remove(&f->link);
		free(f);
	}
}

void fills_fail(struct list *fills, struct blocks *stream, uint64_t next, int err)
{
	struct list *l;

	while ((l = list_pop(fills))) {
		struct pending_fill *f = entry(l);

		for (uint64_t blk = MAX(f->first, next); blk < f->end; blk++)
			blocks_fail(stream, blk, err);
		free(f);
	}
}
