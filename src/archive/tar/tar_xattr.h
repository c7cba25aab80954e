/* SPDX-License-Identifier: MPL-2.0 */
/* tar_xattr.h - extended attributes in pax records, in the two forms that are about:
 *
 *   SCHILY.xattr.NAME=VALUE      star, GNU tar, bsdtar: the value is stored as it is
 *   LIBARCHIVE.xattr.NAME=VALUE  bsdtar: the value is base64 (RFC 4648 4), with or without padding
 *
 * The name is percent-encoded (RFC 3986 2.1): by GNU tar '%' and '=' only, by bsdtar, which
 * often writes both forms, whatever is not plain ASCII.  star encodes nothing; a '%' that no
 * two digits follow stands for itself.
 * Pure; threads: any.
 */
#ifndef ARCHIVE_TAR_XATTR_H
#define ARCHIVE_TAR_XATTR_H

#include "archive/xattrs.h"
#include "base/buf.h"

#define TAR_XATTR_KEY_MAX 800u /* bytes of a key: prefix and name, every byte of it encoded */

enum tar_xattr {
	TAR_XATTR_NONE,	 /* no attribute, or none that is shown */
	TAR_XATTR_BAD,	 /* one that is shown or not, with a name that cannot be */
	TAR_XATTR_PLAIN, /* its value is stored as it is */
	TAR_XATTR_BASE64
};

/* What the key of a record is; *name is set for the last two. */
enum tar_xattr tar_xattr_key(const char *key, char name[static XATTRS_NAME_MAX + 1]);
/* Does the front of a key that is longer than TAR_XATTR_KEY_MAX belong to an attribute? */
bool tar_xattr_prefix(const char *key);
/* Turn the text of a value into its bytes, in place.  0, or -EBADMSG: no base64. */
int tar_xattr_value(enum tar_xattr form, struct buf *value) MUST_CHECK;

#endif
