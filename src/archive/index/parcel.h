/* SPDX-License-Identifier: MPL-2.0 */
/* parcel.h - an index in one file, to be carried to another machine.
 *
 * Numbers are big-endian.
 *
 *	   0  16  "mdcfs-index", filled up with NULs
 *	  16   4  version of this layout, 1
 *	  20   4  version of the index in it (its user_version)
 *	  24  64  identity of the object that it is an index of, lower-case hex
 *	  88   8  bytes of the database
 *	  96      the database, a zlib stream (RFC 1950), up to the last 72 bytes
 *	 -72   8  bytes of that stream
 *	 -64  64  SHA-256 of everything before these, lower-case hex
 *
 * The checksum finds what the way has done to the file; it does not say who made it.  What comes out is
 * looked at as a stranger's (index_vet.h).
 * Threads: any; blocks on the files.
 */
#ifndef ARCHIVE_PARCEL_H
#define ARCHIVE_PARCEL_H

#include "base/digest.h"

#define PARCEL_VERSION 1u

struct parcel {
	uint32_t index_format;
	char identity[DIGEST_HEX];
	uint64_t size; /* bytes of the database */
};

/* Write the database at from (p->size bytes) to the descriptor to, which may be a pipe. */
int parcel_pack(const struct parcel *p, int from, int to) MUST_CHECK;
/* Look at a whole file and unpack nothing.  0; -EBADMSG with one line in why: it is none, of another
 * version, damaged or cut off; -errno, logged by nobody. */
int parcel_check(int fd, struct parcel *out, char why[static 256]) MUST_CHECK;
/* Write the database of a file that was checked to the regular file to.  As parcel_check(). */
int parcel_unpack(int fd, const struct parcel *p, int to, char why[static 256]) MUST_CHECK;

#endif
