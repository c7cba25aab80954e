/* SPDX-License-Identifier: MPL-2.0 */
/* archive.h - an archive as a tree of members, while it is still being read.
 *
 * A pass over the archive fills the index; it runs in a thread of its own as far as somebody
 * waits for it, then rests and gives the thread back.  Everything here answers now from the index
 * and the caches, or parks (wait.h).
 * Threads: any, but archive_stop() and archive_free().
 */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include "archive/index/index.h"
#include "archive/tree.h"
#include "store/reader.h"
#include "store/store.h"

struct archive;

struct archive_config {
	struct store *st;
	struct reader *raw;   /* the archive's own bytes */
	const char *filename; /* for messages and, where the bytes do not tell, the format */
	const char *dir;      /* the index is kept there; NULL: in a temporary place */
	const char *checksum; /* SHA-256 the whole file should have; "" = not known */
};

/* Open or make the index; reads nothing of the archive.  All borrowed.  0 or -errno. */
int archive_new(const struct archive_config *c, struct archive **out) MUST_CHECK;
/* End the pass: its state is committed, whoever is parked gets -ENOTCONN.  Blocks shortly. */
void archive_stop(struct archive *a);
struct archive *archive_free(struct archive *a); /* stopped, no job left; NULL ok; returns NULL */

/* Are all members known? */
bool archive_complete(struct archive *a);
/* Is this a layer of a cache as an older version of the program laid it out?  Nobody reads it any more. */
bool archive_layer_is_old(const char *layer);
/* Will no further name come: are all members known, or is the archive damaged? */
bool archive_settled(struct archive *a);
/* Run the pass to its end even if nobody waits. */
void archive_read_all(struct archive *a);

/* Called about once a second: measures how fast the pass is, and lets one that nobody waits for go on
 * after a failure. */
void archive_tick(struct archive *a);

/* 0; PARKED until the name has passed; -ENOENT: not in the archive; -EIO: the archive is damaged
 * and the name was not before the damage.  The caller member_free()s *out. */
int archive_lookup(struct archive *a, uint64_t parent, const char *name, struct waiter *w,
		   struct member *out) MUST_CHECK;
/* A member by its number.  0, -ENOENT, -EIO. */
int archive_get(struct archive *a, uint64_t id, struct member *out) MUST_CHECK;
/* The member that the name in a row stands for: of a hard link's row the one it is a name of. */
int archive_named(struct archive *a, uint64_t row, struct member *out) MUST_CHECK;
/* "<filename>/<path of that row>" for messages; what is too long is shortened in the middle. */
int archive_describe(struct archive *a, uint64_t row, char *out, size_t size) MUST_CHECK;
/* What a name was before later members replaced it, as far as it is known now: by the row of the
 * name, see index_row(), index_version() and index_versions(). */
int archive_row(struct archive *a, uint64_t parent, const char *name, size_t len,
		uint64_t *row) MUST_CHECK;
int archive_version(struct archive *a, uint64_t row, uint32_t n, struct member *out) MUST_CHECK;
int archive_versions(struct archive *a, uint64_t row, uint32_t after,
		     int (*fn)(void *arg, uint32_t n, const struct member *m),
		     void *arg) MUST_CHECK;
/* Are all members known, none has extended attributes, and nothing is wrong? */
bool archive_plain(struct archive *a);
/* Extended attributes of a row: index_xattr() and index_xattr_names(). */
int archive_xattr(struct archive *a, uint64_t id, const char *name, void **value,
		  size_t *n) MUST_CHECK;
int archive_xattr_names(struct archive *a, uint64_t id, struct buf *out) MUST_CHECK;
/* May a listing begin?  0 = yes, and it is whole; PARKED (listing=wait); -EAGAIN = list what is
 * known and then fail with this (listing=partial); -EIO: likewise, the archive is damaged. */
int archive_listing(struct archive *a, struct waiter *w) MUST_CHECK;
/* index_list() of what is known now. */
int archive_list(struct archive *a, uint64_t parent, uint64_t after,
		 int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		 void *arg) MUST_CHECK;
/* Likewise index_names(). */
int archive_names(struct archive *a, uint64_t parent, uint64_t after,
		  int (*fn)(void *arg, uint64_t cookie, const char *name, const struct member *m),
		  void *arg) MUST_CHECK;
/* Bytes of a regular member, holes filled in, clipped to its size.  Count, PARKED, -errno.  buf NULL:
 * see blocks_pread(); the count may be less then. */
int64_t archive_pread(struct archive *a, const struct member *m, void *buf, size_t len,
		      uint64_t off, struct waiter *w);
/* A symlink's target (malloc'd, caller frees).  0, PARKED, -errno. */
int archive_readlink(struct archive *a, const struct member *m, struct waiter *w,
		     char **out) MUST_CHECK;

struct archive_info {
	const char *format; /* "tar.gz", or NULL: not known yet; borrowed */
	const char *state;  /* "unopened", "reading", "resting", "complete", "failed" */
	uint64_t members;
	uint64_t position, total; /* of the archive's own bytes */
	uint64_t rate;		  /* of these, so many a second were read lately; 0: not known */
	bool elsewhere;		  /* "reading", but by another process, which is followed */
	int failure;	 /* "resting", since the last pass ended with this -errno; else 0 */
	bool verified;	 /* the SHA-256 of the whole file is the one that was announced */
	char error[256]; /* what is wrong with the archive, "" = nothing */
	uint64_t damage[TREE_DAMAGES]; /* members whose place was bent, or that were left out */
};
void archive_info(struct archive *a, struct archive_info *out);
/* Where the index is; NULL: in a temporary place.  Borrowed. */
const char *archive_index_path(struct archive *a);
/* Grows whenever the pass gets on: a deadline counts from its last change. */
uint64_t archive_progress(struct archive *a);

#endif
