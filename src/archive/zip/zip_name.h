/* SPDX-License-Identifier: MPL-2.0 */
/* zip_name.h - the bytes of a zip member's name, made into a path.
 *
 * A name says whether it is UTF-8 (flag bit 11), or brings a UTF-8 copy (field 0x7075, used
 * when its CRC matches the raw name), or is plain ASCII.  Otherwise it is in the character set
 * that the user names.  Without one it is CP437, as APPNOTE D.1 has it, unless a Unix archiver
 * wrote it and it is valid UTF-8: Info-ZIP in the C locale and macOS store such names without
 * any mark.  A name that does not convert is kept as the bytes it is.
 * Threads: one owner.
 */
#ifndef ARCHIVE_ZIP_NAME_H
#define ARCHIVE_ZIP_NAME_H

#include "archive/zip/zip_extra.h"

struct zip_name;

/* encoding: an iconv(3) name, NULL or "" = CP437.  -EINVAL: no such character set (logged). */
int zip_name_new(const char *encoding, struct zip_name **out) MUST_CHECK;
struct zip_name *zip_name_free(struct zip_name *z); /* NULL ok; returns NULL */

/* Where a name comes from, or'ed. */
enum {
	ZIP_NAME_UTF8 = 1, /* marked as UTF-8 */
	ZIP_NAME_UNIX = 2, /* written on Unix */
	ZIP_NAME_DOS = 4   /* on DOS or Windows: without any '/', backslashes are turned into it */
};

/* The path of a name of n <= 65535 raw bytes, of which a NUL and all behind it are left out.
 * *path and *len are valid until the next call.  -ENOMEM. */
int zip_name_path(struct zip_name *z, const unsigned char *raw, size_t n, unsigned from,
		  const struct zip_extra *x, const char **path, size_t *len) MUST_CHECK;

#endif
