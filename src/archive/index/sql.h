/* SPDX-License-Identifier: MPL-2.0 */
/* sql.h - private to the index: one SQLite connection with its prepared statements. */
#ifndef ARCHIVE_SQL_H
#define ARCHIVE_SQL_H

#include <sqlite3.h>
#include <sys/types.h>

#include "base/list.h"

#define MEMBER_COLUMNS \
	"id,parent,mode,nlink,uid,gid,mtime,ns,dev,size,layer,off,stored,poff,packed,crc,link," \
	"map,flags,target,name"
#define MEMBER_N_COLUMNS 21

/* X(name, SQL) */
#define STATEMENTS(X) \
	X(GET, "SELECT " MEMBER_COLUMNS " FROM member WHERE id=?1") \
	X(LOOKUP, "SELECT " MEMBER_COLUMNS " FROM member WHERE parent=?1 AND hash=?2 AND name=?3 " \
		  "ORDER BY id DESC LIMIT 1") \
	X(LIST, "SELECT " MEMBER_COLUMNS " FROM member INDEXED BY by_parent " \
		"WHERE parent=?1 AND id>?2 ORDER BY id") \
	X(NAMES, "SELECT id,mode,target,name FROM member INDEXED BY by_parent " \
		 "WHERE parent=?1 AND id>?2 ORDER BY id") \
	X(CHILD, "SELECT 1 FROM member INDEXED BY by_parent WHERE parent=?1 LIMIT 1") \
	X(POINT, "SELECT out,in_bit,flags,crc,mout,window FROM point WHERE out<=?1 ORDER BY out " \
		 "DESC LIMIT 1") \
	X(POINT_AFTER, \
	  "SELECT out,in_bit,flags,crc,mout FROM point WHERE out>=?1 ORDER BY out LIMIT 1") \
	X(MEMBER_AT, "SELECT " MEMBER_COLUMNS " FROM member INDEXED BY by_off " \
		     "WHERE poff>0 AND off<=?1 ORDER BY off DESC LIMIT 1") \
	X(STEM, "SELECT " MEMBER_COLUMNS " FROM member WHERE parent=?1 AND id IN " \
		"(SELECT id FROM stem WHERE parent=?1 AND hash=?2) ORDER BY id") \
	X(ADD_STEM, "INSERT INTO stem(parent,hash,id) VALUES(?1,?2,?3)") \
	X(VALUE, "SELECT value FROM meta WHERE key=?1") \
	X(BEGIN, "BEGIN IMMEDIATE") \
	X(COMMIT, "COMMIT") \
	X(PAGES, "PRAGMA page_count") \
	X(ROLLBACK, "ROLLBACK") \
	X(ADD, \
	  "INSERT INTO " \
	  "member(parent,hash,name,mode,nlink,uid,gid,mtime,ns,dev,size,layer,off,stored," \
	  "poff,packed,crc,link,map,flags,target) " \
	  "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)") \
	X(COUNT_LINK, "UPDATE member SET nlink=ifnull(nlink,1)+1 WHERE id=?1") \
	X(SET_ATTR, "UPDATE member SET mode=?2,uid=?3,gid=?4,mtime=?5,ns=?6 WHERE id=?1") \
	X(SET_DATA, "UPDATE member SET size=?2,layer=?3,off=?4,stored=NULL WHERE id=?1") \
	X(UNCOUNT_LINK, "UPDATE member SET nlink=CASE WHEN nlink>2 THEN nlink-1 END WHERE id=" \
			"(SELECT ifnull(target,id) FROM member WHERE parent=?1 AND hash=?2 " \
			"AND name=?3)") \
	X(LAST_VERSION, "SELECT hash FROM member INDEXED BY by_name WHERE parent=?1 AND hash>?2 " \
			"AND name=?3 AND hash<=?4 ORDER BY hash DESC LIMIT 1") \
	X(VERSIONS, "SELECT " MEMBER_COLUMNS ",hash FROM member INDEXED BY by_name " \
		    "WHERE parent=?1 AND hash>?2 AND name=?3 AND hash<=?4 ORDER BY hash") \
	X(ROW, "SELECT id FROM member WHERE parent=?1 AND hash=?2 AND name=?3") \
	X(NAME, "SELECT parent,name FROM member WHERE id=?1") \
	X(HIDE, \
	  "UPDATE member SET parent=-parent,hash=?4 WHERE parent=?1 AND hash=?2 AND name=?3") \
	X(XATTR, "SELECT value FROM xattr WHERE member=?1 AND name=?2") \
	X(XATTR_NAMES, "SELECT name FROM xattr WHERE member=?1 ORDER BY name") \
	X(ADD_XATTR, "INSERT OR REPLACE INTO xattr(member,name,value) VALUES(?1,?2,?3)") \
	X(OVERLAPS, /* a sort on disk when it is large */ \
	  "UPDATE member SET layer=3,off=65538,poff=NULL,packed=NULL WHERE id IN (SELECT id FROM " \
	  "(SELECT id,at+30+n AS reach,lead(at) OVER (ORDER BY at,id) AS next FROM (SELECT id," \
	  "CASE WHEN poff>0 THEN poff-1 ELSE off END AS at," \
	  "CASE WHEN poff>0 THEN packed ELSE ifnull(stored,size) END AS n " \
	  "FROM member WHERE poff>0 OR layer=2)) WHERE reach>next)") \
	X(ADD_POINT, "INSERT OR REPLACE INTO point(out,in_bit,flags,crc,mout,window) " \
		     "VALUES(?1,?2,?3,?4,?5,?6)") \
	X(SET_VALUE, "INSERT OR REPLACE INTO meta(key,value) VALUES(?1,?2)")

#define SQL_APPLICATION_ID 0x6d646366 /* "mdcf" */
#define SQL_PAGE 4096u		      /* bytes */
#define SQL_WRITER_KIB "16384"	      /* of pages that a writer keeps in memory, and: */
#define SQL_WRITER_BYTES (16384u << 10)
#define SQL_FORMAT 3 /* user_version: of what is in the tables, and how */

enum statement {
#define STATEMENT_ID(name, sql) SQL_##name,
	STATEMENTS(STATEMENT_ID)
#undef STATEMENT_ID
		SQL_STATEMENTS
};

struct sql {
	struct list link, resting; /* this and the next are index_conn.c's */
	void *home;
	sqlite3 *db;
	int error;	/* the last failure of one of our statements, -errno; 0: there was none */
	unsigned place; /* of the index: index_rows.h */
	sqlite3_stmt *st[SQL_STATEMENTS]; /* prepared on first use */
	ino_t inode;			  /* of the file when it was opened */
	bool marked;			  /* it is damaged, and that was noted */
};

enum sql_mode {
	SQL_READ,   /* beside a writer */
	SQL_WRITE,  /* made when missing */
	SQL_FROZEN, /* a file on a disk that takes no writes: nobody may be writing it */
};

/* 0 or -errno (logged, but -EROFS). */
int sql_open(const char *path, enum sql_mode mode, struct sql **out) MUST_CHECK;
struct sql *sql_close(struct sql *c); /* NULL ok; returns NULL */
/* The last one to close a database copies its log into it and waits for the disk, twice.  When this one
 * is closed, a short log stays where it is. */
void sql_keep_short_log(struct sql *c);
/* Make the tables in an empty file.  Else they are compared with what they should be: -ESTALE for
 * another format version, -EUCLEAN for other tables; -EROFS when the file cannot be written. */
int sql_schema(struct sql *c) MUST_CHECK;
/* A statement, reset and unbound; NULL on failure (logged). */
sqlite3_stmt *sql_get(struct sql *c, enum statement s);
/* Run one that returns no rows, then reset it.  0 or -errno (logged). */
int sql_run(struct sql *c, sqlite3_stmt *st) MUST_CHECK;
/* Are the tables those of this version to the letter, and nothing else is there?  The file may come
 * from a stranger: a view or a trigger in it would be his program.  0, -EUCLEAN, -errno. */
int sql_check_tables(struct sql *c) MUST_CHECK;
/* The number that a query's first row begins with; ?1 in it is a text of n bytes (or NULL).  0;
 * -ENOENT: no row; -errno. */
int sql_number(struct sql *c, const char *sql, const char *text, size_t n,
	       uint64_t *out) MUST_CHECK;
/* Step to the next row: 1 = a row, 0 = none, -errno (logged). */
int sql_row(struct sql *c, sqlite3_stmt *st) MUST_CHECK;
int sql_errno(struct sql *c);
/* Has somebody met with damage in the index at path after it was opened?  With clear the answer is no
 * from now on. */
bool sql_was_damaged(const char *path, bool clear);

#endif
