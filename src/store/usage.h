/* SPDX-License-Identifier: MPL-2.0 */
/* usage.h - how much the cache directory holds, and how much more it may hold.
 *
 * dir/usage is one mapped page that all mounts of the directory share: the bytes in use (of block
 * data, and of everything else: maps, indexes) and the hand of the eviction clock.  Both count for
 * the limit.  Bytes of data count in whole 4096s.  A small part of the limit is kept for what is not
 * counted: directories above the objects, leases, what the file system needs for itself.
 *
 * Whatever is written or punched is so between usage_enter() and usage_leave(): the gate.  A
 * process that is killed leaves at most what it had reserved too much, and its gate opens by
 * itself.  usage_recount() closes the gate, measures what is really there and corrects the
 * figure; it is due after every opening, and whenever somebody has a doubt.
 * Threads: any.  Errors are returned, not logged.
 */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "base/options.h"

struct usage;

/* Where the clock's hand stands: a layer (by its key, see evict.c) and a block of it. */
struct hand {
	uint64_t key, blk;
};

int usage_open(const char *dir, uint64_t max_bytes, struct portion min_free,
	       struct usage **out) MUST_CHECK;
struct usage *usage_close(struct usage *u); /* NULL ok; returns NULL */
uint64_t usage_bytes(struct usage *u);	    /* of block data */
uint64_t usage_meta(struct usage *u);	    /* of everything else below objects/ */
uint64_t usage_max(struct usage *u);	    /* for both together */
uint64_t usage_round(uint64_t len);	    /* what a block of len bytes counts */

/* -EAGAIN when another process is counting for too long; a thread enters once. */
int usage_enter(struct usage *u) MUST_CHECK;
void usage_leave(struct usage *u);

/* Add n (as rounded) if that keeps the limit; false when not.  Inside the gate. */
bool usage_reserve(struct usage *u, uint64_t n) MUST_CHECK;
/* Take n off.  Inside the gate. */
void usage_release(struct usage *u, uint64_t n);
/* Something else than block data has grown, or has become smaller; that is never refused. */
void usage_charge(struct usage *u, int64_t n);
/* Bytes to be evicted before n more may be written: for the limit or the disk's reserve. */
uint64_t usage_shortage(struct usage *u, uint64_t n);

/* A write just failed for want of space, whatever statvfs says: there is a shortage for now. */
void usage_disk_full(struct usage *u);

void usage_doubt(struct usage *u); /* the figure may be wrong: a recount is due */
bool usage_doubted(struct usage *u);
bool usage_recount_due(struct usage *u); /* ... and was not tried within the last second */
/* Outside the gate.  measure() gives the bytes on disk; while it runs nothing is written, punched
 * or owned, in no process.  0, or -EAGAIN (gate in use). */
int usage_recount(struct usage *u, int (*measure)(void *arg, uint64_t *data, uint64_t *meta),
		  void *arg) MUST_CHECK;

/* Changes with every recount, when nobody is inside; while somebody is, it stays. */
uint32_t usage_epoch(struct usage *u);

struct hand usage_hand(struct usage *u);
void usage_set_hand(struct usage *u, struct hand h);

#endif
