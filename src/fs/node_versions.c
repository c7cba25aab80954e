/* SPDX-License-Identifier: MPL-2.0 */
/* node_versions.c - the part of node.h that shows what a name was before later members of the same
 * name replaced it: NAME.versions/1 is the oldest.  The directory's number is made of the row that
 * the name had when the directory was looked up; should a later member replace that one too, the
 * same versions are found by it, and itself among them. */
#include <errno.h>
#include <string.h>

#include "fs/node_parts.h"

static const char suffix[] = ".versions";

static void fill_directory(struct fs *fs, struct node *n, const struct place *p, uint64_t row,
			   const struct member *oldest, bool constant)
{
	node_fill(fs, n, ino_of_row(p->number, KIND_VERSIONS, row), S_IFDIR | 0755, 0,
		  oldest->mtime);
	n->constant = constant;
}

/* The directory exists when there is a first version. */
static int stat_directory(struct fs *fs, const struct place *p, uint64_t row, struct node *out)
{
	AUTO(member_free) struct member m = { 0 };
	bool constant = archive_complete(p->archive);
	int r = archive_version(p->archive, row, 1, &m);

	if (r == 0)
		fill_directory(fs, out, p, row, &m, constant);
	return r;
}

int node_stat_versions(struct fs *fs, const struct place *p, struct node *out)
{
	return stat_directory(fs, p, p->row, out);
}

int node_lookup_versions(struct fs *fs, const struct place *dir, const char *name, struct node *out)
{
	size_t len = strlen(name), tail = sizeof(suffix) - 1;
	uint64_t row;
	int r;

	if (!fs->opt->versions || len <= tail || strcmp(name + len - tail, suffix) != 0)
		return -ENOENT;
	r = archive_row(dir->archive, dir->row, name, len - tail, &row);
	return r < 0 ? r : stat_directory(fs, dir, row, out);
}

/* "1", "2", ...; 0: no such name. */
static uint32_t number_of(const char *name)
{
	uint32_t n = 0;

	if (*name == '0')
		return 0;
	for (; *name >= '0' && *name <= '9'; name++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint32_t)(*name - '0'), &n))
			return 0;
	return *name ? 0 : n;
}

int node_lookup_version(struct fs *fs, const struct place *p, const char *name, struct node *out)
{
	AUTO(member_free) struct member m = { 0 };
	bool constant = archive_complete(p->archive);
	int r = archive_version(p->archive, p->row, number_of(name), &m);

	if (r == 0)
		node_fill_member(fs, out, p, &m, constant);
	return r;
}

struct listing {
	struct fs *fs;
	const struct place *p;
	bool constant;
	int (*fn)(void *arg, uint64_t cookie, const char *name, const struct node *n);
	void *arg;
};

static int list_one(void *arg, uint32_t n, const struct member *m)
{
	struct listing *l = arg;
	struct node node;
	char name[12];

	snprintf(name, sizeof(name), "%u", n);
	node_fill_member(l->fs, &node, l->p, m, l->constant);
	return l->fn(l->arg, n, name, &node);
}

int node_list_versions(struct fs *fs, const struct place *p, uint32_t after,
		       int (*fn)(void *arg, uint64_t cookie, const char *name,
				 const struct node *n),
		       void *arg)
{
	struct listing l = { fs, p, archive_complete(p->archive), fn, arg };

	return archive_versions(p->archive, p->row, after, list_one, &l);
}
