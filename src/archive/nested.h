/* SPDX-License-Identifier: MPL-2.0 */
/* nested.h - the names of archives inside an archive.
 *
 * A regular member whose name is a stem and an archive suffix (suffix.h), "x.zip", is shown beside
 * itself as a directory too:
 *   - as its stem, "x", unless a real member has that name, or a member before it in archive order
 *     has the same stem ("x.tar" before "x.zip");
 *   - else as "x.zip.d", unless a real member or some other member's stem is called so;
 *   - else not at all.
 * So real members always win, and what a name leads to does not depend on what was looked up before.
 * A hard link is a name as every other.
 *
 * Only for an archive that is settled: before, a real member of the name may still come.
 * Threads: any; local disk only.
 */
#ifndef ARCHIVE_NESTED_H
#define ARCHIVE_NESTED_H

#include "archive/archive.h"
#include "archive/names.h"

/* Which member, and in which row its name is, is shown as directory `name` in directory parent?
 * The caller has seen that no real member is called so.  0, -ENOENT, -EIO; the caller
 * member_free()s *out. */
int nested_lookup(struct archive *a, uint64_t parent, const char *name, uint64_t *row,
		  struct member *out) MUST_CHECK;
/* Under which name is the regular member called `name`, in that row, shown as a directory in parent?
 * 0; -ENOENT: it has no archive suffix; -EEXIST: both names are taken; -EIO. */
int nested_name(struct archive *a, uint64_t parent, const char *name, uint64_t row,
		char out[static NAMES_MAX + 1]) MUST_CHECK;

#endif
