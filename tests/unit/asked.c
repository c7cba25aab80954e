/* SPDX-License-Identifier: MPL-2.0 */
/* asked.c - ranges of blocks: taken one by one, split, and moved without what lies between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "archive/asked.h"

static void add(struct list *l, uint64_t first, uint64_t end, bool demand)
{
	struct asked *k = asked_new(first, end, demand);

	assert_non_null(k);
	list_push(l, &k->link);
}

/* Takes all that is there, and checks that each block of [from, to) is there once. */
static void takes(struct list *l, uint64_t from, uint64_t to)
{
	for (uint64_t blk = from; blk < to; blk++) {
		assert_non_null(asked_find(l, blk));
		assert_true(asked_take(l, blk));
		assert_false(asked_take(l, blk));
	}
}

static void test_take(void **state)
{
	struct list l;

	(void)state;
	list_init(&l);
	assert_true(asked_first(&l) == ASKED_NOTHING);
	assert_int_equal(asked_end(&l), 0);
	add(&l, 10, 20, false);
	add(&l, 5, 7, true);
	assert_int_equal(asked_first(&l), 5);
	assert_int_equal(asked_end(&l), 20);
	assert_true(asked_on_demand(&l));
	assert_false(asked_take(&l, 7));
	assert_false(asked_take(&l, 20));
	takes(&l, 14, 16); /* out of the middle */
	takes(&l, 5, 7);
	assert_false(asked_on_demand(&l));
	assert_int_equal(asked_first(&l), 10);
	takes(&l, 10, 14);
	takes(&l, 16, 20);
	assert_true(list_empty(&l));
}

static void test_move(void **state)
{
	struct list l, to;

	(void)state;
	list_init(&l);
	list_init(&to);
	add(&to, 100, 110, false);
	add(&l, 0, 10, true);
	add(&l, 30, 32, false);
	asked_move(&l, 4, &to);
	assert_int_equal(asked_end(&l), 4);
	assert_int_equal(asked_first(&to), 4);
	assert_true(asked_on_demand(&to));
	assert_null(asked_find(&to, 10)); /* nothing of the gaps */
	assert_null(asked_find(&to, 32));
	assert_null(asked_find(&to, 99));
	takes(&l, 0, 4);
	takes(&to, 4, 10);
	takes(&to, 30, 32);
	takes(&to, 100, 110);
	assert_true(list_empty(&l) && list_empty(&to));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
