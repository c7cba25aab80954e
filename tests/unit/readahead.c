/* SPDX-License-Identifier: MPL-2.0 */
/* readahead.c - what is brought ahead of readers of all kinds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/util.h"
#include "store/readahead.h"

#define END 100000u
#define MAX_WINDOW 512u
#define STEP 48u

static struct range note(struct readahead *ra, uint64_t from, uint64_t n)
{
	return readahead_note(ra, (struct range){ from, from + n }, END);
}

/* Reads count blocks one by one; returns how many were ordered besides, and checks that they are
 * ordered once each and in order. */
static uint64_t walk(struct readahead *ra, uint64_t from, uint64_t count, uint64_t *largest)
{
	uint64_t ordered = 0, next = 0;

	*largest = 0;
	for (uint64_t blk = from; blk < from + count; blk++) {
		struct range r = note(ra, blk, 1);

		if (r.from == r.to)
			continue;
		assert_true(r.from > blk);
		assert_true(r.from >= next);
		assert_true(r.to - blk - 1 <= MAX_WINDOW);
		next = r.to;
		ordered += r.to - r.from;
		*largest = MAX(*largest, r.to - r.from);
	}
	return ordered;
}

static void test_one_read(void **state)
{
	struct readahead ra = { .max_window = MAX_WINDOW, .step = STEP };
	uint64_t largest;

	(void)state;
	assert_int_equal(walk(&ra, 0, 1, &largest), 0);
	assert_int_equal(walk(&ra, 5000, 2, &largest), 0); /* neighbours by chance */
	for (uint64_t i = 0; i < 200; i++) {
		struct range r = note(&ra, i * 7919 % END, 1);

		assert_int_equal(r.to - r.from, 0);
	}
}

static void test_sequential(void **state)
{
	struct readahead ra = { .max_window = MAX_WINDOW, .step = STEP };
	uint64_t largest, ordered = walk(&ra, 100, 10, &largest);

	(void)state;
	assert_in_range(ordered, 10, 40); /* not much more than was read */
	ordered = walk(&ra, 110, 1000, &largest);
	assert_in_range(ordered, 1000, 1000 + MAX_WINDOW);
	assert_int_equal(largest, STEP); /* many small orders, not a large one now and then */
}

static void test_readers_apart(void **state)
{
	struct readahead ra = { .max_window = MAX_WINDOW, .step = STEP };
	uint64_t ordered = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		for (uint64_t reader = 0; reader < READAHEAD_TRACKS; reader++) {
			struct range r = note(&ra, reader * 5000 + i, 1);

			ordered += r.to - r.from;
		}
	assert_true(ordered > 100 * READAHEAD_TRACKS);
}

static void test_out_of_order(void **state)
{
	struct readahead ra = { .max_window = MAX_WINDOW, .step = STEP };
	uint64_t ordered = 0;

	(void)state;
	for (uint64_t i = 0; i < 200; i += 2) { /* 1 0 3 2 5 4 ... */
		struct range a = note(&ra, i + 1, 1), b = note(&ra, i, 1);

		ordered += a.to - a.from + b.to - b.from;
	}
	assert_true(ordered >= 200);
}

static void test_end(void **state)
{
	struct readahead ra = { .max_window = MAX_WINDOW, .step = STEP };
	uint64_t largest;

	(void)state;
	/* All that is left and no more. */
	assert_in_range(walk(&ra, END - 50, 50, &largest), 1, 47);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_read),
		cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_readers_apart),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
