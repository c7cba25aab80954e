/* SPDX-License-Identifier: MPL-2.0 */
/* lz4_frame.c - see lz4_frame.h. */
#include "archive/codec/lz4_frame.h"

#include <errno.h>
#include <string.h>

#include "archive/codec/xxh32.h"

#define MAGIC 0x184d2204u
#define SKIPPABLE 0x184d2a50u /* the low four bits may be anything */

enum { AT_MAGIC, AT_SKIP_SIZE, AT_FLAGS, AT_HEADER, AT_BLOCK, AT_BLOCK_SUM, AT_CONTENT_SUM };

static uint64_t le(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

static void expect(struct lz4_walk *w, int state, size_t want)
{
	w->state = state;
	w->have = 0;
	w->want = want;
}

void lz4_walk_init(struct lz4_walk *w)
{
	*w = (struct lz4_walk){ 0 };
	expect(w, AT_MAGIC, 4);
}

void lz4_walk_init_inside(struct lz4_walk *w, bool block_sums, bool content_sum, uint32_t block_max)
{
	*w = (struct lz4_walk){
		.independent = true,
		.block_sums = block_sums,
		.content_sum = content_sum,
		.content_size = UINT64_MAX,
		.block_max = block_max,
	};
	expect(w, AT_BLOCK, 4);
}

/* Pass over skippable frames, then collect.  True: all that is wanted is in hold. */
static bool collect(struct lz4_walk *w, const unsigned char **in, size_t *n_in)
{
	size_t k = (size_t)MIN(w->skip, *n_in);

	w->skip -= k;
	*in += k;
	*n_in -= k;
	if (w->skip > 0)
		return false;
	k = MIN(w->want - w->have, *n_in);
	memcpy(w->hold + w->have, *in, k);
	w->have += k;
	*in += k;
	*n_in -= k;
	return w->have == w->want;
}

static int at_magic(struct lz4_walk *w)
{
	uint32_t magic = (uint32_t)le(w->hold, 4);

	if ((magic & ~0xfu) == SKIPPABLE) {
		expect(w, AT_SKIP_SIZE, 4);
		return LZ4_MORE;
	}
	expect(w, AT_FLAGS, 2);
	return magic == MAGIC ? LZ4_FRAME : -EBADMSG;
}

/* FLG: version, independence, block checksums, content size, content checksum, dictionary. */
static int at_flags(struct lz4_walk *w)
{
	unsigned flags = w->hold[0], size_id = w->hold[1] >> 4 & 7;

	if (flags >> 6 != 1 || flags & 2 || w->hold[1] & 0x8f || size_id < 4)
		return -EBADMSG;
	w->independent = flags >> 5 & 1;
	w->block_sums = flags >> 4 & 1;
	w->content_sum = flags >> 2 & 1;
	w->dict = flags & 1;
	w->content_size = flags >> 3 & 1 ? 0 : UINT64_MAX;
	w->block_max = 1u << (2 * size_id + 8);
	w->state = AT_HEADER;
	w->want = 2u + (flags >> 3 & 1 ? 8 : 0) + (w->dict ? 4 : 0) + 1;
	return LZ4_MORE;
}

static int at_header(struct lz4_walk *w)
{
	size_t n = w->want - 1;

	if ((xxh32_of(w->hold, n) >> 8 & 0xff) != w->hold[n])
		return -EBADMSG;
	if (w->content_size == 0)
		w->content_size = le(w->hold + 2, 8);
	expect(w, AT_BLOCK, 4);
	return LZ4_HEAD;
}

static int end_frame(struct lz4_walk *w, bool has_sum)
{
	w->has_sum = has_sum;
	w->sum = has_sum ? (uint32_t)le(w->hold, 4) : 0;
	expect(w, AT_MAGIC, 4);
	return LZ4_END;
}

static int at_block(struct lz4_walk *w)
{
	uint32_t v = (uint32_t)le(w->hold, 4);

	if (v == 0 && w->content_sum) {
		expect(w, AT_CONTENT_SUM, 4);
		return LZ4_MORE;
	}
	if (v == 0)
		return end_frame(w, false);
	w->raw = v >> 31;
	w->size = v & 0x7fffffffu;
	if (w->size > w->block_max)
		return -EBADMSG;
	expect(w, w->block_sums ? AT_BLOCK_SUM : AT_BLOCK, 4);
	return LZ4_BLOCK;
}

static int parse(struct lz4_walk *w)
{
	switch (w->state) {
	case AT_MAGIC:
		return at_magic(w);
	case AT_SKIP_SIZE:
		w->skip = le(w->hold, 4);
		expect(w, AT_MAGIC, 4);
		return LZ4_MORE;
	case AT_FLAGS:
		return at_flags(w);
	case AT_HEADER:
		return at_header(w);
	case AT_BLOCK:
		return at_block(w);
	case AT_BLOCK_SUM:
		w->sum = (uint32_t)le(w->hold, 4);
		expect(w, AT_BLOCK, 4);
		return LZ4_CHECK;
	default:
		return end_frame(w, true);
	}
}

int lz4_walk_run(struct lz4_walk *w, const unsigned char **in, size_t *n_in)
{
	int r = LZ4_MORE;

	while (r == LZ4_MORE && collect(w, in, n_in))
		r = parse(w);
	return r;
}

bool lz4_walk_between(const struct lz4_walk *w)
{
	return w->state == AT_MAGIC && w->have == 0 && w->skip == 0;
}
