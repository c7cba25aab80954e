/* SPDX-License-Identifier: MPL-2.0 */
/* peek.h - read a small file of a mount that may be dead or hang: a child process reads, the
 * caller waits for so long and no longer.  Threads: call from a single-threaded process.
 */
#ifndef CLI_PEEK_H
#define CLI_PEEK_H

#include "base/util.h"

/* The content (NUL-terminated, malloc'd) of mountpoint/name.  0; -ETIMEDOUT after timeout_ms;
 * -EFBIG beyond 1 MiB; or what open() and read() said (-ENOTCONN: the daemon is gone). */
int peek_file(const char *mountpoint, const char *name, int timeout_ms, char **out) MUST_CHECK;

#endif
