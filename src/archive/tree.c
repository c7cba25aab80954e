/* SPDX-License-Identifier: MPL-2.0 */
/* tree.c - see tree.h. */
#include "archive/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/names.h"
#include "base/log.h"
#include "base/stats.h"

#define DEPTH_MAX 4096u     /* levels of directories; deeper members are left out */
#define DAMAGE_LOGGED 20u   /* of so many the log names each, then only their number is known */

struct tree {
	struct index *x;
	void (*added)(void *arg, uint64_t parent, const char *name, size_t len);
	void *arg;
	uint64_t damage;
	char *last_dir; /* the directory part of the last path, as stored, and its row: most */
	size_t last_len;        /* members follow one from the same directory */
	uint64_t last_id;
};

int tree_new(struct index *x,
	     void (*added)(void *arg, uint64_t parent, const char *name, size_t len), void *arg,
	     struct tree **out)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->x = x;
	t->added = added;
	t->arg = arg;
	*out = t;
	return 0;
}

struct tree *tree_free(struct tree *t)
{
	if (t)
		free(t->last_dir);
	free(t);
	return NULL;
}

static void damaged(struct tree *t, const char *path, const char *what)
{
	if (t->damage++ < DAMAGE_LOGGED)
		(void)log_warn(0, "member %.200s: %s", path, what);
}

static int add_row(struct tree *t, uint64_t parent, const char *name, size_t len,
		   const struct member *m, uint64_t *id)
{
	struct member row = *m;
	int r;

	row.parent = parent;
	r = index_add(t->x, name, len, &row, id);
	if (r < 0)
		return r;
	stats_inc(members_indexed);
	t->added(t->arg, parent, name, len);
	return 0;
}

/* The directory name in parent, made up when there is none.  1 = there, 0 = something that is no
 * directory has that name, -errno. */
static int enter(struct tree *t, uint64_t *dir, const char *name, size_t len, int64_t mtime)
{
	AUTO(member_free) struct member have = { 0 };
	struct member made = { .mode = S_IFDIR | 0755, .nlink = 1, .mtime = mtime };
	int r = index_find(t->x, *dir, name, len, &have);

	if (r == 0) {
		*dir = have.id;
		return S_ISDIR(have.mode);
	}
	if (r != -ENOENT)
		return r;
	r = add_row(t, *dir, name, len, &made, dir);
	return r < 0 ? r : 1;
}

/* Walk to the directory of path's last component, which stays in it.  1, 0 = cannot be (counted),
 * -errno; it->len is 0 when the path has no component at all. */
static int walk(struct tree *t, const char *path, int64_t mtime, struct names *it, uint64_t *dir)
{
	struct names next;
	unsigned depth = 0;

	*dir = INDEX_ROOT;
	names_start(it, path);
	if (!names_next(it)) {
		it->len = 0;
		return 1;
	}
	for (next = *it; names_next(&next); *it = next) {
		int r = enter(t, dir, it->name, it->len, mtime);

		if (r == 0)
			damaged(t, path, "a file is used as a directory, left out");
		if (r <= 0)
			return r;
		if (++depth == DEPTH_MAX) {
			damaged(t, path, "too many levels of directories, left out");
			return 0;
		}
	}
	if (next.hostile)
		damaged(t, path, "climbs out with \"..\", kept inside");
	return 1;
}

/* Remember where path's directory was: the next member is probably beside this one. */
static void remember(struct tree *t, const char *path, uint64_t dir)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len == 0 || (len == t->last_len && memcmp(path, t->last_dir, len) == 0))
		return;
	free(t->last_dir);
	t->last_dir = strndup(path, len);
	t->last_len = t->last_dir ? len : 0;
	t->last_id = dir;
}

/* walk(), by way of the last directory when path lies plainly in it. */
static int find_place(struct tree *t, const char *path, int64_t mtime, struct names *it,
		      uint64_t *dir)
{
	const char *base = path + t->last_len + 1;
	int r;

	if (t->last_len > 0 && strncmp(path, t->last_dir, t->last_len) == 0 && base[-1] == '/' &&
	    *base && !strchr(base, '/')) {
		names_start(it, base);
		*dir = t->last_id;
		if (names_next(it) && !it->hostile)
			return 1;
	}
	r = walk(t, path, mtime, it, dir);
	if (r == 1 && it->len > 0 && path[strlen(path) - 1] != '/' && !strstr(path, ".."))
		remember(t, path, *dir);
	return r;
}

/* The name is taken.  1 = free now, 0 = the new one gives way (or was merged), -errno. */
static int replace(struct tree *t, const char *path, const struct member *have, uint64_t dir,
		   const char *name, size_t len, const struct member *m)
{
	int r;

	if (S_ISDIR(have->mode) && S_ISDIR(m->mode)) {
		r = index_set_attr(t->x, have->id, m);
		return r < 0 ? r : 0;
	}
	if (S_ISDIR(have->mode) && index_has_children(t->x, have->id)) {
		damaged(t, path, "a directory with members has this name, left out");
		return 0;
	}
	r = index_hide(t->x, dir, name, len);
	t->last_len = 0; /* the remembered directory may be the one that has just gone */
	return r < 0 ? r : 1;
}

int tree_add(struct tree *t, const char *path, const struct member *m)
{
	AUTO(member_free) struct member have = { 0 };
	struct names it;
	uint64_t dir, id;
	int r = find_place(t, path, m->mtime, &it, &dir);

	if (r <= 0)
		return r;
	if (it.len == 0) /* "./": the root's own attributes */
		return S_ISDIR(m->mode) ? index_set_attr(t->x, INDEX_ROOT, m) : 0;
	r = index_find(t->x, dir, it.name, it.len, &have);
	if (r == 0)
		r = replace(t, path, &have, dir, it.name, it.len, m);
	else if (r == -ENOENT)
		r = 1;
	return r <= 0 ? r : add_row(t, dir, it.name, it.len, m, &id);
}

/* The member a path leads to, through directories only. */
static int resolve(struct tree *t, const char *path, struct member *out)
{
	uint64_t dir = INDEX_ROOT;
	struct names it;
	bool any = false;

	names_start(&it, path);
	while (names_next(&it)) {
		struct member m;
		int r = index_find(t->x, dir, it.name, it.len, &m);

		if (any)
			member_free(out);
		any = r == 0;
		if (r < 0)
			return r;
		*out = m;
		dir = m.id;
	}
	return any ? 0 : -ENOENT;
}

int tree_add_link(struct tree *t, const char *path, const char *target)
{
	AUTO(member_free) struct member to = { 0 }, have = { 0 };
	struct names it;
	uint64_t dir, id;
	int r = resolve(t, target, &to);

	if (r == -ENOENT || (r == 0 && S_ISDIR(to.mode))) {
		damaged(t, path, "a hard link to nothing, left out");
		return 0;
	}
	if (r == 0)
		r = find_place(t, path, to.mtime, &it, &dir);
	if (r <= 0 || it.len == 0)
		return MIN(r, 0);
	r = index_find(t->x, dir, it.name, it.len, &have);
	if (r == 0 && have.id == to.id) /* a link to itself */
		return 0;
	if (r == 0)
		r = replace(t, path, &have, dir, it.name, it.len, &to);
	else if (r == -ENOENT)
		r = 1;
	if (r <= 0)
		return r;
	r = index_add_link(t->x, dir, it.name, it.len, to.id, &id);
	if (r == 0)
		t->added(t->arg, dir, it.name, it.len);
	return r;
}

int tree_set_data(struct tree *t, const char *path, const struct member *m)
{
	AUTO(member_free) struct member to = { 0 };
	int r = resolve(t, path, &to);

	if (r < 0)
		return r == -ENOENT ? 0 : r; /* its hard link is left out too */
	if (!S_ISREG(to.mode) || to.size > 0)
		return 0;
	return index_set_data(t->x, to.id, m);
}
