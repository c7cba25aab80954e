/* SPDX-License-Identifier: MPL-2.0 */
/* pipeline.h - units decoded by several jobs at a time and handed out in order; private to the archive
 * layer.
 *
 * Compressed bytes go in as they come; a cutter says where units begin, each unit is decoded by
 * jobs in the pool, and what comes out is handed to the owner in the stream's order, in the
 * owner's thread.  A unit comes out when all of it was found well; of one that alone is too
 * large for the memory allowed, what is over comes out before, so that units of any size pass.  Those
 * behind it are decoded ahead as far as memory allows.
 * Threads: one owner, which blocks.
 */
#ifndef ARCHIVE_PIPELINE_H
#define ARCHIVE_PIPELINE_H

#include "archive/codec/codec.h"
#include "base/pool.h"

struct pipeline;

struct pipeline_ops {
	/* A unit begins at this bit of the file; its output follows.  Not 0 ends everything with that
	 * value. */
	int (*unit)(void *arg, const struct cut *at);
	int (*output)(void *arg, const void *p, size_t n);
	/* Behind the output so far. */
	int (*mark)(void *arg, const struct mark *m);
};

struct pipeline_config {
	const struct codec *codec;
	struct cutter *cutter; /* taken over, also by a failing pipeline_new() */
	struct pool *pool;
	uint64_t
		max_bytes; /* of memory for what is on its way; the first unit may hold as much again */
	uint64_t from;	   /* file offset of the first byte that is fed */
	const struct pipeline_ops *ops;
	void *arg;
};

int pipeline_new(const struct pipeline_config *c, struct pipeline **out) MUST_CHECK;
struct pipeline *pipeline_free(struct pipeline *l); /* waits for its jobs; NULL ok; returns NULL */
/* The file's next bytes.  0; -EBADMSG = damaged, everything before was handed out; or what an op
 * returned. */
int pipeline_feed(struct pipeline *l, const void *p, size_t n) MUST_CHECK;
/* Hand out what comes within ms milliseconds.  1 = there is nothing to come without more input; 0; others
 * as above. */
int pipeline_run(struct pipeline *l, int64_t ms) MUST_CHECK;
/* No more input: the rest is handed out.  0, -ENODATA = it ends too early; others as above. */
int pipeline_end(struct pipeline *l) MUST_CHECK;
/* Where a damaged unit begins: file offset. */
uint64_t pipeline_damage(const struct pipeline *l);

#endif
