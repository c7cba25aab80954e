/* SPDX-License-Identifier: MPL-2.0 */
/* latency.h - how long one origin takes for its first byte, and what is too long for it.
 *
 * A histogram whose buckets are at most a quarter wide; old samples lose weight.  Only answers
 * that came are counted: one that never came would make the next one like it look usual.
 * Pure; not thread-safe.  Times are milliseconds.
 */
#ifndef NET_LATENCY_H
#define NET_LATENCY_H

#include "base/util.h"

#define LATENCY_BUCKETS 80
#define LATENCY_ENOUGH 32u /* samples before anything is said */

struct latency {
	uint32_t n; /* of all buckets; zero-initialised is empty */
	uint32_t count[LATENCY_BUCKETS];
};

void latency_note(struct latency *l, int64_t ms);
/* The least bound that pct percent of the samples do not exceed; -1 with too few of them. */
int64_t latency_percentile(const struct latency *l, unsigned pct);
/* When a second request is worth its cost: the 99th percentile, but no more than eight medians (an
 * origin that is often slow must not make that usual), and never below a floor.  -1: not known. */
int64_t latency_hedge_ms(const struct latency *l);
/* No byte for so long: the connection is as good as broken.  At most upper, which is what is
 * taken while too little is known. */
int64_t latency_stall_ms(const struct latency *l, int64_t upper);

#endif
