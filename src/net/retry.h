/* SPDX-License-Identifier: MPL-2.0 */
/* retry.h - what an answer means and how long to wait, as pure functions. */
#ifndef NET_RETRY_H
#define NET_RETRY_H

#include "net/http.h"

enum verdict {
	VERDICT_OK,      /* 2xx */
	VERDICT_RETRY,   /* may go away: 408, 425, 429, 5xx, broken or timed out connections */
	VERDICT_RENEW,   /* storage refused the presigned URL: 401, 403, 400 with ExpiredRequest */
	VERDICT_CHANGED, /* another version is there: 412, 416 */
	VERDICT_DENIED,  /* no use in asking again */
	VERDICT_GONE     /* 404, 410 */
};

/* What a storage answer means; *err is the errno (negative) if it is final. */
enum verdict retry_storage(const struct http_reply *r, int *err);

struct retry_policy {
	unsigned max_tries;   /* attempts in all */
	int64_t base_ms;      /* first wait, doubled each time */
	int64_t cap_ms;       /* longest single wait */
	int64_t deadline_ms;  /* from the first attempt to the start of the last */
};

/* Milliseconds to wait before attempt n + 1 after n failed ones (n >= 1), or -1 to give up.
 * Full jitter: uniform in (0, min(cap, base * 2^(n-1))]; rnd is any random number.  after_s =
 * Retry-After or -1: waited for exactly when it fits the deadline, else give up.
 * spent_ms = since the first attempt began. */
int64_t retry_wait(const struct retry_policy *p, unsigned n, int64_t spent_ms, int64_t after_s,
		   uint32_t rnd);

#endif
