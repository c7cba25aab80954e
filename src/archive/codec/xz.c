/* SPDX-License-Identifier: MPL-2.0 */
/* xz.c - xz as codec.h wants it: a unit is a block, or some small ones of one stream.
 *
 * Where the blocks are says the index at the end of each stream, of which liblzma makes one for the whole
 * file: a few reads at its tail.  A file without it (cut off, or followed by garbage) is left
 * to libarchive.
 */
#include <lzma.h>
#include <string.h>

#include "archive/codec/codec.h"
#include "archive/codec/xz_decoder.h"

#define INDEX_MEMORY ((uint64_t)64 << 20) /* 4 million blocks and more */
#define STEP ((size_t)64 << 10)

static bool xz_match(const unsigned char *head, size_t n)
{
	return n >= 6 && memcmp(head, "\xfd\x37zXZ\0", 6) == 0;
}

/* ---- the index ---- */

/* Feed the decoder of the index, which asks for the places that it wants to see.  0 = it is done. */
static int run_decoder(lzma_stream *s, struct reader *raw, const _Atomic bool *stop,
		       unsigned char *buf)
{
	uint64_t pos = 0;

	for (;;) {
		lzma_ret r;

		if (s->avail_in == 0 && pos < raw->size) {
			int64_t n = reader_pread_wait(raw, buf, STEP, pos, stop);

			if (n < 0)
				return (int)n;
			s->next_in = buf;
			s->avail_in = (size_t)n;
			pos += (uint64_t)n;
		}
		r = lzma_code(s, LZMA_RUN);
		if (r == LZMA_SEEK_NEEDED) {
			pos = s->seek_pos;
			s->avail_in = 0;
		} else if (r != LZMA_OK) {
			return r == LZMA_STREAM_END ? 0 : r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
		}
	}
}

/* -EBADMSG: it has none, or a damaged or huge one. */
static int load_index(struct reader *raw, const _Atomic bool *stop, lzma_index **out)
{
	AUTO(auto_free) unsigned char *buf = malloc(STEP);
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_index *index = NULL;
	int r = -ENOMEM;

	if (buf && lzma_file_info_decoder(&s, &index, INDEX_MEMORY, raw->size) == LZMA_OK)
		r = run_decoder(&s, raw, stop, buf);
	lzma_end(&s);
	if (r == 0)
		*out = index;
	return r;
}

static int xz_probe(struct reader *raw, const _Atomic bool *stop)
{
	lzma_index *index = NULL;
	lzma_index_iter it;
	int r = load_index(raw, stop, &index);

	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	r = lzma_index_block_count(index) > 0;
	lzma_index_iter_init(&it, index);
	while (r == 1 && !lzma_index_iter_next(&it, LZMA_INDEX_ITER_BLOCK))
		r = it.block.uncompressed_size <= UNIT_MAX && it.block.total_size <= UNIT_MAX;
	lzma_index_end(index, NULL);
	return r;
}

/* ---- cutter ---- */

struct xz_cutter {
	struct cutter c;
	uint64_t pos; /* file offset of the next byte */
	lzma_index *index;
	lzma_index_iter it; /* the block that comes next */
	bool more;	    /* there is one */
	uint64_t stream;    /* of the block before it; 0 = none */
};

static void next_block(struct xz_cutter *x)
{
	x->stream = x->more ? x->it.stream.number : 0;
	x->more = !lzma_index_iter_next(&x->it, LZMA_INDEX_ITER_BLOCK);
}

static int cutter_run(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out)
{
	struct xz_cutter *x = container_of(c, struct xz_cutter, c);
	uint64_t at = x->more ? x->it.block.compressed_file_offset : UINT64_MAX;
	size_t k = (size_t)MIN(at - x->pos, *n_in);

	*in += k;
	*n_in -= k;
	x->pos += k;
	if (x->pos < at || *n_in == 0)
		return 0;
	*out = (struct cut){
		.in_bit = at * 8,
		.hint = (uint32_t)x->it.stream.flags->check,
		.weight = x->it.block.uncompressed_file_offset,
		.joins = x->it.stream.number == x->stream,
	};
	next_block(x);
	return 1;
}

static int cutter_end(struct cutter *c)
{
	return container_of(c, struct xz_cutter, c)->more ? -ENODATA : 0;
}

static void xz_cutter_free(struct cutter *c)
{
	struct xz_cutter *x = container_of(c, struct xz_cutter, c);

	lzma_index_end(x->index, NULL);
	free(x);
}

static int xz_cutter_new(struct reader *raw, const _Atomic bool *stop,
			 const struct gzip_point *from, struct cutter **out)
{
	static const struct cutter_ops ops = {
		.run = cutter_run,
		.end = cutter_end,
		.free = xz_cutter_free,
	};
	AUTO(auto_free) struct xz_cutter *x = calloc(1, sizeof(*x));
	int r = x ? load_index(raw, stop, &x->index) : -ENOMEM;

	if (r < 0)
		return r;
	x->c.ops = &ops;
	x->pos = from ? from->in_bit / 8 : 0;
	lzma_index_iter_init(&x->it, x->index);
	next_block(x);
	while (x->more && x->it.block.compressed_file_offset < x->pos)
		next_block(x);
	*out = &steal(&x)->c;
	return 0;
}

const struct codec codec_xz = {
	.name = "xz",
	.match = xz_match,
	.probe = xz_probe,
	.cutter = xz_cutter_new,
	.decoder = xz_decoder_new,
};
