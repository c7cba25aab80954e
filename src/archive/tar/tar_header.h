/* SPDX-License-Identifier: MPL-2.0 */
/* tar_header.h - one 512-byte tar header block, as fields (POSIX.1-2017 pax "ustar Interchange
 * Format"; GNU tar manual, "Basic Tar Format"; star(5)).  Pure; threads: any.
 */
#ifndef ARCHIVE_TAR_HEADER_H
#define ARCHIVE_TAR_HEADER_H

#include "base/util.h"

#define TAR_BLOCK 512u

enum tar_block { TAR_BLOCK_ZERO, TAR_BLOCK_HEADER, TAR_BLOCK_OTHER };
enum tar_magic { TAR_V7, TAR_USTAR, TAR_STAR, TAR_GNU };

struct tar_header {
	enum tar_magic magic;
	char type;	/* the type flag as stored; '\0' is the regular file of v7 */
	char path[257]; /* prefix (at most 155 bytes), '/', name (at most 100) */
	char link[101];
	bool size_ok; /* size is a number and not negative */
	uint64_t size;
	uint32_t mode; /* permissions and set-id bits only */
	uint64_t uid, gid;
	int64_t mtime;
	uint32_t dev_major, dev_minor;
};

/* A header is a block whose checksum is right: the sum of unsigned bytes, or of signed ones as
 * some old programs wrote it. */
enum tar_block tar_header_check(const unsigned char block[static TAR_BLOCK]);
void tar_header_read(const unsigned char block[static TAR_BLOCK], struct tar_header *out);
/* A numeric field of n bytes: octal with any spaces and NULs around, or base-256 (the first byte
 * has its top bit set, then two's complement, big endian).  A blank field is 0.  False: no number,
 * or beyond 64 bits. */
bool tar_header_number(const unsigned char *field, size_t n, int64_t *out);

#endif
