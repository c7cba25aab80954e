/* SPDX-License-Identifier: MPL-2.0 */
/* objects.h - the objects of a cache directory as a whole: who uses them, which are pinned, how
 * much disk they take, and how one is removed.
 *
 *   dir/objects/<identity>/   blocks, maps, index: see cache.h and the archive layer
 *   dir/pins/<identity>       empty; there as long as the object is pinned
 *
 * Who uses an object holds a lock on its directory: see about.h.  Who removes one takes it alone, and
 * that of the outermost archive too when it is of an archive inside another one.
 *
 * A pin may be made before the object is there and stays when it is removed.  Whoever evicts looks
 * at the pins each time, so one that is made or taken away counts at once in all processes.
 * Threads: any.  Errors are returned, not logged.
 */
#ifndef STORE_OBJECTS_H
#define STORE_OBJECTS_H

#include "base/util.h"

struct objects;

struct object_info {
	const char *identity;
	uint64_t data;	     /* bytes of block data on disk */
	uint64_t meta;	     /* ... of everything else: maps, index */
	int64_t used;	     /* last use, in nanoseconds since 1970 */
	bool pinned, in_use; /* in_use: by some process, now */
};

/* dir: the cache directory; works (for looking only) where nothing can be written.  0 or -ENOMEM. */
int objects_open(const char *dir, struct objects **out) MUST_CHECK;
struct objects *objects_close(struct objects *o); /* NULL ok; returns NULL */

int objects_pin(struct objects *o, const char *identity, bool pinned) MUST_CHECK;
/* Is it, or an archive around it? */
bool objects_pinned(struct objects *o, const char *identity);

/* Call fn for each object, in no order; not 0 ends the walk and is returned. */
int objects_each(struct objects *o, int (*fn)(void *arg, const struct object_info *info),
		 void *arg) MUST_CHECK;
/* Bytes on disk of all that is below dir/objects: of block data, and of everything else. */
int objects_measure(struct objects *o, uint64_t *data, uint64_t *meta) MUST_CHECK;
/* Bytes on disk of all that is in an object's directory and no block data. */
uint64_t objects_meta(const char *dir);
/* Remove an object that nobody uses, pinned or not.  0; -ENOENT; -EBUSY: it is in use; -errno.
 * The bytes are to be counted anew: only usage_recount() may call this (cache_remove()). */
int objects_remove(struct objects *o, const char *identity) MUST_CHECK;

/* The same for the blocks alone: the data files have none any more. */
int objects_empty(struct objects *o, const char *identity) MUST_CHECK;

/* Names of objects and layers: lower-case hex digits; letters, digits, '-', '_'. */
bool objects_name(const char *s);
bool objects_layer_name(const char *s, size_t n);
/* The path of each data file (it ends with ".data"): fn as above. */
int objects_each_layer(struct objects *o,
		       int (*fn)(void *arg, const char *identity, const char *path),
		       void *arg) MUST_CHECK;

#endif
