/* SPDX-License-Identifier: MPL-2.0 */
/* Units of xz, zstd, bzip2 and lz4: found in pieces of any size, decoded each alone, whole or refused. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#ifdef HAVE_BZIP2
#include <bzlib.h>
#endif
#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "archive/codec/codec.h"
#include "archive/codec/xxh32.h"
#include "base/buf.h"

#define PLAIN ((size_t)700000)
#define CUTS_MAX 64u
#define PART ((size_t)200000)

static unsigned char plain[PLAIN];

struct file {
	struct reader reader;
	struct buf b;
};

struct cuts {
	size_t n;
	struct cut c[CUTS_MAX];
	int result; /* of the last run, or of the end */
};

/* Text, noise and zeros, so that blocks are stored, packed and tiny. */
static int make_plain(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (size_t i = 0; i < PLAIN; i++) {
		x = x * 1664525u + 1013904223u;
		if (i % 90000 < 20000)
			plain[i] = (unsigned char)(x >> 24);
		else if (i % 90000 >= 30000)
			plain[i] = (unsigned char)"abcdefgh"[x >> 29];
	}
	return 0;
}

/* ---- a file in memory ---- */

static int64_t file_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	struct file *f = container_of(r, struct file, reader);

	(void)w;
	memcpy(buf, f->b.p + off, len);
	return (int64_t)len;
}

static void file_init(struct file *f)
{
	static const struct reader_ops ops = { .pread = file_pread };

	*f = (struct file){ .reader.ops = &ops, .b = BUF_INIT(8u << 20) };
}

static void file_add(struct file *f, const void *p, size_t n)
{
	assert_int_equal(buf_add(&f->b, p, n), 0);
	f->reader.size = f->b.len;
}

/* ---- cutting and decoding ---- */

static const _Atomic bool never;

static struct cuts cut_file(const struct codec *codec, struct file *f,
			    const struct gzip_point *from, size_t step)
{
	struct cuts cuts = { 0 };
	AUTO(auto_cutter_free) struct cutter *c = NULL;
	size_t at = from ? (size_t)(from->in_bit / 8) : 0;

	cuts.result = codec->cutter(&f->reader, &never, from, &c);
	while (cuts.result == 0 && at < f->b.len) {
		size_t n = MIN(step, f->b.len - at);
		const unsigned char *in = (unsigned char *)f->b.p + at;

		at += n;
		while (cuts.n < CUTS_MAX &&
		       (cuts.result = c->ops->run(c, &in, &n, &cuts.c[cuts.n])) == 1) {
			size_t gone = (size_t)(in - (unsigned char *)f->b.p);

			assert_true(gone <= cuts.c[cuts.n].in_bit / 8 + UNIT_OVERLAP_MAX);
			cuts.n++;
		}
	}
	if (cuts.result == 0)
		cuts.result = c->ops->end(c);
	return cuts;
}

/* Decode the unit at a cut, which ends where the next one begins.  What its decoder says; *out grows. */
static int decode_unit(const struct codec *codec, const struct file *f, const struct cut *at,
		       const struct cut *next, size_t in_step, size_t out_step, struct buf *out)
{
	AUTO(auto_decoder_free) struct decoder *d = NULL;
	struct gzip_point p = { .in_bit = at->in_bit, .at_member = true, .crc = at->hint };
	size_t end =
		next ? MIN((size_t)(next->in_bit + 7) / 8 + codec->overlap, f->b.len) : f->b.len;
	unsigned char *room = malloc(out_step);
	int r = codec->decoder(&p, NULL, 0, &d);

	for (size_t pos = (size_t)(at->in_bit / 8); r == 0 && pos < end;) {
		const unsigned char *in = (unsigned char *)f->b.p + pos;
		size_t n = MIN(in_step, end - pos), left;

		pos += n;
		do {
			unsigned char *to = room;

			left = out_step;
			r = decoder_run(d, &in, &n, &to, &left);
			assert_int_equal(buf_add(out, room, out_step - left), 0);
		} while (r == 0 && (n > 0 || left == 0));
	}
	free(room);
	return r == 0 ? d->ops->end(d) : MIN(r, 0);
}

static int decode_all(const struct codec *codec, const struct file *f, const struct cuts *cuts,
		      size_t in_step, size_t out_step, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; i < cuts->n && r == 0; i++)
		r = decode_unit(codec, f, &cuts->c[i], i + 1 < cuts->n ? &cuts->c[i + 1] : NULL,
				in_step, out_step, out);
	return r;
}

/* The same units whatever the pieces, from any unit on, and all of them together are the plain bytes. */
static void check_file(const struct codec *codec, struct file *f, size_t min_units)
{
	static const size_t steps[][2] = { { 1u << 20, 1u << 17 }, { 1, 100000 }, { 4099, 1013 } };
	struct cuts cuts = cut_file(codec, f, NULL, SIZE_MAX);

	assert_int_equal(cuts.result, 0);
	assert_true(cuts.n >= min_units);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		AUTO(buf_free) struct buf out = BUF_INIT(2 * PLAIN);
		struct cuts same = cut_file(codec, f, NULL, steps[i][0]);

		assert_int_equal(same.n, cuts.n);
		for (size_t k = 0; k < cuts.n; k++)
			assert_int_equal(same.c[k].in_bit, cuts.c[k].in_bit);
		assert_int_equal(decode_all(codec, f, &cuts, steps[i][0], steps[i][1], &out), 0);
		assert_int_equal(out.len, PLAIN);
		assert_memory_equal(out.p, plain, PLAIN);
	}
	for (size_t k = 0; k < cuts.n; k++) {
		struct gzip_point from = { .in_bit = cuts.c[k].in_bit, .crc = cuts.c[k].hint };
		struct cuts rest = cut_file(codec, f, &from, 1000);

		assert_int_equal(rest.n, cuts.n - k);
		assert_int_equal(rest.c[0].in_bit, cuts.c[k].in_bit);
		assert_int_equal(rest.c[0].hint, cuts.c[k].hint);
		assert_int_equal(rest.c[rest.n - 1].weight - rest.c[0].weight,
				 cuts.c[cuts.n - 1].weight - cuts.c[k].weight);
	}
}

/* Cut off anywhere, one of cutter and decoder says so; a wrong byte is found, or changes nothing. */
static void check_damage(const struct codec *codec, struct file *f, bool has_sums)
{
	size_t len = f->b.len;

	for (size_t n = len / 7; n < len; n += len / 7) {
		AUTO(buf_free) struct buf out = BUF_INIT(2 * PLAIN);
		struct cuts cuts;

		f->b.len = f->reader.size = n;
		cuts = cut_file(codec, f, NULL, 5000);
		if (cuts.result == 0)
			cuts.result = decode_all(codec, f, &cuts, 5000, 5000, &out);
		assert_true(cuts.result < 0);
		f->b.len = f->reader.size = len;
	}
	for (size_t at = 3; at < len; at += len / 23) {
		AUTO(buf_free) struct buf out = BUF_INIT(8 * PLAIN);
		struct cuts cuts;

		f->b.p[at] ^= 0x20;
		cuts = cut_file(codec, f, NULL, 5000);
		if (cuts.result == 0 && decode_all(codec, f, &cuts, 5000, 5000, &out) == 0 &&
		    has_sums)
			assert_true(out.len == 0 ||
				    (out.len == PLAIN && memcmp(out.p, plain, PLAIN) == 0));
		f->b.p[at] ^= 0x20;
	}
}

/* ---- zstd ---- */

#ifdef HAVE_ZSTD
static void add_zstd(struct file *f, const void *p, size_t n, bool sized, bool sum)
{
	size_t cap = ZSTD_compressBound(n), made;
	AUTO(auto_free) char *buf = malloc(cap);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	ZSTD_inBuffer in = { p, n, 0 };
	ZSTD_outBuffer out = { buf, cap, 0 };

	ZSTD_CCtx_setParameter(ctx, ZSTD_c_contentSizeFlag, sized);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, sum);
	if (sized) {
		made = ZSTD_compress2(ctx, buf, cap, p, n);
		assert_false(ZSTD_isError(made));
	} else {
		assert_int_equal(ZSTD_compressStream2(ctx, &out, &in, ZSTD_e_end), 0);
		made = out.pos;
	}
	ZSTD_freeCCtx(ctx);
	file_add(f, buf, made);
}

static void test_zstd(void **state)
{
	struct file f;

	(void)state;
	file_init(&f);
	file_add(&f, "\x50\x2a\x4d\x18\4\0\0\0abcd", 12); /* as pzstd begins */
	add_zstd(&f, plain, PART, true, true);
	file_add(&f, "\x5f\x2a\x4d\x18\0\0\0\0", 8);
	add_zstd(&f, plain + PART, PART, false, true);
	add_zstd(&f, plain, 0, true, false); /* an empty one, one of a byte, */
	add_zstd(&f, plain + 2 * PART, 1, true, true);
	add_zstd(&f, plain + 2 * PART + 1, 255, true,
		 true); /* sizes of one byte, of two, of four */
	add_zstd(&f, plain + 2 * PART + 256, 300, true, true);
	add_zstd(&f, plain + 2 * PART + 556, PLAIN - 2 * PART - 556, true, true);
	file_add(&f, "\x51\x2a\x4d\x18\1\0\0\0x", 9);
	check_file(&codec_zstd, &f, 7);
	check_damage(&codec_zstd, &f, true);
	assert_int_equal(codec_zstd.probe(&f.reader, &never), 1);
	buf_free(&f.b);
}

/* What says no size and does not end soon has no units; nor has what says that it is large. */
static void test_zstd_probe(void **state)
{
	static const unsigned char large[] = "\x28\xb5\x2f\xfd\xa0\0\0\0\4";
	struct file f;

	(void)state;
	file_init(&f);
	file_add(&f, large, 9);
	assert_int_equal(codec_zstd.probe(&f.reader, &never), 1); /* 64 MiB */
	f.b.p[8] = 5;						  /* 80 MiB */
	assert_int_equal(codec_zstd.probe(&f.reader, &never), 0);
	f.b.len = 0;
	add_zstd(&f, plain, PLAIN, false, true);
	assert_int_equal(codec_zstd.probe(&f.reader, &never), 1);
	buf_free(&f.b);
}

static void test_zstd_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int want;
	} cases[] = {
		{ "garbage.", 8, -EBADMSG },
		{ "\x28\xb5\x2f\xfd\x08\0\1\0\0", 9, -EBADMSG }, /* a reserved bit */
		{ "\x28\xb5\x2f\xfd\x20\0\7\0\0", 9, -EBADMSG }, /* a reserved type of block */
		{ "\x28\xb5\x2f\xfd\x20\0\5\0\x20", 9,
		  -EBADMSG },				  /* a block larger than any may be */
		{ "\x28\xb5\x2f\xfd\x20\0\1\0\0", 9, 0 }, /* an empty frame */
		{ "\x50\x2a\x4d\x18\xff\xff\xff\xff", 8, -ENODATA }, /* 4 GiB to skip */
		{ "\x28\xb5", 2, -ENODATA },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f;

		file_init(&f);
		file_add(&f, cases[i].bytes, cases[i].n);
		assert_int_equal(cut_file(&codec_zstd, &f, NULL, 3).result, cases[i].want);
		buf_free(&f.b);
	}
}
#endif

/* ---- bzip2 ---- */

#ifdef HAVE_BZIP2
static void add_bzip2(struct file *f, const void *p, size_t n, int level)
{
	unsigned made = (unsigned)(n + n / 50 + 1000);
	AUTO(auto_free) char *buf = malloc(made);
	AUTO(auto_free) char *copy = malloc(n + 1);

	memcpy(copy, p, n);
	assert_int_equal(BZ2_bzBuffToBuffCompress(buf, &made, copy, (unsigned)n, level, 0, 30),
			 BZ_OK);
	file_add(f, buf, made);
}

/* Blocks at bits of all sorts, several streams, an empty one between them. */
/* Units that may be joined: all of them as one. */
static void check_whole(const struct codec *codec, struct file *f)
{
	static const size_t steps[][2] = { { 1u << 20, 1u << 17 }, { 1, 100000 }, { 4099, 1013 } };
	struct cuts cuts = cut_file(codec, f, NULL, SIZE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		AUTO(buf_free) struct buf out = BUF_INIT(2 * PLAIN);

		cuts.n = 1;
		assert_int_equal(decode_all(codec, f, &cuts, steps[i][0], steps[i][1], &out), 0);
		assert_int_equal(out.len, PLAIN);
		assert_memory_equal(out.p, plain, PLAIN);
	}
}

static void test_bzip2(void **state)
{
	static const char zeros[4096];
	struct file f;

	(void)state;
	file_init(&f);
	add_bzip2(&f, plain, 3 * PART, 1);
	add_bzip2(&f, plain, 0, 9);
	add_bzip2(&f, plain + 3 * PART, 1000, 9);
	add_bzip2(&f, plain + 3 * PART + 1000, PLAIN - 3 * PART - 1000, 2);
	check_file(&codec_bzip2, &f, 8);
	check_whole(&codec_bzip2, &f);
	check_damage(&codec_bzip2, &f, true);
	for (unsigned i = 0; i < 3u << 20; i += 4096) /* behind the last stream: ignored */
		file_add(&f, zeros, sizeof(zeros));
	check_whole(&codec_bzip2, &f);
	assert_true(codec_bzip2.match((unsigned char *)f.b.p, f.b.len));
	buf_free(&f.b);
}
#endif

/* ---- lz4 ---- */

#ifdef HAVE_LZ4
static void add_lz4(struct file *f, const void *p, size_t n, const LZ4F_frameInfo_t *info)
{
	LZ4F_preferences_t prefs = { .frameInfo = *info };
	size_t cap = LZ4F_compressFrameBound(n, &prefs) + 64, made;
	AUTO(auto_free) char *buf = malloc(cap);

	made = LZ4F_compressFrame(buf, cap, p, n, &prefs);
	assert_false(LZ4F_isError(made));
	file_add(f, buf, made);
}

static const LZ4F_frameInfo_t all_sums = {
	.blockSizeID = LZ4F_max64KB,
	.blockMode = LZ4F_blockIndependent,
	.contentChecksumFlag = LZ4F_contentChecksumEnabled,
	.blockChecksumFlag = LZ4F_blockChecksumEnabled,
};
static const LZ4F_frameInfo_t linked = {
	.blockSizeID = LZ4F_max64KB,
	.blockMode = LZ4F_blockLinked,
	.contentChecksumFlag = LZ4F_contentChecksumEnabled,
};

static void test_lz4(void **state)
{
	LZ4F_frameInfo_t sized = all_sums;
	struct file f;

	(void)state;
	sized.contentSize = PART;
	sized.blockSizeID = LZ4F_max256KB;
	file_init(&f);
	add_lz4(&f, plain, PART, &all_sums);
	file_add(&f, "\x53\x2a\x4d\x18\2\0\0\0xy", 10);
	add_lz4(&f, plain + PART, PART, &linked);
	add_lz4(&f, plain, 0, &all_sums);
	add_lz4(&f, plain + 2 * PART, PART, &sized);
	add_lz4(&f, plain + 3 * PART, PLAIN - 3 * PART, &linked);
	check_file(&codec_lz4, &f, 6);
	check_damage(&codec_lz4, &f, true);
	assert_int_equal(codec_lz4.probe(&f.reader, &never), 1);
	buf_free(&f.b);
}

static void test_lz4_bad(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		int want;
	} cases[] = {
		{ "\x04\x22\x4d\x18\x60\x40\x82\0\0\0\0", 11, 0 },
		{ "\x04\x22\x4d\x18\x60\x40\x83\0\0\0\0", 11,
		  -EBADMSG }, /* the header's checksum */
		{ "\x04\x22\x4d\x18\x20\x40\x82\0\0\0\0", 11, -EBADMSG }, /* version 0 */
		{ "\x04\x22\x4d\x18\x60\x30\x82\0\0\0\0", 11,
		  -EBADMSG }, /* no such size of blocks */
		{ "\x04\x22\x4d\x18\x60\x40\x82\1\0\1\0", 11, -EBADMSG }, /* a block too large */
		{ "\x04\x22\x4d\x18\x60\x40\x82", 7, -ENODATA },
		{ "what?", 5, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file f;

		file_init(&f);
		file_add(&f, cases[i].bytes, cases[i].n);
		assert_int_equal(cut_file(&codec_lz4, &f, NULL, 2).result, cases[i].want);
		buf_free(&f.b);
	}
}
#endif

/* The examples of the specification, and lengths around a stripe, against a sum in pieces. */
static void test_xxh32(void **state)
{
	(void)state;
	assert_int_equal(xxh32_of("", 0), 0x02cc5d05);
	assert_int_equal(xxh32_of("a", 1), 0x550d7456);
	assert_int_equal(xxh32_of("abc", 3), 0x32d153ff);
	for (size_t n = 0; n < 70; n++)
		for (size_t k = 0; k <= n; k++) {
			struct xxh32 x;

			xxh32_init(&x);
			xxh32_add(&x, plain, k);
			xxh32_add(&x, plain + k, n - k);
			assert_int_equal(xxh32_end(&x), xxh32_of(plain, n));
		}
}

/* ---- xz ---- */

#ifdef HAVE_LZMA
static void add_xz(struct file *f, const void *p, size_t n, uint64_t block, lzma_check check)
{
	lzma_mt mt = { .threads = 1, .block_size = block, .preset = 0, .check = check };
	lzma_stream s = LZMA_STREAM_INIT;
	size_t cap = n + n / 3 + 10000;
	AUTO(auto_free) uint8_t *buf = malloc(cap);

	assert_int_equal(lzma_stream_encoder_mt(&s, &mt), LZMA_OK);
	s.next_in = p;
	s.avail_in = n;
	s.next_out = buf;
	s.avail_out = cap;
	assert_int_equal(lzma_code(&s, LZMA_FINISH), LZMA_STREAM_END);
	file_add(f, buf, cap - s.avail_out);
	lzma_end(&s);
}

static void test_xz(void **state)
{
	static const char padding[8];
	struct file f;

	(void)state;
	file_init(&f);
	add_xz(&f, plain, PART, 30000, LZMA_CHECK_SHA256);
	file_add(&f, padding, 8);
	add_xz(&f, plain, 0, 30000, LZMA_CHECK_CRC32); /* a stream without a block */
	add_xz(&f, plain + PART, PART, PART, LZMA_CHECK_CRC64);
	add_xz(&f, plain + 2 * PART, PLAIN - 2 * PART, 150000, LZMA_CHECK_CRC32);
	file_add(&f, padding, 4);
	check_file(&codec_xz, &f, 10);
	check_damage(&codec_xz, &f, true);
	assert_int_equal(codec_xz.probe(&f.reader, &never), 1);
	file_add(&f, "garbage", 7);
	assert_int_equal(codec_xz.probe(&f.reader, &never), 0);
	buf_free(&f.b);
}

/* Each stream has to be looked for: a bounded number is. */
static void test_xz_streams(void **state)
{
	struct file f, one;

	(void)state;
	file_init(&f);
	file_init(&one);
	add_xz(&f, plain, PLAIN, PART, LZMA_CHECK_CRC32);
	add_xz(&one, plain, 0, PART, LZMA_CHECK_CRC32);
	for (unsigned i = 0; i < 40000; i++)
		file_add(&f, one.b.p, one.b.len);
	assert_int_equal(codec_xz.probe(&f.reader, &never), 1);
	check_file(&codec_xz, &f, 4);
	for (unsigned i = 0; i < 40000; i++)
		file_add(&f, one.b.p, one.b.len);
	assert_int_equal(codec_xz.probe(&f.reader, &never), 0);
	buf_free(&f.b);
	buf_free(&one.b);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_ZSTD
		cmocka_unit_test(test_zstd),	 cmocka_unit_test(test_zstd_probe),
		cmocka_unit_test(test_zstd_bad),
#endif
#ifdef HAVE_BZIP2
		cmocka_unit_test(test_bzip2),
#endif
#ifdef HAVE_LZ4
		cmocka_unit_test(test_lz4),	 cmocka_unit_test(test_lz4_bad),
#endif
#ifdef HAVE_LZMA
		cmocka_unit_test(test_xz),	 cmocka_unit_test(test_xz_streams),
#endif
		cmocka_unit_test(test_xxh32),
	};

	return cmocka_run_group_tests(tests, make_plain, NULL);
}
