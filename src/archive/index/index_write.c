/* SPDX-License-Identifier: MPL-2.0 */
/* index_write.c - the writing half of index.h: through the one writer connection, in transactions. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/index/index_rows.h"
#include "archive/zip/zip.h"
#include "base/bytes.h"

static int run_simple(struct index *x, enum statement s)
{
	sqlite3_stmt *st = x->writer ? sql_get(x->writer, s) : NULL;

	return st ? sql_run(x->writer, st) : -EIO;
}

int index_begin(struct index *x)
{
	int r = index_connect_writer(x);

	return r < 0 ? r : run_simple(x, SQL_BEGIN);
}

int index_commit(struct index *x)
{
	int r = index_set_number(x, "members", index_members(x));

	if (r == 0 && index_xattr_bytes(x) > 0)
		r = index_set_number(x, "xattr_bytes", index_xattr_bytes(x));
	if (r == 0)
		r = run_simple(x, SQL_COMMIT);
	if (r == 0)
		points_clear(&x->young);
	return r;
}

uint64_t index_unwritten(struct index *x)
{
	sqlite3_stmt *st = x->writer ? sql_get(x->writer, SQL_PAGES) : NULL;
	uint64_t all = 0, there = 0;
	struct stat file;

	if (st && sql_row(x->writer, st) == 1)
		all = (uint64_t)sqlite3_column_int64(st, 0) * SQL_PAGE;
	if (st)
		sqlite3_reset(st);
	if (stat(index_file(x), &file) == 0)
		there = (uint64_t)file.st_size;
	return all - MIN(all, there) + MIN(all, SQL_WRITER_BYTES);
}

void index_rollback(struct index *x)
{
	if (x->writer && !sqlite3_get_autocommit(x->writer->db))
		(void)!run_simple(x, SQL_ROLLBACK);
	points_clear(&x->young);
	index_recount(x);
}

static void bind_map(sqlite3_stmt *st, int col, const struct member *m)
{
	unsigned char *p = m->n_extents ? malloc(16 * (size_t)m->n_extents) : NULL;

	if (!p)
		return;
	for (uint32_t i = 0; i < m->n_extents; i++) {
		bytes_put_le(p + 16 * (size_t)i, 8, m->extents[i].off);
		bytes_put_le(p + 16 * (size_t)i + 8, 8, m->extents[i].len);
	}
	sqlite3_bind_blob(st, col, p, (int)(16 * m->n_extents), free);
}

/* Zeros and values that follow from others are NULL: a byte less each, five million times. */
static void bind_u64(sqlite3_stmt *st, int col, uint64_t v)
{
	if (v)
		sqlite3_bind_int64(st, col, (int64_t)v);
	else
		sqlite3_bind_null(st, col);
}

static uint64_t flags_of(const struct member *m)
{
	uint64_t flags = (m->has_crc ? FLAG_CRC : 0u) | (m->link_inside ? FLAG_LINK_INSIDE : 0u) |
			 (m->sparse ? FLAG_SPARSE : 0u);

	if (!m->packed_off)
		return flags;
	return flags | (m->encrypted ? FLAG_ENCRYPTED : 0u) | (uint64_t)m->aes << FLAG_AES_SHIFT |
	       (uint64_t)(m->method ^ ZIP_DEFLATED) << FLAG_METHOD_SHIFT;
}

static void bind_member(sqlite3_stmt *st, const struct member *m)
{
	bind_u64(st, 4, m->mode);
	bind_u64(st, 5, m->nlink > 1 ? m->nlink : 0);
	bind_u64(st, 6, m->uid);
	bind_u64(st, 7, m->gid);
	sqlite3_bind_int64(st, 8, m->mtime);
	bind_u64(st, 9, m->mtime_ns);
	bind_u64(st, 10, (uint64_t)m->dev_major << 32 | m->dev_minor);
	bind_u64(st, 11, m->size);
	bind_u64(st, 12, m->layer);
	sqlite3_bind_int64(st, 13, (int64_t)m->off); /* MEMBER_AT compares it: 0 is no NULL */
	if (m->stored != m->size)
		sqlite3_bind_int64(st, 14, (int64_t)m->stored);
	else
		sqlite3_bind_null(st, 14);
	bind_u64(st, 15, m->packed_off);
	bind_u64(st, 16, m->packed);
	bind_u64(st, 17, m->has_crc ? m->crc : 0);
	if (m->link)
		sqlite3_bind_blob(st, 18, m->link, (int)strlen(m->link), SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 18);
	sqlite3_bind_null(st, 19);
	bind_map(st, 19, m);
	bind_u64(st, 20, flags_of(m));
	sqlite3_bind_null(st, 21);
}

static int insert(struct index *x, sqlite3_stmt *st, uint64_t *id)
{
	int r = sql_run(x->writer, st);

	sqlite3_clear_bindings(st);
	if (r < 0)
		return r;
	*id = (uint64_t)sqlite3_last_insert_rowid(x->writer->db);
	atomic_fetch_add(&x->members, 1);
	return 0;
}

int index_add(struct index *x, const char *name, size_t len, const struct member *m, uint64_t *id)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_ADD);
	int r;

	if (!st)
		return -EIO;
	index_bind_name(st, m->parent, name, len);
	bind_member(st, m);
	r = insert(x, st, id);
	if (r == 0 && S_ISREG(m->mode))
		r = index_add_stem(x, m->parent, name, len, *id);
	return r == 0 && m->xattrs ? index_put_xattrs(x, *id, m->xattrs) : r;
}

int index_add_link(struct index *x, uint64_t parent, const char *name, size_t len, uint64_t target,
		   uint64_t *id)
{
	static const struct member empty;
	sqlite3_stmt *st = sql_get(x->writer, SQL_ADD), *count = sql_get(x->writer, SQL_COUNT_LINK);
	int r;

	if (!st || !count)
		return -EIO;
	sqlite3_bind_int64(count, 1, (int64_t)target);
	r = sql_run(x->writer, count);
	if (r < 0)
		return r;
	index_bind_name(st, parent, name, len);
	bind_member(st, &empty);
	sqlite3_bind_int64(st, 21, (int64_t)target);
	r = insert(x, st, id);
	return r == 0 ? index_add_stem(x, parent, name, len, *id) : r;
}

int index_set_attr(struct index *x, uint64_t id, const struct member *m)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_SET_ATTR);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	sqlite3_bind_int64(st, 2, m->mode);
	sqlite3_bind_int64(st, 3, (int64_t)m->uid);
	sqlite3_bind_int64(st, 4, (int64_t)m->gid);
	sqlite3_bind_int64(st, 5, m->mtime);
	sqlite3_bind_int64(st, 6, m->mtime_ns);
	r = sql_run(x->writer, st);
	return r == 0 && m->xattrs ? index_put_xattrs(x, id, m->xattrs) : r;
}

int index_set_data(struct index *x, uint64_t id, const struct member *m)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_SET_DATA);

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	sqlite3_bind_int64(st, 2, (int64_t)m->size);
	sqlite3_bind_int64(st, 3, m->layer);
	sqlite3_bind_int64(st, 4, (int64_t)m->off);
	return sql_run(x->writer, st);
}

int index_hide(struct index *x, uint64_t parent, const char *name, size_t len)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_HIDE);
	sqlite3_stmt *uncount = sql_get(x->writer, SQL_UNCOUNT_LINK);
	uint32_t n;
	int r = index_last_version(x->writer, parent, name, len, &n);

	if (!st || !uncount || r < 0)
		return r < 0 ? r : -EIO;
	if (n == VERSIONS_MAX)
		return -EOVERFLOW;
	index_bind_name(uncount, parent, name, len);
	r = sql_run(x->writer, uncount);
	if (r < 0)
		return r;
	index_bind_name(st, parent, name, len);
	sqlite3_bind_int64(st, 4, index_version_key(name, len, n + 1));
	return sql_run(x->writer, st);
}

bool index_has_children(struct index *x, uint64_t id)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_CHILD);
	bool yes;

	if (!st)
		return true;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	yes = sql_row(x->writer, st) != 0;
	sqlite3_reset(st);
	return yes;
}

int index_find(struct index *x, uint64_t parent, const char *name, size_t len, struct member *out)
{
	return index_lookup_on(x->writer, parent, name, len, out);
}

static_assert(LAYER_ZIP == 2 && LAYER_NONE == 3 && MEMBER_OVERLAPS == 65538 &&
		      ZIP_LOCAL_HEADER == 30,
	      "numbers in SQL_OVERLAPS");

int index_refuse_overlaps(struct index *x, uint64_t *n)
{
	int r = run_simple(x, SQL_OVERLAPS);

	if (r == 0)
		*n = (uint64_t)sqlite3_changes64(x->writer->db);
	return r;
}

int index_add_point(struct index *x, const struct gzip_point *p, const void *window, size_t n)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_ADD_POINT);
	int r = st ? 0 : -EIO;

	if (r == 0 && n == 0)
		r = points_add(&x->young, p);
	if (r < 0)
		return r;
	sqlite3_bind_int64(st, 1, (int64_t)p->out);
	sqlite3_bind_int64(st, 2, (int64_t)p->in_bit);
	bind_u64(st, 3, p->at_member);
	bind_u64(st, 4, p->crc);
	bind_u64(st, 5, p->member_out);
	if (n > 0)
		sqlite3_bind_blob(st, 6, window, (int)n, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, 6);
	return sql_run(x->writer, st);
}

int index_set_value(struct index *x, const char *key, const void *p, size_t n)
{
	sqlite3_stmt *st = sql_get(x->writer, SQL_SET_VALUE);

	if (!st)
		return -EIO;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, p, (int)n, SQLITE_STATIC);
	return sql_run(x->writer, st);
}

int index_set_number(struct index *x, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)value);

	return index_set_value(x, key, text, (size_t)n);
}
