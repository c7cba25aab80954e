/* SPDX-License-Identifier: MPL-2.0 */
/* store/reach: who may ask, and how long it is worth asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "store/reach.h"

static void test_outage(void **state)
{
	struct reach r = { 0 };
	bool probe;

	(void)state;
	assert_true(reach_admits(&r, 0, &probe));
	assert_false(probe);
	assert_false(reach_answered(&r));
	for (unsigned tries = 1; tries < 40; tries++)
		assert_true(reach_worth(&r, true, tries)); /* until its caller's deadline */
	assert_true(reach_failed(&r, 5000));
	assert_false(reach_failed(&r, 5000)); /* of another who waited, too */
	assert_false(reach_worth(&r, true, 1));
	assert_false(reach_admits(&r, 5999, &probe));
	assert_true(reach_admits(&r, 6000, &probe));
	assert_true(probe);
	assert_false(reach_admits(&r, 60000, &probe)); /* one at a time */
	assert_false(reach_failed(&r, 7000));
	assert_false(reach_admits(&r, 7999, &probe));
	assert_true(reach_admits(&r, 8000, &probe));
	assert_true(reach_answered(&r));
	assert_true(reach_admits(&r, 8000, &probe));
	assert_false(probe);
	assert_true(reach_worth(&r, true, 3));
}

static void test_stranger(void **state)
{
	struct reach r = { 0 };

	(void)state;
	assert_true(reach_worth(&r, true, 1));
	assert_false(reach_worth(&r, true, 2));
	assert_true(reach_worth(&r, false, 2)); /* it is there, but in trouble */
}

static void test_unknown(void **state)
{
	struct reach r = { 0 };
	bool probe;

	(void)state;
	assert_true(reach_failed(&r, 0));
	assert_true(reach_admits(&r, REACH_PROBE_MS, &probe));
	reach_unknown(&r); /* given up by who asked: the next one may */
	assert_true(reach_admits(&r, REACH_PROBE_MS, &probe));
	assert_true(probe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outage),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
