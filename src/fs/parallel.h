/* SPDX-License-Identifier: MPL-2.0 */
/* parallel.h - lookups and listings of one directory side by side.
 *
 * The kernel sends them one after the other unless it is told that it need not, and whoever waits for
 * his turn listens to no signal: one who waits for a name that the pass has not come to would keep
 * everybody else from that directory.  libfuse 3.14 means to tell it and does not: the flag is missing
 * from its answer to the kernel's first request (struct fuse_init_out of linux/fuse.h).  It is put
 * there when the answer is sent.
 */
#ifndef FS_PARALLEL_H
#define FS_PARALLEL_H

struct fs;

/* After the mount, before the first request is read.  Without it all works, one after the other. */
void parallel_enable(struct fs *fs);

#endif
