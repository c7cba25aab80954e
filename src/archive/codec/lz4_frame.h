/* SPDX-License-Identifier: MPL-2.0 */
/* lz4_frame.h - a walk through lz4 frames, without decoding (LZ4 Frame Format Description 1.6).
 *
 * What needs a look is collected here, the data of blocks is the caller's.  Threads: one owner.
 */
#ifndef ARCHIVE_LZ4_FRAME_H
#define ARCHIVE_LZ4_FRAME_H

#include "base/util.h"

#define LZ4_FRAME_HEADER_MAX 15u /* behind the magic number */

enum lz4_event {
	LZ4_MORE,  /* the input is used up */
	LZ4_FRAME, /* a frame begins 4 bytes back; its header comes next */
	LZ4_HEAD,  /* its header is known now */
	LZ4_BLOCK, /* a block begins 4 bytes back: `size` bytes of data come next, the caller's */
	LZ4_CHECK, /* behind them: the block's checksum is in sum */
	LZ4_END	   /* the frame has ended; has_sum: the content's checksum is in sum */
};

struct lz4_walk {
	/* of this frame */
	bool independent, block_sums, content_sum, dict;
	uint64_t content_size; /* UINT64_MAX: not said */
	uint32_t block_max;
	/* of this event */
	uint32_t size;
	bool raw; /* the block is stored */
	uint32_t sum;
	bool has_sum;

	int state; /* the rest is private */
	uint64_t skip;
	size_t have, want;
	unsigned char hold[LZ4_FRAME_HEADER_MAX];
};

void lz4_walk_init(struct lz4_walk *w); /* at a frame, or between frames */
/* At the size of a block, in a frame whose header says that. */
void lz4_walk_init_inside(struct lz4_walk *w, bool block_sums, bool content_sum,
			  uint32_t block_max);
/* The next event; -EBADMSG: this cannot be. */
int lz4_walk_run(struct lz4_walk *w, const unsigned char **in, size_t *n_in) MUST_CHECK;
/* May the input end here? */
bool lz4_walk_between(const struct lz4_walk *w);

#endif
