/* SPDX-License-Identifier: MPL-2.0 */
/* cache_clear.h - mdcfs cache gc and clear: what takes things out of the cache.
 *
 * Both are safe under running mounts.  What a mount uses keeps its directory and its index; at most its
 * blocks go, and are misses.
 * Threads: one owner.  0 or -errno (logged).
 */
#ifndef CLI_CACHE_CLEAR_H
#define CLI_CACHE_CLEAR_H

#include "cli/cache_list.h"

struct cache_removed {
	unsigned objects, files; /* taken away */
	uint64_t bytes;		 /* of disk that they had */
};

/* Take the chosen items away, but for pinned ones, unless force. */
int cache_clear(struct cache *c, struct cache_list *l, bool force,
		struct cache_removed *out) MUST_CHECK;
/* Take away what no version of anything needs: earlier versions of a file, archives whose outer one
 * is gone, directories with nothing in them, layers and indexes of other formats, drafts of processes
 * that died; and what is beyond the limit. */
int cache_gc(struct cache *c, struct cache_list *l, struct cache_removed *out) MUST_CHECK;

#endif
