/* SPDX-License-Identifier: MPL-2.0 */
/* zippull.h - a large zip member that only libarchive decodes; private to the archive layer.
 *
 * libarchive pulls its input, so such a decode has a thread of its own, of which there are a
 * few an archive.  It begins at the member's start, publishes everything it passes, and when
 * nobody waits any more it stays where it is for a while: whoever reads on is served from
 * there.  One decode serves everybody who wants what lies before it.
 *
 * The last block is held back until length and CRC-32 are known to be right.  Where a wrong password
 * could give bytes without any error before that (encrypted and otherwise stored), the member
 * is decoded once for its checksum before a byte of it is published.
 */
#ifndef ARCHIVE_ZIPPULL_H
#define ARCHIVE_ZIPPULL_H

#include "archive/state.h"

/* Publish the member's stream blocks [first, end), all with FILLING slots, each by blocks_put() or
 * blocks_fail().  Does not block. */
void zippull_want(struct archive *a, const struct member *m, uint64_t first, uint64_t end);

#endif
