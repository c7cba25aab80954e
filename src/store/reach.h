/* SPDX-License-Identifier: MPL-2.0 */
/* reach.h - is anybody there?  Keeps those who ask from waiting when it is known that nobody is.
 *
 * As long as somebody has answered, a failure may pass: it is worth waiting for a deadline.  When
 * that is over, or when nobody was there from the start, the other side is absent: everybody fails at
 * once, but for one attempt every REACH_PROBE_MS, of somebody who wants something.  The first
 * answer ends it.
 *
 * Pure: the clock (clock_ms()) comes in.  Not thread-safe.
 */
#ifndef STORE_REACH_H
#define STORE_REACH_H

#include "base/util.h"

#define REACH_PROBE_MS 1000

struct reach {
	bool met; /* it has answered once */
	bool absent;
	bool probing; /* the one attempt is under way */
	int64_t next_ms;
};

/* May an attempt be made?  *probe: it is the one, whose end must be told by one of the below. */
bool reach_admits(struct reach *r, int64_t now, bool *probe);
/* Is a failure worth another attempt?  nobody: there was no sign of anybody. */
bool reach_worth(const struct reach *r, bool nobody, unsigned tries);
/* It has answered, whatever.  True: it was absent until now. */
bool reach_answered(struct reach *r);
/* There is no use in waiting any more.  True: that is new. */
bool reach_failed(struct reach *r, int64_t now);
/* The one attempt has ended without an answer to the question. */
void reach_unknown(struct reach *r);

#endif
