/* SPDX-License-Identifier: MPL-2.0 */
/* clock.h - the two clocks and the one date format (RFC 3339) of the APIs.  Threads: any. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <time.h>

#include "base/util.h"

#define CLOCK_NS 1000000000ll /* nanoseconds in a second */

int64_t clock_ms(void);  /* monotonic milliseconds: for deadlines and rates */
int64_t clock_ns(void);  /* the same clock's nanoseconds: for what takes microseconds */
int64_t clock_now(void); /* seconds since 1970: for leases and files */

/* A file's time in nanoseconds since 1970. */
static inline int64_t clock_stamp(const struct timespec *t)
{
	return t->tv_sec * CLOCK_NS + t->tv_nsec;
}

/* Parse RFC 3339 ("2026-08-27T12:00:00.000Z", also with +hh:mm): seconds since 1970.
 * 0 or -EINVAL; the fraction is dropped. */
int clock_parse(const char *text, int64_t *out) MUST_CHECK;
/* The same, written: "2026-08-27T12:00:00Z". */
void clock_format(int64_t t, char out[static 32]);

#endif
