/* SPDX-License-Identifier: MPL-2.0 */
/* retry.c - see retry.h. */
#include "net/retry.h"

#include "base/clock.h"

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
	int64_t after_ms, wait, start;

	if (n == 0 || n >= p->max_tries)
		return -1;
	if (__builtin_mul_overflow(MAX(after_s, 0), (int64_t)1000, &after_ms))
		return -1;
	wait = MAX(jitter(p, n, rnd), after_ms);
	if (__builtin_add_overflow(MAX(spent_ms, 0), wait, &start) || start > p->deadline_ms)
		return -1;
	return wait;
}

uint32_t retry_random(void)
{
	return (uint32_t)(clock_ns() ^ (getpid() << 10)) * 2654435761u;
}
