/* SPDX-License-Identifier: MPL-2.0 */
/* speed.h - how fast bodies of one origin usually come, and which one is far too slow for it.
 *
 * A body is measured by itself, from its first byte on; so what is usual is what one of several at
 * a time gets.  Pure; not thread-safe.  Times are milliseconds of one clock.
 */
#ifndef NET_SPEED_H
#define NET_SPEED_H

#include "net/latency.h"

#define SPEED_LOOK_MS 250 /* it takes so long to tell a slow body from a busy machine */

struct speed {
	struct latency usual; /* KiB a second; zero-initialised knows nothing */
	unsigned n_slow;      /* in a row, the last ones */
	int64_t fast_ms;      /* when the youngest body began that was not slow */
};

/* One that came completely. */
void speed_note(struct speed *s, uint64_t bytes, int64_t begun_ms, int64_t now);
/* When a body that is no further by then is slow: it takes eight times as long as usual, and what
 * is left would take longer than it takes to tell.  INT64_MAX: not known. */
int64_t speed_slow_ms(const struct speed *s, int64_t begun_ms, uint64_t got, uint64_t left);
/* Is a body that is slow an exception?  n: how many are slow now, this one included.  When all are
 * it is the line, or the origin, and a second request would make it worse. */
bool speed_is_exception(const struct speed *s, int64_t begun_ms, unsigned n);

#endif
