/* SPDX-License-Identifier: MPL-2.0 */
/* xz_decoder.c - see xz_decoder.h. */
#include "archive/codec/xz_decoder.h"

#include <lzma.h>
#include <string.h>

/* A block's dictionary need not be larger than what the block decodes to. */
#define DICT_MAX ((uint32_t)UNIT_MAX)

enum state { AT_HEADER, IN_BLOCK, ENDED };

struct xz_decoder {
	struct decoder d;
	enum state state;
	lzma_check check;
	lzma_stream lzma;
	lzma_block block; /* its filters are needed as long as it is decoded */
	lzma_filter filters[LZMA_FILTERS_MAX + 1];
	bool open; /* filters hold something */
	size_t have;
	uint8_t header[LZMA_BLOCK_HEADER_SIZE_MAX];
};

static void close_block(struct xz_decoder *x)
{
	if (x->open)
		lzma_filters_free(x->filters, NULL);
	x->open = false;
}

static int to_errno(lzma_ret r)
{
	return r == LZMA_OK ? 0 : r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static void bound_dictionaries(lzma_filter *f)
{
	for (; f->id != LZMA_VLI_UNKNOWN; f++) {
		lzma_options_lzma *opt = f->id == LZMA_FILTER_LZMA2 ? f->options : NULL;

		if (opt)
			opt->dict_size = MIN(opt->dict_size, DICT_MAX);
	}
}

static int open_block(struct xz_decoder *x)
{
	lzma_ret r;

	x->block = (lzma_block){
		.version = 1,
		.check = x->check,
		.header_size = lzma_block_header_size_decode(x->header[0]),
		.filters = x->filters,
	};
	r = lzma_block_header_decode(&x->block, NULL, x->header);
	if (r != LZMA_OK)
		return to_errno(r);
	x->open = true;
	bound_dictionaries(x->filters);
	x->state = IN_BLOCK;
	x->have = 0;
	return to_errno(lzma_block_decoder(&x->lzma, &x->block));
}

/* Collect the next header.  1 = there is no block but the index. */
static int take_header(struct xz_decoder *x, const unsigned char **in, size_t *n_in)
{
	size_t want, k;

	if (x->have == 0) {
		x->header[x->have++] = *(*in)++;
		(*n_in)--;
	}
	if (x->header[0] == 0) { /* 4.1: the indicator of the index */
		x->state = ENDED;
		return 1;
	}
	want = lzma_block_header_size_decode(x->header[0]);
	k = MIN(want - x->have, *n_in);
	memcpy(x->header + x->have, *in, k);
	x->have += k;
	*in += k;
	*n_in -= k;
	return x->have == want ? open_block(x) : 0;
}

/* Decode with what there is.  *full: the room was. */
static int run_block(struct xz_decoder *x, const unsigned char **in, size_t *n_in,
		     unsigned char **out, size_t *n_out)
{
	lzma_ret r;

	x->lzma.next_in = *in;
	x->lzma.avail_in = *n_in;
	x->lzma.next_out = *out;
	x->lzma.avail_out = *n_out;
	r = lzma_code(&x->lzma, LZMA_RUN);
	*in = x->lzma.next_in;
	*n_in = x->lzma.avail_in;
	*out = x->lzma.next_out;
	*n_out = x->lzma.avail_out;
	if (r == LZMA_STREAM_END) { /* its padding and its check were right */
		close_block(x);
		x->state = AT_HEADER;
		return 0;
	}
	/* "No progress": there is nothing to do it with. */
	return r == LZMA_BUF_ERROR ? 0 : to_errno(r);
}

static int run_decoder(struct decoder *d, const unsigned char **in, size_t *n_in,
		       unsigned char **out, size_t *n_out)
{
	struct xz_decoder *x = container_of(d, struct xz_decoder, d);
	int r = x->state == ENDED;

	while (r == 0) {
		size_t in_before = *n_in, out_before = *n_out;

		if (x->state == AT_HEADER && *n_in == 0)
			return 0;
		r = x->state == AT_HEADER ? take_header(x, in, n_in)
					  : run_block(x, in, n_in, out, n_out);
		if (x->state == IN_BLOCK && *n_in == in_before && *n_out == out_before)
			return r;
	}
	return r;
}

static int decoder_end(struct decoder *d)
{
	const struct xz_decoder *x = container_of(d, struct xz_decoder, d);

	return x->state == ENDED || (x->state == AT_HEADER && x->have == 0) ? 0 : -ENODATA;
}

static void decoder_free_xz(struct decoder *d)
{
	struct xz_decoder *x = container_of(d, struct xz_decoder, d);

	lzma_end(&x->lzma);
	close_block(x);
	free(x);
}

int xz_decoder_new(const struct gzip_point *from, const void *window, size_t n,
		   struct decoder **out)
{
	static const struct decoder_ops ops = {
		.run = run_decoder,
		.end = decoder_end,
		.free = decoder_free_xz,
	};
	struct xz_decoder *x;

	(void)window;
	(void)n;
	if (!from || from->crc > LZMA_CHECK_ID_MAX)
		return -EUCLEAN; /* it is the index that is damaged */
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->d.ops = &ops;
	x->lzma = (lzma_stream)LZMA_STREAM_INIT;
	x->check = (lzma_check)from->crc;
	*out = &x->d;
	return 0;
}
