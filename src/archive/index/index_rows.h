/* SPDX-License-Identifier: MPL-2.0 */
/* index_rows.h - private to index.c and index_write.c: the index itself and its rows. */
#ifndef ARCHIVE_INDEX_ROWS_H
#define ARCHIVE_INDEX_ROWS_H

#include <stdatomic.h>

#include "archive/index/index.h"
#include "archive/points.h"
#include "archive/index/sql.h"

/* Bits of the column `flags`. */
#define FLAG_CRC 1
#define FLAG_LINK_INSIDE 2
#define FLAG_SPARSE 4
#define FLAG_ENCRYPTED 8
#define FLAG_AES_SHIFT 4    /* two bits */
#define FLAG_METHOD_SHIFT 8 /* 16 bits: xor'ed with deflate's, which so takes no room */

struct index {
	char *path;	    /* guarded by index_conn.c once there are readers */
	char *former;	    /* where it was before it was moved; NULL: it was not */
	unsigned place;	    /* counts moves; guarded likewise */
	int open_error;	    /* why there is no writer */
	struct sql *writer; /* NULL: nothing is being written */
	bool frozen;	    /* the disk takes no writes; the index is complete */
	_Atomic uint64_t members;
	_Atomic uint64_t xattr_bytes; /* names and values, with what is not committed yet */
	struct points young;	      /* not committed yet */
	struct list idle;	      /* struct sql; this and the next are index_conn.c's */
	unsigned n_idle;
};

/* A connection to read with, and back; NULL: there is none (logged). */
struct sql *index_take(struct index *x);
void index_give_back(struct index *x, struct sql *c); /* NULL ok */
/* Have a writer's connection.  0, -EROFS when the index is frozen, -errno (logged). */
int index_connect_writer(struct index *x) MUST_CHECK;
/* Close all of them; nobody has one taken. */
void index_disconnect(struct index *x);
/* A column, malloc'd and with a NUL behind it.  0 or -ENOMEM. */
int index_copy_blob(sqlite3_stmt *st, int col, void **out, size_t *n);
/* The member of a row with MEMBER_COLUMNS; for a hard link the one it is a name of. */
int index_read_target(struct sql *c, sqlite3_stmt *st, struct member *out);
/* Bind what LOOKUP, HIDE and ADD begin with. */
void index_bind_name(sqlite3_stmt *st, uint64_t parent, const char *name, size_t len);
/* Note a name that has an archive suffix, for index_stem(); in the transaction. */
int index_add_stem(struct index *x, uint64_t parent, const char *name, size_t len, uint64_t row);
/* LOOKUP on a connection; for a hard link the member it is a name of.  0, -ENOENT, -errno. */
int index_lookup_on(struct sql *c, uint64_t parent, const char *name, size_t len,
		    struct member *out);
/* Keep a member's extended attributes, in the transaction. */
int index_put_xattrs(struct index *x, uint64_t id, const struct xattrs *xattrs);

/* The directory in the column `parent`, which is negative for a name that was replaced. */
static inline uint64_t index_parent(int64_t column)
{
	return column < 0 ? 0 - (uint64_t)column : (uint64_t)column;
}

/* What is in the column `hash` of the n-th version of a name that was replaced (n from 1), whose
 * parent is negative: so all of them are one range of by_name, in order.  0: before the first. */
#define VERSIONS_MAX 0x7fffffffu
int64_t index_version_key(const char *name, size_t len, uint32_t n);
/* The number of the youngest that was replaced; 0: none. */
int index_last_version(struct sql *c, uint64_t parent, const char *name, size_t len, uint32_t *n);

#endif
