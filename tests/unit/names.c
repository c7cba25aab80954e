/* SPDX-License-Identifier: MPL-2.0 */
/* names.c - unit tests of archive/names.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "archive/names.h"
#include "base/buf.h"
#include "base/digest.h"

/* The components of path, each followed by '|'; the text is the caller's. */
static char *split(const char *path, bool *hostile)
{
	struct buf b = BUF_INIT(1 << 20);
	struct names it;

	assert_int_equal(buf_add(&b, "", 0), 0);
	for (names_start(&it, path); names_next(&it);) {
		assert_int_equal(strlen(it.name), it.len);
		assert_in_range(it.len, 1, NAMES_MAX);
		assert_int_equal(buf_addf(&b, "%s|", it.name), 0);
	}
	assert_false(names_next(&it)); /* the end stays the end */
	*hostile = it.hostile;
	return buf_take(&b);
}

static void test_split(void **state)
{
	static const struct {
		const char *path, *want;
		bool hostile;
	} cases[] = {
		{ "", "", false },
		{ "/", "", false },
		{ ".", "", false },
		{ "./", "", false },
		{ "..", "", true },
		{ "../..", "", true },
		{ "a", "a|", false },
		{ "a/b/c", "a|b|c|", false },
		{ "/etc/passwd", "etc|passwd|", false },
		{ "///a//b///", "a|b|", false },
		{ "./a/./b/.", "a|b|", false },
		{ "a/../b", "a|b|", true },
		{ "../../etc/passwd", "etc|passwd|", true },
		{ "a/..", "a|", true },
		{ "...", "...|", false },
		{ "..a/b../.c", "..a|b..|.c|", false },
		{ " / . /\t", " | . |\t|", false },
		{ "a\nb/\x01\xff\xfe", "a\nb|\x01\xff\xfe|", false },
		{ "a\\..\\b", "a\\..\\b|", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool hostile;
		AUTO(auto_free) char *got = split(cases[i].path, &hostile);

		assert_string_equal(got, cases[i].want);
		assert_int_equal(hostile, cases[i].hostile);
	}
}

/* A path of n times c, then "/x". */
static const char *long_path(char *out, char c, size_t n)
{
	memset(out, c, n);
	memcpy(out + n, "/x", 3);
	return out;
}

static void test_longest_kept(void **state)
{
	char path[300];
	struct names it;

	(void)state;
	names_start(&it, long_path(path, 'n', NAMES_MAX));
	assert_true(names_next(&it));
	assert_int_equal(it.len, NAMES_MAX);
	assert_memory_equal(it.name, path, NAMES_MAX);
	assert_true(names_next(&it));
	assert_string_equal(it.name, "x");
}

static void test_too_long(void **state)
{
	static const size_t sizes[] = { 256, 257, 300, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char path[5003], suffix[10];
		struct names it;

		long_path(path, 'n', sizes[i]);
		snprintf(suffix, sizeof(suffix), "~%08x", (unsigned)crc32c(0, path, sizes[i]));
		names_start(&it, path);
		assert_true(names_next(&it));
		assert_int_equal(it.len, NAMES_MAX);
		assert_memory_equal(it.name, path, NAMES_MAX - 9);
		assert_string_equal(it.name + NAMES_MAX - 9, suffix);
		assert_true(names_next(&it));
		assert_string_equal(it.name, "x");
		assert_false(it.hostile);
	}
}

static void test_too_long_distinct(void **state)
{
	char a[303], b[303];
	struct names ia, ib;

	(void)state;
	long_path(a, 'n', 300);
	long_path(b, 'n', 300);
	b[299] = 'm'; /* differs only where it is cut off */
	names_start(&ia, a);
	names_start(&ib, b);
	assert_true(names_next(&ia) && names_next(&ib));
	assert_memory_equal(ia.name, ib.name, NAMES_MAX - 9);
	assert_string_not_equal(ia.name, ib.name);
}

static void test_deep(void **state)
{
	AUTO(auto_free) char *path = malloc(60001);
	struct names it;
	size_t n = 0;

	(void)state;
	assert_non_null(path);
	for (size_t i = 0; i < 30000; i++)
		memcpy(path + 2 * i, "d/", 3);
	for (names_start(&it, path); names_next(&it); n++)
		assert_string_equal(it.name, "d");
	assert_int_equal(n, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_longest_kept),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_too_long_distinct),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
