/* SPDX-License-Identifier: MPL-2.0 */
/* gzip.c - fuzz target: passes, seek points and spans over damaged deflate data.
 *
 * An input that begins with 0x1f is a gzip file, any other one raw deflate data.  The same bytes
 * serve as a packed window and as a seek point from a damaged index.
 * What must agree: a pass in pieces and one in one go, a pass that goes on from a point, and the
 * spans from each point by both engines.
 */
#include <errno.h>

#include "archive/gzip/gzip_decoder.h"
#include "archive/gzip/gzip_window.h"
#include "fuzz.h"

#define OUT_MAX ((size_t)192 << 10) /* a pass ends there: a bomb says nothing new */
#define POINTS_MAX (OUT_MAX / GZIP_WINDOW + 1)
#define BEYOND ((size_t)65536) /* bytes decoded past the next point */
#define FULL 42		       /* OUT_MAX is reached */

struct noted {
	struct gzip_point p;
	size_t n;
	unsigned char *window; /* packed, owned */
};

struct run {
	unsigned char *out; /* OUT_MAX bytes, owned */
	size_t n_out;
	struct noted points[POINTS_MAX];
	size_t n_points;
	int result; /* of the first feed that was not 0, else of the end */
};

struct input {
	enum gzip_format format;
	const uint8_t *p;
	size_t n;
	uint64_t spacing;
	size_t piece;
};

static int on_output(void *arg, const void *p, size_t n)
{
	struct run *run = arg;
	size_t take = MIN(n, OUT_MAX - run->n_out);

	CHECK(n > 0);
	memcpy(run->out + run->n_out, p, take);
	run->n_out += take;
	return run->n_out == OUT_MAX ? FULL : 0;
}

static int on_point(void *arg, const struct gzip_point *p, const void *window, size_t n)
{
	struct run *run = arg;

	CHECK(run->n_points < POINTS_MAX);
	run->points[run->n_points++] = (struct noted){ *p, n, fuzz_copy(window, n) };
	return 0;
}

/* Feed a pass what lies behind `from`, or all. */
static void run_pass(struct run *run, const struct input *in, const struct noted *from,
		     size_t piece)
{
	static const struct gzip_pass_ops ops = { on_output, on_point };
	size_t at = from ? (size_t)(from->p.in_bit / 8) : 0;
	struct gzip_pass *z;
	int r = gzip_pass_new(in->format, from ? &from->p : NULL, from ? from->window : NULL,
			      from ? from->n : 0, in->spacing, &ops, run, &z);

	CHECK(r == 0);
	*run = (struct run){ .out = malloc(OUT_MAX) };
	CHECK(run->out);
	while (r == 0 && at < in->n) {
		size_t n = MIN(piece, in->n - at);
		AUTO(auto_free) void *copy = fuzz_copy(in->p + at, n);

		r = gzip_pass_feed(z, copy, n);
		at += n;
	}
	run->result = r != 0 ? r : gzip_pass_end(z);
	CHECK(run->result == 0 || run->result == 1 || run->result == -EBADMSG ||
	      run->result == -ENODATA || run->result == FULL);
	if (run->result < 0)
		CHECK(gzip_pass_error(z)[0]);
	gzip_pass_free(z);
}

static void run_free(struct run *run)
{
	for (size_t i = 0; i < run->n_points; i++)
		free(run->points[i].window);
	free(run->out);
}

/* Both end at OUT_MAX or at the input's end: b began skip bytes later. */
static void check_same_output(const struct run *a, size_t skip, const struct run *b)
{
	size_t n = MIN(a->n_out - skip, b->n_out);

	CHECK(memcmp(a->out + skip, b->out, n) == 0);
	if (a->result != FULL && b->result != FULL)
		CHECK(a->result == b->result && a->n_out - skip == b->n_out);
}

/* The points of a from `first` on are those of b. */
static void check_same_points(const struct run *a, size_t first, const struct run *b)
{
	size_t n = MIN(a->n_points - first, b->n_points);

	if (a->result != FULL && b->result != FULL)
		CHECK(a->n_points - first == b->n_points);
	for (size_t i = 0; i < n; i++) {
		const struct noted *x = &a->points[first + i], *y = &b->points[i];

		CHECK(x->p.in_bit == y->p.in_bit && x->p.out == y->p.out);
		CHECK(x->p.at_member == y->p.at_member && x->p.crc == y->p.crc);
		CHECK(x->p.member_out == y->p.member_out);
		/* A window that is packed at the end, before all that it needs has come, may be
		 * kept whole in one run and not in the other. */
		if (i + 1 < n)
			CHECK(x->n == y->n && memcmp(x->window, y->window, x->n) == 0);
	}
}

static void check_resume(const struct run *whole, const struct input *in)
{
	for (size_t i = 0; i < whole->n_points; i += 3) {
		struct run later;

		run_pass(&later, in, &whole->points[i], in->piece);
		check_same_output(whole, (size_t)whole->points[i].p.out, &later);
		check_same_points(whole, i + 1, &later);
		run_free(&later);
	}
}

/* ---- spans ---- */

struct span {
	struct gzip_decoder *decoder; /* zlib */
	struct gzip_span *fast;	      /* or this */
};

static int span_run(struct span *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		    size_t *n_out)
{
	return s->fast ? gzip_span_run(s->fast, in, n_in, out, n_out)
		       : gzip_decoder_run(s->decoder, in, n_in, out, n_out, false);
}

/* Decode input from byte at on, in pieces, to at most n_out bytes; the bytes that came. */
static size_t decode(struct span *s, const struct input *in, size_t at, unsigned char *out,
		     size_t n_out)
{
	unsigned char *to = out;
	size_t room = n_out;
	bool progress = true;
	int r = 0;

	while (r >= 0 && r != GZIP_END && room > 0 && (at < in->n || progress)) {
		size_t n = MIN(in->piece, in->n - at), left = n, had = room;
		AUTO(auto_free) unsigned char *copy = fuzz_copy(in->p + at, n);
		const unsigned char *from = copy;

		r = span_run(s, &from, &left, &to, &room);
		CHECK(r == GZIP_MORE || r == GZIP_END || r == GZIP_AT_MEMBER || r == -EBADMSG);
		progress = left < n || room < had || r == GZIP_AT_MEMBER;
		CHECK(progress || r != GZIP_MORE || n == 0);
		at += n - left;
	}
	CHECK(to == out + (n_out - room));
	return n_out - room;
}

static int span_new(bool fast, enum gzip_format format, const struct gzip_point *p,
		    const void *packed, size_t n, struct span *out)
{
	*out = (struct span){ NULL, NULL };
	if (fast)
		return gzip_span_new(format, p, packed, n, &out->fast);
	return gzip_decoder_new(GZIP_ENGINE_ZLIB, format, p, packed, n, &out->decoder);
}

static void span_free(struct span *s)
{
	gzip_span_free(s->fast);
	gzip_decoder_free(s->decoder);
}

/* From each point on: what the pass gave, up to the next point and a bit.  ISA-L decodes ahead: when it
 * meets damage it keeps back what came before; zlib gives all of it. */
static void check_spans(const struct run *run, const struct input *in, bool fast)
{
	bool all = !fast || run->result == 0 || run->result == 1;

	for (size_t i = 0; i < run->n_points; i++) {
		size_t from = (size_t)run->points[i].p.out, to = run->n_out, got;
		AUTO(auto_free) unsigned char *out = NULL;
		struct span s;

		if (i + 1 < run->n_points)
			to = MIN(to, (size_t)run->points[i + 1].p.out + BEYOND);
		out = malloc(to - from + 1);
		CHECK(out);
		CHECK(span_new(fast, in->format, &run->points[i].p, run->points[i].window,
			       run->points[i].n, &s) == 0);
		got = decode(&s, in, (size_t)(run->points[i].p.in_bit / 8), out, to - from);
		CHECK(memcmp(out, run->out + from, got) == 0);
		CHECK(got == to - from || !all);
		span_free(&s);
	}
}

/* A point and a window that no pass has made: refused, or decoded into something. */
static void try_span(const struct input *in, bool fast, const struct gzip_point *p,
		     const void *packed, size_t n, size_t at)
{
	AUTO(auto_free) void *copy = fuzz_copy(packed, n);
	AUTO(auto_free) unsigned char *out = malloc(BEYOND);
	struct span s;
	int r = span_new(fast, in->format, p, copy, n, &s);

	CHECK(out);
	CHECK(r == 0 || r == -EINVAL || r == -EBADMSG);
	if (r == 0)
		(void)decode(&s, in, at, out, BEYOND);
	span_free(&s);
}

static void damage_window(const struct run *run, const struct input *in, unsigned how)
{
	for (size_t i = 0; i < run->n_points; i++) {
		const struct noted *t = &run->points[i];
		AUTO(auto_free) unsigned char *packed = fuzz_copy(t->window, t->n);
		size_t at = MIN((size_t)(t->p.in_bit / 8), in->n);

		if (t->n == 0)
			continue;
		packed[how * 31u % t->n] ^= 1u << how % 8;
		try_span(in, how & 1, &t->p, packed, t->n, at);
		try_span(in, how & 1, &t->p, t->window, how % t->n, at);
	}
}

static uint64_t number(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/* The input as a row of a damaged index. */
static void odd_point(const struct input *in)
{
	struct gzip_point p;

	if (in->n < 24)
		return;
	p = (struct gzip_point){
		.in_bit = number(in->p, 8) >> in->p[16] % 64,
		.out = number(in->p + 8, 8) >> in->p[17] % 64,
		.at_member = in->p[18] & 1,
		.crc = (uint32_t)number(in->p + 19, 4) * (in->p[18] >> 1 & 1u),
		.member_out = in->p[23],
	};
	for (int fast = 0; fast < 2; fast++)
		try_span(in, fast, &p, in->p + 24, in->n - 24, 24);
}

static void odd_window(const struct input *in)
{
	AUTO(auto_free) unsigned char *window = malloc(GZIP_WINDOW);
	AUTO(auto_free) unsigned char *again = malloc(GZIP_WINDOW);
	AUTO(auto_free) unsigned char *packed = malloc(GZIP_PACKED_MAX);
	AUTO(auto_free) void *copy = fuzz_copy(in->p, in->n);
	size_t n, n_packed, n_again;
	int r = gzip_window_unpack(copy, in->n, window, &n);

	CHECK(window && again && packed);
	CHECK(r == 0 || r == -EBADMSG);
	if (r < 0) {
		n = MIN(in->n, GZIP_WINDOW);
		memcpy(window, in->p, n);
	}
	CHECK(n <= GZIP_WINDOW);
	CHECK(gzip_window_pack(window, n, packed, &n_packed) == 0);
	CHECK(gzip_window_unpack(packed, n_packed, again, &n_again) == 0);
	CHECK(n_again == n && memcmp(window, again, n) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	unsigned how = fuzz_how(p, n);
	const struct input in = {
		.format = n > 0 && p[0] == 0x1f ? GZIP_MEMBERS : GZIP_RAW_DEFLATE,
		.p = p,
		.n = n,
		.spacing = (uint64_t)1 << how % 16,
		.piece = 1 + (how >> 4) * (size_t)61,
	};
	struct run whole, pieces;

	run_pass(&whole, &in, NULL, MAX(n, 1));
	run_pass(&pieces, &in, NULL, in.piece);
	check_same_output(&whole, 0, &pieces);
	check_same_points(&whole, 0, &pieces);
	run_free(&pieces);
	check_resume(&whole, &in);
	check_spans(&whole, &in, false);
	check_spans(&whole, &in, true);
	damage_window(&whole, &in, how);
	run_free(&whole);
	odd_point(&in);
	odd_window(&in);
	return 0;
}
