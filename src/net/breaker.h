/* SPDX-License-Identifier: MPL-2.0 */
/* breaker.h - what one origin is spared while it is in trouble.
 *
 * After a few failures in a row, whoever's they were, all requests wait and one at a time goes ahead as
 * a probe, with growing pauses up to two seconds; the first that succeeds lets all go on.  Besides,
 * an origin that said when to come back (Retry-After) is left alone until then.
 * Pure: the clock and the jitter come in.  Not thread-safe.  Times are clock_ms().
 */
#ifndef NET_BREAKER_H
#define NET_BREAKER_H

#include "base/util.h"

struct breaker {
	unsigned failures; /* in a row */
	bool probing;	   /* the one request that was let through is under way */
	int64_t wait_ms;   /* before the next probe */
	int64_t next_ms;   /* nothing starts before it */
};

enum breaker_result { BREAKER_GOOD, BREAKER_BAD, BREAKER_UNKNOWN /* cancelled */ };

void breaker_init(struct breaker *b);
bool breaker_open(const struct breaker *b);
/* May a request start now? */
bool breaker_admits(const struct breaker *b, int64_t now);
/* When it may, if nothing ends before; INT64_MAX while a probe is under way. */
int64_t breaker_due(const struct breaker *b);
/* A request starts, which breaker_admits().  True: it is a probe, which its end must say. */
bool breaker_begin(struct breaker *b);
void breaker_end(struct breaker *b, bool probe, enum breaker_result r, int64_t now, uint32_t rnd);
/* Retry-After: leave it alone for so long, 0 or more; what is beyond five minutes is cut. */
void breaker_pause(struct breaker *b, int64_t after_ms, int64_t now);

#endif
