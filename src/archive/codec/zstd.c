/* SPDX-License-Identifier: MPL-2.0 */
/* zstd.c - zstd as codec.h wants it (RFC 8878): a unit is one frame, or a few small ones.
 *
 * Files of several frames come from pzstd (each frame behind a skippable frame that holds its
 * size), from writers of the seekable format (a table of the frames in a last skippable frame), or
 * from concatenation.
 */
#include <string.h>
#include <zstd.h>

#include "archive/codec/codec.h"

#define MAGIC 0xfd2fb528u
#define SKIPPABLE 0x184d2a50u /* the low four bits may be anything */
#define SEEKABLE 0x8f92eab1u
#define SEEK_FOOTER 9u
#define BLOCK_MAX ((uint64_t)128 << 10)
#define HEADER_MAX 14u		     /* behind the magic number */
#define LOOK_MAX ((uint64_t)1 << 20) /* how far the first frame's end is looked for */
#define STEP ((size_t)64 << 10)
#define UNKNOWN UINT64_MAX

static uint64_t le(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* ---- headers ---- */

static const unsigned char dict_bytes[4] = { 0, 1, 2, 4 };

static unsigned size_bytes(unsigned char descriptor)
{
	bool single = descriptor >> 5 & 1;

	return descriptor >> 6 ? 1u << (descriptor >> 6) : single;
}

/* RFC 8878 3.1.1.1: bytes of a frame header behind the magic number. */
static size_t header_size(unsigned char descriptor)
{
	bool single = descriptor >> 5 & 1;

	return 1u + !single + dict_bytes[descriptor & 3] + size_bytes(descriptor);
}

/* The decoded size that the header states, or UNKNOWN. */
static uint64_t content_size(const unsigned char *header)
{
	unsigned n = size_bytes(header[0]);

	if (n == 0)
		return UNKNOWN;
	return le(header + header_size(header[0]) - n, n) + (n == 2 ? 256 : 0);
}

/* ---- cutter ---- */

enum state { AT_MAGIC, AT_SKIP_SIZE, AT_DESCRIPTOR, AT_HEADER, AT_BLOCK };

struct zstd_cutter {
	struct cutter c;
	enum state state;
	uint64_t pos;  /* file offset of the next byte */
	uint64_t skip; /* bytes that need no look */
	uint64_t weight;
	bool checksum, sized;
	size_t have, want;
	unsigned char hold[HEADER_MAX];
};

static void expect(struct zstd_cutter *z, enum state state, size_t want)
{
	z->state = state;
	z->have = 0;
	z->want = want;
}

/* Pass over what needs no look, then collect.  True: all that is wanted is in hold. */
static bool collect(struct zstd_cutter *z, const unsigned char **in, size_t *n_in)
{
	size_t k = (size_t)MIN(z->skip, *n_in);

	z->skip -= k;
	z->pos += k;
	*in += k;
	*n_in -= k;
	if (z->skip > 0)
		return false;
	k = MIN(z->want - z->have, *n_in);
	memcpy(z->hold + z->have, *in, k);
	z->have += k;
	z->pos += k;
	*in += k;
	*n_in -= k;
	return z->have == z->want;
}

static int at_magic(struct zstd_cutter *z, struct cut *out)
{
	uint32_t magic = (uint32_t)le(z->hold, 4);

	if ((magic & ~0xfu) == SKIPPABLE) {
		expect(z, AT_SKIP_SIZE, 4);
		return 0;
	}
	if (magic != MAGIC)
		return -EBADMSG;
	*out = (struct cut){ .in_bit = (z->pos - 4) * 8, .weight = z->weight, .joins = true };
	expect(z, AT_DESCRIPTOR, 1);
	return 1;
}

static int at_header(struct zstd_cutter *z)
{
	uint64_t size = content_size(z->hold);

	if (z->hold[0] & 8) /* reserved */
		return -EBADMSG;
	z->checksum = z->hold[0] >> 2 & 1;
	z->sized = size != UNKNOWN;
	if (z->sized)
		z->weight += MIN(size, (uint64_t)1 << 40);
	expect(z, AT_BLOCK, 3);
	return 0;
}

/* RFC 8878 3.1.1.2. */
static int at_block(struct zstd_cutter *z)
{
	uint32_t v = (uint32_t)le(z->hold, 3), size = v >> 3, type = v >> 1 & 3;
	bool last = v & 1;

	if (type == 3 || (type == 2 && size > BLOCK_MAX))
		return -EBADMSG;
	z->skip = type == 1 ? 1 : size;
	if (!z->sized)
		z->weight += type == 2 ? BLOCK_MAX : size;
	if (last)
		z->skip += z->checksum ? 4 : 0;
	expect(z, last ? AT_MAGIC : AT_BLOCK, last ? 4 : 3);
	return 0;
}

static int parse(struct zstd_cutter *z, struct cut *out)
{
	switch (z->state) {
	case AT_MAGIC:
		return at_magic(z, out);
	case AT_SKIP_SIZE:
		z->skip = le(z->hold, 4);
		expect(z, AT_MAGIC, 4);
		return 0;
	case AT_DESCRIPTOR:
		z->state = AT_HEADER;
		z->want = header_size(z->hold[0]);
		return z->want == 1 ? at_header(z) : 0;
	case AT_HEADER:
		return at_header(z);
	default:
		return at_block(z);
	}
}

static int cutter_run(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out)
{
	struct zstd_cutter *z = container_of(c, struct zstd_cutter, c);
	int r = 0;

	while (r == 0 && collect(z, in, n_in))
		r = parse(z, out);
	return r;
}

static int cutter_end(struct cutter *c)
{
	struct zstd_cutter *z = container_of(c, struct zstd_cutter, c);

	return z->state == AT_MAGIC && z->have == 0 && z->skip == 0 ? 0 : -ENODATA;
}

static void zstd_cutter_free(struct cutter *c)
{
	free(container_of(c, struct zstd_cutter, c));
}

static int zstd_cutter_new(struct reader *raw, const _Atomic bool *stop,
			   const struct gzip_point *from, struct cutter **out)
{
	static const struct cutter_ops ops = {
		.run = cutter_run,
		.end = cutter_end,
		.free = zstd_cutter_free,
	};
	struct zstd_cutter *z = calloc(1, sizeof(*z));

	(void)raw;
	(void)stop;
	if (!z)
		return -ENOMEM;
	z->c.ops = &ops;
	z->pos = from ? from->in_bit / 8 : 0;
	expect(z, AT_MAGIC, 4);
	*out = &z->c;
	return 0;
}

/* ---- decoder ---- */

struct zstd_decoder {
	struct decoder d;
	ZSTD_DCtx *ctx;
	bool inside;  /* a frame */
	bool pending; /* more output without more input */
};

static int run_decoder(struct decoder *d, const unsigned char **in, size_t *n_in,
		       unsigned char **out, size_t *n_out)
{
	struct zstd_decoder *z = container_of(d, struct zstd_decoder, d);

	while (*n_out > 0 && (*n_in > 0 || z->pending)) {
		ZSTD_inBuffer from = { *in, *n_in, 0 };
		ZSTD_outBuffer to = { *out, *n_out, 0 };
		size_t left = ZSTD_decompressStream(z->ctx, &to, &from);

		*in += from.pos;
		*n_in -= from.pos;
		*out += to.pos;
		*n_out -= to.pos;
		if (ZSTD_isError(left))
			return -EBADMSG;
		z->inside = left != 0;
		z->pending = z->inside && *n_out == 0;
	}
	return 0;
}

static int decoder_end(struct decoder *d)
{
	return container_of(d, struct zstd_decoder, d)->inside ? -ENODATA : 0;
}

static void zstd_decoder_free(struct decoder *d)
{
	struct zstd_decoder *z = container_of(d, struct zstd_decoder, d);

	ZSTD_freeDCtx(z->ctx);
	free(z);
}

static int zstd_decoder_new(const struct gzip_point *from, const void *window, size_t n,
			    struct decoder **out)
{
	static const struct decoder_ops ops = {
		.run = run_decoder,
		.end = decoder_end,
		.free = zstd_decoder_free,
	};
	struct zstd_decoder *z = calloc(1, sizeof(*z));

	(void)from;
	(void)window;
	(void)n;
	if (!z)
		return -ENOMEM;
	z->d.ops = &ops;
	z->ctx = ZSTD_createDCtx();
	if (!z->ctx) {
		free(z);
		return -ENOMEM;
	}
	*out = &z->d;
	return 0;
}

/* ---- probe ---- */

static bool zstd_match(const unsigned char *head, size_t n)
{
	uint32_t magic = n >= 4 ? (uint32_t)le(head, 4) : 0;

	return magic == MAGIC || (magic & ~0xfu) == SKIPPABLE;
}

/* A footer of the seekable format: whoever wrote it has cut the file into frames. */
static int is_seekable(struct reader *raw, const _Atomic bool *stop)
{
	unsigned char f[SEEK_FOOTER];
	int64_t n = raw->size < sizeof(f)
			    ? 0
			    : reader_pread_wait(raw, f, sizeof(f), raw->size - sizeof(f), stop);

	if (n < 0)
		return (int)n;
	return n == sizeof(f) && le(f + 5, 4) == SEEKABLE;
}

/* Does the first frame say its size, or end soon?  Behind a skippable frame, as pzstd writes it, its
 * end is not far. */
static int first_frame(struct reader *raw, const _Atomic bool *stop)
{
	AUTO(auto_free) unsigned char *buf = malloc(STEP);
	AUTO(auto_cutter_free) struct cutter *c = NULL;
	int r = buf ? zstd_cutter_new(raw, stop, NULL, &c) : -ENOMEM;
	struct zstd_cutter *z = r == 0 ? container_of(c, struct zstd_cutter, c) : NULL;
	unsigned frames = 0;

	for (uint64_t off = 0; r == 0 && off < LOOK_MAX;) {
		const unsigned char *in = buf;
		int64_t n = reader_pread_wait(raw, buf, STEP, off, stop);
		size_t n_in = n > 0 ? (size_t)n : 0;
		struct cut cut;

		if (n <= 0) /* all of it: whatever it is, it is short */
			return n < 0 ? (int)n : 1;
		off += n_in;
		while ((r = cutter_run(c, &in, &n_in, &cut)) == 1) {
			if (frames++ > 0 || cut.in_bit > 0)
				return 1;
		}
		if (r == 0 && z->sized)
			return z->weight <= UNIT_MAX;
	}
	return r < 0 ? r == -EBADMSG : 0;
}

static int zstd_probe(struct reader *raw, const _Atomic bool *stop)
{
	int r = is_seekable(raw, stop);

	return r != 0 ? r : first_frame(raw, stop);
}

const struct codec codec_zstd = {
	.name = "zstd",
	.match = zstd_match,
	.probe = zstd_probe,
	.cutter = zstd_cutter_new,
	.decoder = zstd_decoder_new,
};
