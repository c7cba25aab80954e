/* SPDX-License-Identifier: MPL-2.0 */
/* xz.c - xz as codec.h wants it: a unit is a block, or some small ones of one stream.
 *
 * Where the blocks are says the index at the end of each stream: mostly a few reads at the file's tail.
 * A file without it (cut off, or followed by garbage), or one of very many streams, is left to
 * libarchive.
 */
#include <string.h>

#include "archive/codec/codec.h"
#include "archive/codec/xz_decoder.h"
#include "archive/codec/xz_index.h"

static bool xz_match(const unsigned char *head, size_t n)
{
	return n >= 6 && memcmp(head, "\xfd\x37zXZ\0", 6) == 0;
}

static int xz_probe(struct reader *raw, const _Atomic bool *stop)
{
	struct xz_index index = { 0 };
	int r = xz_index_load(raw, stop, &index);

	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	r = index.n > 0;
	for (size_t i = 0; i < index.n && r == 1; i++)
		r = index.blocks[i].size <= UNIT_MAX && index.blocks[i].packed <= UNIT_MAX;
	xz_index_free(&index);
	return r;
}

/* ---- cutter ---- */

struct xz_cutter {
	struct cutter c;
	uint64_t pos; /* file offset of the next byte */
	struct xz_index index;
	size_t next; /* the block that comes next */
};

static const struct xz_block *next_block(const struct xz_cutter *x)
{
	return x->next < x->index.n ? &x->index.blocks[x->next] : NULL;
}

static int cutter_run(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out)
{
	struct xz_cutter *x = container_of(c, struct xz_cutter, c);
	const struct xz_block *b = next_block(x);
	uint64_t at = b ? b->offset : UINT64_MAX;
	size_t k = (size_t)MIN(at - x->pos, *n_in);

	*in += k;
	*n_in -= k;
	x->pos += k;
	if (x->pos < at || *n_in == 0)
		return 0;
	*out = (struct cut){
		.in_bit = at * 8,
		.hint = b->check,
		.weight = b->out,
		.joins = x->next > 0 && b[-1].stream == b->stream,
	};
	x->next++;
	return 1;
}

static int cutter_end(struct cutter *c)
{
	return next_block(container_of(c, struct xz_cutter, c)) ? -ENODATA : 0;
}

static void xz_cutter_free(struct cutter *c)
{
	struct xz_cutter *x = container_of(c, struct xz_cutter, c);

	xz_index_free(&x->index);
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
	int r = x ? xz_index_load(raw, stop, &x->index) : -ENOMEM;

	if (r < 0)
		return r;
	x->c.ops = &ops;
	x->pos = from ? from->in_bit / 8 : 0;
	while (next_block(x) && next_block(x)->offset < x->pos)
		x->next++;
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
