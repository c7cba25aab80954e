/* SPDX-License-Identifier: MPL-2.0 */
/* latency.c - see latency.h. */
#include "net/latency.h"

#define HALVE_AT 1024u /* samples: what is older has lost half of its weight */
#define HEDGE_MEDIANS 8
#define HEDGE_FLOOR_MS 250 /* below it a busy machine is more likely than a slow server */
#define STALL_FACTOR 16
#define STALL_FLOOR_MS 3000

/* 0 to 7 ms have a bucket each, every octave above has four. */
static unsigned bucket_of(int64_t ms)
{
	uint64_t v = (uint64_t)MAX(ms, 0);
	unsigned e;

	if (v < 8)
		return (unsigned)v;
	e = 63u - (unsigned)__builtin_clzll(v);
	return MIN(8 + (e - 3) * 4 + (unsigned)((v >> (e - 2)) & 3), LATENCY_BUCKETS - 1u);
}

/* The largest value of a bucket. */
static int64_t bucket_top(unsigned i)
{
	unsigned e = (i - 8) / 4 + 3, quarter = (i - 8) % 4;

	return i < 8 ? (int64_t)i : ((int64_t)(4 + quarter + 1) << (e - 2)) - 1;
}

void latency_note(struct latency *l, int64_t ms)
{
	l->count[bucket_of(ms)]++;
	if (++l->n < HALVE_AT)
		return;
	l->n = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		l->n += l->count[i] /= 2;
}

int64_t latency_percentile(const struct latency *l, unsigned pct)
{
	uint64_t want = ((uint64_t)l->n * pct + 99) / 100, seen = 0;

	if (l->n < LATENCY_ENOUGH)
		return -1;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		if ((seen += l->count[i]) >= want)
			return bucket_top(i);
	return bucket_top(LATENCY_BUCKETS - 1);
}

int64_t latency_hedge_ms(const struct latency *l)
{
	int64_t p50 = latency_percentile(l, 50), p99 = latency_percentile(l, 99);

	return p99 < 0 ? -1 : MAX(MIN(p99, p50 * HEDGE_MEDIANS), HEDGE_FLOOR_MS);
}

int64_t latency_stall_ms(const struct latency *l, int64_t upper)
{
	int64_t p99 = latency_percentile(l, 99);

	return p99 < 0 ? upper : MIN(upper, MAX(p99 * STALL_FACTOR, STALL_FLOOR_MS));
}
