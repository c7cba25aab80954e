/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_member.h - one zip member through libarchive: methods and encryption that are not decoded
 * here (its other home is foreign_reader.h).
 *
 * libarchive is shown a zip of this member alone: a local header made up from what the central
 * directory says, then the data as it is in the file.  So it sees no size, offset or name
 * that was not checked, and it needs no byte but the data.  The content's CRC-32 is the caller's to
 * check; the authentication code of AES is checked here.
 * Threads: one owner, which blocks as long as the read callback does.
 */
#ifndef ARCHIVE_FOREIGN_MEMBER_H
#define ARCHIVE_FOREIGN_MEMBER_H

#include "base/util.h"

struct foreign_member;

/* PKWARE APPNOTE 4.4.4: the bits of a local header's flags that the data depends on. */
#define FOREIGN_MEMBER_FLAGS 0x0006u /* options of the method */

struct foreign_member_config {
	uint16_t method;       /* APPNOTE 4.4.5, before encrypting */
	uint16_t flags;	       /* from the local header; only those above matter */
	uint64_t size, packed; /* as the central directory has them */
	bool encrypted;
	uint8_t aes;   /* WinZip's: key strength 1..3; 0 = traditional (APPNOTE 6.1), and then: */
	uint8_t check; /* the byte that the decrypted header must end with */
	const char
		*password; /* of an encrypted member; borrowed until foreign_member_new() returns */
	/* The next bytes of the data, borrowed until the next call.  Their number (> 0), 0 at the
	 * end, -errno. */
	int64_t (*read)(void *arg, const void **p);
	void *arg;
};

/* Can a member of this kind be read at all, as far as one can tell beforehand? */
bool foreign_member_knows(unsigned method, bool encrypted);

/* 0 or -ENOMEM. */
int foreign_member_new(const struct foreign_member_config *c,
		       struct foreign_member **out) MUST_CHECK;
struct foreign_member *foreign_member_free(struct foreign_member *f); /* NULL ok; returns NULL */
/* The next bytes of the content, borrowed until the next call.  1; 0 = it has ended; -EACCES = the
 * password is wrong; -EOPNOTSUPP = libarchive was built without the method; -EBADMSG = damaged,
 * foreign_member_error() says how; the read callback's error. */
int foreign_member_data(struct foreign_member *f, const void **p, size_t *n) MUST_CHECK;
const char *foreign_member_error(const struct foreign_member *f); /* one line; borrowed */

#endif
