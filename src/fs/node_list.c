/* SPDX-License-Identifier: MPL-2.0 */
/* node_list.c - the listing half of node.h.
 *
 * A cookie says where to go on: 1 and 2 are "." and "..", then the place among the fixed entries;
 * inside an archive DOTS + PER_ROW * row of the name, and the cookies up to the next row's are
 * for what is shown beside the member.
 */
#include <string.h>

#include "fs/node_parts.h"

#define DOTS 2u	   /* "." and ".." come before all cookies */
#define PER_ROW 2u /* cookies for each row */

bool node_listing_constant(struct fs *fs, uint64_t ino)
{
	struct place p = node_place(fs, ino);

	return p.row == 0 || archive_complete(p.archive);
}

typedef int (*list_fn)(void *arg, uint64_t cookie, const char *name, const struct node *n);

static int list_fixed(struct fs *fs, const struct fixed_entry *e, int n, uint64_t after, list_fn fn,
		      void *arg)
{
	for (int i = 0; i < n; i++) {
		uint64_t cookie = DOTS + 1 + (uint64_t)i;
		struct node node;

		if (cookie <= after || node_stat(fs, e[i].ino, &node) < 0)
			continue;
		if (fn(arg, cookie, e[i].name, &node) != 0)
			break;
	}
	return 0;
}

static int list_root(struct fs *fs, uint64_t after, list_fn fn, void *arg)
{
	struct node node;

	if (after <= DOTS &&
	    (node_stat(fs, INO_CONTROL, &node) < 0 || fn(arg, DOTS + 1, ".mdcfs", &node) != 0))
		return 0;
	for (unsigned i = 0; i < fs->n_volumes; i++) {
		uint64_t cookie = DOTS + 2 + i;

		if (cookie <= after || node_stat(fs, ino_make(i + 1, LOCAL_DIR), &node) < 0)
			continue;
		if (fn(arg, cookie, fs->volumes[i]->dir, &node) != 0)
			break;
	}
	return 0;
}

struct member_list {
	struct fs *fs;
	struct place dir;
	bool constant, attr;
	list_fn fn;
	void *arg;
};

static int list_one(void *arg, uint64_t row, const char *name, const struct member *m)
{
	struct member_list *l = arg;
	struct node node;

	node_fill_member(l->fs, &node, &l->dir, m, l->constant);
	return l->fn(l->arg, DOTS + PER_ROW * row, name, &node);
}

/* "." and "..": 0 = go on behind them. */
static int list_dots(struct fs *fs, uint64_t ino, uint64_t after, list_fn fn, void *arg)
{
	struct node node;

	if (after >= DOTS || node_stat(fs, ino, &node) < 0)
		return 0;
	if (after < 1 && fn(arg, 1, ".", &node) != 0)
		return 1;
	return fn(arg, DOTS, "..", &node);
}

static int list_members(struct member_list *l, uint64_t after)
{
	return (l->attr ? archive_list : archive_names)(
		l->dir.archive, l->dir.row, (after - DOTS) / PER_ROW, list_one, l);
}

int node_list(struct fs *fs, uint64_t ino, uint64_t after, bool attr, struct waiter *w, list_fn fn,
	      void *arg, int *then)
{
	struct place dir = node_place(fs, ino);
	struct member_list l = { fs, dir, false, attr, fn, arg };
	struct fixed_entry e[FIXED_MAX];
	int n = ino == INO_ROOT ? 0 : node_fixed(fs, ino, e);

	*then = 0;
	if (n < 0 && dir.row == 0)
		return -ENOTDIR;
	if (dir.row > 0) {
		*then = archive_listing(dir.archive, w);
		if (*then == PARKED)
			return PARKED;
		l.constant = *then == 0;
	}
	if (list_dots(fs, ino, after, fn, arg) != 0)
		return 0;
	after = MAX(after, DOTS);
	if (ino == INO_ROOT)
		return list_root(fs, after, fn, arg);
	if (dir.row > 0)
		return list_members(&l, after);
	return list_fixed(fs, e, n, after, fn, arg);
}
