/* SPDX-License-Identifier: MPL-2.0 */
/* lz4.c - lz4 as codec.h wants it: a unit is a run of blocks that do not refer to each other, or some
 * small frames.
 *
 * The hint of a unit that begins inside a frame: INSIDE, the frame's flags, and the largest block's
 * size; of one that begins at a frame 0.
 */
#include <lz4.h>
#include <string.h>

#include "archive/codec/codec.h"
#include "archive/codec/lz4_frame.h"
#include "archive/codec/xxh32.h"

#define WINDOW ((size_t)64 << 10) /* linked blocks refer so far back */
#define INSIDE 1u
#define BLOCK_SUMS 2u
#define CONTENT_SUM 4u
#define SIZE_SHIFT 8u		     /* of block_max, in bits as an exponent */
#define LOOK_MAX ((uint64_t)1 << 20) /* how far the first frame's end is looked for */
#define RATIO_MAX 255u		     /* decoded bytes for one in a block */
#define STEP ((size_t)64 << 10)

static bool lz4_match(const unsigned char *head, size_t n)
{
	return n >= 4 && ((memcmp(head, "\x04\x22\x4d\x18", 4) == 0) ||
			  (head[0] >> 4 == 5 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0));
}

static uint32_t hint_of(const struct lz4_walk *w)
{
	return INSIDE | (w->block_sums ? BLOCK_SUMS : 0u) | (w->content_sum ? CONTENT_SUM : 0u) |
	       (uint32_t)__builtin_ctz(w->block_max) << SIZE_SHIFT;
}

static int walk_from(struct lz4_walk *w, const struct gzip_point *from)
{
	uint32_t hint = from ? from->crc : 0, bits = hint >> SIZE_SHIFT;

	if (!hint)
		lz4_walk_init(w);
	else if (bits >= 16 && bits <= 22)
		lz4_walk_init_inside(w, hint & BLOCK_SUMS, hint & CONTENT_SUM, 1u << bits);
	else
		return -EUCLEAN; /* it is the index that is damaged */
	return 0;
}

/* ---- cutter ---- */

struct lz4_cutter {
	struct cutter c;
	struct lz4_walk w;
	uint64_t pos;  /* file offset of the next byte */
	uint64_t skip; /* of a block's data */
	uint64_t weight;
	bool first; /* the next block is its frame's first one */
};

static int found(struct lz4_cutter *l, uint32_t hint, struct cut *out)
{
	*out = (struct cut){
		.in_bit = (l->pos - 4) * 8,
		.hint = hint,
		.weight = l->weight,
		.joins = true,
	};
	return 1;
}

/* What the block decodes to, at most. */
static uint64_t block_bytes(const struct lz4_walk *w)
{
	return w->raw ? w->size : MIN((uint64_t)w->size * RATIO_MAX, w->block_max);
}

/* 1 = a unit may begin here. */
static int cut_at(struct lz4_cutter *l, int event, struct cut *out)
{
	bool cuts = false;

	switch (event) {
	case LZ4_FRAME:
		return found(l, 0, out);
	case LZ4_HEAD:
		l->first = true;
		return l->w.dict ? -EBADMSG : 0;
	case LZ4_BLOCK:
		cuts = !l->first && l->w.independent && found(l, hint_of(&l->w), out);
		l->first = false;
		l->skip = l->w.size;
		l->weight += block_bytes(&l->w);
		return cuts;
	default:
		return 0;
	}
}

static void pass_over(struct lz4_cutter *l, const unsigned char **in, size_t *n_in)
{
	size_t k = (size_t)MIN(l->skip, *n_in);

	l->skip -= k;
	l->pos += k;
	*in += k;
	*n_in -= k;
}

static int cutter_run(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out)
{
	struct lz4_cutter *l = container_of(c, struct lz4_cutter, c);
	int r = 0;

	while (r == 0) {
		const unsigned char *start;
		int event;

		pass_over(l, in, n_in);
		if (*n_in == 0)
			return 0;
		start = *in;
		event = lz4_walk_run(&l->w, in, n_in);
		l->pos += (uint64_t)(*in - start);
		r = event < 0 ? event : cut_at(l, event, out);
	}
	return r;
}

static int cutter_end(struct cutter *c)
{
	return lz4_walk_between(&container_of(c, struct lz4_cutter, c)->w) ? 0 : -ENODATA;
}

static void lz4_cutter_free(struct cutter *c)
{
	free(container_of(c, struct lz4_cutter, c));
}

static int lz4_cutter_new(struct reader *raw, const _Atomic bool *stop,
			  const struct gzip_point *from, struct cutter **out)
{
	static const struct cutter_ops ops = {
		.run = cutter_run,
		.end = cutter_end,
		.free = lz4_cutter_free,
	};
	AUTO(auto_free) struct lz4_cutter *l = calloc(1, sizeof(*l));
	int r = l ? walk_from(&l->w, from) : -ENOMEM;

	(void)raw;
	(void)stop;
	if (r < 0)
		return r;
	l->c.ops = &ops;
	l->pos = from ? from->in_bit / 8 : 0;
	*out = &steal(&l)->c;
	return 0;
}

/* ---- decoder ---- */

struct lz4_decoder {
	struct decoder d;
	struct lz4_walk w;
	bool whole;	       /* the frame was seen from its beginning */
	uint64_t content;      /* bytes decoded of the frame */
	struct xxh32 sum;      /* of these */
	unsigned char *packed; /* the block's data, block_max bytes of room */
	size_t n_packed, need;
	unsigned char *plain;	 /* WINDOW bytes of history, then the block's */
	size_t history, at, len; /* len bytes behind the history, of which `at` are handed out */
};

static int make_buffers(struct lz4_decoder *l)
{
	free(steal(&l->packed));
	free(steal(&l->plain));
	l->packed = malloc(l->w.block_max);
	l->plain = malloc(WINDOW + l->w.block_max);
	l->history = l->at = l->len = 0;
	return l->packed && l->plain ? 0 : -ENOMEM;
}

static int begin_frame(struct lz4_decoder *l)
{
	int r;

	if (l->w.dict)
		return -EBADMSG;
	l->whole = true;
	l->content = 0;
	xxh32_init(&l->sum);
	l->d.mark = (struct mark){ .what = MARK_BEGIN };
	r = make_buffers(l);
	return r < 0 ? r : DECODER_MARK;
}

/* What was decoded becomes the history of the next block. */
static void keep_history(struct lz4_decoder *l)
{
	size_t all = l->history + l->len, keep = MIN(all, WINDOW);

	memmove(l->plain + WINDOW - keep, l->plain + WINDOW + l->len - keep, keep);
	l->history = keep;
	l->at = l->len = 0;
}

/* The block's data is complete. */
static int decode_block(struct lz4_decoder *l)
{
	char *to = (char *)l->plain + WINDOW;
	int n = (int)l->n_packed;

	if (l->w.raw)
		memcpy(to, l->packed, l->n_packed);
	else
		n = LZ4_decompress_safe_usingDict((const char *)l->packed, to, n,
						  (int)l->w.block_max, to - l->history,
						  l->w.independent ? 0 : (int)l->history);
	if (n < 0)
		return -EBADMSG;
	l->len = (size_t)n;
	l->content += l->len;
	if (l->whole && l->w.content_sum)
		xxh32_add(&l->sum, to, l->len);
	return 0;
}

static int end_frame(struct lz4_decoder *l)
{
	if (l->whole && l->w.content_size != UINT64_MAX && l->w.content_size != l->content)
		return -EBADMSG;
	if (l->whole && l->w.has_sum && l->w.sum != xxh32_end(&l->sum))
		return -EBADMSG;
	l->whole = false;
	l->d.mark = (struct mark){ .what = MARK_END, .sum = l->w.sum };
	return l->w.has_sum ? DECODER_MARK : 0;
}

static int on_event(struct lz4_decoder *l, int event)
{
	switch (event) {
	case LZ4_HEAD:
		return begin_frame(l);
	case LZ4_BLOCK:
		l->n_packed = 0;
		l->need = l->w.size;
		return 0;
	case LZ4_CHECK:
		return l->w.sum == xxh32_of(l->packed, l->n_packed) ? decode_block(l) : -EBADMSG;
	case LZ4_END:
		return end_frame(l);
	default:
		return MIN(event, 0);
	}
}

/* Collect the block's data.  Without a checksum behind it, it is decoded at once. */
static int collect(struct lz4_decoder *l, const unsigned char **in, size_t *n_in)
{
	size_t k = MIN(l->need, *n_in);

	memcpy(l->packed + l->n_packed, *in, k);
	l->n_packed += k;
	l->need -= k;
	*in += k;
	*n_in -= k;
	return l->need == 0 && !l->w.block_sums ? decode_block(l) : 0;
}

static void hand_out(struct lz4_decoder *l, unsigned char **out, size_t *n_out)
{
	size_t k = MIN(l->len - l->at, *n_out);

	if (k > 0)
		memcpy(*out, l->plain + WINDOW + l->at, k);
	l->at += k;
	*out += k;
	*n_out -= k;
	if (l->len > 0 && l->at == l->len)
		keep_history(l);
}

static int run_decoder(struct decoder *d, const unsigned char **in, size_t *n_in,
		       unsigned char **out, size_t *n_out)
{
	struct lz4_decoder *l = container_of(d, struct lz4_decoder, d);
	int r = 0;

	for (;;) {
		hand_out(l, out, n_out);
		if (r != 0 || l->len > 0 || *n_in == 0)
			return r;
		r = l->need > 0 ? collect(l, in, n_in) : on_event(l, lz4_walk_run(&l->w, in, n_in));
	}
}

/* Inside a frame is as well: that is where most units end. */
static int decoder_end(struct decoder *d)
{
	const struct lz4_decoder *l = container_of(d, struct lz4_decoder, d);

	return l->need == 0 && l->w.have == 0 ? 0 : -ENODATA;
}

static void lz4_decoder_free(struct decoder *d)
{
	struct lz4_decoder *l = container_of(d, struct lz4_decoder, d);

	free(l->packed);
	free(l->plain);
	free(l);
}

static int lz4_decoder_new(const struct gzip_point *from, const void *window, size_t n,
			   struct decoder **out)
{
	static const struct decoder_ops ops = {
		.run = run_decoder,
		.end = decoder_end,
		.free = lz4_decoder_free,
	};
	struct lz4_decoder *l = calloc(1, sizeof(*l));
	int r = l ? walk_from(&l->w, from) : -ENOMEM;

	(void)window;
	(void)n;
	if (r == 0 && l->w.block_max > 0)
		r = make_buffers(l);
	if (r < 0) {
		if (l)
			lz4_decoder_free(&l->d);
		return r;
	}
	l->d.ops = &ops;
	*out = &l->d;
	return 0;
}

/* ---- probe ---- */

/* Has the frame independent blocks, or says it its size?  1, 0, -EAGAIN = its end would tell. */
static int judge(const struct lz4_walk *w)
{
	if (w->dict)
		return 0;
	if (w->independent)
		return 1;
	return w->content_size == UINT64_MAX ? -EAGAIN : w->content_size <= UNIT_MAX;
}

/* Read on until it is clear. */
static int look(struct lz4_cutter *l, const unsigned char *in, size_t n_in, int seen)
{
	struct cut cut;
	int r = seen;

	while (r == -EAGAIN && n_in > 0) {
		int e = cutter_run(&l->c, &in, &n_in, &cut);

		if (e < 0)
			return 1; /* the pass will say what is wrong */
		if (l->w.block_max > 0 &&
		    !l->first) /* the first block has begun: the header is known */
			r = judge(&l->w);
		if (e == 1 && cut.in_bit > 0 && l->weight > 0)
			return 1; /* a second frame */
	}
	return r;
}

static int lz4_probe(struct reader *raw, const _Atomic bool *stop)
{
	AUTO(auto_free) unsigned char *buf = malloc(STEP);
	AUTO(auto_cutter_free) struct cutter *c = NULL;
	int r = buf ? lz4_cutter_new(raw, stop, NULL, &c) : -ENOMEM;

	if (r == 0)
		r = -EAGAIN;
	for (uint64_t off = 0; r == -EAGAIN && off < LOOK_MAX;) {
		int64_t n = reader_pread_wait(raw, buf, STEP, off, stop);

		if (n <= 0)
			return n < 0 ? (int)n : 1;
		off += (uint64_t)n;
		r = look(container_of(c, struct lz4_cutter, c), buf, (size_t)n, r);
	}
	return r == -EAGAIN ? 0 : r;
}

const struct codec codec_lz4 = {
	.name = "lz4",
	.match = lz4_match,
	.probe = lz4_probe,
	.cutter = lz4_cutter_new,
	.decoder = lz4_decoder_new,
};
