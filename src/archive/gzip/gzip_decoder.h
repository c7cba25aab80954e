/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_decoder.h - the members of a gzip file, or one raw deflate stream, from a seek point on.
 *
 * What a pass and a span have in common: headers, deflate data, trailers (CRC-32 and ISIZE
 * checked), the next member, and the end.  Threads: one owner.
 */
#ifndef ARCHIVE_GZIP_DECODER_H
#define ARCHIVE_GZIP_DECODER_H

#include "archive/gzip/gzip.h"
#include "archive/gzip/gzip_inflate.h"

struct gzip_decoder;

/* packed: n bytes of window, as a pass reported them.  NULL from: at the object's first byte.  A point
 * inside a block takes zlib.  -EINVAL, -EBADMSG: such a point cannot be, or this is not its window.
 */
int gzip_decoder_new(enum gzip_engine engine, enum gzip_format format,
		     const struct gzip_point *from, const void *packed, size_t n,
		     struct gzip_decoder **out) MUST_CHECK;
struct gzip_decoder *gzip_decoder_free(struct gzip_decoder *d); /* NULL ok; returns NULL */
/* Decode; all four are advanced.  An event (GZIP_AT_BLOCK only with `stop`, which is the same in
 * every call), or -EBADMSG.  After GZIP_END and after an error the same comes again. */
int gzip_decoder_run(struct gzip_decoder *d, const unsigned char **in, size_t *n_in,
		     unsigned char **out, size_t *n_out, bool stop) MUST_CHECK;
/* May the input end here? */
bool gzip_decoder_complete(const struct gzip_decoder *d);
/* The object's offset of the next input byte. */
uint64_t gzip_decoder_pos(const struct gzip_decoder *d);
/* At GZIP_AT_BLOCK or GZIP_AT_MEMBER, or at GZIP_MORE when all input was taken and room is left: that
 * place as a point, except its out, which is left alone.  False: no point can be here. */
bool gzip_decoder_point(const struct gzip_decoder *d, enum gzip_event at, struct gzip_point *p,
			struct gzip_place *place);
/* After -EBADMSG: one sentence; borrowed.  Else NULL. */
const char *gzip_decoder_error(const struct gzip_decoder *d);

#endif
