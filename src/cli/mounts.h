/* SPDX-License-Identifier: MPL-2.0 */
/* mounts.h - what is mounted, from /proc/self/mountinfo (proc(5)).
 * Nothing here touches a mount itself: a dead one cannot hang it.  Threads: any.
 */
#ifndef CLI_MOUNTS_H
#define CLI_MOUNTS_H

#include "base/util.h"

#define MOUNTS_FSTYPE "fuse.mdcfs"

struct mount {
	char *source, *mountpoint, *fstype; /* octal escapes decoded */
};

struct mounts {
	struct mount *at; /* in the kernel's order: a later mount covers an earlier one */
	size_t n;
};

/* Read the table.  0 or -errno; free with mounts_free() (fine on a zeroed struct). */
int mounts_read(struct mounts *out) MUST_CHECK;
void mounts_free(struct mounts *m);
/* The topmost mount at exactly this absolute path, borrowed; NULL when there is none. */
const struct mount *mounts_find(const struct mounts *m, const char *path);
/* One line of mountinfo.  0, -EBADMSG, -ENOMEM; out's strings are the caller's. */
int mounts_parse(const char *line, struct mount *out) MUST_CHECK;
/* Absolute path of a mount point without asking the mount anything: only the directory above
 * it is resolved.  malloc'd in *out; 0 or -errno. */
int mounts_path(const char *path, char **out) MUST_CHECK;

#endif
