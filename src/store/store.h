/* SPDX-License-Identifier: MPL-2.0 */
/* store.h - what every object of one mount shares.  Borrowed; outlives them all. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/options.h"
#include "base/pool.h"
#include "net/http.h"
#include "store/cache.h"
#include "store/memory.h"

struct store {
	struct http *http;
	struct pool *pool;
	struct memory *memory;
	struct cache *cache;         /* NULL: bypassed, nothing is kept on disk */
	const struct options *opt;
	const char *state_dir;       /* facts/ below it; NULL: nothing is kept */
	bool facts_first;	     /* what was found out at an earlier time is good enough */
	_Atomic bool stopping; /* no new request starts; those under way fail with -ENOTCONN */
};

/* Where blocks go that can be brought again; NULL: nowhere. */
static inline struct cache *store_blocks_cache(const struct store *st)
{
	return st->opt->cache_mode == CACHE_FULL ? st->cache : NULL;
}

#endif
