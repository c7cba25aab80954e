/* SPDX-License-Identifier: MPL-2.0 */
/* about.c - unit tests of store/about.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "../lib/cachetest.h"
#include "store/about.h"

static const struct about sample = {
	.name = "mdc:slug-\"\n\x01",
	.file = "a.tar.gz",
	.version = "W/\"etag\"",
	.of = TEST_OBJECT,
	.size = (uint64_t)1 << 40,
};

static void object_of(const struct fixture *f, char out[static 600])
{
	snprintf(out, 600, "%s/objects/" TEST_OBJECT, f->dir);
}

static void test_note(void **state)
{
	char dir[600], path[700];
	struct about a;
	int use = -1;

	object_of(*state, dir);
	snprintf(path, sizeof(path), "%s/about.json", dir);
	assert_int_equal(about_read(dir, &a), -ENOENT);
	assert_int_equal(about_used(dir), 0);
	assert_int_equal(about_enter(dir, &sample, &use), 0);
	assert_int_equal(about_read(dir, &a), 0);
	assert_string_equal(a.name, sample.name);
	assert_string_equal(a.file, sample.file);
	assert_string_equal(a.version, sample.version);
	assert_string_equal(a.of, sample.of);
	assert_string_equal(a.outer, "");
	assert_true(a.size == sample.size);
	assert_true(about_used(dir) > 0);
	for (off_t cut = 0; cut < 20; cut++) { /* damage is no note; the next use mends it */
		assert_int_equal(truncate(path, cut), 0);
		assert_int_equal(about_read(dir, &a), -ENOENT);
		assert_string_equal(a.name, "");
		assert_int_equal(about_note(dir, &sample), 0);
		assert_int_equal(about_read(dir, &a), 0);
	}
	about_leave(dir, use);
}

/* Who uses it keeps the remover out; any number may use it. */
static void test_use(void **state)
{
	int one = -1, two = -1;
	char dir[600];

	object_of(*state, dir);
	assert_false(about_in_use(dir));
	assert_int_equal(about_remove(dir), 0); /* there is none */
	assert_int_equal(about_enter(dir, NULL, &one), 0);
	assert_int_equal(about_enter(dir, &sample, &two), 0);
	assert_true(about_in_use(dir));
	assert_int_equal(about_remove(dir), -EBUSY);
	about_leave(dir, one);
	assert_int_equal(about_remove(dir), -EBUSY);
	about_leave(dir, two);
	assert_false(about_in_use(dir));
	assert_int_equal(about_remove(dir), 0);
	assert_int_equal(access(dir, F_OK), -1);
	about_leave(dir, -1);
}

struct remover {
	const char *dir;
	atomic_bool stop;
	atomic_int removed;
};

static void *remove_often(void *arg)
{
	struct remover *r = arg;

	while (!r->stop)
		r->removed += access(r->dir, F_OK) == 0 && about_remove(r->dir) == 0;
	return NULL;
}

/* Who comes while it is removed gets a directory of his own, which then stays. */
static void test_enter_while_removed(void **state)
{
	char dir[600];
	struct remover r = { .dir = dir };
	pthread_t t;

	object_of(*state, dir);
	assert_int_equal(pthread_create(&t, NULL, remove_often, &r), 0);
	for (int i = 0; i < 300 || (r.removed == 0 && i < 1000000); i++) {
		struct about a;
		int use = -1;

		assert_int_equal(about_enter(dir, &sample, &use), 0);
		assert_int_equal(about_read(dir, &a), 0);
		about_leave(dir, use);
	}
	r.stop = true;
	pthread_join(t, NULL);
	assert_true(r.removed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_note),
		CASE(test_use),
		CASE(test_enter_while_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
