/* SPDX-License-Identifier: MPL-2.0 */
/* draft.h - a file under construction, gone when the scope is left unless it was kept.
 *
 * Who has one holds a lock on it, and a shared one on its folder (store/about.h).  Who makes one
 * removes first what processes that were killed have left there.
 * Threads: one owner.
 */
#ifndef CLI_DRAFT_H
#define CLI_DRAFT_H

#include "base/util.h"

struct draft {
	char *path; /* set to NULL once it has another name */
	int fd;
	int folder; /* is locked; -1: the folder takes none, nothing is removed */
};

#define DRAFT_NONE \
	{ \
		.fd = -1, .folder = -1 \
	}

/* dir/.NAME-XXXXXX, empty, 0600.  0 or -errno (logged). */
int draft_new(const char *dir, const char *name, struct draft *out) MUST_CHECK;
void draft_drop(struct draft *d); /* also for AUTO() */
/* Remove those of that name in a folder whose makers have died.  How many. */
unsigned draft_sweep(int folder, const char *name);

#endif
