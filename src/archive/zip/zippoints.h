/* SPDX-License-Identifier: MPL-2.0 */
/* zippoints.h - seek points on their way into the index, a few in one transaction; private to the
 * archive layer.  Threads: one owner.
 */
#ifndef ARCHIVE_ZIPPOINTS_H
#define ARCHIVE_ZIPPOINTS_H

#include "archive/state.h"

#define ZIPPOINTS_MAX 32u

struct zippoints {
	uint64_t known; /* the index has all up to this stream offset */
	struct zippoint {
		struct gzip_point point;
		void *window; /* packed */
		size_t n;
	} point[ZIPPOINTS_MAX];
	unsigned n;
};

/* Best effort: without its points a member is only slower to read. */
void zippoints_add(struct zippoints *z, struct archive *a, const struct gzip_point *p,
		   const void *window, size_t n);
/* Write them to the index, empty z.  Blocks shortly. */
void zippoints_flush(struct zippoints *z, struct archive *a);

#endif
