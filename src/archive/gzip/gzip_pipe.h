/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_pipe.h - one zlib stream (RFC 1950) packed or unpacked piece by piece, in little memory.
 * Threads: one owner; blocks where the callbacks do.
 */
#ifndef ARCHIVE_GZIP_PIPE_H
#define ARCHIVE_GZIP_PIPE_H

#include "base/util.h"

struct gzip_pipe {
	/* Up to n bytes of input to buf: their number, 0 = the end, -errno. */
	int64_t (*read)(void *arg, void *buf, size_t n);
	int (*write)(void *arg, const void *p, size_t n); /* all of them: 0 or -errno */
	void *arg;
};

/* Read to the end and write it as one stream.  0 or -errno. */
int gzip_pipe_pack(const struct gzip_pipe *io) MUST_CHECK;
/* The way back.  -EBADMSG: it is damaged, or something is behind it; -ENODATA: it is cut off; -EFBIG:
 * there are more than max bytes in it, so many at most were written. */
int gzip_pipe_unpack(const struct gzip_pipe *io, uint64_t max) MUST_CHECK;

#endif
