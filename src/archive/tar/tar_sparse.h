/* SPDX-License-Identifier: MPL-2.0 */
/* tar_sparse.h - the map of a sparse member (GNU tar manual, "Storing Sparse Files"; star(5)).
 *
 * A map is the list of extents that are stored; everything between them reads as zeros.
 * Extents must ascend and not overlap; empty ones are checked and left out.
 * All functions: 0 or as said, -ENOMEM, -EBADMSG (not such a map).  Threads: one owner.
 */
#ifndef ARCHIVE_TAR_SPARSE_H
#define ARCHIVE_TAR_SPARSE_H

#include "archive/tar/tar.h"
#include "base/util.h"

#define TAR_SPARSE_MAX 1000000u /* extents; more is -EBADMSG */

struct tar_sparse {
	struct tar_extent *at;
	size_t n, cap;
	uint64_t end; /* of the last extent, an empty one too */
	uint64_t sum; /* of all lengths */
};

int tar_sparse_add(struct tar_sparse *s, uint64_t off, uint64_t len) MUST_CHECK;
/* n entries of a 'S' header or one of its extension blocks: two 12-byte numbers each; a
 * blank one ends the list early. */
int tar_sparse_entries(struct tar_sparse *s, const unsigned char *p, unsigned n) MUST_CHECK;
/* GNU.sparse.map of version 0.1: "off,len,off,len". */
int tar_sparse_list(struct tar_sparse *s, const char *text) MUST_CHECK;
/* Is this a map of a file of that size, with so many bytes stored? */
bool tar_sparse_fits(const struct tar_sparse *s, uint64_t size, uint64_t stored);
void tar_sparse_clear(struct tar_sparse *s); /* empty it and keep the memory */
void tar_sparse_free(struct tar_sparse *s);

/* Version 1.0: decimal numbers on lines of their own ahead of the data: the number of extents,
 * then offset and length of each; lines that begin with '#' are comments. */
struct tar_sparse_text {
	uint64_t number, off;
	uint64_t left;	      /* numbers still to come, once counted */
	bool digits, comment; /* of the present line */
	bool counted, have_off;
};

/* The next n bytes.  1: the map is complete, the rest of p is padding; 0: go on. */
int tar_sparse_text(struct tar_sparse_text *x, struct tar_sparse *s, const unsigned char *p,
		    size_t n) MUST_CHECK;

#endif
