/* SPDX-License-Identifier: MPL-2.0 */
/* unitsum.h - the checksum over several units (codec.h), checked while a pass hands them out; private to
 * the archive layer.
 *
 * It is saved with each of the pass's commits, so that it may be checked over several goes.  A state that
 * is damaged or missing means that the checksum at hand is not checked.
 * Threads: the pass.
 */
#ifndef ARCHIVE_UNITSUM_H
#define ARCHIVE_UNITSUM_H

#include "archive/codec/codec.h"
#include "archive/index/index.h"
#include "archive/codec/xxh32.h"

struct unitsum {
	bool begun; /* sum is that of everything since a MARK_BEGIN */
	struct xxh32 sum;
	uint64_t out;	/* stream offset that it has come to */
	uint32_t marks; /* so many marks came by at this offset */
	uint64_t at;   /* the stream offset of the bytes handed out, lower after a new beginning, */
	uint32_t seen; /* ... and the marks that came by there */
};

/* Go on from where the index says that an earlier pass came to; the stream begins again at byte out. */
void unitsum_init(struct unitsum *s, struct index *x, uint64_t out);
/* The stream's next bytes. */
void unitsum_add(struct unitsum *s, const void *p, size_t n);
/* 0; -EBADMSG: the sum is another one. */
int unitsum_mark(struct unitsum *s, const struct mark *m) MUST_CHECK;
/* Write it to the index, in the transaction that is open. */
int unitsum_save(const struct unitsum *s, struct index *x) MUST_CHECK;

#endif
