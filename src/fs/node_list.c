/* SPDX-License-Identifier: MPL-2.0 */
/* node_list.c - the listing half of node.h.
 *
 * A cookie says where to go on: 1 and 2 are "." and "..", then the place among the fixed entries,
 * in the root that of the dataset, whatever version of it is there by now;
 * inside an archive DOTS + PER_ROW * row of the name, and the cookies up to the next row's are
 * for what is shown beside the member; in a directory of versions DOTS + the number.
 */
#include <stdatomic.h>
#include <string.h>

#include "archive/nested.h"
#include "base/log.h"
#include "fs/node_parts.h"

#define DOTS 2u	   /* "." and ".." come before all cookies */
#define PER_ROW 2u /* cookies for each row */

bool node_listing_constant(struct fs *fs, uint64_t ino)
{
	struct place p = node_place(fs, ino);
	struct archive *a = node_listed(fs, &p);

	if (ino == INO_ROOT || ino_is_branch(ino)) /* something may come, or a new version of one */
		return false;
	if (p.row == 0)
		return node_fixed_whole(fs, ino);
	return a && archive_complete(a);
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
	for (unsigned i = 0, n = volumes_count(fs->volumes); i < n; i++) {
		const struct volume *v = volumes_at(fs->volumes, i);
		uint64_t cookie = DOTS + 2 + i;

		if (cookie <= after || node_stat(fs, ino_make(v->number, LOCAL_DIR), &node) < 0)
			continue;
		if (fn(arg, cookie, v->dir, &node) != 0)
			return 0;
	}
	node_branch_list_all(fs, after, fn, arg);
	return 0;
}

struct member_list {
	struct fs *fs;
	struct place dir;
	bool constant, attr, nested;
	uint64_t after;
	list_fn fn;
	void *arg;
};

/* The archive that the member is, behind it. */
static int list_nested(struct member_list *l, uint64_t row, const char *name,
		       const struct member *m)
{
	char shown[NAMES_MAX + 1];
	struct node node;
	int r = nested_name(l->dir.archive, l->dir.row, name, row, shown);

	if (r == -EEXIST && !atomic_exchange(&l->fs->nested_hidden, true))
		(void)log_warn(0,
			       "%s is not shown as a directory, since both names for that are "
			       "taken; others like it are not named here",
			       name);
	if (r < 0)
		return 0;
	node_fill_nested(l->fs, &node, &l->dir, row, m, l->constant);
	return l->fn(l->arg, DOTS + PER_ROW * row + 1, shown, &node);
}

static int list_one(void *arg, uint64_t row, const char *name, const struct member *m)
{
	struct member_list *l = arg;
	uint64_t cookie = DOTS + PER_ROW * row;
	struct node node;
	int r = 0;

	node_fill_member(l->fs, &node, &l->dir, m, l->constant);
	if (cookie > l->after)
		r = l->fn(l->arg, cookie, name, &node);
	return r == 0 && l->nested && S_ISREG(m->mode) ? list_nested(l, row, name, m) : r;
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

static int list_members(struct member_list *l)
{
	uint64_t place = l->after - DOTS;
	/* The row of the last cookie once more, when what is beside its member may be due. */
	uint64_t row = l->nested && place > 0 ? (place - 1) / PER_ROW : place / PER_ROW;

	return (l->attr ? archive_list : archive_names)(l->dir.archive, l->dir.row, row, list_one,
							l);
}

static int list_version(void *arg, uint64_t n, const char *name, const struct node *node)
{
	struct member_list *l = arg;

	return l->fn(l->arg, DOTS + n, name, node);
}

static int list_versions(struct member_list *l)
{
	return node_list_versions(l->fs, &l->dir, (uint32_t)MIN(l->after - DOTS, UINT32_MAX),
				  list_version, l);
}

/* Cookies of other trees begin behind the dots'. */
static int list_branch(struct fs *fs, uint64_t ino, uint64_t after, struct waiter *w, list_fn fn,
		       void *arg)
{
	if (list_dots(fs, ino, after, fn, arg) != 0)
		return 0;
	return node_branch_list(fs, ino, MAX(after, DOTS), w, fn, arg);
}

int node_list(struct fs *fs, uint64_t ino, uint64_t after, bool attr, struct waiter *w, list_fn fn,
	      void *arg, int *then)
{
	struct place dir = node_place(fs, ino);
	struct member_list l;
	struct fixed_entry e[FIXED_MAX];
	int n = ino == INO_ROOT ? 0 : node_fixed_need(fs, ino, NULL, w);

	if (n < 0)
		return n;
	n = ino == INO_ROOT ? 0 : node_fixed(fs, ino, e);
	*then = 0;
	if (ino_is_branch(ino)) {
		int r = node_enter_branch(fs, ino, w, &dir);

		if (r == -ENOTDIR)
			return list_branch(fs, ino, after, w, fn, arg);
		if (r < 0)
			return r;
	}
	if (n < 0 && dir.row == 0)
		return -ENOTDIR;
	if (node_outdated(fs, &dir))
		return -ESTALE;
	if (dir.row > 0) {
		int r = node_enter(fs, &dir);

		if (r < 0)
			return r;
		*then = archive_listing(dir.archive, w);
		if (*then == PARKED)
			return PARKED;
	}
	if (list_dots(fs, ino, after, fn, arg) != 0)
		return 0;
	after = MAX(after, DOTS);
	if (ino == INO_ROOT)
		return list_root(fs, after, fn, arg);
	if (dir.row > 0) {
		l = (struct member_list){
			fs,
			dir,
			*then == 0 && !ino_is_branch(ino),
			attr,
			archive_settled(dir.archive) && node_shows_nested(fs, &dir),
			after,
			fn,
			arg
		};
		return dir.kind == KIND_VERSIONS ? list_versions(&l) : list_members(&l);
	}
	return list_fixed(fs, e, n, after, fn, arg);
}
