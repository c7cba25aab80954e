/* SPDX-License-Identifier: MPL-2.0 */
/* tar_pax.h - the records of a pax extended header (POSIX.1-2017 pax, "pax Extended Header";
 * GNU tar manual, "Storing Sparse Files" for GNU.sparse.*; tar_xattr.h for extended attributes).
 *
 * A body is read as it goes by: records nobody wants (attributes of any size) are passed over,
 * wanted values are held up to TAR_PAX_VALUE bytes.  Sparse maps and extended attributes are those
 * of one member: in a global header they mean nothing.  Threads: one owner.
 */
#ifndef ARCHIVE_TAR_PAX_H
#define ARCHIVE_TAR_PAX_H

#include "archive/tar/tar_sparse.h"
#include "archive/tar/tar_xattr.h"
#include "base/buf.h"

#define TAR_PAX_VALUE (1u << 20) /* bytes of a wanted value; a longer one is damage */

enum {
	TAR_PAX_PATH = 1 << 0,
	TAR_PAX_LINK = 1 << 1,
	TAR_PAX_SIZE = 1 << 2,
	TAR_PAX_UID = 1 << 3,
	TAR_PAX_GID = 1 << 4,
	TAR_PAX_MTIME = 1 << 5,
	TAR_PAX_SPARSE_NAME = 1 << 6,
	TAR_PAX_SPARSE_SIZE = 1 << 7,
	TAR_PAX_SPARSE_MAP = 1 << 8,  /* version 0.0 or 0.1: map holds it */
	TAR_PAX_SPARSE_DATA = 1 << 9, /* version 1.0: the map is ahead of the data */
	TAR_PAX_SPARSE_BAD = 1 << 10
};

struct tar_pax {
	unsigned has;			 /* TAR_PAX_*: which of the following are set */
	char *path, *link, *sparse_name; /* owned */
	uint64_t size;			 /* UINT64_MAX: the record was no size */
	uint64_t uid, gid;
	int64_t mtime; /* seconds since 1970, rounded down */
	uint32_t mtime_ns;
	uint64_t sparse_size; /* of the file with its holes */
	struct tar_sparse map;
	uint64_t map_off; /* version 0.0: offset whose length is still to come */
	struct xattrs xattrs;
};

/* Forget everything. */
void tar_pax_free(struct tar_pax *p);
/* Set to (empty) what from, global records, holds.  0 or -ENOMEM. */
int tar_pax_copy(struct tar_pax *to, const struct tar_pax *from) MUST_CHECK;
/* Write what p, global records, holds as records again.  0, -ENOMEM or -EMSGSIZE. */
int tar_pax_write(const struct tar_pax *p, struct buf *out) MUST_CHECK;

struct tar_pax_key;
struct tar_pax_reader {
	enum { TAR_PAX_LENGTH, TAR_PAX_KEY, TAR_PAX_VALUE_BYTES, TAR_PAX_STOP } step;
	bool global;
	bool bad;      /* a record was malformed */
	uint64_t left; /* bytes of the record still to come, its newline included */
	unsigned digits;
	char key[TAR_XATTR_KEY_MAX + 1];
	size_t n_key;
	const struct tar_pax_key *want; /* NULL: nobody wants this value, */
	enum tar_xattr form;		/* ... unless it is an attribute's */
	char xattr[XATTRS_NAME_MAX + 1];
	struct buf value;
};

/* Begin a body; r was zeroed, or used before. */
void tar_pax_start(struct tar_pax_reader *r, bool global);
/* The body's next n bytes; its records go to p.  0 or -ENOMEM. */
int tar_pax_feed(struct tar_pax_reader *r, struct tar_pax *p, const void *bytes,
		 size_t n) MUST_CHECK;
/* 0, or -EBADMSG: a record was malformed or cut off (those before it count). */
int tar_pax_end(const struct tar_pax_reader *r) MUST_CHECK;
void tar_pax_reader_free(struct tar_pax_reader *r);

#endif
