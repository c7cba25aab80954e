/* SPDX-License-Identifier: MPL-2.0 */
/* retry.h - how long to wait before asking again, as a pure function. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "base/util.h"

struct retry_policy {
	unsigned max_tries;  /* attempts in all */
	int64_t base_ms;     /* first wait, doubled each time */
	int64_t cap_ms;	     /* longest single wait */
	int64_t deadline_ms; /* from the first attempt to the start of the last */
};

/* Milliseconds to wait before attempt n + 1 after n failed ones (n >= 1), or -1 to give up.
 * Full jitter: uniform in (0, min(cap, base * 2^(n-1))]; rnd is any random number.  after_s =
 * Retry-After or -1: waited for when it fits the deadline, else give up; a shorter one than the
 * jitter's wait is no reason to hurry.
 * spent_ms = since the first attempt began. */
int64_t retry_wait(const struct retry_policy *p, unsigned n, int64_t spent_ms, int64_t after_s,
		   uint32_t rnd);

/* A number that differs from call to call, for rnd.  Any thread. */
uint32_t retry_random(void);

#endif
