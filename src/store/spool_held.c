/* SPDX-License-Identifier: MPL-2.0 */
/* spool_held.c - see spool_held.h. */
#include "store/spool_held.h"

#include <string.h>

void held_clear(struct held *h)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		block_unref(h->v[i]);
		h->v[i] = NULL;
	}
}

struct block *held_put(struct held *h, uint64_t blk, struct block *b)
{
	struct block *old = h->v[blk % HELD_MAX];

	h->v[blk % HELD_MAX] = b;
	return old;
}

bool held_read(const struct held *h, uint64_t have, unsigned char *buf, size_t len, uint64_t off)
{
	uint64_t last = (have - 1) >> BLOCK_SHIFT;

	while (len > 0) {
		uint64_t blk = off >> BLOCK_SHIFT;
		size_t at = off & (BLOCK_SIZE - 1), n = MIN(len, BLOCK_SIZE - at);
		const struct block *b = h->v[blk % HELD_MAX];

		if (!b || blk > last || blk + HELD_MAX <= last || at + n > b->len)
			return false;
		memcpy(buf, b->data + at, n);
		buf += n;
		off += n;
		len -= n;
	}
	return true;
}
