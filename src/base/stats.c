/* SPDX-License-Identifier: MPL-2.0 */
/* stats.c - see stats.h. */
#include "base/stats.h"

struct stats stats;

void stats_each(void (*fn)(void *arg, const char *name, const char *help, uint64_t value),
		void *arg)
{
#define STATS_CALL(name, help) fn(arg, #name, help, stats_get(name));
	COUNTERS(STATS_CALL)
#undef STATS_CALL
}
