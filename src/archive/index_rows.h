/* SPDX-License-Identifier: MPL-2.0 */
/* index_rows.h - private to index.c and index_write.c: the index itself and its rows. */
#ifndef ARCHIVE_INDEX_ROWS_H
#define ARCHIVE_INDEX_ROWS_H

#include <stdatomic.h>

#include "archive/index.h"
#include "archive/sql.h"

/* Bits of the column `flags`. */
#define FLAG_CRC 1
#define FLAG_LINK_INSIDE 2
#define FLAG_SPARSE 4

struct index {
	char *path;
	struct sql *writer;  /* NULL: frozen */
	bool frozen;         /* the disk takes no writes; the index is complete */
	_Atomic uint64_t members;
	pthread_mutex_t lock; /* guards what follows */
	struct list idle;
	unsigned n_idle;
};

/* Bind what LOOKUP, HIDE and ADD begin with. */
void index_bind_name(sqlite3_stmt *st, uint64_t parent, const char *name, size_t len);
/* LOOKUP on a connection; for a hard link the member it is a name of.  0, -ENOENT, -errno. */
int index_lookup_on(struct sql *c, uint64_t parent, const char *name, size_t len,
		    struct member *out);

#endif
