/* SPDX-License-Identifier: MPL-2.0 */
/* file.h - small files and directories on local disk.  All return 0 or -errno; threads: any. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/util.h"

/* The whole file as a NUL-terminated string (caller frees); -EFBIG beyond max bytes. */
int file_slurp(const char *path, size_t max, char **out, size_t *len) MUST_CHECK;
/* Replace path by these bytes, mode as given: written beside it, synced, renamed. */
int file_replace(const char *path, const void *p, size_t n, mode_t mode) MUST_CHECK;
/* mkdir -p with this mode for what is made. */
int dir_make(const char *path, mode_t mode) MUST_CHECK;
/* Open (making it, 0600) and lock a file: exclusive flock, waiting when wait is true, else
 * -EWOULDBLOCK.  *fd holds the lock until it is closed.  With wait it blocks. */
int file_lock(const char *path, bool wait, int *fd) MUST_CHECK;
int file_read_at(int fd, void *buf, size_t len, uint64_t off) MUST_CHECK;	 /* all or -EIO */
int file_write_at(int fd, const void *buf, size_t len, uint64_t off) MUST_CHECK; /* all or -errno */
int file_write(int fd, const void *buf, size_t len) MUST_CHECK; /* at its position; all or -errno */
/* Can holes be punched into the files of this directory?  Tried out on a file that is removed.  0;
 * -EOPNOTSUPP: files are not even sparse there; -errno: nothing can be written. */
int file_punches(const char *dir, bool *yes) MUST_CHECK;
/* dir + "/" + name, malloc'd; NULL without memory. */
char *path_join(const char *dir, const char *name);
/* `$var` when it is set and absolute, else $HOME/fallback; malloc'd, NULL when there is no HOME. */
char *path_xdg(const char *var, const char *fallback);

#endif
