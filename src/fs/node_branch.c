/* SPDX-License-Identifier: MPL-2.0 */
/* node_branch.c - the part of node.h that is about other trees (branch.h): finds the tree of an inode
 * and passes the question on. */
#include <errno.h>
#include <string.h>

#include "base/stats.h"
#include "fs/node_parts.h"

/* So that the cookies of datasets, which may become more, stay below. */
#define COOKIES (UINT64_C(1) << 40)

static struct branch *find(struct fs *fs, uint64_t ino, uint64_t *local)
{
	unsigned n = ino_branch(ino);

	*local = ino_local(ino);
	return n < fs->n_branches ? fs->branches[n] : NULL;
}

int node_branch_stat(struct fs *fs, uint64_t ino, struct node *out)
{
	uint64_t local;
	struct branch *b = find(fs, ino, &local);

	return b ? b->ops->stat(fs, b, local, out) : -ENOENT;
}

int node_branch_lookup(struct fs *fs, uint64_t dir, const char *name, struct waiter *w,
		       struct node *out)
{
	uint64_t local;
	struct branch *b = find(fs, dir, &local);

	return b ? b->ops->lookup(fs, b, local, name, w, out) : -ENOENT;
}

int node_branch_list(struct fs *fs, uint64_t dir, uint64_t after, struct waiter *w,
		     branch_list_fn fn, void *arg)
{
	uint64_t local;
	struct branch *b = find(fs, dir, &local);

	return b ? b->ops->list(fs, b, local, after, w, fn, arg) : -ENOENT;
}

int node_branch_enter(struct fs *fs, uint64_t dir, struct waiter *w, struct nest_place *out)
{
	uint64_t local;
	struct branch *b = find(fs, dir, &local);

	return b ? b->ops->archive(fs, b, local, w, out) : -ENOTDIR;
}

int node_branch_readlink(struct fs *fs, uint64_t ino, struct waiter *w, char **out)
{
	uint64_t local;
	struct branch *b = find(fs, ino, &local);

	return b ? b->ops->readlink(b, local, w, out) : -ENOENT;
}

int64_t node_branch_read(struct fs *fs, uint64_t ino, uint64_t handle, void *buf, size_t len,
			 uint64_t off, struct waiter *w)
{
	uint64_t local;
	struct branch *b = find(fs, ino, &local);

	return b ? b->ops->read(b, local, handle, buf, len, off, w) : -ENOENT;
}

static struct branch *find_any(struct fs *fs, uint64_t ino, uint64_t *local)
{
	return ino_is_branch(ino) ? find(fs, ino, local) : NULL;
}

int node_open(struct fs *fs, uint64_t ino, bool write, struct waiter *w, struct branch_open *out)
{
	uint64_t local;
	struct branch *b = find_any(fs, ino, &local);

	return b ? b->ops->open(b, local, write, w, out) : -ENOENT;
}

int node_truncate(struct fs *fs, uint64_t ino)
{
	uint64_t local;
	struct branch *b = find_any(fs, ino, &local);

	return b ? b->ops->truncate(b, local) : -EROFS;
}

int node_write(struct fs *fs, uint64_t ino, uint64_t handle, const void *p, size_t n, uint64_t off,
	       bool append)
{
	uint64_t local;
	struct branch *b = find_any(fs, ino, &local);

	return b ? b->ops->write(b, local, handle, p, n, off, append) : -EROFS;
}

int node_flush(struct fs *fs, uint64_t ino, uint64_t handle, struct waiter *w)
{
	uint64_t local;
	struct branch *b = find_any(fs, ino, &local);

	return b ? b->ops->flush(b, local, handle, w) : 0;
}

void node_release(struct fs *fs, uint64_t ino, uint64_t handle)
{
	uint64_t local;
	struct branch *b = find_any(fs, ino, &local);

	if (b)
		b->ops->release(b, local, handle);
}

uint64_t node_branch_progress(void)
{
	return stats_get(storage_bytes) + stats_get(api_requests);
}

/* ---- in the root ---- */

int node_branch_named(struct fs *fs, const char *name, struct node *out)
{
	for (unsigned i = 0; i < fs->n_branches; i++)
		if (strcmp(name, fs->branches[i]->dir) == 0)
			return node_branch_stat(fs, ino_of_branch(i, BRANCH_ROOT), out);
	return -ENOENT;
}

void node_branch_list_all(struct fs *fs, uint64_t after, branch_list_fn fn, void *arg)
{
	for (unsigned i = 0; i < fs->n_branches; i++) {
		uint64_t cookie = COOKIES + i;
		struct node node;

		if (cookie <= after ||
		    node_branch_stat(fs, ino_of_branch(i, BRANCH_ROOT), &node) < 0)
			continue;
		if (fn(arg, cookie, fs->branches[i]->dir, &node) != 0)
			break;
	}
}
