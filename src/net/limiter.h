/* SPDX-License-Identifier: MPL-2.0 */
/* limiter.h - how many transfers one origin is given at once: additive increase, multiplicative
 * decrease, with the answers 429 and 503 as the brake (the rule of RFC 5681, per answer).
 * Pure; not thread-safe.
 */
#ifndef NET_LIMITER_H
#define NET_LIMITER_H

#include "base/util.h"

struct limiter {
	uint32_t window;   /* in 1/256 of a transfer */
	uint32_t ceiling;  /* transfers */
	bool starting;	   /* no brake yet: grow by a transfer for each answer */
	int64_t braked_ms; /* clock_ms() of the last decrease */
};

void limiter_init(struct limiter *l, unsigned ceiling);
unsigned limiter_window(const struct limiter *l); /* transfers, at least 1 */
/* An answer came whole while in_use transfers (it included) were under way: a window that is not
 * used up does not grow. */
void limiter_good(struct limiter *l, unsigned in_use);
/* 429 or 503 to a request that began at begun_ms: half the window, but once only for all that were
 * under way together. */
void limiter_brake(struct limiter *l, int64_t begun_ms, int64_t now);

#endif
