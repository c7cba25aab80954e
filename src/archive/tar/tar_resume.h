/* SPDX-License-Identifier: MPL-2.0 */
/* tar_resume.h - what a tar parser has to remember to go on at a header later, as bytes.
 * Pure; threads: any.
 */
#ifndef ARCHIVE_TAR_RESUME_H
#define ARCHIVE_TAR_RESUME_H

#include "archive/tar/tar_pax.h"
#include "base/buf.h"

struct tar_resume {
	uint64_t off;	 /* stream offset to go on at: a multiple of the block size */
	uint64_t damage; /* damaged places before it */
	bool started;	 /* a header has been seen */
	bool lost;	 /* among garbage, counted already */
	bool pax_seen;	 /* this archive has pax headers */
};

/* 0, -ENOMEM or -EMSGSIZE; out gets the bytes appended. */
int tar_resume_write(const struct tar_resume *s, const struct tar_pax *global,
		     struct buf *out) MUST_CHECK;
/* 0, -ENOMEM or -EBADMSG (global may have been changed then). */
int tar_resume_read(const void *bytes, size_t n, struct tar_resume *s,
		    struct tar_pax *global) MUST_CHECK;

#endif
