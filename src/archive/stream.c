/* SPDX-License-Identifier: MPL-2.0 */
/* stream.c - see stream.h. */
#include "archive/stream.h"

#include <errno.h>

#include "archive/format.h"

/* What lies before the pass's position is decoded anew, what lies behind it the pass brings. */
static void stream_fill(void *arg, uint64_t first, uint32_t n, bool demand)
{
	struct archive *a = arg;
	struct pending_fill *f = calloc(1, sizeof(*f));
	uint64_t end = first + n;
	uint64_t ready;
	int err;

	pthread_mutex_lock(&a->lock);
	ready = a->state == ARCHIVE_COMPLETE ? end
					     : MIN(end, MAX(a->position >> BLOCK_SHIFT, first));
	err = a->state == ARCHIVE_FAILED ? a->error : f ? 0 : -ENOMEM;
	if (err == 0 && ready < end)
		err = archive_kick_locked(a);
	if (err == 0 && ready < end) {
		*f = (struct pending_fill){ .first = ready, .end = end };
		list_push(&a->fills, &f->link);
		f = NULL;
		a->need = MAX(a->need, end << BLOCK_SHIFT);
	}
	pthread_mutex_unlock(&a->lock);
	free(f);
	blocks_unclaim(a->stream, ready, end); /* another process may have to run the pass for them */
	if (ready > first)
		a->format->fill(a, first, (uint32_t)(ready - first), demand);
	for (uint64_t blk = ready; err < 0 && blk < end; blk++)
		blocks_fail(a->stream, blk, err);
}

static void stream_hurry(void *arg, uint64_t blk)
{
	struct archive *a = arg;
	const struct format *f;

	pthread_mutex_lock(&a->lock);
	f = a->format;
	pthread_mutex_unlock(&a->lock);
	if (f && f->hurry)
		f->hurry(a, blk);
}

const struct blocks_ops stream_ops = { .fill = stream_fill, .hurry = stream_hurry };
