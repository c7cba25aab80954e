/* SPDX-License-Identifier: MPL-2.0 */
/* bzip2.c - bzip2 as codec.h wants it: a unit is a block, or some small ones, of one stream or several.
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
	((size_t)2 << 20)   /* no block of 900 000 bytes is as large when it is compressed */
#define LOOK ((size_t)4096) /* bytes gone through at once between blocks */
#define BLOCK_BYTES 900000u
#define SMALL_BITS \
	((uint64_t)64 << 13) /* a block of less can be decoded together with the next one */
#define END_BITS 80u	     /* of a stream: 48 that say so, and a CRC */

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
	uint64_t from;	       /* file offset of the first byte gone through */
	uint64_t blocks, last; /* found, and the bit at which the last one begins */
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
	*out = (struct cut){
		.in_bit = b->from * 8 + at,
		.weight = b->blocks * BLOCK_BYTES,
		.joins = b->blocks > 0 && at - b->last < SMALL_BITS,
	};
	b->blocks++;
	b->last = at;
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
	unsigned shift;	 /* bits of the unit's first byte that are not the first block's */
	uint64_t blocks; /* that have begun */
	bool inside;	 /* one whose end has not come */
	uint64_t start;	 /* of that: bit of the unit's bytes */
	uint32_t crc;
	uint64_t from; /* byte of the unit that buf begins with: a block as it is in the file */
	unsigned char *buf;
	size_t len, cap;
	unsigned char *stream; /* made of the one before: it is decoded now */
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

/* Make a stream of the block that ends at a bit. */
static int make_stream(struct bzip2_decoder *b, uint64_t end)
{
	unsigned shift = b->start % 8;
	uint64_t bits = end - b->start;
	size_t n = (size_t)((bits + 7) / 8), len = 4 + (size_t)((bits + END_BITS + 7) / 8);
	unsigned char *out = calloc(1, 4 + n + 11);

	if (!out)
		return -ENOMEM;
	memcpy(out, "BZh9", 4);
	for (size_t i = 0; i < n; i++) {
		unsigned next = i + 1 < b->len ? b->buf[i + 1] : 0;

		out[4 + i] = (unsigned char)(b->buf[i] << shift | next >> (8 - shift));
	}
	if (bits % 8 > 0)
		out[4 + n - 1] &= (unsigned char)(0xff00 >> bits % 8);
	put_bits(out + 4, bits, BZIP2_END, 48);
	put_bits(out + 4, bits + 48, b->crc, 32);
	b->bz = (bz_stream){ .next_in = (char *)out, .avail_in = (unsigned)len };
	if (BZ2_bzDecompressInit(&b->bz, 0, 0) != BZ_OK) {
		free(out);
		return -ENOMEM;
	}
	b->stream = out;
	return 0;
}

static void end_stream(struct bzip2_decoder *b)
{
	if (b->stream)
		BZ2_bzDecompressEnd(&b->bz);
	free(steal(&b->stream));
}

/* The bytes before that of the unit are not needed any more. */
static void forget(struct bzip2_decoder *b, uint64_t byte)
{
	size_t n = (size_t)MIN(byte - MIN(byte, b->from), b->len);

	if (n == 0)
		return;
	memmove(b->buf, b->buf + n, b->len - n);
	b->len -= n;
	b->from += n;
}

/* Something begins at a bit, and the block before it ends. */
static int on_event(struct bzip2_decoder *b, enum bzip2_event e, uint64_t at)
{
	int r = b->inside ? make_stream(b, at) : 0;

	if (r == 0 && b->blocks == 0 && (e != BZIP2_AT_BLOCK || at != b->shift))
		r = -EBADMSG;
	forget(b, at / 8);
	b->inside = e == BZIP2_AT_BLOCK;
	b->start = at;
	if (b->inside) {
		b->blocks++;
		b->crc = bzip2_scan_crc(&b->scan, at);
	}
	return r;
}

/* Collect up to where a block ends. */
static int collect(struct bzip2_decoder *b, const unsigned char **in, size_t *n_in)
{
	int r = 0;

	while (r == 0 && !b->stream && *n_in > 0) {
		const unsigned char *start = *in;
		size_t n = b->inside ? *n_in : MIN(*n_in, LOOK);
		uint64_t at;
		enum bzip2_event e;

		if (!b->inside) /* what can be the beginning of something is kept */
			forget(b, b->scan.bytes - MIN(b->scan.bytes, BZIP2_HEAD_BYTES + 1));
		e = bzip2_scan_run(&b->scan, in, &n, &at);
		n = (size_t)(*in - start);
		*n_in -= n;
		r = keep(b, start, n);
		if (r == 0 && e != BZIP2_NONE)
			r = on_event(b, e, at);
	}
	return r;
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
	if (r == BZ_STREAM_END)
		end_stream(b);
	else if (r != BZ_OK)
		return r == BZ_MEM_ERROR ? -ENOMEM : -EBADMSG;
	return 0;
}

static int run_decoder(struct decoder *d, const unsigned char **in, size_t *n_in,
		       unsigned char **out, size_t *n_out)
{
	struct bzip2_decoder *b = container_of(d, struct bzip2_decoder, d);
	int r = 0;

	while (r == 0 && (b->stream || *n_in > 0)) {
		r = b->stream ? decode(b, out, n_out) : collect(b, in, n_in);
		if (b->stream && *n_out == 0)
			break;
	}
	return r;
}

/* The head of the next unit's first block, which tells where this unit ends, has come as well. */
static int decoder_end(struct decoder *d)
{
	const struct bzip2_decoder *b = container_of(d, struct bzip2_decoder, d);
	bool only_head = b->blocks > 1 && b->scan.bytes - b->start / 8 <= BZIP2_HEAD_BYTES + 1;

	return b->blocks > 0 && !b->stream && (!b->inside || only_head) ? 0 : -ENODATA;
}

static void bzip2_decoder_free(struct decoder *d)
{
	struct bzip2_decoder *b = container_of(d, struct bzip2_decoder, d);

	end_stream(b);
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
