/* SPDX-License-Identifier: MPL-2.0 */
/* retry.c - tests of src/net/retry.c: a table and the bounds of the jitter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/retry.h"

static const struct retry_policy policy = {
	.max_tries = 5, .base_ms = 100, .cap_ms = 350, .deadline_ms = 10000,
};

static void test_wait(void **state)
{
	static const struct {
		unsigned n;
		int64_t spent_ms, after_s;
		uint32_t rnd;
		int64_t want;
	} cases[] = {
		{ 1, 0, -1, 0, 1 }, /* never 0 */
		{ 1, 0, -1, UINT32_MAX, 100 },
		{ 2, 0, -1, UINT32_MAX, 200 },
		{ 3, 0, -1, UINT32_MAX, 350 }, /* the cap */
		{ 4, 0, -1, UINT32_MAX, 350 },
		{ 4, 0, -1, UINT32_MAX / 2, 175 },
		{ 5, 0, -1, 0, -1 }, /* that was the last try */
		{ 6, 0, -1, 0, -1 },
		{ 0, 0, -1, 0, -1 },
		{ 1, 9900, -1, UINT32_MAX, 100 },
		{ 1, 9901, -1, UINT32_MAX, -1 },
		{ 1, 10000, -1, 0, -1 },
		{ 1, INT64_MAX, -1, 0, -1 },
		{ 1, 0, 0, UINT32_MAX, 100 }, /* "at once" is no reason to hammer */
		{ 4, 0, 0, 0, 1 },
		{ 1, 0, 3, UINT32_MAX, 3000 }, /* as the server says, beyond the cap too */
		{ 1, 7000, 3, 0, 3000 },
		{ 1, 7001, 3, 0, -1 },
		{ 5, 0, 1, 0, -1 },
		{ 1, 0, INT64_MAX, 0, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t got = retry_wait(&policy, cases[i].n, cases[i].spent_ms, cases[i].after_s,
					 cases[i].rnd);

		if (got != cases[i].want)
			fail_msg("case %zu: %lld", i, (long long)got);
	}
}

/* Odd policies neither overflow nor hang. */
static void test_extremes(void **state)
{
	static const struct retry_policy zero = { .max_tries = 9, .deadline_ms = 5 };
	static const struct retry_policy huge = { .max_tries = UINT32_MAX, .base_ms = INT64_MAX,
						  .cap_ms = INT64_MAX, .deadline_ms = INT64_MAX };
	static const struct retry_policy patient = { .max_tries = UINT32_MAX, .base_ms = 1,
						     .cap_ms = 1000, .deadline_ms = INT64_MAX };
	int64_t got;

	(void)state;
	assert_int_equal(retry_wait(&zero, 3, 0, -1, UINT32_MAX), 1);
	got = retry_wait(&huge, 1000, 0, -1, UINT32_MAX);
	assert_true(got > 0 && got <= UINT32_MAX);
	assert_int_equal(retry_wait(&patient, 4000000000u, 0, -1, UINT32_MAX), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
