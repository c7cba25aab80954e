/* SPDX-License-Identifier: MPL-2.0 */
/* evict.h - make room in the cache directory: a clock over the blocks of all objects in it,
 * whether some mount has them open or not.
 *
 * The hand goes round the layers and, in each, over what its data file really holds.  A block
 * with heat loses a degree (see blockmap.h), one without is punched.  New blocks have none and
 * reads add one, up to three: so a scan evicts itself, and not what is read again and again.
 * Data without a record, left by a crash, is punched on the way.  Pinned objects are passed over.
 *
 * When no more block can be had, or indexes and maps take more than a quarter of the limit, whole
 * objects that no process uses are removed, the one that was used the longest time ago first.
 *
 * Where holes cannot be punched a block alone gives nothing back.  There all blocks of an object go
 * at once, of one that no process uses; and while there is none, nothing more is kept.
 * Threads: any; one thread of a process evicts at a time, the others wait for it.
 */
#ifndef STORE_EVICT_H
#define STORE_EVICT_H

#include "store/blockmap.h"
#include "store/objects.h"
#include "store/usage.h"

struct evict;

/* o and u are borrowed and must outlive it.  holes: the file system can punch them.  -ENOMEM. */
int evict_new(struct objects *o, struct usage *u, bool holes, struct evict **out) MUST_CHECK;
struct evict *evict_free(struct evict *e); /* NULL ok; returns NULL */
/* Evict until n more bytes may be written, but not much more than 64 MiB in one call.  0 when
 * that is done or not needed any more; -EAGAIN when more has to go; -ENOSPC when nothing
 * could be evicted.  Outside the gate. */
int evict_room(struct evict *e, uint64_t n) MUST_CHECK;
/* Count anew what there is, for usage.h.  0 or -errno.  Outside the gate. */
int evict_recount(struct evict *e) MUST_CHECK;
/* Remove an object that nobody uses: -EBUSY, -ENOENT as objects_remove().  Outside the gate. */
int evict_remove(struct evict *e, const char *identity) MUST_CHECK;
/* Indexes and maps of objects that nobody uses go when all that is no data has grown beyond its part
 * of the limit.  Outside the gate; cheap when it has not. */
void evict_tidy(struct evict *e);
/* Forget one block that was seen as b and punch its data.  The bytes freed.  Inside the gate. */
uint64_t evict_block(struct usage *u, struct blockmap *m, int fd, uint64_t blk,
		     const struct block_record *b);

#endif
