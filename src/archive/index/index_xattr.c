/* SPDX-License-Identifier: MPL-2.0 */
/* index_xattr.c - the part of index.h that has to do with extended attributes: a table of their own,
 * so that members without any cost nothing. */
#include <errno.h>
#include <string.h>

#include "archive/index/index_rows.h"

int index_put_xattrs(struct index *x, uint64_t id, const struct xattrs *xattrs)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_ADD_XATTR);

	if (!st)
		return -EIO;
	for (size_t i = 0; i < xattrs->n; i++) {
		const struct xattr *a = &xattrs->at[i];
		int r;

		sqlite3_bind_int64(st, 1, (int64_t)id);
		sqlite3_bind_blob(st, 2, a->name, (int)strlen(a->name), SQLITE_STATIC);
		sqlite3_bind_blob(st, 3, a->value, (int)a->n, SQLITE_STATIC);
		r = sql_run(x->writer, st);
		if (r < 0)
			return r;
	}
	atomic_fetch_add(&x->xattr_bytes, xattrs->list + xattrs->bytes);
	return 0;
}

static int xattr(struct sql *c, uint64_t id, const char *name, void **value, size_t *n)
{
	sqlite3_stmt *st = sql_get(c, SQL_XATTR);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	sqlite3_bind_blob(st, 2, name, (int)strlen(name), SQLITE_STATIC);
	r = sql_row(c, st);
	r = r == 1 ? index_copy_blob(st, 0, value, n) : r == 0 ? -ENODATA : r;
	sqlite3_reset(st);
	return r;
}

int index_xattr(struct index *x, uint64_t id, const char *name, void **value, size_t *n)
{
	struct sql *c;
	int r;

	if (index_xattr_bytes(x) == 0)
		return -ENODATA;
	c = index_take(x);
	r = c ? xattr(c, id, name, value, n) : -EIO;
	index_give_back(x, c);
	return r;
}

static int xattr_names(struct sql *c, uint64_t id, struct buf *out)
{
	sqlite3_stmt *st = sql_get(c, SQL_XATTR_NAMES);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	while ((r = sql_row(c, st)) == 1) {
		AUTO(auto_free) void *name = NULL;
		size_t n;

		r = index_copy_blob(st, 0, &name, &n);
		if (r == 0 && xattrs_shown(name))
			r = buf_add(out, name, strlen(name) + 1);
		if (r < 0)
			break;
	}
	sqlite3_reset(st);
	return r == -EMSGSIZE ? 0 : r;
}

int index_xattr_names(struct index *x, uint64_t id, struct buf *out)
{
	struct sql *c;
	int r;

	if (index_xattr_bytes(x) == 0)
		return 0;
	c = index_take(x);
	r = c ? xattr_names(c, id, out) : -EIO;
	index_give_back(x, c);
	return r;
}

uint64_t index_xattr_bytes(struct index *x)
{
	return atomic_load_explicit(&x->xattr_bytes, memory_order_relaxed);
}
