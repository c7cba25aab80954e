/* SPDX-License-Identifier: MPL-2.0 */
/* sql.c - see sql.h. */
#include "archive/index/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/index/sums.h"
#include "base/buf.h"
#include "base/log.h"

#define BUSY_MS 10000
#define VALUE_MAX (32 << 20)  /* bytes of a value or row; the longest sparse map has 16 MiB */
#define SHORT_LOG (256 << 10) /* bytes */

static const char *const statement_sql[] = {
#define STATEMENT_SQL(name, sql) sql,
	STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
};

/* Small integers and NULLs cost a byte or two: a member takes about 60 bytes and its name. */
static const char schema[] =
	"CREATE TABLE member(id INTEGER PRIMARY KEY, parent INT, hash INT, name BLOB, mode INT,"
	" nlink INT, uid INT, gid INT, mtime INT, ns INT, dev INT, size INT, layer INT, off INT,"
	" stored INT, poff INT, packed INT, crc INT, link BLOB, map BLOB, flags INT, target INT);"
	"CREATE INDEX by_parent ON member(parent);"
	"CREATE INDEX by_name ON member(parent, hash);"
	"CREATE INDEX by_off ON member(off) WHERE poff>0;"
	"CREATE TABLE point(out INTEGER PRIMARY KEY, in_bit INT, flags INT, crc INT, mout INT, "
	"window BLOB);"
	"CREATE TABLE xattr(member INT, name BLOB, value BLOB, PRIMARY KEY(member, name)) "
	"WITHOUT ROWID;"
	"CREATE TABLE stem(parent INT, hash INT, id INT, PRIMARY KEY(parent, hash, id)) "
	"WITHOUT ROWID;"
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;";

int sql_errno(struct sql *c)
{
	if (sqlite3_extended_errcode(c->db) == SQLITE_IOERR_DATA) /* see sums.h */
		return -EUCLEAN;
	switch (sqlite3_errcode(c->db)) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* our statements are right: the tables are not */
	case SQLITE_MISMATCH:
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

/* Beside the file that was found damaged while it was in use: who opens it next starts it anew. */
static char *mark_of(const char *path)
{
	char *mark = NULL;

	return asprintf(&mark, "%s.damaged", path) < 0 ? NULL : mark;
}

bool sql_was_damaged(const char *path, bool clear)
{
	AUTO(auto_free) char *mark = mark_of(path);

	return mark && (clear ? unlink(mark) : access(mark, F_OK)) == 0;
}

static void mark_damaged(struct sql *c)
{
	const char *path = sqlite3_db_filename(c->db, "main");
	AUTO(auto_free) char *mark = path && path[0] ? mark_of(path) : NULL;
	struct stat st;
	int fd = -1;

	c->marked = true;
	if (mark && stat(path, &st) == 0 && st.st_ino == c->inode) /* nobody has mended it yet */
		fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	auto_close(&fd);
}

static const char *text_of(struct sql *c)
{
	if (!c->db)
		return "no memory";
	if (sqlite3_extended_errcode(c->db) == SQLITE_IOERR_DATA)
		return "a page has a wrong checksum";
	return sqlite3_errmsg(c->db);
}

static int fail(struct sql *c, const char *what)
{
	c->error = sql_errno(c);
	if (c->error == -EUCLEAN && !c->marked)
		mark_damaged(c);
	return log_error(c->error, "index: %s (%s)", what, text_of(c));
}

static bool run_all(struct sql *c, const char *text)
{
	return sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK;
}

/* made: the file is new.  Nothing can be lost of that: it is turned over to the log without waiting
 * for the disk, and until the log is first copied into it, the log has every page. */
static int set_up(struct sql *c, enum sql_mode mode, bool made)
{
	static const char common[] = "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
				     "PRAGMA cell_size_check=ON;";

	int reserved = SUMS_RESERVED;

	sqlite3_file_control(c->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
	/* A file may come from elsewhere: nothing in it is run, and it is not changed by odd ways. */
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_busy_timeout(c->db, BUSY_MS);
	sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	if (!run_all(c, common) ||
	    !run_all(c, mode == SQL_WRITE ? "PRAGMA cache_size=-" SQL_WRITER_KIB
					  : "PRAGMA cache_size=-1024") ||
	    !run_all(c, made ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=NORMAL") ||
	    (mode != SQL_FROZEN && !run_all(c, "PRAGMA journal_mode=WAL")) ||
	    !run_all(c, "PRAGMA synchronous=NORMAL"))
		return sql_errno(c);
	return 0;
}

/* SQLite would make it for everybody to read; what it makes beside it gets the same mode.  Never
 * opened when it is there: closing it would drop the locks that SQLite has on it. */
static bool make_private(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The path as a URI (sqlite.org/uri.html), for a database that is not even locked. */
static char *frozen_uri(const char *path)
{
	AUTO(buf_free) struct buf b = BUF_INIT(3 * PATH_MAX);
	int r = buf_addf(&b, "file:");

	for (; *path && r == 0; path++)
		r = strchr("%?#", *path) ? buf_addf(&b, "%%%02x", (unsigned char)*path)
					 : buf_add(&b, path, 1);
	if (r == 0)
		r = buf_addf(&b, "?immutable=1");
	return r == 0 ? buf_take(&b) : NULL;
}

int sql_open(const char *path, enum sql_mode mode, struct sql **out)
{
	static const int flags[] = {
		[SQL_READ] = SQLITE_OPEN_READWRITE, /* the shared memory of the log is written */
		[SQL_WRITE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[SQL_FROZEN] = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
	};
	AUTO(auto_free) char *name = mode == SQL_FROZEN ? frozen_uri(path) : strdup(path);
	struct sql *c = calloc(1, sizeof(*c));
	struct stat st;
	bool made;
	int r;

	if (!c || !name) {
		free(c);
		return -ENOMEM;
	}
	list_init(&c->link);
	list_init(&c->resting);
	made = mode == SQL_WRITE && make_private(path);
	r = sums_register() < 0
		    ? SQLITE_NOMEM
		    : sqlite3_open_v2(name, &c->db, flags[mode] | SQLITE_OPEN_NOMUTEX, SUMS_VFS);
	r = r == SQLITE_NOMEM ? -ENOMEM : r == SQLITE_OK ? set_up(c, mode, made) : sql_errno(c);
	if (r < 0) {
		if (r != -EROFS)
			(void)log_warn(0, "index %s: %s", path, text_of(c));
		sql_close(c);
		return r;
	}
	c->inode = stat(path, &st) == 0 ? st.st_ino : 0;
	*out = c;
	return 0;
}

void sql_keep_short_log(struct sql *c)
{
	const char *name = c->db ? sqlite3_db_filename(c->db, "main") : NULL;
	struct stat st;

	if (name && name[0] && stat(sqlite3_filename_wal(name), &st) == 0 && st.st_size < SHORT_LOG)
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

struct sql *sql_close(struct sql *c)
{
	if (!c)
		return NULL;
	for (unsigned i = 0; i < SQL_STATEMENTS; i++)
		sqlite3_finalize(c->st[i]);
	sqlite3_close(c->db);
	free(c);
	return NULL;
}

int sql_number(struct sql *c, const char *sql, const char *text, size_t n, uint64_t *out)
{
	sqlite3_stmt *st = NULL;
	int r = 0, step = SQLITE_ERROR;

	if (sqlite3_prepare_v2(c->db, sql, -1, &st, NULL) == SQLITE_OK &&
	    (!text || sqlite3_bind_text(st, 1, text, (int)n, SQLITE_STATIC) == SQLITE_OK))
		step = sqlite3_step(st);
	if (step == SQLITE_ROW)
		*out = (uint64_t)sqlite3_column_int64(st, 0);
	else
		r = step == SQLITE_DONE ? -ENOENT : sql_errno(c);
	sqlite3_finalize(st);
	return r;
}

/* In a transaction: another process may be at the same new file. */
static int make_tables(struct sql *c)
{
	char text[sizeof(schema) + 200];
	uint64_t version = 0;
	int r = sql_number(c, "PRAGMA user_version", NULL, 0, &version);

	if (r < 0 || version == SQL_FORMAT)
		return r;
	if (version != 0)
		return -ESTALE;
	snprintf(text, sizeof(text), "%s PRAGMA application_id=%d; PRAGMA user_version=%d;", schema,
		 SQL_APPLICATION_ID, SQL_FORMAT);
	return sqlite3_exec(c->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
									: fail(c, "cannot be made");
}

int sql_check_tables(struct sql *c)
{
	uint64_t all = 0, ours = 0;
	int r = sql_number(c, "SELECT count(*) FROM sqlite_master WHERE sql IS NOT NULL", NULL, 0,
			   &all);

	for (const char *p = schema; r == 0 && *p; p = strchr(p, ';') + 1) {
		uint64_t found = 0;

		r = sql_number(c, "SELECT count(*) FROM sqlite_master WHERE sql=?1", p,
			       strcspn(p, ";"), &found);
		if (r == 0 && found != 1)
			r = -EUCLEAN;
		ours++;
	}
	return r == 0 && all != ours ? -EUCLEAN : r;
}

int sql_schema(struct sql *c)
{
	uint64_t version = 0;
	int r = sql_number(c, "PRAGMA user_version", NULL, 0, &version);

	if (r == 0 && version == SQL_FORMAT)
		r = sql_check_tables(c);
	if (r == 0 && sqlite3_db_readonly(c->db, "main") == 1)
		r = -EROFS;
	if (r < 0 || version == SQL_FORMAT)
		return r;
	if (sqlite3_exec(c->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(c, "cannot be made");
	r = make_tables(c);
	if (sqlite3_exec(c->db, r == 0 ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK &&
	    r == 0)
		r = fail(c, "cannot be made");
	return r;
}

sqlite3_stmt *sql_get(struct sql *c, enum statement s)
{
	if (!c->st[s] && sqlite3_prepare_v3(c->db, statement_sql[s], -1, SQLITE_PREPARE_PERSISTENT,
					    &c->st[s], NULL) != SQLITE_OK) {
		(void)fail(c, "cannot be used");
		return NULL;
	}
	sqlite3_reset(c->st[s]);
	return c->st[s];
}

int sql_run(struct sql *c, sqlite3_stmt *st)
{
	int r = sqlite3_step(st) == SQLITE_DONE ? 0 : fail(c, "cannot be written");

	sqlite3_reset(st);
	return r;
}

int sql_row(struct sql *c, sqlite3_stmt *st)
{
	int s = sqlite3_step(st);

	if (s == SQLITE_ROW)
		return 1;
	if (s == SQLITE_DONE)
		return 0;
	return fail(c, "cannot be read");
}
