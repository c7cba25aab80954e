/* SPDX-License-Identifier: MPL-2.0 */
/* cache_list.h - what is in the cache, with names that people know: for the verbs of `mdcfs cache`.
 * Threads: one owner.
 */
#ifndef CLI_CACHE_LIST_H
#define CLI_CACHE_LIST_H

#include "store/cache.h"

struct cache_row { /* a layer */
	char *name;
	uint64_t blocks, bytes, on_disk;
	int map; /* see store/survey.h */
};

struct cache_item { /* an object */
	char *identity, *dir;
	char *name, *file, *version, *of, *outer; /* see store/about.h; "" when not known */
	uint64_t size, data, meta;		  /* data, meta: bytes on disk */
	int64_t used;				  /* nanoseconds since 1970 */
	bool pinned, in_use;
	bool chosen;
	struct cache_row *rows;
	size_t n_rows;
};

struct cache_list {
	struct cache_item *at; /* the one that was used last comes first */
	size_t n;
};

/* Everything in c; nothing is chosen.  0 or -errno (logged); free with cache_list_free(), also then. */
int cache_list_read(struct cache *c, struct cache_list *out) MUST_CHECK;
void cache_list_free(struct cache_list *l); /* fine on a zeroed struct */
/* Choose what is called spec: by SLUG, scheme:SLUG, URL (its query is ignored), path, file name, or the
 * identity or eight or more digits that it begins with.  How many. */
size_t cache_list_choose(struct cache_list *l, const char *spec);
/* All of args (none: everything), and what lies inside of it.  0; -ENOENT: one is not there (logged). */
int cache_list_choose_all(struct cache_list *l, char **args, int n) MUST_CHECK;
/* What lies inside of something chosen is chosen too. */
void cache_list_choose_inner(struct cache_list *l);
/* The item with this identity; NULL. */
const struct cache_item *cache_list_find(const struct cache_list *l, const char *identity);
/* What to call it in a message: name, file or identity. */
const char *cache_item_name(const struct cache_item *i);

#endif
