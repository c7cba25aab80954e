/* SPDX-License-Identifier: MPL-2.0 */
/* blockmap.h - which blocks of a data file are there: the map file of a cache layer.
 *
 *   offset 0      header: magic, version, block size, record size, CRC-32C of these
 *   offset 64 KiB one 16-byte record a block, in native byte order (so is the magic):
 *     word 0  CRC-32C of the data | CRC-32C of {block, serial, length, data's CRC} << 32
 *     word 1  FREE   0
 *             BUSY   1 | epoch << 2 | serial << 32         somebody writes or punches the data
 *             VALID  2 | heat << 2 | length << 4 | serial << 32
 *
 * Records are shared, mapped memory and change by compare-and-swap of word 1, so processes and
 * threads need no lock: whoever turns a record BUSY owns the block's data until it turns it
 * VALID or FREE.  The epoch (usage.h) changes when nobody owns anything: a BUSY record of
 * another epoch was left by an owner that died, and may be claimed.  The serial is new with
 * every claim: a record that was dropped and made again is told from the one seen before.
 * Heat is 0..3: reads raise it, the evicting hand lowers it.
 *
 * A garbled record is none: it may be claimed like a free one.  Segments are mapped when they
 * are first needed and stay where they are.  Threads: any.
 */
#ifndef STORE_BLOCKMAP_H
#define STORE_BLOCKMAP_H

#include "base/util.h"

#define BLOCKMAP_MAX ((uint64_t)1 << 27) /* blocks: 16 TiB of data */

struct blockmap;

enum blockmap_mode {
	BLOCKMAP_READ,	/* nothing is written */
	BLOCKMAP_WRITE, /* it must exist */
	BLOCKMAP_MAKE,	/* made when missing, started anew when it is of another format */
};

/* A valid record as it was seen once. */
struct block_record {
	uint64_t seen;
	uint32_t crc; /* CRC-32C of the data */
	uint32_t len; /* bytes, 1..BLOCK_SIZE */
};

enum block_state {
	BLOCK_NONE, /* free or garbled */
	BLOCK_BUSY,
	BLOCK_VALID,
};

/* 0, -ENOENT (READ, WRITE), -EILSEQ for a foreign format (READ, WRITE), or the disk's -errno;
 * nothing is logged. */
int blockmap_open(const char *path, enum blockmap_mode mode, struct blockmap **out) MUST_CHECK;
struct blockmap *blockmap_close(struct blockmap *m); /* NULL ok; returns NULL */
bool blockmap_fresh(const struct blockmap *m);	     /* made by this very open */
bool blockmap_writable(const struct blockmap *m);
/* Unlinked or unreadable by now: what is recorded here helps nobody; open it anew. */
bool blockmap_gone(struct blockmap *m);

uint64_t blockmap_bytes(struct blockmap *m); /* of disk that the file takes */
bool blockmap_grown(struct blockmap *m);     /* since this was asked last, by this process */

/* *out is written for BLOCK_VALID only. */
enum block_state blockmap_get(struct blockmap *m, uint64_t blk, struct block_record *out);
/* The first valid one at or behind *blk; false: there is none. */
bool blockmap_next(struct blockmap *m, uint64_t *blk, struct block_record *out);
/* Is b, from blockmap_get(), still what is recorded? */
bool blockmap_same(struct blockmap *m, uint64_t blk, const struct block_record *b);
/* Raise the heat, up to its maximum. */
void blockmap_touch(struct blockmap *m, uint64_t blk, const struct block_record *b);
/* Lower the heat; false when it was 0 already. */
bool blockmap_cool(struct blockmap *m, uint64_t blk, const struct block_record *b);

/* Own a block that is BLOCK_NONE, or BUSY of another epoch.  0 and the ticket, -EEXIST (VALID),
 * -EBUSY, or why the map cannot grow. */
int blockmap_claim(struct blockmap *m, uint64_t blk, uint32_t epoch, uint64_t *ticket) MUST_CHECK;
/* Own the block that b was seen of; -EBUSY when it has changed. */
int blockmap_take(struct blockmap *m, uint64_t blk, const struct block_record *b, uint32_t epoch,
		  uint64_t *ticket) MUST_CHECK;
/* End the ownership: the data is written, or there is none.  -ESTALE: it had been taken over. */
int blockmap_publish(struct blockmap *m, uint64_t blk, uint64_t ticket, uint32_t crc,
		     uint32_t len) MUST_CHECK;
void blockmap_release(struct blockmap *m, uint64_t blk, uint64_t ticket);
/* Forget every block.  Only while nobody owns any, in any process: the gate is closed (usage.h). */
void blockmap_clear(struct blockmap *m);

#endif
