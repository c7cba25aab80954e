/* SPDX-License-Identifier: MPL-2.0 */
/* readahead.h - which blocks to bring before they are asked for; a pure policy.
 *
 * Sequential access is seen per stream, not per file: `cat clips/` followed by a star reads one
 * stream across a million small files.  A few readers at once are told apart by where
 * each is expected next.  A window is a few times what its reader has read in one go, and is
 * dropped by a far seek.  Threads: the owner locks.
 */
#ifndef STORE_READAHEAD_H
#define STORE_READAHEAD_H

#include "base/range.h"

#define READAHEAD_TRACKS 16u

struct readahead {
	struct readahead_track {
		uint64_t start;   /* block where it began */
		uint64_t next;    /* block expected next */
		uint64_t ahead;   /* blocks before this were asked for already */
		uint64_t used;    /* for replacing the least recently used; 0 = a free track */
	} track[READAHEAD_TRACKS];
	uint64_t clock;
	uint64_t max_window; /* in blocks */
	uint64_t step;       /* blocks to bring at once, when the window is large enough */
};

/* A reader asks for blocks [at.from, at.to).  What to bring besides: a range of block numbers,
 * empty for none; never beyond end. */
struct range readahead_note(struct readahead *ra, struct range at, uint64_t end);

#endif
