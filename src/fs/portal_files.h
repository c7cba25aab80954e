/* SPDX-License-Identifier: MPL-2.0 */
/* portal_files.h - the files of a portal that are open, or have been of late: each a spool.
 *
 * A file is a path of the API at one version of its dataset, so what is received for one version is
 * never taken for that of another.  A few hundred that nobody has open are kept for who comes again.
 * Threads: any.
 */
#ifndef FS_PORTAL_FILES_H
#define FS_PORTAL_FILES_H

#include "fs/branch.h"
#include "source/ods.h"
#include "store/spool.h"
#include "store/store.h"

struct portal_files;

struct remote {
	char *path; /* behind ods_base() */
	char *name; /* for the log */
	uint64_t version;
	bool seeks; /* of a kind that programs do not read from start to end: it is opened when it is
		     * there and has a size */
};
void remote_clear(struct remote *r);

int portal_files_new(struct store *st, struct ods *o, struct portal_files **out) MUST_CHECK;
struct portal_files *portal_files_free(struct portal_files *f); /* NULL ok; nothing under way */

/* Its size, if it is known. */
bool portal_files_size(struct portal_files *f, const struct remote *r, uint64_t *out);
/* 0, PARKED, -ENOMEM, -ENFILE: too many are open; or why it cannot be had. */
int portal_files_open(struct portal_files *f, const struct remote *r, struct waiter *w,
		      struct branch_open *out) MUST_CHECK;
/* What was opened, if it is whole and kept. */
bool portal_files_about(struct portal_files *f, uint64_t handle, struct spool_about *out);
void portal_files_release(struct portal_files *f, uint64_t handle);
int64_t portal_files_pread(struct portal_files *f, uint64_t handle, void *buf, size_t len,
			   uint64_t off, struct waiter *w);

#endif
