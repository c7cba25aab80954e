/* SPDX-License-Identifier: MPL-2.0 */
/* node.h - the tree that is mounted: one answer for every inode number, by kind.
 *
 *	/<slug>/dataset.json  README.md  croissant.json  <filename>  <filename minus suffix>/...
 *	/<slug>/samples/<id>/ <sample>  <sample minus suffix>/...
 *	/<id>                 a symbolic link to <slug>, not listed
 *	/.mdcfs/              status.json  metrics  log
 *
 * and beside a member NAME that has replaced others, with -o versions: NAME.versions/1, 2, ...
 *
 * Other trees (branch.h) lie in the root beside the datasets.
 *
 * All functions answer now or park w.  Threads: any.
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include "fs/fs.h"

struct node {
	struct stat st;
	bool constant;	    /* may the kernel keep attributes and entry? */
	bool volatile_attr; /* may it not keep them at all? */
};

/* 0, PARKED, -ENOENT, -ENOTDIR, ...  *absent_for_good with -ENOENT: the kernel may remember it. */
int node_lookup(struct fs *fs, uint64_t parent, const char *name, struct waiter *w,
		struct node *out, bool *absent_for_good) MUST_CHECK;
int node_stat(struct fs *fs, uint64_t ino, struct node *out) MUST_CHECK;
/* For a read of an open file: a control file keeps the text that the reader has begun. */
int node_stat_reader(struct fs *fs, uint64_t ino, struct node *out) MUST_CHECK;
/* A file of another tree is opened, and may be written there: branch.h; release what was opened.  Others
 * need no opening. */
int node_open(struct fs *fs, uint64_t ino, bool write, struct waiter *w,
	      struct branch_open *out) MUST_CHECK;
int node_truncate(struct fs *fs, uint64_t ino) MUST_CHECK;
int node_write(struct fs *fs, uint64_t ino, uint64_t handle, const void *p, size_t n, uint64_t off,
	       bool append) MUST_CHECK;
int node_flush(struct fs *fs, uint64_t ino, uint64_t handle, struct waiter *w) MUST_CHECK;
void node_release(struct fs *fs, uint64_t ino, uint64_t handle);
/* Count, PARKED, -errno. */
int64_t node_read(struct fs *fs, uint64_t ino, uint64_t handle, void *buf, size_t len, uint64_t off,
		  struct waiter *w); /* handle: of node_open(), else 0 */
/* Bring the file's bytes to the cache, in the background: how many from off on are there (see
 * blocks_pread()), 0 at its end; PARKED, -errno. */
int64_t node_bring(struct fs *fs, uint64_t ino, size_t len, uint64_t off, struct waiter *w);
/* lseek(2) with SEEK_DATA or SEEK_HOLE.  0, -ENXIO beyond the end. */
int node_seek(struct fs *fs, uint64_t ino, uint64_t off, bool hole, uint64_t *out) MUST_CHECK;
int node_readlink(struct fs *fs, uint64_t ino, struct waiter *w, char **out) MUST_CHECK;
/* An extended attribute: user.* of a member, and on an archive and its root directory
 * user.mdcfs.error, what is wrong with it.  0 and a value that the caller frees, -ENODATA,
 * -EOPNOTSUPP: of another namespace. */
int node_xattr(struct fs *fs, uint64_t ino, const char *name, void **value, size_t *n) MUST_CHECK;
/* Append the names, each with its NUL. */
int node_xattr_names(struct fs *fs, uint64_t ino, struct buf *out) MUST_CHECK;
/* Will there never be one, anywhere, so that the kernel need not ask? */
bool node_xattr_never(struct fs *fs);
/* Is the directory's listing whole and constant? */
bool node_listing_constant(struct fs *fs, uint64_t ino);
/* The entries behind cookie after (0: from the start, "." and ".." included).  fn: not 0 ends the
 * walk.  Without attr only st_ino and st_mode of the nodes count.
 * 0, PARKED, or -errno that is to be told only when no entry came (a partial listing). */
int node_list(struct fs *fs, uint64_t ino, uint64_t after, bool attr, struct waiter *w,
	      int (*fn)(void *arg, uint64_t cookie, const char *name, const struct node *n),
	      void *arg, int *then) MUST_CHECK;
/* What a deadline is measured against for requests on this inode. */
uint64_t node_progress(struct fs *fs, uint64_t ino);

#endif
