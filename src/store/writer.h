/* SPDX-License-Identifier: MPL-2.0 */
/* writer.h - blocks on their way to the cache's disk: one thread writes them, so that no reader
 * waits for a disk that takes its time.
 *
 * The queue is bounded.  While the disk keeps up, who has a block to write waits for a place in a full
 * queue; when a write takes longer than a disk should, nobody waits any more and what does
 * not fit is dropped.  A block that was dropped is fetched again when somebody wants it.
 * When there is nothing to write the thread tends the cache (evicts ahead).
 * Threads: any.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "base/list.h"

struct cache;
struct cache_layer;
struct writer;

/* Embedded in what the caller keeps until done(). */
struct write_item {
	struct list link;
	struct cache_layer *layer;
	uint64_t blk;
	const void *buf; /* stays as it is until done() */
	size_t len;
	/* Exactly once, on the writer's thread or on the one that closes the layer: what
	 * cache_write() said, or -ECANCELED. */
	void (*done)(struct write_item *it, int r);
};

/* The thread is started by the first who needs it.  0 or -ENOMEM. */
int writer_new(struct cache *c, struct writer **out) MUST_CHECK;
struct writer *writer_free(struct writer *w); /* layers closed first; NULL ok; returns NULL */
/* A shorter queue, for the sake of memory. */
void writer_bound(struct writer *w, uint64_t blocks);
/* 0: done() will be called.  -EAGAIN: no place; -errno: no thread.  The item stays the caller's. */
int writer_put(struct writer *w, struct write_item *it) MUST_CHECK;
/* Write what is queued for a layer, for two seconds at most; what is left then is cancelled. */
void writer_finish(struct writer *w, struct cache_layer *l);

#endif
