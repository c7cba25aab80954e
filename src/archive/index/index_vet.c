/* SPDX-License-Identifier: MPL-2.0 */
/* index_vet.c - see index_vet.h. */
#include "archive/index/index_vet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "archive/index/sql.h"
#include "base/file.h"

/* What no index that we write has, told by the rows that break it; ?1 is the object's size.  In a
 * comparison NULL is nothing, and text and blobs are more than any number. */

#define MAX_INT "9223372036854775807"
#define TYPE "mode&61440"
#define IS_DIRECTORY "target IS NULL AND " TYPE "=16384"

#define NO_ROOT \
	"SELECT 1 WHERE NOT EXISTS(SELECT 1 FROM member WHERE id=1 AND parent=0 AND " IS_DIRECTORY \
	")"

/* What a directory cannot hold.  The parent of a name that was replaced is negative; each is an
 * older row, so that the way up ends at the root. */
#define ODD_NAMES \
	"SELECT id FROM member WHERE id<>1 AND NOT (id>1 AND typeof(name)='blob' AND " \
	"length(name) BETWEEN 1 AND 255 AND instr(name,x'2f')=0 AND instr(name,x'00')=0 AND " \
	"name<>x'2e' AND name<>x'2e2e' AND typeof(parent)='integer' AND parent<>0 AND " \
	"parent BETWEEN -id+1 AND id-1) LIMIT 1"
#define ODD_PARENTS \
	"SELECT dir FROM (SELECT parent AS dir FROM member INDEXED BY by_parent GROUP BY parent) " \
	"WHERE dir<>0 AND NOT EXISTS(SELECT 1 FROM member WHERE id=abs(dir) AND " IS_DIRECTORY \
	") LIMIT 1"

#define ODD_LINKS \
	"SELECT id FROM member AS m WHERE target IS NOT NULL AND NOT (target BETWEEN 2 AND id-1 " \
	"AND EXISTS(SELECT 1 FROM member WHERE id=m.target AND target IS NULL AND " \
	"ifnull(" TYPE ",0)<>16384)) LIMIT 1"

/* Of what is read: regular files, links whose target is their data, what has a place in the
 * stream. */
#define STORED "ifnull(stored,ifnull(size,0))"
#define LAST_PLACE /* for the data of a member, by its layer */ \
	"CASE ifnull(layer,0) WHEN 0 THEN ?1 WHEN 2 THEN ?1-30 WHEN 1 THEN ifnull((SELECT " \
	"CAST(value AS INT) FROM meta WHERE key='stream_size')," MAX_INT ") ELSE -1 END-" STORED
#define NUMBERS "(ifnull(off,0),ifnull(size,0),ifnull(stored,0),ifnull(poff,0),ifnull(packed,0))"
#define ODD_PLACES \
	"SELECT id FROM member WHERE (" TYPE "=32768 OR flags&2 OR poff IS NOT NULL) AND " \
	"ifnull(layer,0)<>3 AND NOT (min" NUMBERS ">=0 AND max" NUMBERS "<=" MAX_INT \
	" AND ifnull(off,0)<=" LAST_PLACE " AND ifnull(poff,0)<=?1-29-ifnull(packed,0)) LIMIT 1"

#define ODD_STEMS \
	"SELECT 1 FROM stem AS s WHERE NOT EXISTS(SELECT 1 FROM member WHERE id=s.id AND " \
	"abs(parent)=s.parent) LIMIT 1"

static const struct check {
	const char *sql;
	bool sized; /* has ?1 */
	const char *why;
} checks[] = {
	{ NO_ROOT, false, "holds no root directory" },
	{ ODD_NAMES, false, "holds members that no directory can have" },
	{ ODD_PARENTS, false, "holds members of what is no directory" },
	{ ODD_LINKS, false, "holds hard links to what cannot have any" },
	{ ODD_PLACES, true, "holds members outside the archive" },
	{ ODD_STEMS, false, "holds names of archives that no directory has" },
};

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

/* Also that the search trees have what the tables have: they are what a listing goes by. */
static int check_pages(struct sql *c, char why[static 256])
{
	sqlite3_stmt *st = NULL;
	bool sound;

	sound = sqlite3_prepare_v2(c->db, "PRAGMA integrity_check(1)", -1, &st, NULL) ==
			SQLITE_OK &&
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

static int check_meta(struct sql *c, const char *identity, char why[static 256])
{
	if (!has_value(c, "identity", identity))
		return bad(why, "holds the index of another archive than it says");
	if (!has_value(c, "complete", "1"))
		return bad(why, "holds an index that is not complete");
	return 0;
}

static int check_rows(struct sql *c, uint64_t size, char why[static 256])
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%llu", (unsigned long long)MIN(size, INT64_MAX));

	for (const struct check *k = checks; k < checks + ARRAY_SIZE(checks); k++) {
		uint64_t id;

		if (sql_number(c, k->sql, k->sized ? text : NULL, (size_t)n, &id) != -ENOENT)
			return bad(why, k->why);
	}
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

int index_vet(const char *path, const char *identity, uint64_t size, char why[static 256])
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
		r = check_meta(c, identity, why);
	if (r == 0)
		r = check_rows(c, size, why);
	sql_close(c);
	return r;
}
