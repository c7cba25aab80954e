/* SPDX-License-Identifier: MPL-2.0 */
/* gzip.c - passes, seek points and spans over every kind of sound deflate data. */
#include "gzip_fixture.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "archive/gzip/gzip_decoder.h"
#include "archive/gzip/gzip_window.h"

#define BEYOND 65536u /* bytes decoded past the next point */

static const struct {
	const char *name;
	enum kind kind;
	size_t n;
	struct how how;
	unsigned members;
	uint64_t spacing;
	size_t points; /* at least */
} cases[] = {
	{ "text", TEXT, 900000, { 6, 0, 8, 0, 31, false }, 1, 16384, 10 },
	{ "text, fast", TEXT, 900000, { 1, 0, 8, 0, 31, false }, 1, 4096, 10 },
	{ "text, best", TEXT, 900000, { 9, 0, 9, 0, 31, true }, 1, 16384, 4 },
	{ "noise, stored by zlib", NOISE, 500000, { 6, 0, 8, 0, 31, false }, 1, 16384, 7 },
	{ "audio", AUDIO, 700000, { 6, 0, 8, 0, 31, false }, 1, 16384, 10 },
	{ "audio, one point a block", AUDIO, 700000, { 6, 0, 8, 0, 31, false }, 1, 1, 15 },
	{ "audio, small blocks", AUDIO, 700000, { 6, 0, 1, 0, 31, false }, 1, 1, 15 },
	{ "audio, no point", AUDIO, 300000, { 6, 0, 8, 0, 31, false }, 1, 1 << 30, 0 },
	{ "audio, endless spacing", AUDIO, 100000, { 6, 0, 8, 0, 31, false }, 1, UINT64_MAX, 0 },
	{ "zeros", ZEROS, 3000000, { 6, 0, 8, 0, 31, false }, 1, 100, 0 },
	{ "mixed", MIXED, 900000, { 6, 0, 8, 0, 31, false }, 1, 8192, 10 },
	{ "stored", MIXED, 500000, { 0, 0, 8, 0, 31, false }, 1, 8192, 6 },
	{ "fixed", TEXT, 500000, { 6, Z_FIXED, 8, 0, 31, false }, 1, 8192, 5 },
	{ "Huffman only", TEXT, 500000, { 6, Z_HUFFMAN_ONLY, 8, 0, 31, false }, 1, 8192, 10 },
	{ "run lengths", MIXED, 500000, { 6, Z_RLE, 8, 0, 31, false }, 1, 8192, 8 },
	{ "flushed", MIXED, 500000, { 6, 0, 8, 10000, 31, false }, 1, 1000, 8 },
	{ "flushed at every turn", TEXT, 200000, { 6, 0, 8, 10, 31, false }, 1, 100, 5 },
	{ "5 members", MIXED, 900000, { 6, 0, 8, 0, 31, true }, 5, 8192, 10 },
	{ "300 members", MIXED, 900000, { 6, 0, 8, 0, 31, false }, 300, 1, 15 },
	{ "empty", TEXT, 0, { 6, 0, 8, 0, 31, false }, 1, 1, 0 },
	{ "one byte", TEXT, 1, { 6, 0, 8, 0, 31, true }, 1, 1, 0 },
	{ "20 empty members", TEXT, 0, { 6, 0, 8, 0, 31, false }, 20, 1, 0 },
	{ "raw", MIXED, 700000, { 6, 0, 8, 0, -15, false }, 1, 8192, 8 },
	{ "raw, stored", AUDIO, 300000, { 0, 0, 8, 0, -15, false }, 1, 8192, 4 },
};

static enum gzip_format format_of(const struct how *how)
{
	return how->wbits < 0 ? GZIP_RAW_DEFLATE : GZIP_MEMBERS;
}

/* What must hold of points: order, distance, and what they say of their member. */
static void check_points(const struct run *run, uint64_t spacing)
{
	struct gzip_point before = { 0 };

	for (size_t i = 0; i < run->n_points; i++) {
		const struct noted *t = &run->points[i];
		const unsigned char *member = run->out.p + (t->p.out - t->p.member_out);

		assert_true((t->p.in_bit - before.in_bit) / 8 >= MIN(spacing, 1u << 30));
		assert_true(t->p.out >= before.out + GZIP_WINDOW && t->p.out <= run->out.n);
		assert_int_equal(t->p.crc, crc32_z(0, member, (size_t)t->p.member_out));
		assert_int_equal(t->n == 0, t->p.member_out == 0);
		if (t->p.at_member)
			assert_true(t->p.member_out == 0 && t->p.in_bit % 8 == 0);
		before = t->p;
	}
}

/* A span through gzip_span, or through the decoder with the other engine. */
static int decode_span(enum gzip_engine engine, enum gzip_format f, const struct noted *t,
		       struct bytes packed, size_t in_piece, struct bytes out)
{
	const unsigned char *in = packed.p + t->p.in_bit / 8;
	size_t n_in = packed.n - (size_t)(t->p.in_bit / 8);
	struct gzip_decoder *d = NULL;
	struct gzip_span *s = NULL;
	int r = 0;

	if (engine == GZIP_ENGINE_ZLIB)
		assert_int_equal(gzip_decoder_new(engine, f, &t->p, t->window, t->n, &d), 0);
	else
		assert_int_equal(gzip_span_new(f, &t->p, t->window, t->n, &s), 0);
	while (r >= 0 && r != GZIP_END && out.n > 0) {
		size_t now = MIN(in_piece, n_in), room = MIN((size_t)50000, out.n), left = now;
		size_t had = room;

		r = s ? gzip_span_run(s, &in, &left, &out.p, &room)
		      : gzip_decoder_run(d, &in, &left, &out.p, &room, false);
		n_in -= now - left;
		out.n -= had - room;
		if (left == now && room == had && n_in == 0)
			break;
	}
	gzip_decoder_free(d);
	gzip_span_free(s);
	return out.n == 0 ? 0 : -EIO;
}

static void check_spans(const char *name, enum gzip_format f, const struct run *run,
			struct bytes packed, struct bytes data, size_t in_piece)
{
	for (size_t i = 0; i < run->n_points; i++) {
		size_t from = (size_t)run->points[i].p.out;
		size_t to = data.n;
		struct bytes out;

		if (i + 1 < run->n_points)
			to = MIN(to, (size_t)run->points[i + 1].p.out + BEYOND);
		out = (struct bytes){ malloc(to - from + 1), to - from };
		assert_non_null(out.p);
		for (int e = GZIP_ENGINE_ZLIB; e <= GZIP_ENGINE_FAST; e++) {
			memset(out.p, 0xee, out.n);
			if (decode_span(e, f, &run->points[i], packed, in_piece, out) != 0 ||
			    memcmp(out.p, data.p + from, out.n) != 0)
				fail_msg("%s: span %zu, engine %d", name, i, e);
		}
		free(out.p);
	}
}

static bool same_point(const struct noted *a, const struct noted *b)
{
	return a->p.in_bit == b->p.in_bit && a->p.out == b->p.out && a->p.crc == b->p.crc &&
	       a->p.at_member == b->p.at_member && a->p.member_out == b->p.member_out &&
	       same_bytes((struct bytes){ a->window, a->n }, (struct bytes){ b->window, b->n });
}

/* b has the points of a from number `from` on. */
static void same_points(const char *name, const struct run *a, size_t from, const struct run *b)
{
	if (b->n_points != a->n_points - from)
		fail_msg("%s: %zu points instead of %zu", name, b->n_points, a->n_points - from);
	for (size_t i = 0; i < b->n_points; i++)
		if (!same_point(&a->points[from + i], &b->points[i]))
			fail_msg("%s: point %zu differs", name, i);
}

/* A pass that goes on from a point finds the same points and the same end. */
static void check_resume(const char *name, enum gzip_format f, const struct run *run,
			 struct bytes packed, struct bytes data, uint64_t spacing)
{
	for (size_t i = 0; i < run->n_points; i += 1 + run->n_points / 8) {
		struct run later = { 0 };
		size_t from = (size_t)run->points[i].p.out;

		run_pass(&later, f, &run->points[i], packed, 3000, spacing);
		assert_int_equal(later.result, run->result);
		if (!same_bytes(later.out, (struct bytes){ data.p + from, data.n - from }))
			fail_msg("%s: going on from %zu gives other bytes", name, i);
		same_points(name, run, i + 1, &later);
		run_free(&later);
	}
}

static void check_case(size_t i)
{
	static const size_t pieces[] = { 1, 7, 4096 };
	struct bytes data =
		make_data(cases[i].kind, cases[i].n > 1 ? part_of(cases[i].n) : cases[i].n,
			  4711 + (uint32_t)i);
	struct bytes packed = make_packed(&cases[i].how, cases[i].members, data);
	enum gzip_format f = format_of(&cases[i].how);
	int end = f == GZIP_RAW_DEFLATE ? 1 : 0;
	struct run whole = { 0 };

	run_pass(&whole, f, NULL, packed, 1 << 20, cases[i].spacing);
	if (whole.result != end || !same_bytes(whole.out, data))
		fail_msg("%s: %d %s", cases[i].name, whole.result, whole.error);
	if (whole.n_points < part_of(cases[i].points))
		fail_msg("%s: only %zu points", cases[i].name, whole.n_points);
	check_points(&whole, cases[i].spacing);
	for (size_t k = 0; k < ARRAY_SIZE(pieces); k++) {
		struct run run = { 0 };

		run_pass(&run, f, NULL, packed, pieces[k], cases[i].spacing);
		if (run.result != end || !same_bytes(run.out, data))
			fail_msg("%s in pieces of %zu", cases[i].name, pieces[k]);
		same_points(cases[i].name, &whole, 0, &run);
		run_free(&run);
	}
	check_spans(cases[i].name, f, &whole, packed, data, 1 << 20);
	check_spans(cases[i].name, f, &whole, packed, data, 13);
	check_resume(cases[i].name, f, &whole, packed, data, cases[i].spacing);
	run_free(&whole);
	free(packed.p);
	free(data.p);
}

static void test_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(i);
}

/* The windows are thin: that is what makes seek points cheap. */
static void test_thin_windows(void **state)
{
	struct bytes data = make_data(AUDIO, part_of(2000000), 99);
	struct bytes packed = make_packed(&(struct how){ 6, 0, 8, 0, 31, false }, 1, data);
	struct run run = { 0 };
	size_t sum = 0;

	(void)state;
	run_pass(&run, GZIP_MEMBERS, NULL, packed, 100000, 65536);
	assert_true(run.n_points > part_of(15));
	for (size_t i = 0; i < run.n_points; i++)
		sum += run.points[i].n;
	assert_in_range(sum / run.n_points, 1, 3000);
	run_free(&run);
	free(packed.p);
	free(data.p);
}

/* A raw member inside a zip file: its points are in the file's bits and the stream's offsets. */
static void test_raw_inside(void **state)
{
	struct bytes data = make_data(MIXED, part_of(400000), 5), packed = { malloc(1000), 1000 };
	const struct noted from = { { .in_bit = 8000, .out = 123456789 }, 0, NULL };
	struct run run = { 0 };

	(void)state;
	memset(packed.p, 0xaa, packed.n);
	append_packed(&packed, &(struct how){ 6, 0, 8, 0, -15, false }, data);
	run_pass(&run, GZIP_RAW_DEFLATE, &from, packed, 5000, 10000);
	assert_int_equal(run.result, 1);
	assert_true(same_bytes(run.out, data));
	assert_true(run.n_points > part_of(5));
	for (size_t i = 0; i < run.n_points; i++) {
		struct noted *t = &run.points[i];

		assert_int_equal(t->p.out - 123456789, t->p.member_out);
		t->p.out -= 123456789;
		assert_true(t->p.in_bit > 8000 + 80000);
	}
	check_spans("raw inside", GZIP_RAW_DEFLATE, &run, packed, data, 700);
	run_free(&run);
	free(packed.p);
	free(data.p);
}

static void test_tiny_members(void **state)
{
	const size_t members = MAX(part_of(100000), 40000); /* of two bytes each */
	struct bytes one = { NULL, 0 }, all = { NULL, 0 };
	unsigned char x[2] = "x\n";
	struct run run = { 0 };

	(void)state;
	append_packed(&one, &(struct how){ 6, 0, 8, 0, 31, false }, (struct bytes){ x, 2 });
	all = (struct bytes){ malloc(one.n * members), one.n * members };
	for (size_t i = 0; i < members; i++)
		memcpy(all.p + i * one.n, one.p, one.n);
	run_pass(&run, GZIP_MEMBERS, NULL, all, 1 << 20, 10000);
	assert_int_equal(run.result, 0);
	assert_int_equal(run.out.n, 2 * members);
	assert_true(run.n_points >= MAX(part_of(5), 1));
	for (size_t i = 0; i < run.n_points; i++)
		assert_true(run.points[i].p.at_member && run.points[i].n == 0);
	check_spans("tiny", GZIP_MEMBERS, &run, all, run.out, 4096);
	run_free(&run);
	free(one.p);
	free(all.p);
}

static int count_output(void *arg, const void *p, size_t n)
{
	(void)p;
	*(uint64_t *)arg += n;
	return 0;
}

static int ignore_point(void *arg, const struct gzip_point *p, const void *window, size_t n)
{
	(void)arg;
	(void)p;
	(void)window;
	assert_in_range(n, 0, GZIP_PACKED_MAX);
	return 0;
}

static long peak_kib(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
	return u.ru_maxrss;
}

/* A thousand times bigger outside: time passes, memory stays. */
static void test_bomb(void **state)
{
	static const struct gzip_pass_ops ops = { count_output, ignore_point };
	const uint64_t size = part_of(100u << 20);
	struct bytes zeros = make_data(ZEROS, size, 1), packed = { NULL, 0 };
	struct gzip_pass *z;
	uint64_t out = 0;
	long peak;

	(void)state;
	append_packed(&packed, &(struct how){ 1, 0, 8, 0, 31, false }, zeros);
	free(zeros.p);
	peak = peak_kib();
	assert_int_equal(gzip_pass_new(GZIP_MEMBERS, NULL, NULL, 0, 1000, &ops, &out, &z), 0);
	assert_int_equal(gzip_pass_feed(z, packed.p, packed.n), 0);
	assert_int_equal(gzip_pass_end(z), 0);
	assert_int_equal(out, size);
	gzip_pass_free(z);
	assert_in_range(peak_kib() - peak, 0, 8192);
	free(packed.p);
}

static void append_stored(struct bytes *b, const unsigned char *p, size_t n, bool last)
{
	const unsigned char head[5] = { last, n & 255, n >> 8 & 255, ~n & 255, ~n >> 8 & 255 };

	b->p = realloc(b->p, b->n + sizeof(head) + n);
	assert_non_null(b->p);
	memcpy(b->p + b->n, head, sizeof(head));
	memcpy(b->p + b->n + sizeof(head), p, n);
	b->n += sizeof(head) + n;
}

/* The opposite: a megabyte of empty blocks behind a point, no output that would end its wait. */
static void test_empty_blocks(void **state)
{
	struct bytes data = make_data(AUDIO, 100000, 3), packed = { NULL, 0 };
	struct run run = { 0 };

	(void)state;
	append_stored(&packed, data.p, 40000, false);
	packed.p = realloc(packed.p, packed.n + 5 * 200000);
	assert_non_null(packed.p);
	for (size_t i = 0; i < 200000; i++)
		memcpy(packed.p + packed.n + 5 * i, "\0\0\0\377\377", 5);
	packed.n += 5 * 200000;
	append_stored(&packed, data.p + 40000, 60000, true);
	run_pass(&run, GZIP_RAW_DEFLATE, NULL, packed, 100000, 1);
	assert_int_equal(run.result, 1);
	assert_true(same_bytes(run.out, data));
	assert_int_equal(run.n_points, 1);
	assert_int_equal(run.points[0].p.in_bit, 8 * 40005);
	check_spans("empty blocks", GZIP_RAW_DEFLATE, &run, packed, data, 5000);
	run_free(&run);
	free(packed.p);
	free(data.p);
}

static struct bytes slurp_command(const char *command)
{
	struct bytes b = { NULL, 0 };
	FILE *f = popen(command, "r");
	size_t got;

	assert_non_null(f);
	do {
		b.p = realloc(b.p, b.n + 65536);
		assert_non_null(b.p);
		got = fread(b.p + b.n, 1, 65536, f);
		b.n += got;
	} while (got > 0);
	assert_int_equal(pclose(f), 0);
	return b;
}

/* What other compressors make of it; a tool that is not installed is left out. */
static void test_other_tools(void **state)
{
	static const struct {
		const char *tool, *args;
		uint64_t spacing;
		size_t points;
	} tools[] = {
		{ "gzip", "-9 -n", 16384, 5 },	     { "gzip", "-1", 16384, 5 },
		{ "pigz", "-b 128 -p 2", 16384, 5 }, { "pigz", "-i -b 32", 4096, 10 },
		{ "bgzip", "-c", 4096, 8 },	     { "igzip", "-0", 16384, 20 },
		{ "igzip", "-1", 16384, 10 },	     { "igzip", "-3", 16384, 10 },
	};
	struct bytes data = make_data(MIXED, part_of(1500000), 8);
	char dir[] = "/tmp/mdcfs-gzip-XXXXXX", path[64], command[256];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/data", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data.p, 1, data.n, f), data.n);
	assert_int_equal(fclose(f), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		struct run run = { 0 };
		struct bytes packed;

		snprintf(command, sizeof(command), "! command -v %s >/dev/null || %s %s <%s",
			 tools[i].tool, tools[i].tool, tools[i].args, path);
		packed = slurp_command(command);
		if (packed.n == 0)
			print_message("no %s here\n", tools[i].tool);
		else
			run_pass(&run, GZIP_MEMBERS, NULL, packed, 10000, tools[i].spacing);
		if (packed.n > 0 && (run.result != 0 || !same_bytes(run.out, data)))
			fail_msg("%s %s: %d %s", tools[i].tool, tools[i].args, run.result,
				 run.error);
		if (packed.n > 0)
			assert_true(run.n_points >= part_of(tools[i].points));
		check_points(&run, tools[i].spacing);
		check_spans(tools[i].tool, GZIP_MEMBERS, &run, packed, data, 5000);
		check_resume(tools[i].tool, GZIP_MEMBERS, &run, packed, data, tools[i].spacing);
		run_free(&run);
		free(packed.p);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	free(data.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	    cmocka_unit_test(test_thin_windows),
		cmocka_unit_test(test_raw_inside),  cmocka_unit_test(test_tiny_members),
		cmocka_unit_test(test_bomb),	    cmocka_unit_test(test_empty_blocks),
		cmocka_unit_test(test_other_tools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
