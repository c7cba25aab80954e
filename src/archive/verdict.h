/* SPDX-License-Identifier: MPL-2.0 */
/* verdict.h - what this mount has found out about single members of an archive: that their content
 * has the right checksum, or that they cannot be read; private to the archive layer.
 *
 * The first is a bit a member.  The second is kept for the last VERDICT_BAD of them, so that
 * each is complained about once, and not fetched again to fail again.  Nothing lasts beyond
 * the mount.  Threads: any; a leaf lock.
 */
#ifndef ARCHIVE_VERDICT_H
#define ARCHIVE_VERDICT_H

#include "base/util.h"

#define VERDICT_BAD 1024u

struct verdict {
	pthread_mutex_t lock; /* guards what follows */
	uint64_t n_bits;
	uint64_t *good; /* a bit a member, by its number; NULL: none yet */
	uint64_t n_bad; /* ever added */
	struct verdict_bad {
		uint64_t id;
		int err; /* 0: it was complained about, parts of it can be read */
		bool said;
	} * bad; /* a ring; NULL: none yet */
};

void verdict_init(struct verdict *v);
void verdict_destroy(struct verdict *v);
/* 1 = its content was checked; 0 = nothing is known; -errno = it cannot be read. */
int verdict_of(struct verdict *v, uint64_t id);
/* Member id of at most `members` is as it should be.  Best effort, as the next one. */
void verdict_good(struct verdict *v, uint64_t id, uint64_t members);
/* Reading it fails with err (-errno) from now on. */
void verdict_bad(struct verdict *v, uint64_t id, int err);
/* Is there something to complain about that was not said yet?  True once a member. */
bool verdict_say(struct verdict *v, uint64_t id);

#endif
