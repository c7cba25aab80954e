/* SPDX-License-Identifier: MPL-2.0 */
/* index_vet.h - is a file that came from elsewhere an index that may be used?
 *
 * The one who made it is not trusted: it may have exactly the tables that this program makes, nothing
 * that runs (triggers, views), sound pages and search trees, names that a directory can have in
 * parents that are directories and lead to the root, hard links to older members that are
 * neither links nor directories, and places inside the object and its stream.  What else a wrong
 * number could do is up to those who read members, who check as they do for archives.
 * Threads: any.
 */
#ifndef ARCHIVE_INDEX_VET_H
#define ARCHIVE_INDEX_VET_H

#include "base/util.h"

/* The file at path, which nobody else has open, should be a complete index of the object named
 * identity, of size bytes (UINT64_MAX: not known here).  0; -EBADMSG with one line in why; -errno. */
int index_vet(const char *path, const char *identity, uint64_t size,
	      char why[static 256]) MUST_CHECK;

#endif
