/* SPDX-License-Identifier: MPL-2.0 */
/* control.h - the files of the control directory .mdcfs: status.json, metrics, log.
 *
 * A text is made when the file is looked up or its attributes are asked for, and stays until then,
 * so that size and bytes agree; a reader's own look at the attributes changes nothing.  Threads:
 * any.
 */
#ifndef FS_CONTROL_H
#define FS_CONTROL_H

#include "fs/fs.h"

/* Make the text of a control file anew.  0 or -ENOMEM. */
int control_refresh(struct fs *fs, uint64_t ino) MUST_CHECK;
/* Size and time of the last text.  The time is exact: it tells the kernel that the text has changed. */
void control_stat(struct fs *fs, uint64_t ino, size_t *len, struct timespec *mtime);
/* Copy from the last text. Count, or -errno. */
int64_t control_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t off);
void control_free(struct fs *fs);

#endif
