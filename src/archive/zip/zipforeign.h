/* SPDX-License-Identifier: MPL-2.0 */
/* zipforeign.h - zip members that are packed in another way than by deflate, or encrypted: what
 * foreign_member.h needs to know about one, and what its failures mean; private to the archive
 * layer.  Threads: any.
 */
#ifndef ARCHIVE_ZIPFOREIGN_H
#define ARCHIVE_ZIPFOREIGN_H

#include "archive/foreign/foreign_member.h"
#include "archive/state.h"

/* Is this packed member one of them? */
bool zipforeign_is(const struct member *m);
/* May this packed member be read, with these options and this library?  0; -EACCES, -EOPNOTSUPP, or
 * what is known of it (verdict.h). */
int zipforeign_readable(struct archive *a, const struct member *m) MUST_CHECK;
/* The same for somebody who reads it: why not is logged, once a member. */
int zipforeign_allowed(struct archive *a, const struct member *m) MUST_CHECK;

/* Begin to decode one whose local header has these fixed bytes.  0; -EIO (logged), -ENOMEM. */
int zipforeign_new(struct archive *a, const struct member *m, const unsigned char *header,
		   int64_t (*read)(void *arg, const void **p), void *arg,
		   struct foreign_member **out) MUST_CHECK;
/* foreign_member_data() has failed with r: log what that means.  Returns -EACCES, -EIO, -EOPNOTSUPP,
 * or the read callback's error as it is. */
int zipforeign_failed(struct archive *a, const struct member *m, const struct foreign_member *f,
		      int r);
/* It has ended after n bytes with this CRC-32: 0, or -EIO, -EACCES (logged).  A wrong password
 * passes the first check of traditional encryption once in 256 times and is found out here, so
 * this is no matter of -o unverified. */
int zipforeign_check(struct archive *a, const struct member *m, uint64_t n,
		     uint32_t crc) MUST_CHECK;

#endif
