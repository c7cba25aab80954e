/* SPDX-License-Identifier: MPL-2.0 */
/* span.h - blocks of a compressed stream decoded from the nearest seek point; private to the archive
 * layer. */
#ifndef ARCHIVE_SPAN_H
#define ARCHIVE_SPAN_H

#include "archive/state.h"

/* Compressed bytes between two seek points, where they can be chosen.  A cold read fetches about
 * this much and a block. */
#define SPAN_SPACING (384u << 10)

/* The fill of format.h, for formats that have a codec. */
void span_fill(struct archive *a, uint64_t first, uint32_t n, bool demand);

#endif
