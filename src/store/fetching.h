/* SPDX-License-Identifier: MPL-2.0 */
/* fetching.h - which blocks are being brought by which process just now, so that two mounts that share a
 * cache directory do not both fetch the same one.
 *
 * dir/fetching is 33 KiB of mapped, shared memory: a header and a hash table of words, each a block and
 * the number of the process that brings it.  A process has its number by an (open file description)
 * lock on one byte of the file, so that the number of one that died is known to be nobody's at once.
 * It is advice: a table that is full, garbled or lost, a race, or two blocks that look alike cost a
 * request or a wait that is bounded, and never a wrong byte.  Nothing in it is of use later; it is not
 * written to disk on purpose.
 *
 *   offset 0     "mdcfsft1", then zeros
 *   offset 1024  4096 words, native byte order: 0, or
 *                process 1..4095 | second of the clock, modulo 2^20 << 12 | hash of the block << 32
 *
 * Threads: any.  Errors are not logged: without the table everything is fetched as if alone.
 */
#ifndef STORE_FETCHING_H
#define STORE_FETCHING_H

#include "base/util.h"

struct fetching;

/* *out is NULL where that cannot be had.  0 or -ENOMEM. */
int fetching_open(const char *dir, struct fetching **out) MUST_CHECK;
struct fetching *fetching_close(struct fetching *f); /* NULL ok; returns NULL */
/* What a layer's blocks are known by. */
uint64_t fetching_key(const char *identity, const char *layer);

/* This process is about to bring a block.  False: another one does already.  f NULL: true. */
bool fetching_begin(struct fetching *f, uint64_t key, uint64_t blk);
/* It is there, or will not come.  f NULL, or nothing begun: ok. */
void fetching_end(struct fetching *f, uint64_t key, uint64_t blk);
/* Does another process bring it? */
bool fetching_elsewhere(struct fetching *f, uint64_t key, uint64_t blk);

#endif
