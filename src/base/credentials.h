/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.h - the secrets that `mdcfs login` keeps: one for each place that wants one.
 *
 * File: $XDG_CONFIG_HOME/mdcfs/credentials, else ~/.config/mdcfs/credentials, mode 0600.
 *
 *	# comment
 *	SCOPE SECRET
 *
 * SCOPE is a word in lower case: "mdc:" and the API's origin (https://mozilladatacollective.com), or
 * "ods:" and a portal's domain.  SECRET is the rest of the line: a key, or USER:PASSWORD when
 * there is a colon in it.  Lines of another form are left alone.
 * A file that somebody else may read is not used: that is said, with what to do.
 *
 * Threads: any, also of several processes.  Nothing here logs a secret.
 */
#ifndef BASE_CREDENTIALS_H
#define BASE_CREDENTIALS_H

#include "base/util.h"

#define CREDENTIALS_SCOPE_MAX 512u /* bytes */
#define CREDENTIALS_SECRET_MAX 4096u

/* The file's path, malloc'd; NULL: no memory, or no directory to have it in. */
char *credentials_path(void);
/* May this be kept: 1 to CREDENTIALS_SECRET_MAX bytes, printable, no blank at either end? */
bool credentials_secret_ok(const char *secret);
/* The secret for a scope, which the caller hands to password_free().  0; -ENOENT: there is none;
 * -EACCES: others may read the file (logged); -errno (logged). */
int credentials_get(const char *scope, char **out) MUST_CHECK;
/* Keep a secret for a scope instead of an earlier one; NULL: forget it.  Makes directory (0700) and
 * file.  0; -ENOENT: there was nothing to forget; -EINVAL: not such a scope or secret; -errno
 * (logged but for -ENOENT and -EINVAL). */
int credentials_set(const char *scope, const char *secret) MUST_CHECK;

#endif
