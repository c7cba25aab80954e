/* SPDX-License-Identifier: MPL-2.0 */
/* buf.c - growth, the maximum, and what is left after a refusal. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_add(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(100);

	(void)state;
	assert_null(b.p);
	assert_int_equal(buf_add(&b, "abc", 3), 0);
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_int_equal(buf_add(&b, "d\0e", 3), 0);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.p, "abcd\0e", 7);
}

static void test_empty(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(0);

	(void)state;
	assert_null(buf_take(&b));
	assert_int_equal(buf_add(&b, "", 0), 0);
	assert_string_equal(b.p, "");
	assert_int_equal(buf_add(&b, "x", 1), -EMSGSIZE);
	assert_string_equal(b.p, "");
}

static void test_maximum(void **state)
{
	static const struct {
		size_t max, first, second;
		int r;
	} cases[] = {
		{ 10, 5, 5, 0 },	{ 10, 5, 6, -EMSGSIZE },  { 10, 10, 1, -EMSGSIZE },
		{ 10, 0, 11, -EMSGSIZE }, { 1000, 255, 1, 0 },	  { 1000, 256, 744, 0 },
		{ 1000, 256, 745, -EMSGSIZE }, { 10, 5, SIZE_MAX, -EMSGSIZE },
	};
	char data[1024];

	(void)state;
	memset(data, 'x', sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(cases[i].max);

		assert_int_equal(buf_add(&b, data, cases[i].first), 0);
		if (buf_add(&b, data, cases[i].second) != cases[i].r)
			fail_msg("case %zu", i);
		assert_int_equal(b.len, cases[i].first + (cases[i].r == 0 ? cases[i].second : 0));
		assert_int_equal(strlen(b.p), b.len);
	}
}

static void test_growth(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(buf_addf(&b, "%05u,", i), 0);
	assert_int_equal(b.len, 60000);
	assert_memory_equal(b.p + 6 * 4711, "04711,", 6);
}

static void test_format(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(8);

	(void)state;
	assert_int_equal(buf_addf(&b, "%s-%d", "ab", 42), 0);
	assert_string_equal(b.p, "ab-42");
	assert_int_equal(buf_addf(&b, "%s", "toolong"), -EMSGSIZE);
	assert_string_equal(b.p, "ab-42");
}

static void test_take(void **state)
{
	struct buf b = BUF_INIT(8);
	AUTO(auto_free) char *p = NULL;

	(void)state;
	assert_int_equal(buf_add(&b, "abc", 3), 0);
	p = buf_take(&b);
	assert_string_equal(p, "abc");
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	assert_int_equal(buf_add(&b, "12345678", 8), 0); /* the maximum is still there */
	assert_int_equal(buf_add(&b, "9", 1), -EMSGSIZE);
	buf_free(&b);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),    cmocka_unit_test(test_empty),
		cmocka_unit_test(test_maximum), cmocka_unit_test(test_growth),
		cmocka_unit_test(test_format), cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
