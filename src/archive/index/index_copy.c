/* SPDX-License-Identifier: MPL-2.0 */
/* index_copy.c - see index_copy.h.
 *
 * An index comes into being by link(2), which fails when a mount has just made one of its own; over one
 * that is there it is copied by SQLite in one transaction.  A file that is there is never
 * replaced by another one: who has it open would go on with the old file and the new one's log.
 */
#include "archive/index/index_copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "archive/index/index.h"
#include "archive/index/sql.h"
#include "base/log.h"

/* ---- looking ---- */

/* A value of meta as a string, cut to size. */
static void get_text(struct sql *c, const char *key, char *out, size_t size)
{
	sqlite3_stmt *st = sql_get(c, SQL_VALUE);
	const void *p;

	out[0] = '\0';
	if (!st)
		return;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW && (p = sqlite3_column_blob(st, 0)))
		snprintf(out, size, "%.*s", sqlite3_column_bytes(st, 0), (const char *)p);
	sqlite3_reset(st);
}

static uint64_t get_number(struct sql *c, const char *key, uint64_t fallback)
{
	char text[32];

	get_text(c, key, text, sizeof(text));
	return text[0] ? strtoull(text, NULL, 10) : fallback;
}

static void summarise(struct sql *c, struct index_summary *s)
{
	get_text(c, "format", s->format, sizeof(s->format));
	get_text(c, "identity", s->identity, sizeof(s->identity));
	get_text(c, "trouble", s->error, sizeof(s->error));
	s->members = get_number(c, "members", 1) - 1;
	s->position = get_number(c, "raw_position", 0);
	s->stream_size = get_number(c, "stream_size", UINT64_MAX);
	s->complete = get_number(c, "complete", 0);
	s->damaged = get_number(c, "damaged", 0);
	s->verified = get_number(c, "verified", 0);
	s->distrusted = get_number(c, "distrusted", 0);
}

static int open_to_read(const char *path, struct sql **out)
{
	int r = access(path, F_OK) < 0 ? -errno : sql_open(path, SQL_READ, out);

	return r == -EROFS ? sql_open(path, SQL_FROZEN, out) : r;
}

int index_summary(const char *path, struct index_summary *out)
{
	struct index_summary s = { .points = 0 };
	struct sql *c = NULL;
	uint64_t format = 0, page = 0;
	int r = open_to_read(path, &c);

	if (r < 0)
		return r;
	r = sql_number(c, "PRAGMA user_version", NULL, 0, &format);
	if (r == 0 && format != SQL_FORMAT)
		r = format == 0 ? -ENOENT : -ESTALE;
	if (r == 0)
		r = sql_number(c, "SELECT count(*) FROM point", NULL, 0, &s.points);
	if (r == 0)
		r = sql_number(c, "PRAGMA page_size", NULL, 0, &page);
	if (r == 0)
		r = sql_number(c, "PRAGMA page_count", NULL, 0, &s.bytes);
	if (r == 0) {
		s.bytes *= page;
		summarise(c, &s);
		*out = s;
	}
	sql_close(c);
	return r;
}

uint32_t index_copy_format(void)
{
	return SQL_FORMAT;
}

/* ---- out ---- */

int index_copy_out(const char *path, const char *to)
{
	sqlite3_stmt *st = NULL;
	struct sql *c = NULL;
	int r = open_to_read(path, &c);

	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(c->db, "VACUUM INTO ?1", -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(st, 1, to, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_DONE)
		r = log_error(sql_errno(c), "index: cannot be copied (%s)", sqlite3_errmsg(c->db));
	sqlite3_finalize(st);
	sql_close(c);
	return r;
}

/* ---- in ---- */

/* Nobody else has it open: SQLite leaves the write-ahead log only then. */
static int claim(struct sql *c)
{
	sqlite3_stmt *st = NULL;
	int r = -EBUSY;

	sqlite3_busy_timeout(c->db, 0);
	if (sqlite3_prepare_v2(c->db, "PRAGMA journal_mode=DELETE", -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(st, 0), "delete") == 0)
		r = 0;
	sqlite3_finalize(st);
	return r;
}

static int copy_pages(struct sql *to, struct sql *from)
{
	sqlite3_backup *b = sqlite3_backup_init(to->db, "main", from->db, "main");

	if (!b)
		return sql_errno(to);
	(void)sqlite3_backup_step(b, -1); /* its error is that of the end */
	return sqlite3_backup_finish(b) == SQLITE_OK ? 0 : sql_errno(to);
}

static int copy_over(const char *from, const char *path)
{
	struct sql *a = NULL, *b = NULL;
	int r = sql_open(from, SQL_FROZEN, &a);

	if (r == 0)
		r = sql_open(path, SQL_WRITE, &b);
	if (r == 0)
		r = claim(b);
	if (r == 0)
		r = copy_pages(b, a);
	sql_close(b);
	sql_close(a);
	return r;
}

static bool exists(const char *path, const char *suffix)
{
	AUTO(auto_free) char *p = NULL;

	if (asprintf(&p, "%s%s", path, suffix) < 0)
		p = NULL;
	return p && access(p, F_OK) == 0;
}

int index_copy_in(const char *from, const char *path)
{
	AUTO(auto_close) int turn = -1;
	struct index_summary have = { .complete = false };
	int r = index_turn_at(path, &turn);

	if (r < 0)
		return r == -EWOULDBLOCK ? -EBUSY : r;
	if (!exists(path, "") && exists(path, "-wal"))
		return -EAGAIN; /* it would be taken for the new one's */
	if (link(from, path) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	r = index_summary(path, &have);
	return r == 0 && have.complete ? -EEXIST : copy_over(from, path);
}
