/* SPDX-License-Identifier: MPL-2.0 */
/* index_copy.h - an index looked at, taken out of and put into the cache as a whole.  Threads: any. */
#ifndef ARCHIVE_INDEX_COPY_H
#define ARCHIVE_INDEX_COPY_H

#include "base/digest.h"

struct index_summary {
	char format[32]; /* "tar.gz"; "" = not known yet */
	char identity[DIGEST_HEX];
	char error[256];      /* what is wrong with the archive; "" = nothing */
	uint64_t members;     /* without the root */
	uint64_t points;      /* seek points */
	uint64_t position;    /* of the archive's own bytes, so many were read */
	uint64_t stream_size; /* bytes that it decodes to; UINT64_MAX: not known, or not at all */
	uint64_t bytes;	      /* of the index on disk */
	bool complete, damaged, verified, distrusted;
};

/* What the index at path says.  0; -ENOENT: there is none; -ESTALE: of another version; -EUCLEAN:
 * damaged; -errno. */
int index_summary(const char *path, struct index_summary *out) MUST_CHECK;
/* The version of the tables, which a copy keeps. */
uint32_t index_copy_format(void);
/* Write a copy without gaps to the file to, which must not exist or be empty. */
int index_copy_out(const char *path, const char *to) MUST_CHECK;
/* Make the index at path be the one in the file from (vetted, complete; it is left where it is, and
 * on the same filesystem).  An earlier one that is not complete is replaced, at once or not at
 * all.  0; -EEXIST: there is a complete one already; -EBUSY: a mount uses it; -EAGAIN: remains of one that
 * is gone lie about; -errno. */
int index_copy_in(const char *from, const char *path) MUST_CHECK;

#endif
