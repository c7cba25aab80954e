/* SPDX-License-Identifier: MPL-2.0 */
/* tree.c - see tree.h. */
#include "archive/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/names.h"
#include "base/log.h"
#include "base/stats.h"

#define DEPTH_MAX 65536u /* levels of directories; deeper members are left out */
/* Directories that no member names: so many, and so many more for each member.  A few kilobytes of
 * packed paths would otherwise become gigabytes of index. */
#define MADE_UP_MAX (1u << 20)
#define MADE_UP_EACH 64u
#define EXAMPLES 5u /* of each kind of damage the log names so many, then their number */

/* A directory on the way to the last member. */
struct level {
	size_t end; /* of its name, in last */
	uint64_t id;
};

struct tree {
	struct index *x;
	void (*added)(void *arg, uint64_t parent, const char *name, size_t len);
	void *arg;
	uint64_t damage[TREE_DAMAGES], damage_saved[TREE_DAMAGES];
	uint64_t made_up, named;
	uint64_t xattr_max;
	/* Most members follow one from the same directory, and most others one nearby: the path as
	 * stored to the last directory that was walked to, and all directories on it. */
	char *last;
	size_t last_cap;
	struct level *level;
	size_t n_levels, levels_cap;
};

#define DAMAGE_TEXT(name, text) [TREE_##name] = text,
static const char *const damage_text[] = { TREE_DAMAGE(DAMAGE_TEXT) };
#define DAMAGE_KEY(name, text) [TREE_##name] = "damage_" #name,
static const char *const damage_key[] = { TREE_DAMAGE(DAMAGE_KEY) };

const char *tree_damage_text(enum tree_damage kind)
{
	return damage_text[kind];
}

uint64_t tree_damage(struct index *x, enum tree_damage kind)
{
	return index_number(x, damage_key[kind], 0);
}

int tree_new(struct index *x,
	     void (*added)(void *arg, uint64_t parent, const char *name, size_t len), void *arg,
	     uint64_t xattr_max, struct tree **out)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->x = x;
	t->added = added;
	t->arg = arg;
	t->xattr_max = xattr_max;
	for (unsigned i = 0; i < TREE_DAMAGES; i++)
		t->damage[i] = t->damage_saved[i] = tree_damage(x, i);
	*out = t;
	return 0;
}

struct tree *tree_free(struct tree *t)
{
	if (!t)
		return NULL;
	free(t->last);
	free(t->level);
	free(t);
	return NULL;
}

void tree_report(const struct tree *t, const char *filename)
{
	for (unsigned i = 0; i < TREE_DAMAGES; i++)
		if (t->damage[i] > 0)
			(void)log_warn(0, "%s: %" PRIu64 " of its members: %s", filename,
				       t->damage[i], damage_text[i]);
}

int tree_save(struct tree *t)
{
	for (unsigned i = 0; i < TREE_DAMAGES; i++) {
		int r = 0;

		if (t->damage[i] != t->damage_saved[i])
			r = index_set_number(t->x, damage_key[i], t->damage[i]);
		if (r < 0)
			return r;
		t->damage_saved[i] = t->damage[i];
	}
	return 0;
}

/* A path for people: of a long one the front and the end. */
static void damaged(struct tree *t, const char *path, enum tree_damage kind)
{
	size_t len = strlen(path);

	if (t->damage[kind]++ >= EXAMPLES)
		return;
	if (len <= 200)
		(void)log_warn(0, "member %s: %s", path, damage_text[kind]);
	else
		(void)log_warn(0, "member %.120s...%s: %s", path, path + len - 60,
			       damage_text[kind]);
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

/* A directory that the archive has no entry for, at least not yet. */
static int make_up(struct tree *t, const char *path, const struct names *it, int64_t mtime,
		   uint64_t *dir)
{
	const struct member made = { .mode = S_IFDIR | 0755, .nlink = 1, .mtime = mtime };
	int r;

	if (t->made_up > MADE_UP_MAX + t->named * MADE_UP_EACH) {
		damaged(t, path, TREE_MADE_UP);
		return 0;
	}
	t->made_up++;
	r = add_row(t, *dir, it->name, it->len, &made, dir);
	return r < 0 ? r : 1;
}

/* Go from *dir into the directory that it names, made up when there is none.  1 = there, 0 = cannot
 * be (counted), -errno. */
static int enter(struct tree *t, const char *path, const struct names *it, int64_t mtime,
		 uint64_t *dir)
{
	AUTO(member_free) struct member have = { 0 };
	int r = index_find(t->x, *dir, it->name, it->len, &have);

	if (r == -ENOENT)
		return make_up(t, path, it, mtime, dir);
	if (r < 0)
		return r;
	*dir = have.id;
	if (S_ISDIR(have.mode))
		return 1;
	damaged(t, path, S_ISLNK(have.mode) ? TREE_THROUGH_LINK : TREE_UNDER_FILE);
	return 0;
}

/* Make room for size elements of one byte or more; false: no memory, nothing has changed. */
static bool make_room(void *array, size_t *cap, size_t want, size_t size)
{
	void **at = array, *p;
	size_t n = MAX(want, *cap * 2);

	if (want <= *cap)
		return true;
	p = realloc(*at, n * size);
	if (!p)
		return false;
	*at = p;
	*cap = n;
	return true;
}

/* Remember that path[0..end) is directory id, one level below the last one remembered.  Without
 * memory the level above is as good a place to start from. */
static void remember(struct tree *t, const char *path, size_t end, uint64_t id)
{
	size_t from = t->n_levels ? t->level[t->n_levels - 1].end : 0;

	if (!make_room(&t->last, &t->last_cap, end, 1) ||
	    !make_room(&t->level, &t->levels_cap, t->n_levels + 1, sizeof(*t->level)))
		return;
	memcpy(t->last + from, path + from, end - from);
	t->level[t->n_levels++] = (struct level){ end, id };
}

static bool is_below(const struct tree *t, const char *path, size_t levels)
{
	size_t end = t->level[levels - 1].end;

	return strncmp(path, t->last, end) == 0 && path[end] == '/';
}

/* How many of the remembered directories lie on the way to path, which has at least one component
 * more.  it: behind them, at the first of those. */
static size_t shared_levels(const struct tree *t, const char *path, struct names *it)
{
	size_t low = 0, high = t->n_levels; /* low ones are shared, more than high are not */

	if (high > 0 && is_below(t, path, high))
		low = high;
	while (low < high) {
		size_t middle = high - (high - low) / 2;

		if (is_below(t, path, middle))
			low = middle;
		else
			high = middle - 1;
	}
	for (; low > 0; low--) {
		names_start(it, path + t->level[low - 1].end + 1);
		if (names_next(it))
			return low;
	}
	names_start(it, path);
	if (!names_next(it))
		it->len = 0;
	return 0;
}

/* Walk to the directory of path's last component, which stays in it.  1, 0 = cannot be (counted),
 * -errno; it->len is 0 when the path has no component at all. */
static int find_place(struct tree *t, const char *path, int64_t mtime, struct names *it,
		      uint64_t *dir)
{
	size_t depth = shared_levels(t, path, it);
	struct names next = *it;
	int r = 1;

	t->named++;
	*dir = depth > 0 ? t->level[depth - 1].id : INDEX_ROOT;
	if (it->len == 0)
		return 1;
	for (t->n_levels = depth; names_next(&next); *it = next) {
		r = enter(t, path, it, mtime, dir);
		if (r == 1 && ++depth > DEPTH_MAX) {
			damaged(t, path, TREE_TOO_DEEP);
			r = 0;
		}
		if (r <= 0)
			break;
		remember(t, path, (size_t)(it->rest - path) - 1, *dir);
	}
	if (next.hostile) {
		t->n_levels = 0; /* it has to be seen again in the next path */
		if (r == 1)
			damaged(t, path, TREE_CLIMBS);
	}
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
		damaged(t, path, TREE_OVER_DIRECTORY);
		return 0;
	}
	r = index_hide(t->x, dir, name, len);
	if (S_ISDIR(have->mode))
		t->n_levels = 0; /* it may be one of those that are remembered */
	return r < 0 ? r : 1;
}

/* The attributes of m that the index takes. */
static const struct xattrs *xattrs_of(struct tree *t, const char *path, const struct member *m)
{
	uint64_t have = index_xattr_bytes(t->x);

	if (!m->xattrs || !(S_ISREG(m->mode) || S_ISDIR(m->mode)))
		return NULL;
	if (have <= t->xattr_max && m->xattrs->list + m->xattrs->bytes <= t->xattr_max - have) {
		if (m->xattrs->lost)
			damaged(t, path, TREE_XATTRS);
		return m->xattrs;
	}
	damaged(t, path, TREE_XATTRS);
	return NULL;
}

/* "./": the root's own attributes. */
static int nameless(struct tree *t, const char *path, const struct member *m)
{
	if (S_ISDIR(m->mode))
		return index_set_attr(t->x, INDEX_ROOT, m);
	damaged(t, path, TREE_NO_NAME);
	return 0;
}

static int add_member(struct tree *t, const char *path, const struct member *m)
{
	AUTO(member_free) struct member have = { 0 };
	struct names it;
	uint64_t dir, id;
	int r = find_place(t, path, m->mtime, &it, &dir);

	if (r <= 0)
		return r;
	if (it.len == 0)
		return nameless(t, path, m);
	r = index_find(t->x, dir, it.name, it.len, &have);
	if (r == 0)
		r = replace(t, path, &have, dir, it.name, it.len, m);
	else if (r == -ENOENT)
		r = 1;
	return r <= 0 ? r : add_row(t, dir, it.name, it.len, m, &id);
}

int tree_add(struct tree *t, const char *path, const struct member *m)
{
	struct member kept = *m;

	kept.xattrs = xattrs_of(t, path, m);
	return add_member(t, path, &kept);
}

/* The member a path leads to, through directories only. */
static int resolve(struct tree *t, const char *path, struct member *out)
{
	struct names it;
	size_t depth = shared_levels(t, path, &it);
	uint64_t dir = depth > 0 ? t->level[depth - 1].id : INDEX_ROOT;
	bool more;

	if (it.len == 0)
		return -ENOENT;
	do {
		struct member m;
		int r = index_find(t->x, dir, it.name, it.len, &m);

		if (r < 0)
			return r;
		dir = m.id;
		more = names_next(&it);
		if (more)
			member_free(&m);
		else
			*out = m;
	} while (more);
	return 0;
}

bool tree_has(struct tree *t, const char *path)
{
	AUTO(member_free) struct member m = { 0 };

	return resolve(t, path, &m) == 0;
}

int tree_add_link(struct tree *t, const char *path, const char *target)
{
	AUTO(member_free) struct member to = { 0 }, have = { 0 };
	struct names it;
	uint64_t dir, id;
	int r = resolve(t, target, &to);

	if (r == -ENOENT || (r == 0 && S_ISDIR(to.mode))) {
		damaged(t, path, TREE_LINK_TO_NOTHING);
		return 0;
	}
	if (r == 0)
		r = find_place(t, path, to.mtime, &it, &dir);
	if (r <= 0)
		return r;
	if (it.len == 0)
		return nameless(t, path, &to);
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
