/* SPDX-License-Identifier: MPL-2.0 */
/* span.h - blocks of a compressed stream decoded from the nearest seek point; private to the archive
 * layer.
 *
 * A block is published when it comes out, before the checksum at its unit's (gzip: the stream's) end
 * was seen: a cold read of a few bytes does not wait for a unit of 64 MiB.  The pass has checked that
 * checksum before it made the seek point, and these are the same bytes, of the same version of
 * the file, by a transport that checks them; a unit found to be damaged all the same fails what is still wanted
 * of it, and is logged.
 */
#ifndef ARCHIVE_SPAN_H
#define ARCHIVE_SPAN_H

#include "archive/state.h"

/* Compressed bytes between two seek points, where they can be chosen.  A cold read fetches about
 * this much and a block. */
#define SPAN_SPACING (384u << 10)

/* The fill of format.h, for formats that have a codec. */
void span_fill(struct archive *a, uint64_t first, uint32_t n, bool demand);
/* Somebody has come to wait for a block that may be among those being filled. */
void span_hurry(struct archive *a, uint64_t blk);

#endif
