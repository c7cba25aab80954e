/* SPDX-License-Identifier: MPL-2.0 */
/* download.h - a finished download of the official client, used instead of the network.
 *
 * It lies in $MDC_DOWNLOAD_PATH (from .env too; default ~/.mozdata/datasets) under the dataset's file
 * name.  What the client has not finished has another name (.part) and is not looked at.  The size
 * must be right; the SHA-256, if the API told one, is checked once, while the file is in use
 * already, and what came out is kept in state_dir/downloads/, by path, size, time and inode.
 *
 * Threads: any.
 */
#ifndef SOURCE_DOWNLOAD_H
#define SOURCE_DOWNLOAD_H

#include <stdatomic.h>

#include "source/source.h"

/* The path of d's download, malloc'd; NULL: there is none, or it is known to be wrong (logged).
 * state_dir may be NULL. */
char *download_find(const struct dataset *d, const char *state_dir);
/* Hash it, unless that has been done: blocks for as long as reading the file takes, reads with the
 * lowest priority, and has given up 100 ms after stop has turned true.  0: it is right, or nobody
 * knows what would be; -ESTALE: it is not (logged); -ECANCELED; -EAGAIN: it is being changed;
 * -errno: it cannot be read (logged). */
int download_verify(const char *path, const struct dataset *d, const char *state_dir,
		    const _Atomic bool *stop) MUST_CHECK;

#endif
