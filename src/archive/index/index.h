/* SPDX-License-Identifier: MPL-2.0 */
/* index.h - the members and seek points of one archive, in one SQLite file (SQLite's only home).
 *
 * A member's number is its row: archive order, never reused.  That number is the inode, the order
 * of readdir, and the order of the bytes in the stream.  Row 1 is the archive's root directory.
 * Written in transactions by the one pass, read at any time by any thread through a few read-only
 * connections (write-ahead log), also by other mounts.
 * The on-disk format is described in docs/ARCHITECTURE.md.
 */
#ifndef ARCHIVE_INDEX_H
#define ARCHIVE_INDEX_H

#include "archive/gzip/gzip.h"
#include "archive/xattrs.h"
#include "base/buf.h"
#include "base/range.h"

#define INDEX_ROOT 1u

struct index;

/* Where a member's bytes are. */
enum member_layer {
	LAYER_RAW,    /* in the object itself, from byte off on */
	LAYER_STREAM, /* in the decoded stream, from byte off on */
	LAYER_ZIP,    /* off = the zip local header; the data follows it (stored) */
	LAYER_NONE    /* cannot be read: off = why, one of those below */
};

#define MEMBER_ENCRYPTED 0x10000u  /* in a way that nobody reads */
#define MEMBER_IMPOSSIBLE 0x10001u /* no data of that size can be where it is said to be */
#define MEMBER_OVERLAPS 0x10002u   /* its data would run into another member */

struct member_extent {
	uint64_t off, len; /* in the file */
};

struct member {
	uint64_t id, parent; /* parent: also of a name that was replaced */
	uint32_t mode, nlink;
	uint64_t uid, gid;
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t dev_major, dev_minor;
	uint64_t size; /* as a reader sees it */
	enum member_layer layer;
	uint64_t off;	     /* see enum member_layer */
	uint64_t stored;     /* bytes there */
	uint64_t packed_off; /* packed zip members: file offset of the local header + 1, else 0 */
	uint64_t packed;     /* ... and compressed size */
	uint16_t method;     /* ... and method (APPNOTE 4.4.5), before encrypting */
	bool encrypted;	     /* packed zip members only, */
	uint8_t aes;	     /* ... with WinZip's AES: key strength 1..3, else 0 */
	uint32_t crc;	     /* CRC-32 of the content where the format has one */
	bool has_crc;
	bool link_inside; /* a symlink whose target is the member's data (zip) */
	char *link;	  /* symlink target, NUL-terminated, or NULL; owned by the member */
	bool sparse;	  /* only the extents are stored, maybe none */
	struct member_extent *extents; /* sparse map, ascending; owned */
	uint32_t n_extents;
	const struct xattrs *xattrs; /* to be stored with it; borrowed; NULL when it is read */
};

void member_free(struct member *m); /* what it owns, not m itself; also for AUTO() */

/* Open or make the index at path for the object version named identity.  An index of another
 * format version or identity, or a damaged one, is started anew (logged).  On a disk that takes no
 * writes a complete one is opened for reading; otherwise -EROFS. */
int index_open(const char *path, const char *identity, struct index **out) MUST_CHECK;
/* Whoever runs the pass, or replaces the file, holds this lock (flock, one process and thread a
 * machine) until it closes *fd.  0, -EWOULDBLOCK: another one has it, -errno.  Never blocks. */
int index_turn(struct index *x, int *fd) MUST_CHECK;
int index_turn_at(const char *path,
		  int *fd) MUST_CHECK; /* the same, of an index that is not open */
/* Why the last write failed since index_begin(): -ENOSPC, -EROFS, -EIO, ...; 0: none did. */
int index_write_error(struct index *x);
/* Go on, with what is committed, in a copy at path, which must not be there.  Not in a transaction; by
 * the one who writes.  Readers change over by themselves.  Once.  The old file stays as it is. */
int index_move(struct index *x, const char *path) MUST_CHECK;
const char *index_file(struct index *x);    /* borrowed; stays valid when it is moved */
struct index *index_close(struct index *x); /* NULL ok; returns NULL */

/* ---- reading; any thread ---- */

/* 0, -ENOENT, -EIO.  Writes *out on 0; the caller member_free()s it. */
int index_get(struct index *x, uint64_t id, struct member *out) MUST_CHECK;
int index_lookup(struct index *x, uint64_t parent, const char *name, size_t len,
		 struct member *out) MUST_CHECK;
/* The children of parent with a cookie greater than after, in archive order; a cookie is the row
 * of the name.  fn: not 0 ends the walk (and is not an error). */
int index_list(struct index *x, uint64_t parent, uint64_t after,
	       int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
	       void *arg) MUST_CHECK;
/* As index_list, at half its cost: of each member only id and mode are told, the rest is zero. */
int index_names(struct index *x, uint64_t parent, uint64_t after,
		int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		void *arg) MUST_CHECK;
/* The first name in parent, in archive order, that is stem and an archive suffix (suffix.h) and
 * stands for a regular member: its row and that member.  0, -ENOENT, -EIO. */
int index_stem(struct index *x, uint64_t parent, const char *stem, uint64_t *row,
	       struct member *out) MUST_CHECK;
/* The member that the name in a row stands for: for a hard link the one it is a name of. */
int index_named(struct index *x, uint64_t row, struct member *out) MUST_CHECK;
/* The path of a row from the archive's root, of a long one the end, ".../" before it; size at least
 * 8. */
int index_path(struct index *x, uint64_t row, char *out, size_t size) MUST_CHECK;
/* The last seek point at or before stream byte out, with its packed window (caller frees).
 * -ENOENT: none (begin at the first byte). */
int index_point(struct index *x, uint64_t out, struct gzip_point *p, void **window,
		size_t *n) MUST_CHECK;
/* The first seek point at or after stream byte out.  -ENOENT: none yet. */
int index_point_after(struct index *x, uint64_t out, struct gzip_point *p) MUST_CHECK;
/* The last packed zip member that begins at or before stream byte out; it may end before it. */
int index_member_at(struct index *x, uint64_t out, struct member *m) MUST_CHECK;
/* The value of an extended attribute of a row; malloc'd.  0, -ENODATA: it has none of that name. */
int index_xattr(struct index *x, uint64_t id, const char *name, void **value, size_t *n) MUST_CHECK;
/* Append the names of its attributes, each with its NUL.  What does not fit is left out. */
int index_xattr_names(struct index *x, uint64_t id, struct buf *out) MUST_CHECK;
/* The row of a name itself, even if it is a hard link's.  0, -ENOENT. */
int index_row(struct index *x, uint64_t parent, const char *name, size_t len,
	      uint64_t *row) MUST_CHECK;
/* What the name of this row was before: version n counts from 1, the oldest.  0, -ENOENT. */
int index_version(struct index *x, uint64_t row, uint32_t n, struct member *out) MUST_CHECK;
/* All of them behind version after, oldest first.  fn: not 0 ends the walk. */
int index_versions(struct index *x, uint64_t row, uint32_t after,
		   int (*fn)(void *arg, uint32_t n, const struct member *m), void *arg) MUST_CHECK;
uint64_t index_members(struct index *x);
uint64_t index_xattr_bytes(struct index *x); /* of all names and values; 0: there are none at all */
void index_recount(struct index *x); /* take over the counts that another process has written */
/* A named value; malloc'd, NUL-terminated.  -ENOENT. */
int index_value(struct index *x, const char *key, void **out, size_t *n) MUST_CHECK;
uint64_t index_number(struct index *x, const char *key, uint64_t fallback);

/* ---- writing; one thread at a time, between begin and commit ---- */

int index_begin(struct index *x) MUST_CHECK;
/* Nothing is written for a while: the files that only the writer needs are closed, until the next
 * index_begin().  Not in a transaction. */
void index_rest(struct index *x);
int index_commit(struct index *x) MUST_CHECK;
/* Bytes of disk that a commit now may take beyond those that are taken already: what the file is to grow
 * by, and pages that go to the log first. */
uint64_t index_unwritten(struct index *x);
void index_rollback(struct index *x);
/* Add a member under m->parent, with its attributes; *id is its row.  Nothing is checked for
 * duplicates here. */
int index_add(struct index *x, const char *name, size_t len, const struct member *m,
	      uint64_t *id) MUST_CHECK;
/* Add a second name for member target (a hard link), and count it. */
int index_add_link(struct index *x, uint64_t parent, const char *name, size_t len, uint64_t target,
		   uint64_t *id) MUST_CHECK;
/* A later directory entry: the attributes of an existing row change, extended ones are added. */
int index_set_attr(struct index *x, uint64_t id, const struct member *m) MUST_CHECK;
/* The data of an existing row came later: its size, layer and off change. */
int index_set_data(struct index *x, uint64_t id, const struct member *m) MUST_CHECK;
/* A name is replaced by a later one: it leaves its directory and becomes the next version of what
 * comes; its number stays readable. */
int index_hide(struct index *x, uint64_t parent, const char *name, size_t len) MUST_CHECK;
bool index_has_children(struct index *x, uint64_t id);
/* Zip members of which one's header and data would run into the next one's header become
 * LAYER_NONE, MEMBER_OVERLAPS; *n is how many. */
int index_refuse_overlaps(struct index *x, uint64_t *n) MUST_CHECK;
/* As index_lookup, through the writer: sees what is not committed yet. */
int index_find(struct index *x, uint64_t parent, const char *name, size_t len,
	       struct member *out) MUST_CHECK;
int index_add_point(struct index *x, const struct gzip_point *p, const void *window,
		    size_t n) MUST_CHECK;
int index_set_value(struct index *x, const char *key, const void *p, size_t n) MUST_CHECK;
int index_set_number(struct index *x, const char *key, uint64_t value) MUST_CHECK;

#endif
