/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_table.h - the header of a deflate block (RFC 1951, section 3.2.3: the type and the Huffman
 * codes), kept so that decoding can begin inside that block.
 *
 * Some programs put a whole file into one block (igzip -0).  A seek point inside a block needs the
 * codes of the block besides the window; a decoder is shown the header as if the block
 * began there, and then the data from the point on.  Pure; threads: any.
 */
#ifndef ARCHIVE_GZIP_TABLE_H
#define ARCHIVE_GZIP_TABLE_H

#include "base/util.h"

/* Bytes: 17 bits, 19 lengths of 3 bits, 320 lengths of at most 7 bits. */
#define GZIP_TABLE_MAX 320u

struct gzip_table {
	unsigned bits; /* of the header, the first one lowest in bytes[0]; 0: none */
	unsigned char bytes[GZIP_TABLE_MAX];
};

#define GZIP_TABLE_PACKED (3u + GZIP_TABLE_MAX)

/* In front of a packed window; returns the bytes written, 0 for no table. */
size_t gzip_table_put(const struct gzip_table *t, unsigned char out[static GZIP_TABLE_PACKED]);
/* The other way: what lies in front of a packed window, none if there is none.  *n_used: its bytes.
 * -EBADMSG: damaged. */
int gzip_table_take(const void *packed, size_t n, struct gzip_table *t, size_t *n_used) MUST_CHECK;
/* Bits [from, to) of a text of bytes.  False: too many for a header. */
bool gzip_table_cut(struct gzip_table *t, const unsigned char *text, size_t from, size_t to);

#endif
