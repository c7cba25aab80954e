/* SPDX-License-Identifier: MPL-2.0 */
/* branch.h - a tree in the mount that makes its own nodes, beside the datasets with an archive: node.c
 * passes on to it whatever is about one of its inodes.
 *
 * An inode number has bit 62 set, the branch's number in bits 40..61, and below them what the branch
 * likes (inode.h).  A branch lives as long as the mount.  The functions have the contracts of their
 * namesakes in node.h; local numbers come and go as they are in the inode.
 */
#ifndef FS_BRANCH_H
#define FS_BRANCH_H

#include "base/wait.h"
#include "net/json.h"

#define BRANCH_ROOT 1 /* local number of its root */

struct fs;
struct node;
struct branch;
struct nest_place;

typedef int (*branch_list_fn)(void *arg, uint64_t cookie, const char *name, const struct node *n);

/* How an open file is to be read. */
struct branch_open {
	uint64_t handle; /* comes back in read() and release() */
	bool direct;	 /* not through the kernel's cache: its size is not known */
	bool keep;	 /* what the kernel has cached of it is still right */
};

struct branch_ops {
	int (*lookup)(struct fs *fs, struct branch *b, uint64_t dir, const char *name,
		      struct waiter *w, struct node *out);
	int (*stat)(struct fs *fs, struct branch *b, uint64_t local, struct node *out);
	int (*list)(struct fs *fs, struct branch *b, uint64_t dir, uint64_t after, struct waiter *w,
		    branch_list_fn fn, void *arg);
	int (*open)(struct branch *b, uint64_t local, bool write, struct waiter *w,
		    struct branch_open *out);
	/* May it be truncated, by who is about to write?  What is written is gathered; flush comes with
	 * each close() of a file that was opened to be written, and says what became of it. */
	int (*truncate)(struct branch *b, uint64_t local);
	int (*write)(struct branch *b, uint64_t local, uint64_t handle, const void *p, size_t n,
		     uint64_t off, bool append);
	int (*flush)(struct branch *b, uint64_t local, uint64_t handle, struct waiter *w);
	void (*release)(struct branch *b, uint64_t local, uint64_t handle);
	int64_t (*read)(struct branch *b, uint64_t local, uint64_t handle, void *buf, size_t len,
			uint64_t off, struct waiter *w);
	int (*readlink)(struct branch *b, uint64_t local, struct waiter *w, char **out);
	/* The archive whose root such a directory is, opened; w NULL: if it has been, or -ENOENT.
	 * -ENOTDIR: it is no such directory. */
	int (*archive)(struct fs *fs, struct branch *b, uint64_t local, struct waiter *w,
		       struct nest_place *out);
	struct json *(*status)(struct branch *b);
	/* Nothing is under way any more: http has stopped and the pool has ended. */
	void (*free)(struct branch *b);
};

struct branch {
	const struct branch_ops *ops;
	char *dir;	 /* name in the root, owned */
	unsigned number; /* 0, 1, ... */
};

#endif
