/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_header.h - the header of a gzip member (RFC 1952, section 2.3), parsed as its bytes come.
 *
 * Fields of any length are walked over without being kept.  FHCRC is checked, flags that the
 * RFC reserves are refused.  Threads: one owner.
 */
#ifndef ARCHIVE_GZIP_HEADER_H
#define ARCHIVE_GZIP_HEADER_H

#include "base/util.h"

enum gzip_field {
	GZIP_FIELD_FIXED,
	GZIP_FIELD_EXTRA_SIZE,
	GZIP_FIELD_EXTRA,
	GZIP_FIELD_NAME,
	GZIP_FIELD_COMMENT,
	GZIP_FIELD_CRC,
	GZIP_FIELD_END
};

struct gzip_header {
	enum gzip_field field;
	unsigned n; /* bytes of this field so far (FIXED, EXTRA_SIZE, CRC) */
	unsigned flags;
	unsigned extra_left;	 /* bytes of FEXTRA still to come */
	uint32_t crc;		 /* CRC-32 of the header so far */
	unsigned char bytes[10]; /* of the field: see n */
	const char *why;	 /* after -EBADMSG: what is wrong */
};

void gzip_header_init(struct gzip_header *h);
/* Take bytes from *p (*n of them, both advanced): 1 = the header is complete, 0 = it wants more,
 * -ENOENT = this is no gzip member (wrong magic), -EBADMSG = it is a damaged one. */
int gzip_header_feed(struct gzip_header *h, const unsigned char **p, size_t *n) MUST_CHECK;
/* Has no byte of it been seen? */
bool gzip_header_empty(const struct gzip_header *h);

#endif
