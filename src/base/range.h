/* SPDX-License-Identifier: MPL-2.0 */
/* range.h - half-open byte ranges.  Only net/http knows that HTTP's ranges are inclusive. */
#ifndef BASE_RANGE_H
#define BASE_RANGE_H

#include "base/util.h"

struct range {
	uint64_t from, to; /* [from, to) */
};

static inline uint64_t range_len(struct range r)
{
	return r.to - r.from;
}

/* Is [from, from + len) not empty and inside an object of that size? */
static inline bool range_fits(uint64_t from, uint64_t len, uint64_t size)
{
	uint64_t to;

	return len > 0 && !__builtin_add_overflow(from, len, &to) && to <= size;
}

#endif
