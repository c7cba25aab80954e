/* SPDX-License-Identifier: MPL-2.0 */
/* index.c - see index.h: reading, opening and closing. */
#include "archive/index/index.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/index/index_rows.h"
#include "archive/names.h"
#include "archive/zip/zip.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"

void member_free(struct member *m)
{
	free(m->link);
	free(m->extents);
	m->link = NULL;
	m->extents = NULL;
}

/* ---- rows ---- */

int index_copy_blob(sqlite3_stmt *st, int col, void **out, size_t *n)
{
	size_t len = (size_t)sqlite3_column_bytes(st, col);
	const void *p = sqlite3_column_blob(st, col);
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	if (len > 0)
		memcpy(copy, p, len);
	copy[len] = '\0';
	*out = copy;
	*n = len;
	return 0;
}

/* Sparse map: pairs of little-endian 64-bit numbers. */
static int read_map(sqlite3_stmt *st, int col, struct member *m)
{
	size_t n = (size_t)sqlite3_column_bytes(st, col) / 16;
	const unsigned char *p = sqlite3_column_blob(st, col);

	if (n == 0)
		return 0;
	m->extents = calloc(n, sizeof(*m->extents));
	if (!m->extents)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++, p += 16)
		m->extents[i] =
			(struct member_extent){ bytes_get_le(p, 8), bytes_get_le(p + 8, 8) };
	m->n_extents = (uint32_t)n;
	return 0;
}

static uint64_t column(sqlite3_stmt *st, int col)
{
	return (uint64_t)sqlite3_column_int64(st, col);
}

/* The columns in the order of MEMBER_COLUMNS. */
static void read_numbers(sqlite3_stmt *st, struct member *m)
{
	uint64_t flags = column(st, 18), dev = column(st, 8);

	m->id = column(st, 0);
	m->parent = index_parent(sqlite3_column_int64(st, 1));
	m->mode = (uint32_t)column(st, 2);
	m->nlink = (uint32_t)MAX(column(st, 3), 1);
	m->uid = column(st, 4);
	m->gid = column(st, 5);
	m->mtime = sqlite3_column_int64(st, 6);
	m->mtime_ns = (uint32_t)column(st, 7);
	m->dev_major = (uint32_t)(dev >> 32);
	m->dev_minor = (uint32_t)dev;
	m->size = column(st, 9);
	m->layer = (enum member_layer)column(st, 10);
	m->off = column(st, 11);
	m->stored = sqlite3_column_type(st, 12) == SQLITE_NULL ? m->size : column(st, 12);
	m->packed_off = column(st, 13);
	m->packed = column(st, 14);
	m->crc = (uint32_t)column(st, 15);
	m->has_crc = flags & FLAG_CRC;
	m->link_inside = flags & FLAG_LINK_INSIDE;
	m->sparse = flags & FLAG_SPARSE;
	m->encrypted = flags & FLAG_ENCRYPTED;
	m->aes = flags >> FLAG_AES_SHIFT & 3;
	m->method = m->packed_off ? (uint16_t)(flags >> FLAG_METHOD_SHIFT ^ ZIP_DEFLATED) : 0;
}

static int read_member(sqlite3_stmt *st, struct member *out)
{
	struct member m = { 0 };
	size_t n;
	int r = 0;

	read_numbers(st, &m);
	if (sqlite3_column_type(st, 16) != SQLITE_NULL)
		r = index_copy_blob(st, 16, (void **)&m.link, &n);
	if (r == 0)
		r = read_map(st, 17, &m);
	if (r < 0)
		member_free(&m);
	else
		*out = m;
	return r;
}

static int get(struct sql *c, uint64_t id, struct member *out)
{
	sqlite3_stmt *st = sql_get(c, SQL_GET);
	int r;

	if (!st)
		return -EIO;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	r = sql_row(c, st);
	if (r == 1)
		r = read_member(st, out);
	else if (r == 0)
		r = -ENOENT;
	sqlite3_reset(st);
	return r;
}

/* The row of a name; for a hard link the member it is a name of. */
int index_read_target(struct sql *c, sqlite3_stmt *st, struct member *out)
{
	if (sqlite3_column_type(st, 19) == SQLITE_NULL)
		return read_member(st, out);
	return get(c, column(st, 19), out);
}

static uint32_t name_hash(const char *name, size_t len)
{
	return crc32c(0, name, len);
}

void index_bind_name(sqlite3_stmt *st, uint64_t parent, const char *name, size_t len)
{
	sqlite3_bind_int64(st, 1, (int64_t)parent);
	sqlite3_bind_int64(st, 2, name_hash(name, len));
	sqlite3_bind_blob(st, 3, name, (int)len, SQLITE_STATIC);
}

int index_lookup_on(struct sql *c, uint64_t parent, const char *name, size_t len,
		    struct member *out)
{
	sqlite3_stmt *st = sql_get(c, SQL_LOOKUP);
	int r;

	if (!st)
		return -EIO;
	index_bind_name(st, parent, name, len);
	r = sql_row(c, st);
	if (r == 1)
		r = index_read_target(c, st, out);
	else if (r == 0)
		r = -ENOENT;
	sqlite3_reset(st);
	return r;
}

/* ---- reading ---- */

int index_get(struct index *x, uint64_t id, struct member *out)
{
	struct sql *c = index_take(x);
	int r = c ? get(c, id, out) : -EIO;

	index_give_back(x, c);
	return r;
}

int index_lookup(struct index *x, uint64_t parent, const char *name, size_t len, struct member *out)
{
	struct sql *c = index_take(x);
	int r = c ? index_lookup_on(c, parent, name, len, out) : -EIO;

	index_give_back(x, c);
	return r;
}

static int copy_name(sqlite3_stmt *st, int col, char out[static NAMES_MAX + 1])
{
	size_t len = (size_t)sqlite3_column_bytes(st, col);
	const void *p = sqlite3_column_blob(st, col);

	if (!p || len > NAMES_MAX)
		return log_error(-EIO, "index: a row without a usable name");
	memcpy(out, p, len);
	out[len] = '\0';
	return 0;
}

/* The columns of LIST and NAMES. */
static int read_listed(struct sql *c, enum statement which, struct member *m,
		       char name[static NAMES_MAX + 1])
{
	sqlite3_stmt *st = c->st[which];
	int r = copy_name(st, which == SQL_LIST ? 20 : 3, name);

	if (r < 0)
		return r;
	if (which == SQL_LIST)
		return index_read_target(c, st, m);
	if (sqlite3_column_type(st, 2) != SQLITE_NULL)
		return get(c, column(st, 2), m);
	m->id = column(st, 0);
	m->mode = (uint32_t)column(st, 1);
	return 0;
}

static int list_rows(struct sql *c, enum statement which,
		     int (*fn)(void *arg, uint64_t cookie, const char *name,
			       const struct member *m),
		     void *arg)
{
	char name[NAMES_MAX + 1];
	int r;

	while ((r = sql_row(c, c->st[which])) == 1) {
		AUTO(member_free) struct member m = { 0 };
		uint64_t cookie = column(c->st[which], 0);

		r = read_listed(c, which, &m, name);
		if (r == 0 && fn(arg, cookie, name, &m) != 0)
			return 0;
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return r;
}

static int list(struct index *x, enum statement which, uint64_t parent, uint64_t after,
		int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		void *arg)
{
	struct sql *c = index_take(x);
	sqlite3_stmt *st = c ? sql_get(c, which) : NULL;
	int r = -EIO;

	if (st) {
		sqlite3_bind_int64(st, 1, (int64_t)parent);
		sqlite3_bind_int64(st, 2, (int64_t)after);
		r = list_rows(c, which, fn, arg);
		sqlite3_reset(st);
	}
	index_give_back(x, c);
	return r;
}

int index_list(struct index *x, uint64_t parent, uint64_t after,
	       int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
	       void *arg)
{
	return list(x, SQL_LIST, parent, after, fn, arg);
}

int index_names(struct index *x, uint64_t parent, uint64_t after,
		int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		void *arg)
{
	return list(x, SQL_NAMES, parent, after, fn, arg);
}

static void read_point(sqlite3_stmt *st, struct gzip_point *p)
{
	p->out = column(st, 0);
	p->in_bit = column(st, 1);
	p->at_member = column(st, 2) & 1;
	p->crc = (uint32_t)column(st, 3);
	p->member_out = column(st, 4);
}

static int point(struct index *x, enum statement which, uint64_t out, struct gzip_point *p,
		 void **window, size_t *n)
{
	struct sql *c = index_take(x);
	sqlite3_stmt *st = c ? sql_get(c, which) : NULL;
	int r = -EIO;

	if (st) {
		sqlite3_bind_int64(st, 1, (int64_t)out);
		r = sql_row(c, st);
		r = r == 0 ? -ENOENT : MIN(r, 0);
		if (r == 0 && window)
			r = index_copy_blob(st, 5, window, n);
		if (r == 0)
			read_point(st, p);
		sqlite3_reset(st);
	}
	index_give_back(x, c);
	return r;
}

/* The young ones are looked at first: one that is committed meanwhile is found in the file. */
int index_point(struct index *x, uint64_t out, struct gzip_point *p, void **window, size_t *n)
{
	struct gzip_point young;
	bool is_young = points_before(&x->young, out, &young);
	int r = point(x, SQL_POINT, out, p, window, n);

	if (!is_young || (r < 0 && r != -ENOENT) || (r == 0 && p->out >= young.out))
		return r;
	if (r == 0)
		free(steal(window));
	*p = young;
	*window = NULL;
	*n = 0;
	return 0;
}

int index_point_after(struct index *x, uint64_t out, struct gzip_point *p)
{
	struct gzip_point young;
	bool is_young = points_after(&x->young, out, &young);
	int r = point(x, SQL_POINT_AFTER, out, p, NULL, NULL);

	if (!is_young || (r < 0 && r != -ENOENT) || (r == 0 && p->out <= young.out))
		return r;
	*p = young;
	return 0;
}

int index_member_at(struct index *x, uint64_t out, struct member *m)
{
	struct sql *c = index_take(x);
	sqlite3_stmt *st = c ? sql_get(c, SQL_MEMBER_AT) : NULL;
	int r = -EIO;

	if (st) {
		sqlite3_bind_int64(st, 1, (int64_t)out);
		r = sql_row(c, st);
		r = r == 1 ? read_member(st, m) : r == 0 ? -ENOENT : r;
		sqlite3_reset(st);
	}
	index_give_back(x, c);
	return r;
}

uint64_t index_members(struct index *x)
{
	return atomic_load(&x->members);
}

void index_recount(struct index *x)
{
	atomic_store(&x->members, index_number(x, "members", 1));
	atomic_store(&x->xattr_bytes, index_number(x, "xattr_bytes", 0));
}

int index_value(struct index *x, const char *key, void **out, size_t *n)
{
	struct sql *c = index_take(x);
	sqlite3_stmt *st = c ? sql_get(c, SQL_VALUE) : NULL;
	int r = -EIO;

	if (st) {
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
		r = sql_row(c, st);
		r = r == 1 ? index_copy_blob(st, 0, out, n) : r == 0 ? -ENOENT : r;
		sqlite3_reset(st);
	}
	index_give_back(x, c);
	return r;
}

uint64_t index_number(struct index *x, const char *key, uint64_t fallback)
{
	AUTO(auto_free) void *p = NULL;
	size_t n;

	return index_value(x, key, &p, &n) == 0 ? strtoull(p, NULL, 10) : fallback;
}

/* ---- open and close ---- */

/* Whose index this is: 0, -ENOENT (nobody's yet), -ESTALE (another version's). */
static int check_identity(struct index *x, const char *identity)
{
	AUTO(auto_free) void *have = NULL;
	size_t n;
	int r = index_value(x, "identity", &have, &n);

	return r < 0 ? r : strcmp(have, identity) == 0 ? 0 : -ESTALE;
}

/* Row 1, the root directory, and whose index this is; unless another process was first. */
static int begin_new(struct index *x, const char *identity)
{
	struct member root = { .mode = S_IFDIR | 0755, .nlink = 1 };
	uint64_t id;
	int r = index_begin(x);

	if (r < 0)
		return r;
	r = check_identity(x, identity);
	if (r != -ENOENT) {
		index_rollback(x);
		return r;
	}
	atomic_store(&x->members, 0);
	r = index_add(x, "", 0, &root, &id);
	if (r == 0 && id != INDEX_ROOT) /* there are members, of nobody knows what */
		r = -EUCLEAN;
	if (r == 0)
		r = index_set_value(x, "identity", identity, strlen(identity));
	if (r == 0)
		r = index_commit(x);
	if (r < 0)
		index_rollback(x);
	return r;
}

static int open_once(struct index *x, const char *identity)
{
	int r = index_connect_writer(x);

	if (r == 0)
		r = sql_schema(x->writer);
	if (r == 0)
		r = check_identity(x, identity);
	if (r == -ENOENT)
		r = begin_new(x, identity);
	if (r == 0)
		index_recount(x);
	return r;
}

/* SQLite's own files beside the database go with it. */
static void remove_files(const char *path)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++) {
		AUTO(auto_free) char *p = NULL;

		if (asprintf(&p, "%s%s", path, suffix[i]) < 0)
			p = NULL;
		else
			unlink(p);
	}
}

/* On a disk that takes no writes an index is of use only when it is complete. */
static int open_frozen(struct index *x, const char *identity)
{
	int r;

	index_disconnect(x);
	x->frozen = true;
	r = check_identity(x, identity);
	if (r == -ENOENT || (r == 0 && !index_number(x, "complete", 0)))
		r = -EROFS;
	index_recount(x);
	return r;
}

/* Is this the file's fault?  It may also say of itself that it is only for reading. */
static bool is_damage(struct index *x, int r)
{
	/* SQLite takes some damage for a lack of memory; when it is one, it is tried once more first. */
	if (r == -EUCLEAN || r == -ESTALE || r == -ENOMEM)
		return true;
	/* And may then not even be read. */
	return (r == -EROFS || (r == -EIO && x->frozen)) && access(x->path, W_OK) == 0;
}

/* Only while nobody else writes it: another process may just be doing the same. */
static int start_anew(struct index *x, const char *identity)
{
	AUTO(auto_close) int turn = -1;
	int r = index_turn(x, &turn);

	index_disconnect(x);
	x->frozen = false;
	if (r < 0)
		return r == -EWOULDBLOCK ? -EBUSY : r;
	if (!sql_was_damaged(x->path, false)) {
		r = open_once(x, identity); /* another process may have mended it meanwhile */
		if (!is_damage(x, r))
			return r;
	}
	(void)log_warn(0, "index %s: damaged or of another version, started anew", x->path);
	index_disconnect(x);
	remove_files(x->path);
	(void)sql_was_damaged(x->path, true);
	return open_once(x, identity);
}

int index_turn_at(const char *path, int *fd)
{
	AUTO(auto_free) char *lock = NULL;

	if (asprintf(&lock, "%s.lock", path) < 0) {
		lock = NULL;
		return -ENOMEM;
	}
	return file_lock(lock, false, fd);
}

int index_turn(struct index *x, int *fd)
{
	return index_turn_at(x->path, fd);
}

int index_open(const char *path, const char *identity, struct index **out)
{
	struct index *x = calloc(1, sizeof(*x));
	int r;

	if (!x || !(x->path = strdup(path))) {
		free(x);
		return -ENOMEM;
	}
	points_init(&x->young);
	list_init(&x->idle);
	r = sql_was_damaged(path, false) ? -EUCLEAN : open_once(x, identity);
	if (r == -EROFS)
		r = open_frozen(x, identity);
	if (is_damage(x, r))
		r = start_anew(x, identity);
	if (r < 0) {
		index_close(x);
		return log_warn(r, "index %s", path);
	}
	if (index_number(x, "complete", 0))
		index_rest(x);
	*out = x;
	return 0;
}

struct index *index_close(struct index *x)
{
	if (!x)
		return NULL;
	index_disconnect(x);
	points_free(&x->young);
	free(x->former);
	free(x->path);
	free(x);
	return NULL;
}
