/* SPDX-License-Identifier: MPL-2.0 */
/* stats.h - what the mount has done so far, one list of counters.
 * Relaxed atomics: each figure is exact, two figures need not be of the same instant.
 */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdatomic.h>

#include "base/util.h"

#define COUNTERS(X) \
	X(storage_requests, "ranged GETs sent to storage") \
	X(storage_retries, "of these, repeated after a failure") \
	X(hedges, "of these, sent a second time because the first was slow") \
	X(storage_bytes, "body bytes received from storage") \
	X(api_requests, "requests sent to the API") \
	X(download_posts, "download sessions asked for: each costs quota") \
	X(lease_reused, "leases found on disk and used again") \
	X(cache_hits, "blocks read from the disk cache") \
	X(cache_misses, "blocks not there") \
	X(cache_bad, "blocks refused by their checksum") \
	X(cache_writes, "blocks written to the disk cache") \
	X(cache_evictions, "blocks evicted") \
	X(cache_bypassed, "blocks not cached: disk full, read-only or failing") \
	X(memory_hits, "blocks answered from memory") \
	X(inflated_bytes, "bytes decompressed") \
	X(members_indexed, "archive members indexed by this process") \
	X(requests, "filesystem requests") \
	X(lookups, "of these, names looked up") \
	X(lookup_ns, "nanoseconds these took inside the process, those parked left out") \
	X(parked, "of these, parked until something arrived") \
	X(interrupted, "of these, given up by the reader") \
	X(deadlines, "of these, ended by their deadline")

struct stats {
#define STATS_MEMBER(name, help) _Atomic uint64_t name;
	COUNTERS(STATS_MEMBER)
#undef STATS_MEMBER
};

extern struct stats stats;

#define stats_add(name, n) atomic_fetch_add_explicit(&stats.name, (n), memory_order_relaxed)
#define stats_inc(name) stats_add(name, 1)
#define stats_get(name) atomic_load_explicit(&stats.name, memory_order_relaxed)

/* Call fn for every counter, in the order of the list. */
void stats_each(void (*fn)(void *arg, const char *name, const char *help, uint64_t value),
		void *arg);

#endif
