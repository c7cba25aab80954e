/* SPDX-License-Identifier: MPL-2.0 */
/* zip_name.c - unit tests of archive/zip_name.h, through the members that have such names. */
#include "../lib/zipmake.h"

/* CRC-32 of "\x81.txt" is 0xe93f3065. */
#define UNICODE_81 \
	"up\x0a\x00\x01\x65\x30\x3f\xe9" \
	"\xe2\x82\xac.t"

static void test_names(void **state)
{
	static const struct {
		const char *raw;
		unsigned made_by, flags;
		const char *encoding;
		const char *extra;
		size_t n_extra;
		const char *path;
	} cases[] = {
		{ "plain.txt", UNIX, 0, NULL, "", 0, "plain.txt" },
		{ "\x81.txt", FAT, 0, NULL, "", 0, "\xc3\xbc.txt" },
		{ "\x81.txt", FAT, 0, "", "", 0, "\xc3\xbc.txt" },
		{ "\x81.txt", UNIX, 0, NULL, "", 0, "\xc3\xbc.txt" },
		{ "\xb0\xff", FAT, 0, "cp437", "", 0, "\xe2\x96\x91\xc2\xa0" },
		{ "\x81.txt", FAT, UTF8, NULL, "", 0, "\x81.txt" },
		{ "\x81.txt", FAT, 0, NULL, BYTES(UNICODE_81), "\xe2\x82\xac.t" },
		{ "\x82.txt", FAT, 0, NULL, BYTES(UNICODE_81), "\xc3\xa9.txt" },
		{ "\x81.txt", FAT, UTF8, NULL, BYTES(UNICODE_81), "\x81.txt" },
		{ "\xc3\xbc", FAT, UTF8, NULL, "", 0, "\xc3\xbc" },
		{ "\xc3\xbc", UNIX, 0, NULL, "", 0, "\xc3\xbc" },
		{ "\xc3\xbc", FAT, 0, NULL, "", 0, "\xe2\x94\x9c\xe2\x95\x9d" },
		{ "\xc3\xbc", UNIX, 0, "CP437", "", 0, "\xe2\x94\x9c\xe2\x95\x9d" },
		{ "\xc0\xaf", UNIX, 0, NULL, "", 0, "\xe2\x94\x94\xc2\xbb" },
		{ "\xed\xa0\x80", UNIX, 0, NULL, "", 0, "\xcf\x86\xc3\xa1\xc3\x87" },
		{ "\x8f\xe0", FAT, 0, "CP866", "", 0, "\xd0\x9f\xd1\x80" },
		{ "\x83\x5c/a", FAT, 0, "SHIFT_JIS", "", 0, "\xe3\x82\xbd/a" },
		{ "\x83\x5c", FAT, 0, "SHIFT_JIS", "", 0, "\xe3\x82\xbd" },
		{ "\x83", FAT, 0, "SHIFT_JIS", "", 0, "\x83" },
		{ "a\\b\\c", FAT, 0, NULL, "", 0, "a/b/c" },
		{ "a\\b\\", NTFS, UTF8, NULL, "", 0, "a/b/" },
		{ "a\\b/c", FAT, 0, NULL, "", 0, "a\\b/c" },
		{ "a\\b", UNIX, 0, NULL, "", 0, "a\\b" },
		{ "../x", UNIX, 0, NULL, "", 0, "../x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = { .name = cases[i].raw,
			.made_by = cases[i].made_by,
			.flags = cases[i].flags,
			.extra = cases[i].extra,
			.n_extra = cases[i].n_extra };
		struct seen s;

		assert_int_equal(walk_one(&m, cases[i].encoding, &s, NULL), 0);
		if (strcmp(s.path, cases[i].path) != 0)
			fail_msg("case %zu: %s", i, s.path);
	}
}

/* What is behind a NUL is left out, whichever way the name is read; the walk goes on. */
static void test_nul(void **state)
{
	static const struct {
		const char *raw;
		size_t n;
		unsigned made_by, flags;
		const char *path;
	} cases[] = {
		{ "a\0b", 3, UNIX, 0, "a" },
		{ "a\0b", 3, FAT, UTF8, "a" },
		{ "d/\x81\0/b", 6, FAT, 0, "d/\xc3\xbc" },
		{ "\0b", 2, UNIX, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = { .name = cases[i].raw,
			.n_name = cases[i].n,
			.made_by = cases[i].made_by,
			.flags = cases[i].flags };
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		assert_int_equal(s.n, 1);
		assert_string_equal(s.path, cases[i].path);
	}
}

static void test_long_name(void **state)
{
	AUTO(auto_free) char *name = malloc(65536);
	struct member m = { .name = name, .n_name = 65535, .made_by = FAT };
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct seen s = { .text = BUF_INIT(1 << 20) };
	struct zip_directory d;

	(void)state;
	assert_non_null(name);
	memset(name, 0xb0, 65535); /* three bytes each as UTF-8 */
	d = put_members(&b, &m, 1);
	assert_int_equal(walk(&b, &d, 1000, NULL, &s, NULL), 0);
	assert_int_equal(s.text.len, strlen("100644 0 0 \n") + 3 * 65535);
	buf_free(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
