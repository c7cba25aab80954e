/* SPDX-License-Identifier: MPL-2.0 */
/* buf.h - a byte buffer that grows up to a stated maximum.
 * Threads: one owner.  Errors: -ENOMEM, -EMSGSIZE beyond max; the content stays as it was.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/util.h"

struct buf {
	char *p; /* NUL-terminated after every successful call (the NUL is not in len) */
	size_t len, cap, max;
};

#define BUF_INIT(limit) { NULL, 0, 0, (limit) }

int buf_add(struct buf *b, const void *src, size_t n) MUST_CHECK;
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3) MUST_CHECK;
char *buf_take(struct buf *b); /* caller frees; NULL when nothing was ever added */
void buf_free(struct buf *b);  /* also the cleanup for AUTO(buf_free) */

#endif
