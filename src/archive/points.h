/* SPDX-License-Identifier: MPL-2.0 */
/* points.h - seek points that were added to an index but are not committed yet: who decodes from
 * one that has just passed needs them.  Private to the index.
 * Only points without a window are kept: from an older point nobody can decode on through those.
 * Threads: any.
 */
#ifndef ARCHIVE_POINTS_H
#define ARCHIVE_POINTS_H

#include "archive/gzip/gzip.h"

struct points {
	pthread_mutex_t lock; /* guards the rest */
	struct gzip_point *p; /* ascending by out */
	size_t n, cap;
};

void points_init(struct points *s);
void points_free(struct points *s);
int points_add(struct points *s, const struct gzip_point *p) MUST_CHECK;
void points_clear(struct points *s); /* they were committed, or taken back */
/* The last point at or before stream byte out; the first one at or after it.  False: none. */
bool points_before(struct points *s, uint64_t out, struct gzip_point *found);
bool points_after(struct points *s, uint64_t out, struct gzip_point *found);

#endif
