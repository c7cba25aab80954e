/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_damage.c - damaged, truncated and followed by garbage: the right error, and every byte
 * before the damage. */
#include "gzip_fixture.h"

#include "archive/gzip/gzip_decoder.h"

static const struct how plain = { 6, 0, 8, 0, 31, false };
static const struct how fields = { 6, 0, 8, 0, 31, true };
static const struct how raw = { 6, 0, 8, 0, -15, false };

static struct bytes small(const struct how *how, unsigned members, struct bytes *data)
{
	*data = make_data(MIXED, 3000, 77);
	return make_packed(how, members, *data);
}

static bool is_prefix(struct bytes part, struct bytes whole)
{
	return part.n <= whole.n && (part.n == 0 || memcmp(part.p, whole.p, part.n) == 0);
}

/* What zlib itself delivers of the first n bytes: no less may come out of a pass. */
static size_t zlib_delivers(const struct how *how, struct bytes packed, size_t n)
{
	static unsigned char out[4096];
	z_stream z = {
		.next_in = packed.p, .avail_in = (uInt)n, .next_out = out, .avail_out = sizeof(out)
	};

	assert_int_equal(inflateInit2(&z, how->wbits), Z_OK);
	inflate(&z, Z_NO_FLUSH);
	inflateEnd(&z);
	return z.total_out;
}

static void test_truncated(void **state)
{
	static const struct how *const hows[] = { &plain, &fields, &raw };

	(void)state;
	for (size_t h = 0; h < ARRAY_SIZE(hows); h++) {
		enum gzip_format f = hows[h] == &raw ? GZIP_RAW_DEFLATE : GZIP_MEMBERS;
		struct bytes data, packed = small(hows[h], 1, &data);

		for (size_t n = 0; n < packed.n; n++) {
			struct run run = { 0 };

			run_pass(&run, f, NULL, (struct bytes){ packed.p, n }, 100, 1);
			assert_int_equal(run.result, -ENODATA);
			assert_true(is_prefix(run.out, data));
			assert_true(run.out.n >= zlib_delivers(hows[h], packed, n));
			assert_non_null(strstr(run.error, "too early"));
			run_free(&run);
		}
		free(packed.p);
		free(data.p);
	}
}

/* Between two members the end is no accident, everywhere else it is. */
static void test_truncated_members(void **state)
{
	struct bytes data, packed = small(&plain, 3, &data);
	size_t sound = 0;

	(void)state;
	for (size_t n = 0; n <= packed.n; n++) {
		struct run run = { 0 };

		run_pass(&run, GZIP_MEMBERS, NULL, (struct bytes){ packed.p, n }, 1000, 1);
		assert_true(run.result == 0 || run.result == -ENODATA);
		assert_true(is_prefix(run.out, data));
		sound += run.result == 0;
		run_free(&run);
	}
	assert_int_equal(sound, 3);
	free(packed.p);
	free(data.p);
}

/* A span over all of it must come to the same conclusion. */
static int span_result(struct bytes packed)
{
	static unsigned char buf[70000];
	const struct gzip_point first = { .at_member = true };
	const unsigned char *in = packed.p;
	unsigned char *out = buf;
	size_t n_in = packed.n, n_out = sizeof(buf);
	struct gzip_span *s;
	int r;

	assert_int_equal(gzip_span_new(GZIP_MEMBERS, &first, NULL, 0, &s), 0);
	r = gzip_span_run(s, &in, &n_in, &out, &n_out);
	gzip_span_free(s);
	return r;
}

static bool header_detail(size_t byte) /* time, extra flags, system: nobody checks them */
{
	return byte >= 4 && byte < 10;
}

static void test_flipped_bits(void **state)
{
	struct bytes data, packed = small(&plain, 1, &data);
	size_t noticed = 0, late = 0;

	(void)state;
	for (size_t bit = 0; bit < packed.n * 8; bit++) {
		struct run run = { 0 };

		packed.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		run_pass(&run, GZIP_MEMBERS, NULL, packed, bit % 3 ? 4096 : 10, 1);
		if (run.result == 0)
			assert_true(same_bytes(run.out, data));
		else if (run.result == -ENODATA) /* the last block's end was lost */
			late++;
		else
			assert_int_equal(run.result, -EBADMSG);
		if (run.result == -EBADMSG)
			assert_non_null(strstr(run.error, "damaged near byte "));
		assert_int_equal(span_result(packed), run.result == -EBADMSG ? -EBADMSG : 0);
		noticed += run.result != 0 || header_detail(bit / 8) || bit / 8 == 3;
		run_free(&run);
		packed.p[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	assert_in_range(packed.n * 8 - noticed, 0, 8); /* unused bits before the trailer */
	assert_in_range(late, 0, packed.n);
	free(packed.p);
	free(data.p);
}

static void test_trailer(void **state)
{
	static const struct {
		size_t from_end;
		const char *why;
	} cases[] = {
		{ 8, "wrong CRC" },
		{ 5, "wrong CRC" },
		{ 4, "wrong length" },
		{ 1, "wrong length" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct bytes data, packed = small(&fields, 1, &data);
		struct run run = { 0 };

		packed.p[packed.n - cases[i].from_end]++;
		run_pass(&run, GZIP_MEMBERS, NULL, packed, 1 + i * 50, 1);
		assert_int_equal(run.result, -EBADMSG);
		assert_true(same_bytes(run.out, data)); /* delivered before it is known */
		assert_non_null(strstr(run.error, cases[i].why));
		run_free(&run);
		free(packed.p);
		free(data.p);
	}
}

/* In the middle of a large file: all blocks before the damage come out, with their points. */
static void test_damaged_late(void **state)
{
	struct bytes data = make_data(AUDIO, 600000, 3), packed = make_packed(&plain, 1, data);
	struct run sound = { 0 }, run = { 0 };
	struct noted *t;

	(void)state;
	run_pass(&sound, GZIP_MEMBERS, NULL, packed, 10000, 30000);
	assert_true(sound.n_points > 6);
	t = &sound.points[5];
	memset(packed.p + t->p.in_bit / 8 + 1, 0xff, 2); /* in a block's header */
	run_pass(&run, GZIP_MEMBERS, NULL, packed, 10000, 30000);
	assert_int_equal(run.result, -EBADMSG);
	assert_true(is_prefix(run.out, data));
	assert_true(run.out.n >= t->p.out);
	assert_true(run.n_points >= 5);
	run_free(&sound);
	run_free(&run);
	free(packed.p);
	free(data.p);
}

/* A point that the end came too early for has a window that will do when there is more. */
static void test_point_before_end(void **state)
{
	struct bytes data = make_data(TEXT, 600000, 3), packed = make_packed(&plain, 1, data);
	struct run sound = { 0 }, cut = { 0 }, later = { 0 };
	const struct gzip_point *p;

	(void)state;
	run_pass(&sound, GZIP_MEMBERS, NULL, packed, 10000, 30000);
	assert_true(sound.n_points > 2);
	p = &sound.points[1].p;
	run_pass(&cut, GZIP_MEMBERS, NULL, (struct bytes){ packed.p, p->in_bit / 8 + 500 }, 9000,
		 30000);
	assert_int_equal(cut.result, -ENODATA);
	assert_int_equal(cut.n_points, 2);
	assert_int_equal(cut.points[1].p.in_bit, p->in_bit);
	run_pass(&later, GZIP_MEMBERS, &cut.points[1], packed, 10000, 30000);
	assert_int_equal(later.result, 0);
	assert_true(same_bytes(later.out, (struct bytes){ data.p + p->out, data.n - p->out }));
	run_free(&sound);
	run_free(&cut);
	run_free(&later);
	free(packed.p);
	free(data.p);
}

static void test_what_follows(void **state)
{
	static const struct {
		const char *name, *tail;
		size_t n;
		int r;
	} cases[] = {
		{ "nothing", "", 0, 0 },
		{ "one zero", "\0", 1, 1 },
		{ "zeros", "\0\0\0\0\0\0\0\0\0\0\0\0", 12, 1 },
		{ "garbage", "garbage that is no gzip", 23, 1 },
		{ "half a magic, garbage", "\x1fGARBAGE", 8, 1 },
		{ "half a magic", "\x1f", 1, -ENODATA },
		{ "a magic", "\x1f\x8b", 2, -ENODATA },
		{ "half a header", "\x1f\x8b\x08\0\0\0\0", 7, -ENODATA },
		{ "a header", "\x1f\x8b\x08\0\0\0\0\0\0\3", 10, -ENODATA },
		{ "unknown method", "\x1f\x8b\x09\0\0\0\0\0\0\3", 10, -EBADMSG },
		{ "reserved flag", "\x1f\x8b\x08\x80\0\0\0\0\0\3", 10, -EBADMSG },
		{ "zeros, then a member", "\0\0\x1f\x8b\x08\0\0\0\0\0\0\3", 12, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t piece = 1; piece < 5000; piece += 1111) {
			struct bytes data, packed = small(&plain, 2, &data);
			struct run run = { 0 };

			packed.p = realloc(packed.p, packed.n + cases[i].n + 1);
			assert_non_null(packed.p);
			memcpy(packed.p + packed.n, cases[i].tail, cases[i].n);
			packed.n += cases[i].n;
			run_pass(&run, GZIP_MEMBERS, NULL, packed, piece, 1);
			if (run.result != cases[i].r)
				fail_msg("%s: %d", cases[i].name, run.result);
			assert_true(same_bytes(run.out, data));
			run_free(&run);
			free(packed.p);
			free(data.p);
		}
	}
}

static void test_no_gzip(void **state)
{
	static const char *const texts[] = { "", "x", "\x1f\x9d no", "PK\3\4", "plain text" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct bytes b = { (unsigned char *)(uintptr_t)texts[i], strlen(texts[i]) };
		struct run run = { 0 };

		run_pass(&run, GZIP_MEMBERS, NULL, b, 100, 1);
		assert_int_equal(run.result, b.n ? -EBADMSG : -ENODATA);
		assert_int_equal(run.out.n, 0);
		run_free(&run);
	}
}

/* ISIZE counts modulo 2^32: a point says that 4 GiB of this member came before it. */
static void test_length_wraps(void **state)
{
	static const struct {
		uint64_t more;
		int r;
	} cases[] = { { 0, 0 },	       { 1ull << 32, 0 },	 { 7ull << 32, 0 },
		      { 1, -EBADMSG }, { 1ull << 31, -EBADMSG }, { (1ull << 32) + 1, -EBADMSG } };
	struct bytes data = make_data(AUDIO, 300000, 3), packed = make_packed(&plain, 1, data);
	struct run run = { 0 };

	(void)state;
	run_pass(&run, GZIP_MEMBERS, NULL, packed, 10000, 30000);
	assert_true(run.n_points > 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct noted from = run.points[1];
		struct run later = { 0 };

		from.p.member_out += cases[i].more;
		from.p.out += cases[i].more;
		run_pass(&later, GZIP_MEMBERS, &from, packed, 10000, 30000);
		assert_int_equal(later.result, cases[i].r);
		assert_int_equal(later.n_points, run.n_points - 2);
		assert_int_equal(later.points[0].p.out, run.points[2].p.out + cases[i].more);
		run_free(&later);
	}
	run_free(&run);
	free(packed.p);
	free(data.p);
}

static void test_crc_goes_on(void **state)
{
	struct bytes data = make_data(AUDIO, 300000, 3), packed = make_packed(&plain, 1, data);
	struct run run = { 0 }, later = { 0 };

	(void)state;
	run_pass(&run, GZIP_MEMBERS, NULL, packed, 10000, 30000);
	run.points[1].p.crc ^= 1;
	run_pass(&later, GZIP_MEMBERS, &run.points[1], packed, 10000, 30000);
	assert_int_equal(later.result, -EBADMSG);
	assert_non_null(strstr(later.error, "wrong CRC"));
	run_free(&run);
	run_free(&later);
	free(packed.p);
	free(data.p);
}

/* What an op returns ends the pass, and comes back from then on. */
static void test_ops_end_it(void **state)
{
	struct bytes data = make_data(AUDIO, 300000, 3), packed = make_packed(&plain, 1, data);

	(void)state;
	for (size_t k = 1; k <= 3; k++) {
		struct run a = { .fail_output = k }, b = { .fail_point = k };

		run_pass(&a, GZIP_MEMBERS, NULL, packed, 10000, 30000);
		assert_int_equal(a.result, 42);
		run_pass(&b, GZIP_MEMBERS, NULL, packed, 10000, 30000);
		assert_int_equal(b.result, 43);
		assert_int_equal(b.n_points, k - 1);
		run_free(&a);
		run_free(&b);
	}
	free(packed.p);
	free(data.p);
}

/* Points as a damaged index may hold them. */
static void test_bad_points(void **state)
{
	static const struct {
		enum gzip_format f;
		struct gzip_point p;
		size_t n; /* of the window: one that is no good */
		int r;
	} cases[] = {
		{ GZIP_MEMBERS, { .at_member = true }, 0, 0 },
		{ GZIP_MEMBERS, { .at_member = true, .in_bit = 8, .out = 5 }, 0, 0 },
		{ GZIP_MEMBERS, { .at_member = true, .in_bit = 3 }, 0, -EINVAL },
		{ GZIP_MEMBERS, { .at_member = true, .crc = 3 }, 0, -EINVAL },
		{ GZIP_MEMBERS, { .at_member = true, .out = 9, .member_out = 9 }, 0, -EINVAL },
		{ GZIP_RAW_DEFLATE, { .at_member = true }, 0, -EINVAL },
		{ GZIP_RAW_DEFLATE, { .in_bit = 3 }, 0, 0 },
		{ GZIP_RAW_DEFLATE, { .in_bit = UINT64_MAX }, 0, -EINVAL },
		{ GZIP_RAW_DEFLATE, { .out = UINT64_MAX }, 0, -EINVAL },
		{ GZIP_RAW_DEFLATE, { .out = 5, .member_out = 6 }, 0, -EINVAL },
		{ GZIP_RAW_DEFLATE, { .out = 5, .member_out = 5 }, 0, -EBADMSG },
		{ GZIP_RAW_DEFLATE, { .out = 5, .member_out = 5 }, 5, -EBADMSG },
	};
	static const struct gzip_pass_ops ops = { note_output, note_point };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run = { 0 };
		struct gzip_pass *z = NULL;
		struct gzip_span *s = NULL;

		assert_int_equal(gzip_pass_new(cases[i].f, &cases[i].p, "\1bad!", cases[i].n, 1,
					       &ops, &run, &z),
				 cases[i].r);
		assert_int_equal(gzip_span_new(cases[i].f, &cases[i].p, "\1bad!", cases[i].n, &s),
				 cases[i].r);
		assert_int_equal(z != NULL, cases[i].r == 0);
		assert_int_equal(s != NULL, cases[i].r == 0);
		gzip_pass_free(z);
		gzip_span_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated),    cmocka_unit_test(test_truncated_members),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_damaged_late), cmocka_unit_test(test_what_follows),
		cmocka_unit_test(test_no_gzip),	     cmocka_unit_test(test_length_wraps),
		cmocka_unit_test(test_crc_goes_on),  cmocka_unit_test(test_ops_end_it),
		cmocka_unit_test(test_bad_points),   cmocka_unit_test(test_point_before_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
