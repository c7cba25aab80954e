/* SPDX-License-Identifier: MPL-2.0 */
/* redirect.h - whether a redirect may be followed (RFC 9110 15.4), pure functions.  Threads: any. */
#ifndef NET_REDIRECT_H
#define NET_REDIRECT_H

#include "base/util.h"

#define REDIRECT_MAX 5u

/* 301, 302, 303, 307, 308. */
bool redirect_status(int status);
/* From one absolute URL to another, the hops-th time (from 1).  0; -ELOOP: too often; -EXDEV: to
 * something that is not http or https, or from https to http. */
int redirect_check(const char *from, const char *to, unsigned hops) MUST_CHECK;

#endif
