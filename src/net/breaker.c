/* SPDX-License-Identifier: MPL-2.0 */
/* breaker.c - see breaker.h. */
#include "net/breaker.h"

#define OPEN_AFTER 5u
#define FIRST_WAIT_MS 250
#define LONGEST_WAIT_MS 2000
#define LONGEST_PAUSE_MS 300000

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){ .wait_ms = FIRST_WAIT_MS, .next_ms = INT64_MIN };
}

bool breaker_open(const struct breaker *b)
{
	return b->failures >= OPEN_AFTER;
}

bool breaker_admits(const struct breaker *b, int64_t now)
{
	return !b->probing && now >= b->next_ms;
}

int64_t breaker_due(const struct breaker *b)
{
	return b->probing ? INT64_MAX : b->next_ms;
}

bool breaker_begin(struct breaker *b)
{
	b->probing = breaker_open(b);
	return b->probing;
}

void breaker_pause(struct breaker *b, int64_t after_ms, int64_t now)
{
	b->next_ms = MAX(b->next_ms, now + MIN(MAX(after_ms, 0), LONGEST_PAUSE_MS));
}

/* Between half and all of the wait, so that the nodes of a cluster do not come together. */
static void put_off(struct breaker *b, int64_t now, uint32_t rnd)
{
	int64_t half = b->wait_ms / 2;

	breaker_pause(b, half + (int64_t)((uint64_t)rnd * (uint64_t)half >> 32), now);
	b->wait_ms = MIN(b->wait_ms * 2, LONGEST_WAIT_MS);
}

void breaker_end(struct breaker *b, bool probe, enum breaker_result r, int64_t now, uint32_t rnd)
{
	bool was_open = breaker_open(b);

	if (probe)
		b->probing = false;
	if (r == BREAKER_GOOD) {
		if (was_open)
			b->next_ms = now;
		b->failures = 0;
		b->wait_ms = FIRST_WAIT_MS;
		return;
	}
	if (r == BREAKER_UNKNOWN)
		return;
	b->failures += !was_open;
	/* Those that were under way when it opened say nothing new. */
	if (breaker_open(b) && (probe || !was_open))
		put_off(b, now, rnd);
}
