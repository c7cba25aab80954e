/* SPDX-License-Identifier: MPL-2.0 */
/* readahead.c - see readahead.h. */
#include "store/readahead.h"

#define GROWTH 3u /* the window, in terms of what was read in sequence */
#define DOUBT 2u  /* blocks that prove nothing: two reads may be neighbours by chance */
#define NEAR 2u   /* blocks: kernel readers arrive a little out of order */

static struct readahead_track *track_of(struct readahead *ra, uint64_t blk)
{
	struct readahead_track *old = &ra->track[0];

	for (unsigned i = 0; i < READAHEAD_TRACKS; i++) {
		struct readahead_track *t = &ra->track[i];

		if (t->used > 0 && blk + NEAR >= t->next && blk <= t->next + NEAR)
			return t;
		if (t->used < old->used)
			old = t;
	}
	*old = (struct readahead_track){ 0 };
	return old;
}

struct range readahead_note(struct readahead *ra, struct range at, uint64_t end)
{
	struct readahead_track *t = track_of(ra, at.from);
	struct range r = { 0, 0 };
	bool fresh = t->used == 0;
	uint64_t window;

	t->used = ++ra->clock;
	if (fresh) { /* somebody new: nothing is known of them yet */
		t->start = at.from;
		t->next = t->ahead = at.to;
		return r;
	}
	if (at.to <= t->next) /* the same block again: small members share one */
		return r;
	t->next = at.to;
	t->ahead = MAX(t->ahead, at.to);
	window = MIN((at.to - MIN(t->start + DOUBT, at.to)) * GROWTH, ra->max_window);
	/* Many ranges are to be under way at once: the next one is ordered as soon as it fits. */
	if (t->ahead + MIN(ra->step, window / 2) > at.to + window)
		return r;
	r.from = t->ahead;
	r.to = MIN(at.to + window, end);
	if (r.from >= r.to)
		return (struct range){ 0, 0 };
	t->ahead = r.to;
	return r;
}
