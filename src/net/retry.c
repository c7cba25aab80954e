/* SPDX-License-Identifier: MPL-2.0 */
/* retry.c - see retry.h. */
#include "net/retry.h"

#include <errno.h>
#include <string.h>

/* No HTTP answer arrived whole. */
static enum verdict broken_verdict(int err)
{
	switch (err) {
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -EPROTO:
		return VERDICT_RETRY;
	default: /* certificate, cancelled, no memory, or the receiver's own refusal */
		return VERDICT_DENIED;
	}
}

static enum verdict status_verdict(const struct http_reply *r, int *err)
{
	switch (r->status) {
	case 400: /* some stores answer so, not 403, when the signature is out of date */
		*err = -EACCES;
		return strstr(r->problem, "ExpiredRequest") ? VERDICT_RENEW : VERDICT_DENIED;
	case 401:
	case 403:
		*err = -EACCES;
		return VERDICT_RENEW;
	case 404:
	case 410:
		*err = -ENOENT;
		return VERDICT_GONE;
	case 412:
	case 416:
		*err = -ESTALE;
		return VERDICT_CHANGED;
	case 408:
	case 425:
	case 429:
		*err = -EAGAIN;
		return VERDICT_RETRY;
	case 402:
	case 407:
	case 451:
		*err = -EACCES;
		return VERDICT_DENIED;
	default:
		*err = -EIO;
		return VERDICT_DENIED;
	}
}

enum verdict retry_storage(const struct http_reply *r, int *err)
{
	*err = r->err;
	if (r->err != 0)
		return broken_verdict(r->err);
	if (r->status >= 200 && r->status <= 299)
		return VERDICT_OK;
	if (r->status >= 500 && r->status <= 599) {
		*err = -EAGAIN;
		return VERDICT_RETRY;
	}
	return status_verdict(r, err);
}

/* Uniform in (0, min(cap, base * 2^(n-1))]. */
static int64_t jitter(const struct retry_policy *p, unsigned n, uint32_t rnd)
{
	int64_t top = MAX(p->base_ms, 1);
	int64_t cap = MIN(MAX(p->cap_ms, 1), (int64_t)UINT32_MAX);

	while (--n > 0 && top < cap)
		top *= 2; /* cap is below 2^32: no overflow */
	top = MIN(top, cap);
	return 1 + (int64_t)((uint64_t)rnd * (uint64_t)top >> 32);
}

int64_t retry_wait(const struct retry_policy *p, unsigned n, int64_t spent_ms, int64_t after_s,
		   uint32_t rnd)
{
	int64_t wait = 0, start;

	if (n == 0 || n >= p->max_tries)
		return -1;
	if (after_s < 0)
		wait = jitter(p, n, rnd);
	else if (__builtin_mul_overflow(after_s, (int64_t)1000, &wait))
		return -1;
	if (__builtin_add_overflow(MAX(spent_ms, 0), wait, &start) || start > p->deadline_ms)
		return -1;
	return wait;
}
