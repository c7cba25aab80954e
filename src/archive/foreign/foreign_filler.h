/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_filler.h - stream blocks of an archive that only libarchive can read, decoded on demand;
 * private to the archive layer.
 *
 * libarchive pulls and blocks, so this is a thread of its own, one an archive, which ends when
 * nobody has wanted anything for some seconds.  It holds the archive open at some place and goes on
 * from there to what is wanted next, or starts again from the front when that lies behind.
 */
#ifndef ARCHIVE_FOREIGN_FILLER_H
#define ARCHIVE_FOREIGN_FILLER_H

#include "archive/state.h"

/* The fill of format.h. */
void foreign_fill(struct archive *a, uint64_t first, uint32_t n, bool demand);

#endif
