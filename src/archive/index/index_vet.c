/* SPDX-License-Identifier: MPL-2.0 */
/* index_vet.c - see index_vet.h. */
#include "archive/index/index_vet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "archive/index/sql.h"
#include "base/file.h"

/* What a directory cannot hold, or would hold itself.  A row is younger than its parent. */
#define ODD_ROWS \
	"SELECT id FROM member WHERE id>1 AND NOT (typeof(name)='blob' AND length(name) " \
	"BETWEEN 1 AND 255 AND instr(name,x'2f')=0 AND instr(name,x'00')=0 AND name<>x'2e' AND " \
	"name<>x'2e2e' AND typeof(parent)='integer' AND parent BETWEEN -id+1 AND id-1) LIMIT 1"

static int bad(char why[static 256], const char *text)
{
	snprintf(why, 256, "%s", text);
	return -EBADMSG;
}

static int check_version(struct sql *c, char why[static 256])
{
	uint64_t id = 0, format = 0;
	int r = sql_number(c, "PRAGMA application_id", NULL, 0, &id);

	if (r == 0)
		r = sql_number(c, "PRAGMA user_version", NULL, 0, &format);
	if (r < 0 || id != SQL_APPLICATION_ID)
		return bad(why, "holds something else than an index");
	if (format != SQL_FORMAT) {
		snprintf(why, 256, "holds an index of format %llu, this mdcfs has format %d",
			 (unsigned long long)format, SQL_FORMAT);
		return -EBADMSG;
	}
	return 0;
}

static int check_pages(struct sql *c, char why[static 256])
{
	sqlite3_stmt *st = NULL;
	bool sound;

	sound = sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &st, NULL) == SQLITE_OK &&
		sqlite3_step(st) == SQLITE_ROW &&
		strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
	sqlite3_finalize(st);
	return sound ? 0 : bad(why, "holds a damaged index");
}

/* Is meta's value of this key the text? */
static bool has_value(struct sql *c, const char *key, const char *text)
{
	sqlite3_stmt *st = sql_get(c, SQL_VALUE);
	bool has = false;

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		const void *p = sqlite3_column_blob(st, 0);
		size_t n = (size_t)sqlite3_column_bytes(st, 0);

		has = p && n == strlen(text) && memcmp(p, text, n) == 0;
	}
	sqlite3_reset(st);
	return has;
}

static int check_rows(struct sql *c, const char *identity, char why[static 256])
{
	uint64_t id;

	if (!has_value(c, "identity", identity))
		return bad(why, "holds the index of another archive than it says");
	if (!has_value(c, "complete", "1"))
		return bad(why, "holds an index that is not complete");
	if (sql_number(c, ODD_ROWS, NULL, 0, &id) != -ENOENT)
		return bad(why, "holds members that no directory can have");
	return 0;
}

/* The first 16 bytes of the file format (sqlite.org/fileformat.html). */
static int check_magic(const char *path, char why[static 256])
{
	AUTO(auto_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char magic[16];

	if (fd < 0)
		return -errno;
	if (file_read_at(fd, magic, sizeof(magic), 0) < 0 ||
	    memcmp(magic, "SQLite format 3", sizeof(magic)) != 0)
		return bad(why, "holds something else than an index");
	return 0;
}

int index_vet(const char *path, const char *identity, char why[static 256])
{
	struct sql *c = NULL;
	int r = check_magic(path, why);

	if (r < 0)
		return r;
	r = sql_open(path, SQL_FROZEN, &c);
	if (r < 0)
		return r == -EUCLEAN ? bad(why, "holds something else than an index") : r;
	r = check_version(c, why);
	if (r == 0)
		r = sql_check_tables(c) < 0 ? bad(why, "holds other tables than an index has") : 0;
	if (r == 0)
		r = check_pages(c, why);
	if (r == 0)
		r = check_rows(c, identity, why);
	sql_close(c);
	return r;
}
