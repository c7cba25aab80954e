/* SPDX-License-Identifier: MPL-2.0 */
/* zipfill.h - stream blocks of a zip: its packed members; private to the archive layer.
 *
 * A small member is decoded and checked as a whole before any byte of it is published, and
 * neighbours come in one range.  Large ones are zipspan.c's when they are deflated, else
 * zippull.c's.
 */
#ifndef ARCHIVE_ZIPFILL_H
#define ARCHIVE_ZIPFILL_H

#include "archive/state.h"

/* The fill of format.h. */
void zipfill_start(struct archive *a, uint64_t first, uint32_t n, bool demand);

#endif
