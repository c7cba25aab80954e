/* SPDX-License-Identifier: MPL-2.0 */
/* cache.h - fixed-size blocks of object versions, kept on local disk.
 *
 * dir/objects/<identity>/<layer>.data   sparse, block b at b * BLOCK_SIZE
 * dir/objects/<identity>/<layer>.map    header, then one fixed-size record a block
 * dir/usage                             shared accounting of the whole directory
 * dir/fetching                          who brings which block just now: fetching.h
 * dir/pins/<identity>                   which objects are to stay: objects.h
 *
 * Data is written first, then its map record, which carries the block's CRC-32C.  Only a
 * block with a valid record whose checksum passes is ever returned: after kill -9, power loss,
 * a truncated, punched or flipped block is a miss.  Several mounts (processes) may share a
 * directory.  The size limit is kept by admission: a block is written only after its
 * room was made by evicting (a clock over the records, holes punched: evict.h) or it is not
 * written.  What is no block data (maps, indexes) counts too; it is not refused, blocks make room
 * for it.  Some room is made ahead, in the thread that writes.  Never fetches: a miss is -ENOENT.
 * Threads: any; disk I/O runs unlocked.  Opening costs the same whatever is cached.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/options.h"

#define BLOCK_SHIFT 17
#define BLOCK_SIZE ((size_t)1 << BLOCK_SHIFT) /* 128 KiB: one FUSE request */

struct cache;
struct cache_layer;
struct follow;
struct objects;
struct write_item;

struct cache_config {
	const char *dir;	 /* made with mode 0700 when missing */
	uint64_t max_bytes;	 /* of all that is below dir/objects */
	struct portion min_free; /* keep so much of that disk free */
};

/* 0 or -errno (logged).  -EROFS, -EACCES: the caller may go on without a cache. */
int cache_open(const struct cache_config *c, struct cache **out) MUST_CHECK;
struct cache *cache_close(struct cache *c); /* layers closed first; NULL ok; returns NULL */
uint64_t cache_used(struct cache *c);	    /* bytes of block data now, all mounts together */
uint64_t cache_meta(struct cache *c);	    /* ... of all else that counts: maps, indexes */
const char *cache_dir(const struct cache *c);
/* At most so many blocks on their way to the disk (writer.h), if that is fewer than it is by itself. */
void cache_bound_queue(struct cache *c, uint64_t blocks);
/* What can be said of whole objects: list, pin.  Borrowed. */
struct objects *cache_objects(struct cache *c);
/* Remove an object.  0; -EBUSY: some mount uses it, or the directory is busy; -ENOENT; -errno. */
int cache_remove(struct cache *c, const char *identity) MUST_CHECK;
/* Measure what is there and correct the figures.  0; -EAGAIN: the directory is busy; -errno. */
int cache_recount(struct cache *c) MUST_CHECK;
/* The same, and evict what is beyond the limit, or takes of what is to stay free.  0; -ENOSPC: there
 * is nothing more that may go; -errno. */
int cache_trim(struct cache *c) MUST_CHECK;
/* dir/objects/<identity>, made if missing; malloc'd.  Other modules keep their files there too;
 * who does enters it (about.h), for an object that nobody uses may be removed. */
int cache_object_dir(struct cache *c, const char *identity, char **out) MUST_CHECK;

/* Open one layer of one object version, making it if missing.  name: "raw", "stream".
 * A map of another format version is started anew. */
int cache_layer_open(struct cache *c, const char *identity, const char *name,
		     struct cache_layer **out) MUST_CHECK;
/* What was put is written first, for two seconds at most.  NULL ok; returns NULL. */
struct cache_layer *cache_layer_close(struct cache_layer *l);

/* This process is about to bring a block, for whoever shares the directory.  False: another one does
 * already (fetching.h), it is to be followed (follow.h).  Ends with cache_unclaim(), after the block was
 * written or is known not to come. */
bool cache_claim(struct cache_layer *l, uint64_t blk);
void cache_unclaim(struct cache_layer *l, uint64_t blk);
bool cache_elsewhere(struct cache_layer *l, uint64_t blk); /* brought by another process now? */
struct follow *cache_follow(struct cache *c);		   /* borrowed */

/* Copy the whole block to buf (BLOCK_SIZE bytes) and say how many bytes it has.  0, or -ENOENT
 * for a miss of any kind (a bad checksum is counted, logged once and forgotten). */
int cache_read(struct cache_layer *l, uint64_t blk, void *buf, size_t *len) MUST_CHECK;
/* The same for who only wants to know whether it is sound: it does not count as a use.  0; -ENOENT:
 * it is not recorded; -EBADMSG: it was damaged, and is forgotten now. */
int cache_check(struct cache_layer *l, uint64_t blk, void *buf, size_t *len) MUST_CHECK;
/* The first recorded block at or behind *blk; false: there is none. */
bool cache_next(struct cache_layer *l, uint64_t *blk);
/* Is it recorded?  No disk read: may say true of a block that cache_read() then refuses. */
bool cache_has(struct cache_layer *l, uint64_t blk);
/* Who can have the block elsewhere at the cost of a request should do so now: see pace.h.  And when
 * there was nothing to be had: read it after all? */
bool cache_is_slow(struct cache_layer *l);
bool cache_insist(struct cache_layer *l);
/* Keep a block of len bytes (1..BLOCK_SIZE; only an object's last one is short).  0 or -errno:
 * -ENOSPC when no room could be made, -EBUSY while somebody else writes the same block, or the
 * disk's error.  A failing disk is tried again only every few seconds (-EAGAIN between),
 * logged once per outage. */
int cache_write(struct cache_layer *l, uint64_t blk, const void *buf, size_t len) MUST_CHECK;
/* The same later, on another thread: see writer.h.  0: it->done() will be called. */
int cache_put(struct cache_layer *l, struct write_item *it) MUST_CHECK;
/* What was put so far is written, or will not be. */
void cache_settle(struct cache_layer *l);
/* Forget a block and punch its data. */
void cache_drop(struct cache_layer *l, uint64_t blk);

#endif
