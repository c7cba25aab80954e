/* SPDX-License-Identifier: MPL-2.0 */
/* bzip2_scan.h - find where bzip2 blocks and streams begin and end: 48 bits, at any bit.
 *
 * By chance a block's occur once in 2^48 bits.  So the pointer behind them is looked at as well: it lies
 * inside the largest block.  That leaves one mistake in some thousand files of 100 GB, which is seen
 * as damage.
 */
#ifndef ARCHIVE_BZIP2_SCAN_H
#define ARCHIVE_BZIP2_SCAN_H

#include "base/util.h"

#define BZIP2_BLOCK 0x314159265359u
#define BZIP2_END 0x177245385090u /* behind a stream's last block */
#define BZIP2_HEAD_BYTES 14u	  /* what is gone through of a block before it is told, at most */

enum bzip2_event { BZIP2_NONE, BZIP2_AT_BLOCK, BZIP2_AT_END };

struct bzip2_scan {
	uint64_t bytes;			    /* gone through */
	uint64_t window, before;	    /* the last 8 of them, and the 8 before those */
	uint8_t at_block[256], at_end[256]; /* shifts at which a byte may be part of these */
};

void bzip2_scan_init(struct bzip2_scan *s);
/* Go on to the next place; *at is its first bit, counted from the first byte. */
enum bzip2_event bzip2_scan_run(struct bzip2_scan *s, const unsigned char **in, size_t *n_in,
				uint64_t *at);
/* The CRC of the block that was told last. */
uint32_t bzip2_scan_crc(const struct bzip2_scan *s, uint64_t at);

#endif
