/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_source.h - an archive's own bytes for a decoder that pulls them: read, skip, seek.
 *
 * Scattered reads are small and go through the raw blocks, so that tables which are read
 * again and again (the tail of a 7z, the directories of an iso) come once.  After some
 * bytes in order it changes to a feed: parallel ranges, not kept.  A seek far away
 * ends the feed.
 * Threads: one owner, which blocks.
 */
#ifndef ARCHIVE_FOREIGN_SOURCE_H
#define ARCHIVE_FOREIGN_SOURCE_H

#include "store/reader.h"

struct foreign_source;

struct foreign_source_config {
	struct reader *raw;  /* borrowed */
	unsigned max_ranges; /* parallel ranges of a feed at most */
	uint64_t max_bytes;  /* of all that is under way */
	/* Called for what is handed out, the bytes from off on.  NULL: nobody wants to know. */
	void (*seen)(void *arg, uint64_t off, const void *p, size_t n);
	void *seen_arg;
	const _Atomic bool *stop; /* turns true: everything fails with -ECANCELED */
};

int foreign_source_new(const struct foreign_source_config *c,
		       struct foreign_source **out) MUST_CHECK;
struct foreign_source *foreign_source_free(struct foreign_source *s); /* NULL ok; returns NULL */
/* The next bytes, borrowed until the next call: their number, 0 = the end, -errno. */
int64_t foreign_source_read(struct foreign_source *s, const void **p);
/* Pass over n bytes, not beyond the end; how many it were. */
uint64_t foreign_source_skip(struct foreign_source *s, uint64_t n);
/* Go to a byte, which may lie beyond the end (there is nothing to read then). */
void foreign_source_seek(struct foreign_source *s, uint64_t pos);
uint64_t foreign_source_position(const struct foreign_source *s); /* of the next byte */
uint64_t foreign_source_size(const struct foreign_source *s);
/* The first error of a read, or 0.  Decoders tend to take it for a damaged archive. */
int foreign_source_error(const struct foreign_source *s);

#endif
