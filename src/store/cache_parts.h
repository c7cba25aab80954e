/* SPDX-License-Identifier: MPL-2.0 */
/* cache_parts.h - private to the cache: what cache.c, cache_write.c and cache_meter.c share. */
#ifndef STORE_CACHE_PARTS_H
#define STORE_CACHE_PARTS_H

#include <stdatomic.h>

#include "store/blockmap.h"
#include "store/cache.h"
#include "store/evict.h"
#include "store/fetching.h"
#include "store/follow.h"
#include "store/objects.h"
#include "store/outage.h"
#include "store/pace.h"
#include "store/usage.h"
#include "store/writer.h"

/* What needs a directory that can be written; made at the first attempt that succeeds. */
struct cache_shared {
	struct usage *usage;
	struct evict *evict;
	struct fetching *fetching; /* NULL: not to be had */
	bool holes;		   /* can be punched; set once */
};

struct cache {
	char *dir, *objects_dir; /* set once */
	uint64_t max_bytes;	 /* set once */
	struct portion min_free; /* set once */
	struct objects *objects; /* set once */
	struct writer *writer;	 /* set once */
	struct follow *follow;	 /* set once */
	struct outage outage;
	struct pace pace; /* of reads */
	pthread_mutex_t lock;		       /* making `shared` */
	_Atomic(struct cache_shared *) shared; /* set once; NULL: read-only until now */
	_Atomic int64_t tidy_ms;	       /* when unused objects were looked at */
};

struct cache_files {
	struct blockmap *map;
	int fd;
	_Atomic uint64_t map_bytes; /* of disk that the map takes, as counted */
	struct cache_files *older;
};

struct cache_layer {
	struct cache *cache;
	char *dir, *base;		     /* set once; base: path without suffix */
	char *identity;			     /* set once */
	uint64_t key;			     /* fetching.h; set once */
	int use;			     /* of dir (about.h), or -1; set once */
	pthread_mutex_t lock;		     /* opening files */
	unsigned opened;		     /* times; guarded by lock */
	_Atomic(struct cache_files *) files; /* the newest; NULL: there are none */
	atomic_bool bad_logged;
};

/* Make `shared` if that has not succeeded yet.  0 or -errno. */
int cache_shared_get(struct cache *c, struct cache_shared **out) MUST_CHECK;
/* The layer's files, opened (again) if need be, ready to be written. */
int cache_layer_files(struct cache_layer *l, struct cache_files **out) MUST_CHECK;
/* Forget one block that was seen as b. */
void cache_forget(struct cache_layer *l, struct cache_files *f, uint64_t blk,
		  const struct block_record *b);
/* Work of the writer's thread while nothing else is to be done: evict before it is needed. */
void cache_tend(struct cache *c);

#endif
