/* SPDX-License-Identifier: MPL-2.0 */
/* servertime.c - unit tests of source/servertime.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/servertime.h"

/* A second may pass between two looks. */
static void assert_near(int64_t got, int64_t want)
{
	assert_in_range(got, want, want + 2);
}

static void test_learn(void **state)
{
	struct servertime *t = NULL;

	(void)state;
	assert_near(servertime_now(NULL), clock_now());
	servertime_learn(NULL, 5, true);
	assert_int_equal(servertime_new(&t), 0);
	assert_near(servertime_now(t), clock_now());
	servertime_learn(t, 0, true); /* no Date */
	servertime_learn(t, -7, true);
	assert_near(servertime_now(t), clock_now());
	servertime_learn(t, 1000, false); /* storage, while nobody else has said anything */
	assert_near(servertime_now(t), 1000);
	servertime_learn(t, 2000000000, true);
	assert_near(servertime_now(t), 2000000000);
	servertime_learn(t, 1000, false); /* the API has just told */
	assert_near(servertime_now(t), 2000000000);
	servertime_learn(t, 1999999000, true); /* corrected */
	assert_near(servertime_now(t), 1999999000);
	assert_near(servertime_local(t, 1999999000 + 500) + 2, clock_now() + 500);
	servertime_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_learn) };

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
