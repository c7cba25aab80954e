/* SPDX-License-Identifier: MPL-2.0 */
/* zipmember.h - zip members that are not just there: what is known of them before their data is
 * read, and what to say when they cannot be read; private to the archive layer.
 *
 * Each packed member has a place of its own in the archive's stream, from a whole block on;
 * the rest of its last block stays empty.  Threads: any.
 */
#ifndef ARCHIVE_ZIPMEMBER_H
#define ARCHIVE_ZIPMEMBER_H

#include "archive/state.h"

#define ZIPMEMBER_SLACK 1024u /* for the local header's name and extra field: most are shorter */

/* The packed member of stream block blk.  0; -EIO: none is there. */
int zipmember_at(struct archive *a, uint64_t blk, struct member *out) MUST_CHECK;
/* One past the member's last stream block. */
uint64_t zipmember_end(const struct member *m);
/* File offset of the local header, and of a byte that the data most likely does not reach. */
uint64_t zipmember_local(const struct member *m);
uint64_t zipmember_reach(const struct archive *a, const struct member *m);

/* Does the decoded whole have this CRC-32?  0; -EIO (logged), unless such members are served. */
int zipmember_check(struct archive *a, const struct member *m, uint32_t crc) MUST_CHECK;
/* Log which member is damaged, and how, once a member; the status shows the first.  Takes archive.lock.  Returns
 * -EIO. */
int zipmember_damaged(struct archive *a, const struct member *m, const char *what);
/* Log why a member cannot be read, unless that is known already; r (-errno) is what reading it comes
 * to from now on.  Returns r. */
int zipmember_refused(struct archive *a, const struct member *m, int r, const char *why);
/* Likewise for LAYER_NONE: why it cannot be read.  Returns -EOPNOTSUPP or -EIO. */
int zipmember_unreadable(struct archive *a, const struct member *m);

#endif
