/* SPDX-License-Identifier: MPL-2.0 */
/* password.h - a password out of a file.  Bytes, not text: whatever its first line is.
 * Threads: any.  Nothing here logs one.
 */
#ifndef BASE_PASSWORD_H
#define BASE_PASSWORD_H

#include "base/util.h"

#define PASSWORD_FILE_MAX 65536u /* bytes */

/* The first line of a regular file, without its newline.  A file that others may read is a warning.
 * 0; -EINVAL = that line is empty or has a NUL; -errno.  All are logged.  The caller hands it
 * to password_free(). */
int password_read(const char *path, char **out) MUST_CHECK;
void password_free(char *p); /* NULL ok; wiped */

#endif
