/* SPDX-License-Identifier: MPL-2.0 */
/* codec.c - fuzz target: xz, zstd, bzip2 and lz4 files, cut into units and decoded.
 *
 * What must agree: cuts and output in one go and in pieces.  Every cut is decoded from, whatever it is.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>

#include "archive/codec/codec.h"
#include "fuzz.h"

#define OUT_MAX ((size_t)256 << 10)
#define CUTS_MAX 200u
#define CUTS_TRIED 6u

/* The input as a reader. */
struct memory {
	struct reader r;
	const uint8_t *p;
};

struct cuts {
	struct cut at[CUTS_MAX];
	size_t n;
	int result; /* of the last run, else of the end */
};

struct text {
	unsigned char *p; /* OUT_MAX bytes, owned */
	size_t n;
	int result; /* 1 = ended, 0 = OUT_MAX is reached or no more input, -errno */
};

static int64_t memory_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	struct memory *m = container_of(r, struct memory, r);

	(void)w;
	memcpy(buf, m->p + off, len);
	return (int64_t)len;
}

static void check_cut(const struct cuts *cuts, const struct cut *c, size_t size)
{
	CHECK(c->in_bit / 8 <= size);
	if (cuts->n > 0) {
		CHECK(c->in_bit >= cuts->at[cuts->n - 1].in_bit);
		CHECK(c->weight >= cuts->at[cuts->n - 1].weight);
	}
}

/* All cuts of the input, or the first ones. */
static void cut(const struct codec *codec, struct memory *m, size_t piece, struct cuts *out)
{
	static const _Atomic bool stop;
	struct cutter *c;
	int r = codec->cutter(&m->r, &stop, NULL, &c);

	*out = (struct cuts){ .result = r };
	if (r < 0)
		return;
	for (size_t at = 0; at < m->r.size && r == 0;) {
		size_t n = MIN(piece, m->r.size - at), left = n;
		AUTO(auto_free) unsigned char *copy = fuzz_copy(m->p + at, n);
		const unsigned char *p = copy;
		struct cut found;

		while (out->n < CUTS_MAX && (r = c->ops->run(c, &p, &left, &found)) == 1) {
			check_cut(out, &found, m->r.size);
			out->at[out->n++] = found;
		}
		CHECK(r == 0 || r == 1 || r == -EBADMSG || r == -ENOMEM);
		CHECK(r != 0 || left == 0);
		at += n;
	}
	out->result = r == 0 ? c->ops->end(c) : r;
	cutter_free(c);
}

static void check_cuts(const struct codec *codec, struct memory *m, size_t piece, struct cuts *out)
{
	struct cuts pieces;

	cut(codec, m, MAX(m->r.size, 1), out);
	cut(codec, m, piece, &pieces);
	CHECK(out->result == pieces.result && out->n == pieces.n);
	for (size_t i = 0; i < out->n; i++) {
		CHECK(out->at[i].in_bit == pieces.at[i].in_bit);
		CHECK(out->at[i].hint == pieces.at[i].hint);
	}
}

static void decode(const struct codec *codec, const struct memory *m, const struct gzip_point *from,
		   size_t piece, struct text *out)
{
	size_t at = from ? (size_t)(from->in_bit / 8) : 0, room = OUT_MAX;
	unsigned char *to;
	struct decoder *d;
	int r = codec->decoder(from, NULL, 0, &d);

	*out = (struct text){ malloc(OUT_MAX), 0, r };
	CHECK(out->p);
	if (r < 0)
		return;
	to = out->p;
	while (r == 0 && room > 0 && at < m->r.size) {
		size_t n = MIN(piece, m->r.size - at), left = n;
		AUTO(auto_free) unsigned char *copy = fuzz_copy(m->p + at, n);
		const unsigned char *p = copy;

		r = decoder_run(d, &p, &left, &to, &room);
		CHECK(r == 0 || r == 1 || r == -EBADMSG || r == -ENOMEM);
		CHECK(r != 0 || left == 0 || room == 0);
		at += n - left;
	}
	if (r == 0 && room > 0)
		r = d->ops->end(d);
	out->n = OUT_MAX - room;
	out->result = r;
	d->ops->free(d);
}

static void check_text(const struct codec *codec, const struct memory *m,
		       const struct gzip_point *from, size_t piece)
{
	struct text whole, pieces;

	decode(codec, m, from, MAX(m->r.size, 1), &whole);
	decode(codec, m, from, piece, &pieces);
	CHECK(memcmp(whole.p, pieces.p, MIN(whole.n, pieces.n)) == 0);
	if (whole.result >= 0 && whole.n < OUT_MAX)
		CHECK(whole.result == pieces.result && whole.n == pieces.n);
	free(whole.p);
	free(pieces.p);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

static void check_codec(const struct codec *codec, struct memory *m, size_t piece)
{
	static const _Atomic bool stop;
	struct cuts cuts;
	int r = codec->probe ? codec->probe(&m->r, &stop) : 1;

	CHECK(r <= 1);
	check_text(codec, m, NULL, piece);
	check_cuts(codec, m, piece, &cuts);
	for (size_t i = 0; i < MIN(cuts.n, CUTS_TRIED); i++) {
		const struct gzip_point p = { .in_bit = cuts.at[i].in_bit,
					      .at_member = true,
					      .crc = cuts.at[i].hint };

		check_text(codec, m, &p, piece);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct codec *const codecs[] = {
#ifdef HAVE_LZMA
		&codec_xz,
#endif
#ifdef HAVE_ZSTD
		&codec_zstd,
#endif
#ifdef HAVE_BZIP2
		&codec_bzip2,
#endif
#ifdef HAVE_LZ4
		&codec_lz4,
#endif
		&codec_gzip, /* which has a target of its own: this one takes no cutter */
	};
	static const struct reader_ops ops = { .pread = memory_pread };
	struct memory m = { { .ops = &ops, .size = n, .identity = "fuzz" }, p };
	AUTO(auto_free) void *head = fuzz_copy(p, MIN(n, 512));

	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
		if (codecs[i]->cutter && codecs[i]->match(head, MIN(n, 512)))
			check_codec(codecs[i], &m, 1 + fuzz_how(p, n) % 64 * (size_t)13);
	return 0;
}
