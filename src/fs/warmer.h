/* SPDX-License-Identifier: MPL-2.0 */
/* warmer.h - `-o warm`: everything that is mounted is brought to the cache, in the background.
 *
 * Dataset by dataset, members in the order of the archive; of an archive not its own bytes, but
 * its members'.  Who reads comes first everywhere: requests, decoding and memory.  It ends when the cache
 * is full: nothing is evicted for what nobody has asked for.
 * Threads: one of its own.
 */
#ifndef FS_WARMER_H
#define FS_WARMER_H

#include "fs/volumes.h"

struct warmer;

/* Borrows both.  0 or -errno. */
int warmer_start(struct store *st, struct volumes *vs, struct warmer **out) MUST_CHECK;
/* Before anything that it reads from is stopped.  Waits for a moment.  NULL ok; returns NULL. */
struct warmer *warmer_stop(struct warmer *w);

#endif
