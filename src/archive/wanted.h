/* SPDX-License-Identifier: MPL-2.0 */
/* wanted.h - the decodes of one archive's stream that are under way, and what each is to bring;
 * private to the archive layer.
 *
 * What was asked for is kept as ranges, each with one decode.  A block that comes out of any decode is
 * taken off whichever list has it, so that it has exactly one end, and who finds nothing left
 * on his own list has nothing to do.  What a running decode comes by anyway is left to it, when it will be
 * there no later than one that begins now at the nearest seek point.
 * Threads: any; the archive's lock is taken inside, and never while the caller holds it.  A decode
 * itself has one owner, its job.
 */
#ifndef ARCHIVE_WANTED_H
#define ARCHIVE_WANTED_H

#include "archive/asked.h"
#include "archive/gzip/gzip.h"
#include "archive/state.h"

struct wanted {
	struct archive *a;
	struct job job;	     /* decodes */
	bool sequential;     /* runs on through later seek points */
	_Atomic bool demand; /* somebody waits; written under the lock */

	/* Guarded by the archive's lock. */
	struct chunk *chunk; /* what the job waits for, maybe; see wanted_chunk() */
	struct list link;    /* in the archive's spans while it may be added to */
	bool begun;	     /* counted in the archive's n_spans */
	struct list asked;   /* struct asked; none begins before `passed` */
	uint64_t start, end; /* blocks asked for so far lie in these */
	uint64_t passed;     /* blocks before this do not come any more */
	uint64_t unit;	     /* the point that is decoded from, its in_bit; UINT64_MAX = not yet */
	bool edge; /* only the block that goes over its beginning is wanted of this unit */
};

void wanted_init(struct wanted *w, struct archive *a, uint64_t first, bool demand,
		 void (*run)(struct job *j));
/* Queue the job, or queue it again. */
void wanted_submit(struct wanted *w);

/* ---- for who asks ---- */

/* Ask for k: of a decode that goes on there, else of w, which begins now or when it may (*taken: w
 * is its job's from now on).  Takes k. */
void wanted_order(struct wanted *w, struct asked *k, bool *taken);
/* Somebody has come to wait for a block that may be among those asked for. */
void wanted_hurry(struct archive *a, uint64_t blk);

/* ---- for the decode's job ---- */

/* The compressed bytes that it waits for from now on, until this is called again; NULL: none. */
void wanted_chunk(struct wanted *w, struct chunk *c);
bool wanted_any(struct wanted *w);     /* is something left? */
uint64_t wanted_end(struct wanted *w); /* one past the last block asked for */
/* Does somebody still wait, or is the rest for later?  Sets demand. */
void wanted_settle(struct wanted *w);
/* The first block that is still to come.  False: there is none, and nothing more can be added. */
bool wanted_first(struct wanted *w, uint64_t *first);
/* It will be decoded from p: leave what is wanted to another decode that comes by.  False: nothing is
 * left, and nothing more can be added. */
bool wanted_begin(struct wanted *w, const struct gzip_point *p);
/* The unit at p begins, at block `from` (the one that goes over its beginning is not over yet): leave what
 * lies in it to those who are at it.  False: as above. */
bool wanted_enter(struct wanted *w, const struct gzip_point *p, uint64_t from);
/* Is only the block that goes over the beginning of the unit wanted of it?  It may end at `at`, a
 * stream offset. */
bool wanted_edge(struct wanted *w, uint64_t at);
/* The decode comes by a block.  Is it asked for, of anybody? */
bool wanted_passes(struct wanted *w, uint64_t blk);
/* Is everything that was asked for published?  Then nothing more can be added. */
bool wanted_nothing(struct wanted *w);
/* The decode ends: another one may begin.  What is left fails with err. */
void wanted_leave(struct wanted *w, int err);

#endif
