/* SPDX-License-Identifier: MPL-2.0 */
/* zipspan.h - a large deflated member, decoded from its start or from the nearest seek
 * point; private to the archive layer.
 *
 * The seek points that are found on the way are kept in the index.  One decode serves everybody who
 * wants what lies before it: where there are no seek points yet it is the only way to get there.
 */
#ifndef ARCHIVE_ZIPSPAN_H
#define ARCHIVE_ZIPSPAN_H

#include "archive/state.h"

/* Publish the member's stream blocks [first, end), all with FILLING slots, each by blocks_put() or
 * blocks_fail().  In a job; does not block. */
void zipspan_want(struct archive *a, const struct member *m, uint64_t first, uint64_t end,
		  bool demand);

#endif
