/* SPDX-License-Identifier: MPL-2.0 */
/* zip_walk.c - unit tests of zip_walk in archive/zip.h: the records of a directory. */
#include "../lib/zipmake.h"

static void test_walk_pieces(void **state)
{
	static const size_t pieces[] = { 1, 2, 5, 6, 7, 45, 46, 47, 52, 100, 4096 };
	static const char want[] = "040755 0 0 dir/\n"
				   "100644 7 34 dir/a\n"
				   "120777 1 76 dir/link\n"
				   "100644 100 115 b\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
		struct zip_directory d = put_members(&b, some, ARRAY_SIZE(some));
		struct seen s = { .text = BUF_INIT(1 << 20) };

		assert_int_equal(walk(&b, &d, pieces[i], NULL, &s, NULL), 0);
		assert_string_equal(s.text.p, want);
		buf_free(&s.text);
	}
}

static void test_modes(void **state)
{
	static const struct {
		const char *name;
		unsigned made_by;
		uint32_t attr, mode;
	} cases[] = {
		{ "f", UNIX, 0100600u << 16, 0100600 },
		{ "f", UNIX, 0120777u << 16, 0120777 },
		{ "f", UNIX, 040700u << 16, 040700 },
		{ "d/", UNIX, 0100644u << 16, 040755 },
		{ "d/", UNIX, 0, 040755 },
		{ "f", UNIX, 0, 0100644 },
		{ "f", UNIX, 0600u << 16, 0100600 },
		{ "d/", UNIX, 0700u << 16, 040700 },
		{ "f", UNIX, 0170644u << 16, 0100644 },
		{ "p", UNIX, 010644u << 16, 010644 },
		{ "f", UNIX, 0104755u << 16, 0104755 },
		{ "f", UNIX, 0100000u << 16, 0100000 },
		{ "f", 19 << 8, 0100755u << 16, 0100755 },
		{ "f", FAT, 0x20, 0100644 },
		{ "f", FAT, 0x21, 0100444 },
		{ "d", FAT, 0x10, 040755 },
		{ "d/", FAT, 0x11, 040555 },
		{ "f", NTFS, 0x01, 0100444 },
		{ "d", UNIX, 0x10, 040755 },
		{ "f", FAT, 0120777u << 16, 0120777 },
		{ "f", FAT, 0600u << 16, 0100644 },
		{ "f", 2 << 8, 0x11, 0100644 },
		{ "d/", 7 << 8, 0, 040755 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = {
			.name = cases[i].name, .made_by = cases[i].made_by, .attr = cases[i].attr
		};
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		if (s.e.mode != cases[i].mode)
			fail_msg("case %zu: %o", i, s.e.mode);
	}
}

/* Members that lie, and what is said about them. */
static void test_lies(void **state)
{
	static const struct {
		struct member m;
		const char *error;
	} cases[] = {
		{ { .name = "f", .offset = 5000 }, "header lies outside" },
		{ { .name = "f", .offset = 0xfffffff0 }, "header lies outside" },
		{ { .name = "f", .offset = 4098 }, "header lies outside" },
		{ { .name = "f", .size = 5000, .packed = 5000 }, "data lies outside" },
		{ { .name = "f", .packed = 0xfffffff0, .method = 8 }, "data lies outside" },
		{ { .name = "f", .size = 10, .packed = 5 }, "two different sizes" },
		{ { .name = "f", .disk = 1 }, "another volume" },
		{ { .name = "f", .method = 8, .size = 5 }, "a size and no data" },
		{ { .name = "f",
			  .size = 0xffffffff,
			  .extra = "\1\0\7\0\1\2\3\4\5\6\7",
			  .n_extra = 11 },
			"zip64 field is too short" },
		{ { .name = "f", .disk = 0xffff, .extra = "\1\0\0\0", .n_extra = 4 }, "too short" },
		{ { .name = "f", .disk = 0xffff, .extra = "\1\0\4\0\1\0\0\0", .n_extra = 8 },
			"another volume" },
		{ { .name = "f",
			  .offset = 0xffffffff,
			  .extra = "\1\0\x08\0\xff\xff\xff\xff\xff\xff\xff\xff",
			  .n_extra = 12 },
			"header lies outside" },
		{ { .name = "f",
			  .packed = 0xffffffff,
			  .method = 8,
			  .extra = "\1\0\x08\0\xff\xff\xff\xff\xff\xff\xff\xff",
			  .n_extra = 12 },
			"data lies outside" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen s;

		assert_int_equal(walk_one(&cases[i].m, NULL, &s, NULL), 0);
		assert_int_equal(s.n, 1);
		if (!s.e.lie || !strstr(s.e.lie, cases[i].error))
			fail_msg("case %zu: %s", i, s.e.lie ? s.e.lie : "nothing");
	}
}

/* With the directory masked nothing in it can be believed. */
static void test_masked(void **state)
{
	static const struct member m = { .name = "f", .flags = 0x2000 };
	struct seen s;
	char error[200];

	(void)state;
	assert_int_equal(walk_one(&m, NULL, &s, error), -EBADMSG);
	assert_int_equal(s.n, 0);
	assert_non_null(strstr(error, "directory is encrypted"));
}

/* WinZip's AES: the extra field has the method, and says whether the CRC-32 does count. */
static void test_aes(void **state)
{
	static const struct {
		unsigned flags, method;
		const char *extra;
		unsigned want_method, aes;
		bool has_crc;
	} cases[] = {
		{ 1, 99, "\1\x99\7\0\1\0AE\3\x08\0", 8, 3, true },
		{ 1, 99, "\1\x99\7\0\2\0AE\1\x0c\0", 12, 1, false },
		{ 1, 99, "\1\x99\7\0\2\0AE\4\x08\0", 99, 0, true }, /* no such strength */
		{ 1, 99, "\1\x99\7\0\2\0EA\1\x08\0", 99, 0, true },
		{ 1, 99, "\1\x99\6\0\2\0AE\1\x08\0", 99, 0, true },
		{ 0, 99, "\1\x99\7\0\2\0AE\1\x08\0", 99, 0, true },
		{ 1, 8, "\1\x99\7\0\2\0AE\1\x0c\0", 8, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = { .name = "f",
				    .flags = cases[i].flags,
				    .method = cases[i].method,
				    .extra = cases[i].extra,
				    .n_extra = 11 };
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		assert_int_equal(s.e.method, cases[i].want_method);
		assert_int_equal(s.e.aes, cases[i].aes);
		assert_int_equal(s.e.has_crc, cases[i].has_crc);
	}
}

static void test_zip64_fields(void **state)
{
	static const struct {
		uint32_t size, packed, offset;
		const char *extra;
		size_t n;
		uint64_t want_size, want_packed, want_local;
	} cases[] = {
		{ 0xffffffff, 3, 0, BYTES("\1\0\x08\0\0\0\0\0\x10\0\0\0"), UINT64_C(0x1000000000),
			3, 4096 },
		{ 5, 0xffffffff, 0, BYTES("\1\0\x08\0\1\0\0\0\0\0\0\0"), 5, 1, 4096 },
		{ 5, 6, 0xffffffff, BYTES("\1\0\x08\0\7\0\0\0\0\0\0\0"), 5, 6, 7 },
		{ 0xffffffff, 0xffffffff, 0xffffffff,
			BYTES("\1\0\x18\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0"), 1, 2,
			3 },
		{ 5, 6, 0, BYTES("\1\0\x10\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0"), 5, 6, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = { .name = "f",
			.method = 8,
			.size = cases[i].size,
			.packed = cases[i].packed,
			.offset = cases[i].offset,
			.extra = cases[i].extra,
			.n_extra = cases[i].n };
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		assert_int_equal(s.e.size, cases[i].want_size);
		assert_int_equal(s.e.packed, cases[i].want_packed);
		assert_int_equal(s.e.local, cases[i].want_local);
	}
}

static void test_entry_fields(void **state)
{
	struct member m = { .name = "f", .flags = 1, .method = 99, .size = 3, .packed = 40 };
	struct seen s;

	(void)state;
	assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
	assert_true(s.e.encrypted);
	assert_int_equal(s.e.method, 99);
	assert_int_equal(s.e.crc, 0x12345678);
	m.flags = 0;
	assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
	assert_false(s.e.encrypted);
}

/* n records in the directory, of which the end record says "said". */
static int walk_count(size_t n, uint64_t said)
{
	static const struct member m = { .name = "f", .made_by = UNIX };
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 23);
	struct zip_directory d = put_members(&b, &m, 1);
	struct seen s = { .text = BUF_INIT(1 << 23) };
	int r;

	for (size_t i = 1; i < n; i++)
		put_central(&b, &m, 0);
	d.at.to = b.len;
	d.entries = said;
	r = walk(&b, &d, 1 << 16, NULL, &s, NULL);
	buf_free(&s.text);
	return r;
}

static void test_counts(void **state)
{
	(void)state;
	assert_int_equal(walk_count(3, 3), 0);
	assert_int_equal(walk_count(3, 2), -EBADMSG);
	assert_int_equal(walk_count(3, 4), -EBADMSG);
	assert_int_equal(walk_count(65537, 65537), 0);
	assert_int_equal(walk_count(65537, 1), 0);
	assert_int_equal(walk_count(65537, 2), -EBADMSG);
	assert_int_equal(walk_count(1, 65537), -EBADMSG);
}

static void test_walk_ends(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory d = put_members(&b, some, ARRAY_SIZE(some)), cut = d, bad = d;
	struct seen s = { .text = BUF_INIT(1 << 20) };
	char error[200];

	(void)state;
	cut.at.to -= 80; /* into the last record's fixed part, though its end is a comment */
	assert_int_equal(walk(&b, &cut, 4096, NULL, &s, error), -EBADMSG);
	assert_non_null(strstr(error, "ends inside"));
	assert_int_equal(s.n, ARRAY_SIZE(some) - 1);

	s.n = 0;
	s.answer = 42; /* the callback's own number comes back and ends the walk */
	assert_int_equal(walk(&b, &d, 4096, NULL, &s, NULL), 42);
	assert_int_equal(s.n, 1);

	s.answer = 0;
	bad.at.to = b.len + 1;
	assert_int_equal(zip_walk_new(&bad, b.len, NULL, NULL, NULL, NULL), -EINVAL);
	b.p[d.at.from + 46 + 4] ^= 1; /* the second record's signature */
	assert_int_equal(walk(&b, &d, 4096, NULL, &s, error), -EBADMSG);
	assert_non_null(strstr(error, "entry 2"));
	buf_free(&s.text);
}

static void test_walk_misuse(void **state)
{
	static const struct zip_ops ops = { see };
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory d = put_members(&b, some, 1);
	struct seen s = { .text = BUF_INIT(1 << 20) };
	struct zip_walk *w;

	(void)state;
	assert_int_equal(zip_walk_new(&d, b.len, "no such set", &ops, &s, &w), -EINVAL);
	assert_int_equal(zip_walk_new(&d, b.len, NULL, &ops, &s, &w), 0);
	assert_int_equal(zip_walk_end(w), -EBADMSG); /* nothing was fed */
	zip_walk_free(w);
	assert_int_equal(zip_walk_new(&d, b.len, NULL, &ops, &s, &w), 0);
	assert_int_equal(zip_walk_feed(w, b.p + d.at.from, range_len(d.at)), 0);
	assert_int_equal(zip_walk_feed(w, "x", 1), -EBADMSG);
	zip_walk_free(w);
	assert_null(zip_walk_free(NULL));
	buf_free(&s.text);
}

/* APPNOTE 4.3.13: a digital signature after the last record. */
static void test_signature(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory d = put_members(&b, some, ARRAY_SIZE(some));
	struct seen s = { .text = BUF_INIT(1 << 20) };

	(void)state;
	put(&b, 0x05054b50, 4);
	put(&b, 3, 2);
	pad(&b, 's', 3);
	d.at.to = b.len;
	for (size_t piece = 1; piece < 100; piece += 9)
		assert_int_equal(walk(&b, &d, piece, NULL, &s, NULL), 0);
	d.at.to--;
	assert_int_equal(walk(&b, &d, 4096, NULL, &s, NULL), -EBADMSG);
	buf_free(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk_pieces),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_aes),
		cmocka_unit_test(test_zip64_fields),
		cmocka_unit_test(test_entry_fields),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_walk_ends),
		cmocka_unit_test(test_walk_misuse),
		cmocka_unit_test(test_signature),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
