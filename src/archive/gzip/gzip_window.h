/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_window.h - the window of a seek point: made sparse, packed, unpacked.
 *
 * Packed form: one byte for the kind, then the data.  No byte at all: an empty window.
 * Sparse: two decoders follow the pass from the point on for 32 KiB of output, with made-up
 * windows that hold positions instead of data; so whatever they decode out of the window names the
 * bytes of it that are needed.  They read the same pieces of input as the pass: nothing
 * of it is kept, and memory does not depend on the data.
 * Threads: one owner.
 */
#ifndef ARCHIVE_GZIP_WINDOW_H
#define ARCHIVE_GZIP_WINDOW_H

#include "archive/gzip/gzip.h"
#include "archive/gzip/gzip_inflate.h"

#define GZIP_PACKED_MAX (GZIP_WINDOW + 1)

/* Pack n (<= 32768) bytes; *n_out is 0 for n = 0.  0 or -ENOMEM. */
int gzip_window_pack(const unsigned char *window, size_t n,
		     unsigned char out[static GZIP_PACKED_MAX], size_t *n_out) MUST_CHECK;
/* The other way; -EBADMSG: this is no packed window. */
int gzip_window_unpack(const void *packed, size_t n, unsigned char out[static GZIP_WINDOW],
		       size_t *n_out) MUST_CHECK;

struct gzip_sparse;

int gzip_sparse_new(struct gzip_sparse **out) MUST_CHECK;
struct gzip_sparse *gzip_sparse_free(struct gzip_sparse *s); /* NULL ok; returns NULL */
/* A new point with this window (copied); place is where the decoder of the pass stands. */
int gzip_sparse_begin(struct gzip_sparse *s, const unsigned char *window, size_t n,
		      const struct gzip_place *place) MUST_CHECK;
/* The input and the output that follow, as much of them as is needed is used. */
void gzip_sparse_input(struct gzip_sparse *s, const unsigned char *p, size_t n);
void gzip_sparse_output(struct gzip_sparse *s, const unsigned char *p, size_t n);
/* The window, borrowed, with all bytes that are not needed zero; or as it was when too little
 * followed or anything is doubtful. */
const unsigned char *gzip_sparse_finish(struct gzip_sparse *s);

#endif
