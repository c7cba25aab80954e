/* SPDX-License-Identifier: MPL-2.0 */
/* secret.h - a secret from the one who types it, or from a pipe. */
#ifndef CLI_SECRET_H
#define CLI_SECRET_H

#include "base/util.h"

/* One line of standard input, blanks around it dropped.  On a terminal after a prompt and
 * without echo; the terminal is as before whatever happens, Ctrl-C included.  The caller hands *out to
 * password_free().  0; -ENODATA: an empty line or none; -EMSGSIZE: longer than max bytes. */
int secret_read(const char *prompt, size_t max, char **out) MUST_CHECK;

#endif
