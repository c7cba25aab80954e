/* SPDX-License-Identifier: MPL-2.0 */
/* xz_index.c - see xz_index.h.
 *
 * Only a stream's footer says where its index begins, and only the index where the stream does: so
 * they are gone through from the file's end to its beginning, through a window of its bytes.
 */
#include "archive/codec/xz_index.h"

#include <errno.h>
#include <lzma.h>
#include <string.h>

#define BLOCKS_MAX ((size_t)1 << 22)
#define STREAMS_MAX 65536u /* each of them is looked for */
#define INDEX_MEMORY ((uint64_t)64 << 20)
#define PADDING_MAX ((uint64_t)16 << 20) /* behind a stream, zeros: more is no file of use */
#define WINDOW ((size_t)64 << 10)

struct walk {
	struct reader *raw;
	const _Atomic bool *stop;
	uint64_t pos; /* file offset: what lies behind is done */
	uint32_t streams;
	uint64_t from; /* file offset of the window */
	size_t n;
	unsigned char window[WINDOW];
	struct xz_index index; /* from the last block on */
};

void xz_index_free(struct xz_index *x)
{
	free(steal(&x->blocks));
	x->n = x->cap = 0;
}

/* The n <= WINDOW bytes before `end`; those before them are the next ones to be asked for. */
static int look(struct walk *w, uint64_t end, size_t n, const unsigned char **out)
{
	if (end < n)
		return -EBADMSG;
	if (end - n < w->from || end > w->from + w->n) {
		size_t want = (size_t)MIN(end, WINDOW);

		w->n = 0;
		w->from = end - want;
		while (w->n < want) {
			int64_t got = reader_pread_wait(w->raw, w->window + w->n, want - w->n,
							w->from + w->n, w->stop);

			if (got <= 0)
				return got < 0 ? (int)got : -EIO;
			w->n += (size_t)got;
		}
	}
	*out = w->window + (end - n - w->from);
	return 0;
}

static int to_errno(lzma_ret r)
{
	return r == LZMA_OK || r == LZMA_STREAM_END ? 0 : r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

/* 2.2: zeros, four at a time. */
static int skip_padding(struct walk *w)
{
	uint64_t before = w->pos;
	const unsigned char *p;
	int r;

	while ((r = look(w, w->pos, 4, &p)) == 0 && memcmp(p, "\0\0\0\0", 4) == 0) {
		w->pos -= 4;
		if (before - w->pos > PADDING_MAX)
			return -EBADMSG;
	}
	return r;
}

/* The index lies in the `size` bytes before w->pos. */
static int decode_index(struct walk *w, uint64_t size, lzma_index **out)
{
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_ret e = lzma_index_decoder(&s, out, INDEX_MEMORY);
	int r = 0;

	for (uint64_t left = size; r == 0 && e == LZMA_OK && left > 0;) {
		size_t n = (size_t)MIN(left, WINDOW);

		r = look(w, w->pos - left + n, n, &s.next_in);
		s.avail_in = n;
		left -= n;
		if (r == 0)
			e = lzma_code(&s, LZMA_RUN);
	}
	lzma_end(&s);
	if (r == 0 && e != LZMA_STREAM_END)
		r = e == LZMA_OK ? -EBADMSG : to_errno(e);
	return r;
}

static int add_block(struct xz_index *x, const struct xz_block *b)
{
	if (x->n == BLOCKS_MAX)
		return -EBADMSG;
	if (x->n == x->cap) {
		size_t cap = MAX(x->cap * 2, 64);
		struct xz_block *blocks = realloc(x->blocks, cap * sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		x->blocks = blocks;
		x->cap = cap;
	}
	x->blocks[x->n++] = *b;
	return 0;
}

static void turn_round(struct xz_block *b, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct xz_block last = b[n - 1 - i];

		b[n - 1 - i] = b[i];
		b[i] = last;
	}
}

/* The blocks of the stream that begins at w->pos. */
static int add_blocks(struct walk *w, const lzma_index *index, lzma_check check)
{
	size_t first = w->index.n;
	lzma_index_iter it;
	int r = 0;

	lzma_index_iter_init(&it, index);
	while (r == 0 && !lzma_index_iter_next(&it, LZMA_INDEX_ITER_BLOCK)) {
		struct xz_block b = {
			.offset = w->pos + it.block.compressed_file_offset,
			.packed = it.block.total_size,
			.size = it.block.uncompressed_size,
			.check = (uint32_t)check,
			.stream = w->streams,
		};

		r = add_block(&w->index, &b);
	}
	turn_round(w->index.blocks + first, w->index.n - first);
	return r;
}

/* The stream before the index, whose first byte is at w->pos: its header must be as its footer. */
static int begin_stream(struct walk *w, const lzma_index *index, const lzma_stream_flags *footer)
{
	uint64_t blocks = lzma_index_total_size(index);
	const unsigned char *p;
	lzma_stream_flags header;
	int r = w->pos < blocks ? -EBADMSG : look(w, w->pos - blocks, LZMA_STREAM_HEADER_SIZE, &p);

	if (r < 0)
		return r;
	if (lzma_stream_header_decode(&header, p) != LZMA_OK ||
	    lzma_stream_flags_compare(&header, footer) != LZMA_OK)
		return -EBADMSG;
	w->pos -= blocks + LZMA_STREAM_HEADER_SIZE;
	return add_blocks(w, index, footer->check);
}

/* The stream that ends at w->pos. */
static int last_stream(struct walk *w)
{
	lzma_index *index = NULL;
	lzma_stream_flags footer;
	const unsigned char *p;
	int r = look(w, w->pos, LZMA_STREAM_HEADER_SIZE, &p);

	if (r < 0)
		return r;
	if (++w->streams > STREAMS_MAX || lzma_stream_footer_decode(&footer, p) != LZMA_OK)
		return -EBADMSG;
	w->pos -= LZMA_STREAM_HEADER_SIZE;
	if (footer.backward_size > w->pos)
		return -EBADMSG;
	r = decode_index(w, footer.backward_size, &index);
	w->pos -= footer.backward_size;
	if (r == 0)
		r = begin_stream(w, index, &footer);
	lzma_index_end(index, NULL);
	return r;
}

/* From the last block on: in order, and where each one's output lies. */
static int put_in_order(struct xz_index *x)
{
	uint64_t out = 0;

	turn_round(x->blocks, x->n);
	for (size_t i = 0; i < x->n; i++) {
		x->blocks[i].out = out;
		if (__builtin_add_overflow(out, x->blocks[i].size, &out))
			return -EBADMSG;
	}
	return 0;
}

int xz_index_load(struct reader *raw, const _Atomic bool *stop, struct xz_index *out)
{
	AUTO(auto_free) struct walk *w = calloc(1, sizeof(*w));
	int r = w ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	w->raw = raw;
	w->stop = stop;
	w->pos = raw->size;
	do {
		r = skip_padding(w);
		if (r == 0)
			r = last_stream(w);
	} while (r == 0 && w->pos > 0);
	if (r == 0)
		r = put_in_order(&w->index);
	if (r < 0)
		xz_index_free(&w->index);
	else
		*out = w->index;
	return r;
}
