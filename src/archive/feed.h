/* SPDX-License-Identifier: MPL-2.0 */
/* feed.h - a reader's bytes from some offset on, in order, fetched ahead in parallel ranges.
 *
 * For passes: the bytes are handed out once and not kept.  It starts with one small
 * range, so that the first member of a huge archive is cheap, and doubles size and number of the
 * ranges under way while the consumer has to wait for them.
 * Threads: one owner, which blocks.
 */
#ifndef ARCHIVE_FEED_H
#define ARCHIVE_FEED_H

#include "store/reader.h"

struct feed;

/* max_ranges: parallel ranges at most; max_bytes: of all that is under way. */
int feed_new(struct reader *r, uint64_t off, unsigned max_ranges, uint64_t max_bytes,
	     const _Atomic bool *stop, struct feed **out) MUST_CHECK;
/* End there instead of at the reader's end; as long as the end so far was not reached. */
void feed_set_end(struct feed *f, uint64_t end);
struct feed *feed_free(struct feed *f); /* NULL ok; returns NULL */
/* The next piece, borrowed until the next call.  1; 0 = the end; -ECANCELED; -errno. */
int feed_next(struct feed *f, const unsigned char **p, size_t *n) MUST_CHECK;
/* Would feed_next() not have to wait?  Its first call orders bytes and waits. */
bool feed_ready(struct feed *f);
uint64_t feed_offset(const struct feed *f); /* of the byte after the last piece handed out */

#endif
