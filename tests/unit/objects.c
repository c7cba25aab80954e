/* SPDX-License-Identifier: MPL-2.0 */
/* objects.c - unit tests of whole objects in the cache (store/objects.h, evict.h): pins, what goes when nobody
 * uses it; and of store/fetching.h: who brings which block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "../lib/cachetest.h"
#include "store/about.h"
#include "store/cache_parts.h"

static void write_range(struct cache_layer *l, uint64_t from, uint64_t to)
{
	for (uint64_t b = from; b < to; b++)
		assert_int_equal(test_write(l, b, BLOCK_SIZE), 0);
}

static unsigned count_there(struct cache_layer *l, uint64_t n)
{
	unsigned found = 0;

	for (uint64_t b = 0; b < n; b++)
		found += cache_has(l, b);
	return found;
}

/* Pinned blocks outlive any number of others, also when everything else had to go; and not their pin. */
static void test_pins(void **state)
{
	struct fixture *f = *state, other = { .cache = NULL };
	struct cache_layer *l = NULL;

	fixture_open(f, BLOCKS(16));
	memcpy(other.dir, f->dir, sizeof(f->dir));
	write_range(f->layer, 0, 8);
	assert_false(objects_pinned(cache_objects(f->cache), TEST_OBJECT));
	assert_int_equal(objects_pin(cache_objects(f->cache), "../x", true), -EINVAL);
	assert_int_equal(objects_pin(cache_objects(f->cache), TEST_OBJECT, true), 0);
	assert_int_equal(objects_pin(cache_objects(f->cache), TEST_OBJECT, true), 0);
	fixture_open(&other, BLOCKS(16)); /* somebody else honours it */
	assert_true(objects_pinned(cache_objects(other.cache), TEST_OBJECT));
	assert_int_equal(cache_layer_open(other.cache, TEST_OTHER, "raw", &l), 0);
	write_range(l, 0, 60);
	assert_int_equal(count_there(f->layer, 8), 8);
	assert_int_equal(objects_pin(cache_objects(f->cache), TEST_OBJECT, false), 0);
	for (uint64_t b = 160; b > 100; b--) /* the hand does not go along with it */
		assert_int_equal(test_write(l, b, BLOCK_SIZE), 0);
	assert_true(count_there(f->layer, 8) < 8);
	cache_layer_close(l);
	fixture_close(&other);
}

/* What lies inside of a pinned archive stays too, though it was opened later. */
static void test_pin_around(void **state)
{
	struct about inner = { .name = "inner", .outer = "bb" };
	struct fixture *f = *state;
	struct cache_layer *l = NULL;
	char *dir = NULL;

	fixture_open(f, BLOCKS(16));
	assert_int_equal(objects_pin(cache_objects(f->cache), "bb", true), 0);
	write_range(f->layer, 0, 8);
	assert_int_equal(cache_object_dir(f->cache, TEST_OBJECT, &dir), 0);
	assert_false(objects_pinned(cache_objects(f->cache), TEST_OBJECT));
	assert_int_equal(about_note(dir, &inner), 0);
	assert_true(objects_pinned(cache_objects(f->cache), TEST_OBJECT));
	assert_int_equal(cache_layer_open(f->cache, TEST_OTHER, "raw", &l), 0);
	write_range(l, 0, 60);
	assert_int_equal(count_there(f->layer, 8), 8);
	assert_int_equal(objects_pin(cache_objects(f->cache), "bb", false), 0);
	assert_false(objects_pinned(cache_objects(f->cache), TEST_OBJECT));
	cache_layer_close(l);
	free(dir);
}

/* When all there is is pinned, nothing more is kept, and nothing is lost. */
static void test_all_pinned(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, BLOCKS(8));
	write_range(f->layer, 0, 8);
	assert_int_equal(objects_pin(cache_objects(f->cache), TEST_OBJECT, true), 0);
	assert_int_equal(test_write(f->layer, 20, BLOCK_SIZE), -ENOSPC);
	assert_int_equal(count_there(f->layer, 8), 8);
	assert_true(cache_used(f->cache) <= BLOCKS(8));
}

/* An object of the fixture's, with an index of some size, and closed again. */
static void make_unused(struct fixture *f, const char *identity, size_t index)
{
	struct cache_layer *l = NULL;
	char path[600];
	char *junk = calloc(1, index);
	int fd;

	assert_non_null(junk);
	assert_int_equal(cache_layer_open(f->cache, identity, "raw", &l), 0);
	assert_int_equal(test_write(l, 0, BLOCK_SIZE), 0);
	snprintf(path, sizeof(path), "%s/objects/%s/index.db", f->dir, identity);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, junk, index), index);
	close(fd);
	free(junk);
	cache_layer_close(l);
}

static bool is_dir(const struct fixture *f, const char *identity)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/objects/%s", f->dir, identity);
	return access(path, F_OK) == 0;
}

/* Indexes of objects that nobody uses go when they take too much, but not those in use or pinned. */
static void test_unused_indexes(void **state)
{
	static const char *const made[] = { "aa", "bb", TEST_OTHER };
	struct fixture *f = *state;
	struct cache_layer *l = NULL;

	fixture_open(f, BLOCKS(32));
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		make_unused(f, made[i], MB / 2);
	write_range(f->layer, 0, 4);
	assert_int_equal(objects_pin(cache_objects(f->cache), "bb", true), 0);
	assert_int_equal(cache_layer_open(f->cache, TEST_OTHER, "raw", &l), 0);
	assert_int_equal(cache_recount(f->cache), 0);
	assert_true(cache_meta(f->cache) > 3 * MB / 2);
	cache_tend(f->cache);
	assert_false(is_dir(f, "aa"));
	assert_true(is_dir(f, "bb"));
	assert_true(is_dir(f, TEST_OTHER));
	assert_int_equal(test_read(l, 0), BLOCK_SIZE);
	assert_int_equal(count_there(f->layer, 4), 4);
	assert_true(cache_meta(f->cache) < 3 * MB / 2);
	assert_int_equal(cache_used(f->cache), BLOCKS(6));
	cache_layer_close(l);
}

static void test_removal(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, BLOCKS(16));
	make_unused(f, "aa", 4096);
	write_range(f->layer, 0, 4);
	assert_int_equal(cache_remove(f->cache, "aa"), 0);
	assert_int_equal(cache_used(f->cache), BLOCKS(4));
	assert_int_equal(cache_remove(f->cache, "aa"), -ENOENT);
	assert_int_equal(cache_remove(f->cache, "../aa"), -EINVAL);
	assert_int_equal(cache_remove(f->cache, TEST_OBJECT), -EBUSY);
	assert_int_equal(count_there(f->layer, 4), 4);
	f->layer = cache_layer_close(f->layer);
	assert_int_equal(cache_remove(f->cache, TEST_OBJECT), 0);
	assert_int_equal(cache_used(f->cache), 0);
	assert_int_equal(test_on_disk(f->dir), 0);
	assert_int_equal(cache_layer_open(f->cache, TEST_OBJECT, "raw", &f->layer), 0);
	assert_int_equal(count_there(f->layer, 4), 0);
	write_range(f->layer, 0, 4);
}

/* Room is made ahead, by who writes in the background; the limit stays where it is. */
static void test_ahead(void **state)
{
	struct fixture *f = *state;
	uint64_t room;

	fixture_open(f, BLOCKS(256));
	write_range(f->layer, 0, 256);
	room = cache_used(f->cache);
	cache_tend(f->cache);
	assert_true(cache_used(f->cache) <= room - BLOCKS(8)); /* a 32nd at least */
	assert_true(cache_used(f->cache) >= room - BLOCKS(32));
}

/* -- who brings a block -- */

/* Two openings of the file are two processes, to each other. */
static void test_fetching(void **state)
{
	struct fixture *f = *state;
	struct fetching *a = NULL, *b = NULL;
	uint64_t key = fetching_key("aa", "raw");

	assert_int_not_equal(key, fetching_key("aa", "stream"));
	assert_int_equal(fetching_open(f->dir, &a), 0);
	assert_int_equal(fetching_open(f->dir, &b), 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_true(fetching_begin(a, key, 7));
	assert_true(fetching_begin(a, key, 7)); /* its own */
	assert_false(fetching_begin(b, key, 7));
	assert_true(fetching_begin(b, key, 8));
	assert_true(fetching_elsewhere(b, key, 7));
	assert_false(fetching_elsewhere(a, key, 7));
	fetching_end(b, key, 7); /* not its to end */
	assert_false(fetching_begin(b, key, 7));
	fetching_end(a, key, 7);
	assert_true(fetching_begin(b, key, 7));
	assert_false(fetching_begin(a, key, 7));
	b = fetching_close(b);
	assert_true(fetching_begin(a, key, 7));
	assert_true(fetching_begin(a, key, 8));
	fetching_close(a);
}

/* Brings a hundred blocks and is killed at it. */
static void victim(const char *dir)
{
	struct fetching *a = NULL;

	if (fetching_open(dir, &a) < 0)
		_exit(1);
	for (uint64_t blk = 0; blk < 100; blk++)
		if (!fetching_begin(a, 1, blk))
			_exit(1);
	raise(SIGKILL);
}

/* A process that was killed is nobody to wait for. */
static void test_fetching_killed(void **state)
{
	struct fixture *f = *state;
	struct fetching *b = NULL;
	int status = 0;
	pid_t pid;

	assert_int_equal(fetching_open(f->dir, &b), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		victim(f->dir);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	for (uint64_t blk = 0; blk < 100; blk++) {
		assert_false(fetching_elsewhere(b, 1, blk));
		assert_true(fetching_begin(b, 1, blk));
	}
	fetching_close(b);
}

/* Garbage in the table, and a full one, are no reason to wait for ever or to fail. */
static void test_fetching_garbage(void **state)
{
	struct fixture *f = *state;
	struct fetching *a = NULL;
	char path[600];
	unsigned char junk[8192];

	snprintf(path, sizeof(path), "%s/fetching", f->dir);
	assert_int_equal(fetching_open(f->dir, &a), 0);
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)(i * 131 + 7);
	overwrite(path, 1024, junk, sizeof(junk));
	for (uint64_t blk = 0; blk < 3000; blk++)
		assert_true(fetching_begin(a, 2, blk));
	for (uint64_t blk = 0; blk < 3000; blk++)
		fetching_end(a, 2, blk);
	a = fetching_close(a);
	overwrite(path, 0, junk, 64); /* of another format */
	assert_int_equal(fetching_open(f->dir, &a), 0);
	assert_true(fetching_begin(a, 2, 1));
	assert_int_equal(truncate(path, 0), 0); /* under our feet */
	assert_true(fetching_begin(a, 2, 2));
	fetching_end(a, 2, 2);
	fetching_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_pins),
		CASE(test_pin_around),
		CASE(test_all_pinned),
		CASE(test_unused_indexes),
		CASE(test_removal),
		CASE(test_ahead),
		CASE(test_fetching),
		CASE(test_fetching_killed),
		CASE(test_fetching_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
