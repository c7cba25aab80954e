/* SPDX-License-Identifier: MPL-2.0 */
/* suffix.h - which file names say "archive", the only list of them.  Pure; threads: any. */
#ifndef SOURCE_SUFFIX_H
#define SOURCE_SUFFIX_H

#include "base/util.h"

/* Bytes of the archive suffix at the end of a file name (".tar.gz": 7), the longest that fits,
 * in any case.  0 when there is none or nothing stands before it. */
size_t suffix_len(const char *filename);
size_t suffix_len_of(const char *name, size_t n); /* of a name without a NUL */

#endif
