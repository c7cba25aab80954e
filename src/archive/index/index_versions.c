/* SPDX-License-Identifier: MPL-2.0 */
/* index_versions.c - the part of index.h that has to do with names that later ones have replaced. */
#include <errno.h>
#include <string.h>

#include "archive/index/index_rows.h"
#include "base/digest.h"

int64_t index_version_key(const char *name, size_t len, uint32_t n)
{
	return (int64_t)((uint64_t)crc32c(0, name, len) << 31 | n);
}

/* Bind what VERSIONS and LAST_VERSION look for: those behind version after. */
static void bind_versions(sqlite3_stmt *st, uint64_t parent, const char *name, size_t len,
			  uint32_t after)
{
	sqlite3_bind_int64(st, 1, (int64_t)(0 - parent));
	sqlite3_bind_int64(st, 2, index_version_key(name, len, after));
	sqlite3_bind_blob(st, 3, name, (int)len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, index_version_key(name, len, VERSIONS_MAX));
}

int index_last_version(struct sql *c, uint64_t parent, const char *name, size_t len, uint32_t *n)
{
	sqlite3_stmt *st = sql_get(c, SQL_LAST_VERSION);
	int r;

	if (!st)
		return -EIO;
	bind_versions(st, parent, name, len, 0);
	r = sql_row(c, st);
	if (r >= 0)
		*n = r == 1 ? (uint32_t)sqlite3_column_int64(st, 0) & VERSIONS_MAX : 0;
	sqlite3_reset(st);
	return MIN(r, 0);
}

/* The name of a row and its directory, even if it has been replaced since. */
static int name_of(struct sql *c, uint64_t row, uint64_t *parent, void **name, size_t *len)
{
	sqlite3_stmt *st = sql_get(c, SQL_NAME);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)row);
	r = sql_row(c, st);
	r = r == 1 ? index_copy_blob(st, 1, name, len) : r == 0 ? -ENOENT : r;
	if (r == 0)
		*parent = index_parent(sqlite3_column_int64(st, 0));
	sqlite3_reset(st);
	return r;
}

static int row_of(struct sql *c, uint64_t parent, const char *name, size_t len, uint64_t *row)
{
	sqlite3_stmt *st = sql_get(c, SQL_ROW);
	int r;

	if (!st)
		return -EIO;
	index_bind_name(st, parent, name, len);
	r = sql_row(c, st);
	if (r == 1)
		*row = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

int index_row(struct index *x, uint64_t parent, const char *name, size_t len, uint64_t *row)
{
	struct sql *c = index_take(x);
	int r = c ? row_of(c, parent, name, len, row) : -EIO;

	index_give_back(x, c);
	return r;
}

static int versions(struct sql *c, uint64_t row, uint32_t after,
		    int (*fn)(void *arg, uint32_t n, const struct member *m), void *arg)
{
	AUTO(auto_free) void *name = NULL;
	sqlite3_stmt *st = sql_get(c, SQL_VERSIONS);
	uint64_t parent;
	size_t len;
	int r = name_of(c, row, &parent, &name, &len);

	if (!st || r < 0)
		return r < 0 ? r : -EIO;
	bind_versions(st, parent, name, len, after);
	while ((r = sql_row(c, st)) == 1) {
		AUTO(member_free) struct member m = { 0 };
		uint32_t n = (uint32_t)sqlite3_column_int64(st, MEMBER_N_COLUMNS) & VERSIONS_MAX;

		r = index_read_target(c, st, &m);
		if (r == -ENOENT) /* a hard link to a row that is not there */
			continue;
		if (r < 0 || fn(arg, n, &m) != 0)
			break;
	}
	sqlite3_reset(st);
	return MIN(r, 0);
}

int index_versions(struct index *x, uint64_t row, uint32_t after,
		   int (*fn)(void *arg, uint32_t n, const struct member *m), void *arg)
{
	struct sql *c = index_take(x);
	int r = c ? versions(c, row, after, fn, arg) : -EIO;

	index_give_back(x, c);
	return r;
}

static int version(struct sql *c, uint64_t row, uint32_t n, struct member *out)
{
	AUTO(auto_free) void *name = NULL;
	sqlite3_stmt *st = sql_get(c, SQL_LOOKUP);
	uint64_t parent;
	size_t len;
	int r = name_of(c, row, &parent, &name, &len);

	if (!st || r < 0)
		return r < 0 ? r : -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)(0 - parent));
	sqlite3_bind_int64(st, 2, index_version_key(name, len, n));
	sqlite3_bind_blob(st, 3, name, (int)len, SQLITE_STATIC);
	r = sql_row(c, st);
	r = r == 1 ? index_read_target(c, st, out) : r == 0 ? -ENOENT : r;
	sqlite3_reset(st);
	return r;
}

int index_version(struct index *x, uint64_t row, uint32_t n, struct member *out)
{
	struct sql *c;
	int r;

	if (n == 0 || n > VERSIONS_MAX)
		return -ENOENT;
	c = index_take(x);
	r = c ? version(c, row, n, out) : -EIO;
	index_give_back(x, c);
	return r;
}
