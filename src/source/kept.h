/* SPDX-License-Identifier: MPL-2.0 */
/* kept.h - answers of an API kept on disk for a while, one small file each: state_dir/details/HASH.json.
 * That there is nothing is an answer too: an empty file.  Threads: any; blocks on local disk.
 */
#ifndef SOURCE_KEPT_H
#define SOURCE_KEPT_H

#include "source/source.h"

/* The file for the answer to a question, which these words name; malloc'd.  NULL: nothing is kept. */
char *kept_path(const struct source_env *env, const char *api, const char *id, const char *what);
/* What is kept there, if it is at most max_age_s seconds old (-1: however old).  0 and *text, which
 * is "" for "there is nothing"; -ENOENT. */
int kept_read(const char *path, int64_t max_age_s, char **text) MUST_CHECK;
/* Keep text, or with NULL that there is nothing; a failure is logged.  path: NULL ok. */
void kept_write(const char *path, const char *text);

#endif
