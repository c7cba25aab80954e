/* SPDX-License-Identifier: MPL-2.0 */
/* evict.h - make room in the cache directory: a clock over the blocks of all objects in it,
 * whether some mount has them open or not.
 *
 * The hand goes round the layers and, in each, over what its data file really holds.  A block
 * with heat loses a degree (see blockmap.h), one without is punched.  New blocks have none and
 * reads add one, up to three: so a scan evicts itself, and not what is read again and again.
 * Data without a record, left by a crash, is punched on the way.
 * Threads: any; one thread of a process evicts at a time, the others wait for it.
 */
#ifndef STORE_EVICT_H
#define STORE_EVICT_H

#include "store/blockmap.h"
#include "store/usage.h"

struct evict;

/* dir: .../objects.  u is borrowed and must outlive it.  -ENOMEM. */
int evict_new(const char *dir, struct usage *u, struct evict **out) MUST_CHECK;
struct evict *evict_free(struct evict *e); /* NULL ok; returns NULL */
/* Evict until n more bytes may be written, but not much more than 64 MiB in one call.  0 when
 * that is done or not needed any more; -EAGAIN when more has to go; -ENOSPC when nothing
 * could be evicted.  Outside the gate. */
int evict_room(struct evict *e, uint64_t n) MUST_CHECK;
/* Forget one block that was seen as b and punch its data.  The bytes freed.  Inside the gate. */
uint64_t evict_block(struct usage *u, struct blockmap *m, int fd, uint64_t blk,
		     const struct block_record *b);
/* Bytes of all data files below dir: the measure for usage_recount().  0 or -errno. */
int evict_measure(void *dir, uint64_t *bytes) MUST_CHECK;
/* Names of objects and layers: lower-case hex digits; letters, digits, '-', '_'. */
bool evict_object_name(const char *s);
bool evict_layer_name(const char *s, size_t n);

#endif
