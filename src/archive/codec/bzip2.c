/* SPDX-License-Identifier: MPL-2.0 */
/* bzip2.c - bzip2 as codec.h wants it: a unit is one block.
 *
 * A block begins and ends at any bit.  To decode it alone a stream is made of it: a header, the
 * block's bits moved to whole bytes, and the end of a stream whose only block it is.  So libbz2
 * checks the block's CRC.  The CRC of a whole stream is not looked at: it is made of those of the
 * blocks and says nothing about their content.
 */
#include <bzlib.h>
#include <string.h>

#include "archive/codec/bzip2_scan.h"
#include "archive/codec/codec.h"

#define BLOCK_MAX \
	((size_t)2 << 20) /* no block of 900 000 bytes is as large when it is compressed */
#define BLOCK_BYTES 900000u
#define END_BITS 80u /* of a stream: 48 that say so, and a CRC */

static bool bzip2_match(const unsigned char *head, size_t n)
{
	return n >= 10 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
	       (memcmp(head + 4, "\x31\x41\x59\x26\x53\x59", 6) == 0 ||
		memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0);
}

/* ---- cutter ---- */

struct bzip2_cutter {
	struct cutter c;
	struct bzip2_scan scan;
	uint64_t from; /* file offset of the first byte gone through */
	uint64_t blocks;
	uint64_t
		end; /* bit behind a stream's end and its CRC, when that was the last that came by */
};

static int cutter_run(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out)
{
	struct bzip2_cutter *b = container_of(c, struct bzip2_cutter, c);
	enum bzip2_event e;
	uint64_t at;

	while ((e = bzip2_scan_run(&b->scan, in, n_in, &at)) == BZIP2_AT_END)
		b->end = at + END_BITS;
	if (e == BZIP2_NONE)
		return 0;
	b->end = UINT64_MAX;
	*out = (struct cut){ .in_bit = b->from * 8 + at, .weight = b->blocks++ * BLOCK_BYTES };
	return 1;
}

static int cutter_end(struct cutter *c)
{
	const struct bzip2_cutter *b = container_of(c, struct bzip2_cutter, c);

	return b->end <= b->scan.bytes * 8 ? 0 : -ENODATA;
}

static void bzip2_cutter_free(struct cutter *c)
{
	free(container_of(c, struct bzip2_cutter, c));
}

static int bzip2_cutter_new(struct reader *raw, const _Atomic bool *stop,
			    const struct gzip_point *from, struct cutter **out)
{
	static const struct cutter_ops ops = {
		.run = cutter_run,
		.end = cutter_end,
		.free = bzip2_cutter_free,
	};
	struct bzip2_cutter *b = calloc(1, sizeof(*b));

	(void)raw;
	(void)stop;
	if (!b)
		return -ENOMEM;
	b->c.ops = &ops;
	b->end = UINT64_MAX;
	b->from = from ? from->in_bit / 8 : 0;
	bzip2_scan_init(&b->scan);
	*out = &b->c;
	return 0;
}

/* ---- decoder ---- */

struct bzip2_decoder {
	struct decoder d;
	struct bzip2_scan scan;
	unsigned shift; /* bits of the first byte that are not the block's */
	bool begun;	/* the block's head has come */
	uint32_t crc;
	unsigned char *buf; /* the block as it is in the file, then the stream made of it */
	size_t len, cap;
	bool decoding, ended;
	bz_stream bz;
};

static int keep(struct bzip2_decoder *b, const unsigned char *p, size_t n)
{
	if (n > BLOCK_MAX - b->len)
		return -EBADMSG;
	if (b->len + n > b->cap) {
		size_t cap = MAX(b->cap * 2, b->len + n);
		unsigned char *buf = realloc(b->buf, cap);

		if (!buf)
			return -ENOMEM;
		b->buf = buf;
		b->cap = cap;
	}
	memcpy(b->buf + b->len, p, n);
	b->len += n;
	return 0;
}

/* Set n bits at a bit of zeros behind those that are there. */
static void put_bits(unsigned char *p, uint64_t at, uint64_t value, unsigned n)
{
	while (n-- > 0) {
		p[at / 8] |= (unsigned char)((value >> n & 1) << (7 - at % 8));
		at++;
	}
}

/* Make a stream of the bits [shift, end) of buf. */
static int make_stream(struct bzip2_decoder *b, uint64_t end)
{
	uint64_t bits = end - b->shift;
	size_t n = (size_t)((bits + 7) / 8);
	unsigned char *out = calloc(1, 4 + n + 11);

	if (!out)
		return -ENOMEM;
	memcpy(out, "BZh9", 4);
	for (size_t i = 0; i < n; i++) {
		unsigned next = i + 1 < b->len ? b->buf[i + 1] : 0;

		out[4 + i] = (unsigned char)(b->buf[i] << b->shift | next >> (8 - b->shift));
	}
	if (bits % 8 > 0)
		out[4 + n - 1] &= (unsigned char)(0xff00 >> bits % 8);
	put_bits(out + 4, bits, BZIP2_END, 48);
	put_bits(out + 4, bits + 48, b->crc, 32);
	free(b->buf);
	b->buf = out;
	b->len = 4 + (size_t)((bits + 80 + 7) / 8);
	b->bz.next_in = (char *)out;
	b->bz.avail_in = (unsigned)b->len;
	b->decoding = BZ2_bzDecompressInit(&b->bz, 0, 0) == BZ_OK;
	return b->decoding ? 0 : -ENOMEM;
}

/* Collect the block up to where something else begins. */
static int collect(struct bzip2_decoder *b, const unsigned char **in, size_t *n_in)
{
	while (*n_in > 0) {
		const unsigned char *start = *in;
		uint64_t at;
		enum bzip2_event e = bzip2_scan_run(&b->scan, in, n_in, &at);
		int r = keep(b, start, (size_t)(*in - start));

		if (r < 0)
			return r;
		if (e != BZIP2_NONE && b->begun)
			return make_stream(b, at);
		if (e == BZIP2_AT_END || (e == BZIP2_AT_BLOCK && at != b->shift))
			return -EBADMSG;
		if (e == BZIP2_AT_BLOCK) {
			b->begun = true;
			b->crc = bzip2_scan_crc(&b->scan, at);
		}
	}
	return 0;
}

static int decode(struct bzip2_decoder *b, unsigned char **out, size_t *n_out)
{
	int r = BZ_OK;

	b->bz.next_out = (char *)*out;
	b->bz.avail_out = (unsigned)MIN(*n_out, (size_t)1 << 30);
	while (r == BZ_OK && b->bz.avail_out > 0) {
		unsigned in = b->bz.avail_in, room = b->bz.avail_out;

		r = BZ2_bzDecompress(&b->bz);
		if (r == BZ_OK && b->bz.avail_in == in && b->bz.avail_out == room)
			r = BZ_DATA_ERROR; /* the block wants more than there is of it */
	}
	*n_out -= (size_t)((unsigned char *)b->bz.next_out - *out);
	*out = (unsigned char *)b->bz.next_out;
	b->ended = r == BZ_STREAM_END;
	if (r != BZ_OK && r != BZ_STREAM_END)
		return r == BZ_MEM_ERROR ? -ENOMEM : -EBADMSG;
	return b->ended;
}

static int run_decoder(struct decoder *d, const unsigned char **in, size_t *n_in,
		       unsigned char **out, size_t *n_out)
{
	struct bzip2_decoder *b = container_of(d, struct bzip2_decoder, d);
	int r = b->decoding ? 0 : collect(b, in, n_in);

	if (b->ended)
		return 1;
	return r == 0 && b->decoding ? decode(b, out, n_out) : r;
}

static int decoder_end(struct decoder *d)
{
	return container_of(d, struct bzip2_decoder, d)->ended ? 0 : -ENODATA;
}

static void bzip2_decoder_free(struct decoder *d)
{
	struct bzip2_decoder *b = container_of(d, struct bzip2_decoder, d);

	if (b->decoding)
		BZ2_bzDecompressEnd(&b->bz);
	free(b->buf);
	free(b);
}

static int bzip2_decoder_new(const struct gzip_point *from, const void *window, size_t n,
			     struct decoder **out)
{
	static const struct decoder_ops ops = {
		.run = run_decoder,
		.end = decoder_end,
		.free = bzip2_decoder_free,
	};
	struct bzip2_decoder *b = calloc(1, sizeof(*b));

	(void)window;
	(void)n;
	if (!b)
		return -ENOMEM;
	b->d.ops = &ops;
	b->shift = from ? from->in_bit % 8 : 0;
	bzip2_scan_init(&b->scan);
	*out = &b->d;
	return 0;
}

const struct codec codec_bzip2 = {
	.name = "bzip2",
	.overlap = BZIP2_HEAD_BYTES,
	.match = bzip2_match,
	.cutter = bzip2_cutter_new,
	.decoder = bzip2_decoder_new,
};
