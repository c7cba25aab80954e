/* SPDX-License-Identifier: MPL-2.0 */
/* index_stem.c - the part of index.h that archives inside the archive need: names by what stands
 * before their archive suffix, and the way back from a row to its name.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/index/index_rows.h"
#include "archive/names.h"
#include "base/digest.h"
#include "source/suffix.h"

#define CUT ".../" /* before a path that is too long */
#define CUT_LEN (sizeof(CUT) - 1)
#define NAME_COLUMN 20 /* of MEMBER_COLUMNS */
#define TARGET_COLUMN 19
#define DEPTH_MAX 4096u /* of a path; the rows of a damaged index may form a circle */

int index_add_stem(struct index *x, uint64_t parent, const char *name, size_t len, uint64_t row)
{
	size_t suffix = suffix_len_of(name, len);
	sqlite3_stmt *st;

	if (suffix == 0)
		return 0;
	st = sql_get(x->writer, SQL_ADD_STEM);
	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)parent);
	sqlite3_bind_int64(st, 2, crc32c(0, name, len - suffix));
	sqlite3_bind_int64(st, 3, (int64_t)row);
	return sql_run(x->writer, st);
}

/* Is the name in this row stem and a suffix? */
static bool has_stem(sqlite3_stmt *st, const char *stem, size_t len)
{
	size_t n = (size_t)sqlite3_column_bytes(st, NAME_COLUMN);
	const char *name = sqlite3_column_blob(st, NAME_COLUMN);

	return name && n > len && memcmp(name, stem, len) == 0 && suffix_len_of(name, n) == n - len;
}

static int find_stem(struct sql *c, sqlite3_stmt *st, const char *stem, uint64_t *row,
		     struct member *out)
{
	size_t len = strlen(stem);
	int r;

	while ((r = sql_row(c, st)) == 1) {
		struct member m = { 0 };

		if (!has_stem(st, stem, len))
			continue;
		r = index_read_target(c, st, &m);
		if (r == 0 && S_ISREG(m.mode)) {
			*row = (uint64_t)sqlite3_column_int64(st, 0);
			*out = m;
			return 0;
		}
		member_free(&m);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return r < 0 ? r : -ENOENT;
}

int index_stem(struct index *x, uint64_t parent, const char *stem, uint64_t *row,
	       struct member *out)
{
	struct sql *c = index_take(x);
	sqlite3_stmt *st = c ? sql_get(c, SQL_STEM) : NULL;
	int r = -EIO;

	if (st) {
		sqlite3_bind_int64(st, 1, (int64_t)parent);
		sqlite3_bind_int64(st, 2, crc32c(0, stem, strlen(stem)));
		r = find_stem(c, st, stem, row, out);
		sqlite3_reset(st);
	}
	index_give_back(x, c);
	return r;
}

/* The row itself, and of a hard link's the row it is a name of; 0: it is no link. */
static int get_row(struct sql *c, uint64_t id, uint64_t *target, struct member *out)
{
	sqlite3_stmt *st = sql_get(c, SQL_GET);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	r = sql_row(c, st);
	*target = r == 1 ? (uint64_t)sqlite3_column_int64(st, TARGET_COLUMN) : 0;
	if (r == 1 && *target == 0)
		r = index_read_target(c, st, out);
	else
		r = r == 0 ? -ENOENT : MIN(r, 0);
	sqlite3_reset(st);
	return r;
}

int index_named(struct index *x, uint64_t row, struct member *out)
{
	struct sql *c = index_take(x);
	uint64_t target = 0, next;
	int r = c ? get_row(c, row, &target, out) : -EIO;

	if (r == 0 && target > 0) {
		r = get_row(c, target, &next, out);
		if (r == 0 && next > 0)
			r = -EIO; /* a link to a link is in no index that we have written */
	}
	index_give_back(x, c);
	return r;
}

/* Put the name of a row, and a slash if need be, before out[*at], but leave room for CUT there; *row
 * becomes its directory. */
static int put_name(struct sql *c, uint64_t *row, char *out, size_t *at, bool last)
{
	sqlite3_stmt *st = sql_get(c, SQL_NAME);
	size_t n;
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)*row);
	r = sql_row(c, st);
	if (r == 1) {
		n = MIN((size_t)sqlite3_column_bytes(st, 1), NAMES_MAX);
		*row = index_parent(sqlite3_column_int64(st, 0));
		r = n + !last + CUT_LEN <= *at ? 0 : -ENAMETOOLONG;
	} else {
		r = r == 0 ? -ENOENT : r;
	}
	if (r == 0) {
		if (!last)
			out[--*at] = '/';
		*at -= n;
		if (n > 0)
			memcpy(out + *at, sqlite3_column_blob(st, 1), n);
	}
	sqlite3_reset(st);
	return r;
}

int index_path(struct index *x, uint64_t row, char *out, size_t size)
{
	struct sql *c = index_take(x);
	uint64_t first = row;
	size_t at = size - 1;
	int r = c ? 0 : -EIO;

	out[at] = '\0';
	for (unsigned i = 0; i < DEPTH_MAX && r == 0 && row != INDEX_ROOT; i++)
		r = put_name(c, &row, out, &at, row == first);
	index_give_back(x, c);
	if (r < 0 && r != -ENAMETOOLONG)
		return r;
	if (r == -ENAMETOOLONG)
		memcpy(out + (at -= CUT_LEN), CUT, CUT_LEN);
	memmove(out, out + at, size - at);
	return 0;
}
