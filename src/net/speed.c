/* SPDX-License-Identifier: MPL-2.0 */
/* speed.c - see speed.h. */
#include "net/speed.h"

#define LEAST_BYTES (64u * 1024) /* less comes in one burst, however slow the line */
#define FACTOR 8
#define MOST_KIB (UINT64_C(1) << 40) /* so that no product overflows */
#define SLOW_IN_A_ROW 3u

static int64_t kib(uint64_t bytes)
{
	return (int64_t)MIN(bytes >> 10, MOST_KIB);
}

/* What so many bytes take when they come slowly; -1: not known. */
static int64_t slow_span(const struct speed *s, uint64_t bytes)
{
	int64_t usual = latency_percentile(&s->usual, 50);

	if (usual < 0)
		return -1;
	return MAX(FACTOR * 1000 * kib(bytes) / MAX(usual, 1), SPEED_LOOK_MS);
}

void speed_note(struct speed *s, uint64_t bytes, int64_t begun_ms, int64_t now)
{
	int64_t ms = MAX(now - begun_ms, 1), slow = slow_span(s, bytes);

	if (bytes < LEAST_BYTES)
		return;
	if (slow >= 0 && ms > slow) {
		s->n_slow++;
	} else {
		s->n_slow = 0;
		s->fast_ms = MAX(s->fast_ms, begun_ms);
	}
	latency_note(&s->usual, kib(bytes) * 1000 / ms);
}

int64_t speed_slow_ms(const struct speed *s, int64_t begun_ms, uint64_t got, uint64_t left)
{
	int64_t slow = slow_span(s, got);

	if (slow < 0)
		return INT64_MAX;
	return begun_ms + MAX(slow, SPEED_LOOK_MS * kib(got) / (kib(left) + 1));
}

bool speed_is_exception(const struct speed *s, int64_t begun_ms, unsigned n)
{
	return s->fast_ms > begun_ms || (n <= 1 && s->n_slow < SLOW_IN_A_ROW);
}
