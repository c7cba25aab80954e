/* SPDX-License-Identifier: MPL-2.0 */
/* clock.c - RFC 3339 both ways, and the two clocks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t t;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0, 0 },
		{ "2026-08-27T12:00:00.000Z", 0, 1787832000 },
		{ "2026-08-27T12:00:00.123456789Z", 0, 1787832000 },
		{ "2026-08-27t12:00:00z", 0, 1787832000 },
		{ "2026-08-27 12:00:00Z", 0, 1787832000 },
		{ "2026-08-27T14:00:00+02:00", 0, 1787832000 },
		{ "2026-08-27T06:30:00-05:30", 0, 1787832000 },
		{ "2024-02-29T23:59:59Z", 0, 1709251199 },
		{ "2016-12-31T23:59:60Z", 0, 1483228800 }, /* a leap second */
		{ "1969-12-31T23:59:59Z", 0, -1 },
		{ "2106-02-07T06:28:16Z", 0, 4294967296 },
		{ "", -EINVAL, 0 },
		{ "now", -EINVAL, 0 },
		{ "2026-08-27", -EINVAL, 0 },
		{ "2026-08-27T12:00:00", -EINVAL, 0 },
		{ "2026-13-27T12:00:00Z", -EINVAL, 0 },
		{ "2026-00-27T12:00:00Z", -EINVAL, 0 },
		{ "2026-08-32T12:00:00Z", -EINVAL, 0 },
		{ "2026-08-27T24:00:00Z", -EINVAL, 0 },
		{ "2026-08-27T12:60:00Z", -EINVAL, 0 },
		{ "2026-08-27T12:00:00X", -EINVAL, 0 },
		{ "2026-08-27T12:00:00Zjunk", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t t = 77;

		if (clock_parse(cases[i].text, &t) != cases[i].r ||
		    t != (cases[i].r == 0 ? cases[i].t : 77))
			fail_msg("'%s' gives %lld", cases[i].text, (long long)t);
	}
}

static void test_round_trip(void **state)
{
	static const int64_t times[] = {
		0, 1, -1, 1787832000, 951782400, 4102444800, 253402300799
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char text[32];
		int64_t t;

		clock_format(times[i], text);
		assert_int_equal(clock_parse(text, &t), 0);
		assert_true(t == times[i]);
	}
}

static void test_format(void **state)
{
	char text[32] = "old";

	(void)state;
	clock_format(1787832000, text);
	assert_string_equal(text, "2026-08-27T12:00:00Z");
	clock_format(INT64_MAX, text); /* no such year */
	assert_string_equal(text, "");
}

static void test_clocks(void **state)
{
	int64_t a = clock_ms(), now = clock_now();
	struct timespec ts = { 0, 20000000 };

	(void)state;
	nanosleep(&ts, NULL);
	assert_in_range(clock_ms() - a, 20, 5000);
	assert_true(now > 1700000000);
	assert_in_range(clock_now() - now, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
