/* SPDX-License-Identifier: MPL-2.0 */
/* portal_archive.h - a file of a portal that is an archive (an attachment, an export, a file of a
 * record), as a directory beside it.
 *
 * It is received whole when somebody first looks inside, and from then on is an archive like one
 * inside an archive (nest.h): with an index under the SHA-256 of what was received.  It stays open
 * until the unmount, PORTAL_ARCHIVES_MAX at most.  A new version of the dataset is another one.
 * Private to portal*.c.  Threads: any.
 */
#ifndef FS_PORTAL_ARCHIVE_H
#define FS_PORTAL_ARCHIVE_H

#include "fs/portal_parts.h"

#define PORTAL_ARCHIVES_MAX 4096u

struct portal_archives;

int portal_archives_new(struct portal_archives **out) MUST_CHECK;
/* NULL ok; after nest_free(); returns NULL. */
struct portal_archives *portal_archives_free(struct portal_archives *a);

/* The name of the directory that a file is shown as, malloc'd, and its text for portal_made(); names
 * are those that are taken, and gets it.  0; -ENOENT: it is no archive; -EEXIST: both are taken. */
int portal_archive_name(struct intern *names, const char *file, enum made_kind kind,
			const char *text, char **name, char **made) MUST_CHECK;
/* The op `archive` of branch.h. */
int portal_archive(struct fs *fs, struct branch *b, uint64_t local, struct waiter *w,
		   struct nest_place *out);

#endif
