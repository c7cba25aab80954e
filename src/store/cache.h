/* SPDX-License-Identifier: MPL-2.0 */
/* cache.h - fixed-size blocks of object versions, kept on local disk.
 *
 * dir/objects/<identity>/<layer>.data   sparse, block b at b * BLOCK_SIZE
 * dir/objects/<identity>/<layer>.map    header, then one fixed-size record a block
 * dir/usage                             shared accounting of the whole directory
 *
 * Data is written first, then its map record, which carries the block's CRC-32C.  Only a
 * block with a valid record whose checksum passes is ever returned: after kill -9, power loss,
 * a truncated, punched or flipped block is a miss.  Several mounts (processes) may share a
 * directory.  The size limit is kept by admission: a block is written only after its
 * room was made by evicting (a clock over the records, holes punched: evict.h) or it is not
 * written.  Never fetches: a miss is -ENOENT.
 * Threads: any; disk I/O runs unlocked.  Opening costs the same whatever is cached.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/util.h"

#define BLOCK_SHIFT 17
#define BLOCK_SIZE ((size_t)1 << BLOCK_SHIFT) /* 128 KiB: one FUSE request */

struct cache;
struct cache_layer;

struct cache_config {
	const char *dir;      /* made with mode 0700 when missing */
	uint64_t max_bytes;   /* of block data, all objects together */
	uint64_t min_free;    /* keep so many bytes free on that disk */
};

/* 0 or -errno (logged).  -EROFS, -EACCES: the caller may go on without a cache. */
int cache_open(const struct cache_config *c, struct cache **out) MUST_CHECK;
struct cache *cache_close(struct cache *c); /* layers closed first; NULL ok; returns NULL */
uint64_t cache_used(struct cache *c);       /* bytes of block data now, all mounts together */
const char *cache_dir(const struct cache *c);
/* dir/objects/<identity>, made if missing; malloc'd.  Other modules keep their files there too. */
int cache_object_dir(struct cache *c, const char *identity, char **out) MUST_CHECK;

/* Open one layer of one object version, making it if missing.  name: "raw", "stream".
 * A map of another format version is started anew. */
int cache_layer_open(struct cache *c, const char *identity, const char *name,
		     struct cache_layer **out) MUST_CHECK;
struct cache_layer *cache_layer_close(struct cache_layer *l); /* NULL ok; returns NULL */

/* Copy the whole block to buf (BLOCK_SIZE bytes) and say how many bytes it has.  0, or -ENOENT
 * for a miss of any kind (a bad checksum is counted, logged once and forgotten). */
int cache_read(struct cache_layer *l, uint64_t blk, void *buf, size_t *len) MUST_CHECK;
/* Is it recorded?  No disk read: may say true of a block that cache_read() then refuses. */
bool cache_has(struct cache_layer *l, uint64_t blk);
/* Keep a block of len bytes (1..BLOCK_SIZE; only an object's last one is short).  0 or -errno:
 * -ENOSPC when no room could be made, -EBUSY while somebody else writes the same block, or the
 * disk's error.  A failing disk is tried again only every few seconds (-EAGAIN between),
 * logged once per outage. */
int cache_write(struct cache_layer *l, uint64_t blk, const void *buf, size_t len) MUST_CHECK;
/* Forget a block and punch its data. */
void cache_drop(struct cache_layer *l, uint64_t blk);

#endif
