/* SPDX-License-Identifier: MPL-2.0 */
/* cache.c - unit tests of store/cache.h: round trips, the limit, eviction, sharing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <sys/wait.h>

#include "../lib/cachetest.h"
#include "base/stats.h"

/* -- round trips -- */

static void test_round_trip(void **state)
{
	static const struct {
		uint64_t blk;
		size_t len;
	} cases[] = {
		{ 0, BLOCK_SIZE },
		{ 1, 1 },
		{ 2, 4095 },
		{ 3, 4096 },
		{ 4, 4097 },
		{ 65535, BLOCK_SIZE },
		{ 65536, BLOCK_SIZE - 1 },
		{ 1000000, BLOCK_SIZE },
	};
	struct fixture *f = *state;
	uint64_t sum = 0;

	fixture_open(f, 64 * MB);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(test_read(f->layer, cases[i].blk), -ENOENT);
		assert_false(cache_has(f->layer, cases[i].blk));
		assert_int_equal(test_write(f->layer, cases[i].blk, cases[i].len), 0);
		assert_true(cache_has(f->layer, cases[i].blk));
		sum += (cases[i].len + 4095) / 4096 * 4096;
		assert_int_equal(cache_used(f->cache), sum);
	}
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			assert_int_equal(test_read(f->layer, cases[i].blk), cases[i].len);
		fixture_close(f);
		fixture_open(f, 64 * MB);
		assert_int_equal(cache_used(f->cache), sum);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cache_drop(f->layer, cases[i].blk);
		assert_int_equal(test_read(f->layer, cases[i].blk), -ENOENT);
	}
	assert_int_equal(cache_used(f->cache), 0);
	assert_int_equal(test_on_disk(f->dir), 0);
}

static void test_write_twice(void **state)
{
	struct fixture *f = *state;
	uint64_t writes;

	fixture_open(f, 64 * MB);
	assert_int_equal(test_write(f->layer, 7, 5000), 0);
	writes = stats_get(cache_writes);
	assert_int_equal(test_write(f->layer, 7, 5000), 0);
	assert_int_equal(stats_get(cache_writes), writes);
	assert_int_equal(cache_used(f->cache), 8192);
	assert_int_equal(test_write(f->layer, 7, BLOCK_SIZE), 0); /* another length replaces */
	assert_int_equal(test_read(f->layer, 7), BLOCK_SIZE);
	assert_int_equal(cache_used(f->cache), BLOCK_SIZE);
}

static void test_bad_arguments(void **state)
{
	static const char *const objects[] = { "", ".", "..", "../x", "0a/b", "ABC", "0a " };
	static const char *const layers[] = { "", ".", "..", "a/b", "raw.map", "RAW", "a b" };
	struct fixture *f = *state;
	struct cache_layer *l = NULL;
	unsigned char buf[16] = "";
	char *dir = NULL;

	fixture_open(f, 64 * MB);
	for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
		assert_int_equal(cache_layer_open(f->cache, objects[i], "raw", &l), -EINVAL);
		assert_int_equal(cache_object_dir(f->cache, objects[i], &dir), -EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(layers); i++)
		assert_int_equal(cache_layer_open(f->cache, TEST_OBJECT, layers[i], &l), -EINVAL);
	assert_int_equal(cache_write(f->layer, 0, buf, 0), -EINVAL);
	assert_int_equal(cache_write(f->layer, 0, buf, BLOCK_SIZE + 1), -EINVAL);
	assert_int_equal(cache_write(f->layer, UINT64_MAX, buf, 1), -EINVAL);
	assert_int_equal(cache_write(f->layer, (uint64_t)1 << 27, buf, 1), -EINVAL);
	assert_false(cache_has(f->layer, UINT64_MAX));
	assert_int_equal(test_read(f->layer, UINT64_MAX), -ENOENT);
	assert_null(l);
	assert_null(dir);
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	char path[600], *dir = NULL;
	struct stat st;

	snprintf(f->dir + strlen(f->dir), 16, "/a/b");
	fixture_open(f, 64 * MB);
	assert_int_equal(cache_object_dir(f->cache, TEST_OTHER, &dir), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	for (int i = 0; i < 2; i++) {
		path_of(f, i ? "map" : "data", path, sizeof(path));
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
	}
	free(dir);
	fixture_close(f);
	*strrchr(f->dir, '/') = '\0';
	*strrchr(f->dir, '/') = '\0';
}

/* -- the limit -- */

static void test_limit_and_reuse(void **state)
{
	struct fixture *f = *state;
	int found = 0;

	fixture_open(f, BLOCKS(16));
	for (uint64_t b = 0; b < 100; b++) {
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
		assert_true(cache_used(f->cache) <= BLOCKS(16));
	}
	for (uint64_t b = 0; b < 100; b++) {
		ssize_t r = test_read(f->layer, b);

		assert_true(r == -ENOENT || r == (ssize_t)BLOCK_SIZE);
		found += r > 0;
	}
	assert_in_range(found, 14, 16);
	assert_true(test_on_disk(f->dir) <= BLOCKS(16) + 65536);
}

static void test_nothing_fits(void **state)
{
	static const uint64_t limits[] = { 0, 4096, BLOCK_SIZE - 1 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		uint64_t bypassed = stats_get(cache_bypassed);

		fixture_open(f, limits[i]);
		assert_int_equal(test_write(f->layer, 0, BLOCK_SIZE), -ENOSPC);
		assert_int_equal(stats_get(cache_bypassed), bypassed + 1);
		assert_int_equal(test_read(f->layer, 0), -ENOENT);
		fixture_close(f);
	}
}

/* Blocks that were read outlive those that were not, and a scan does not flush what is hot. */
static void test_eviction_order(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, BLOCKS(32));
	for (uint64_t b = 0; b < 32; b++)
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
	for (uint64_t b = 0; b < 32; b += 4)
		assert_int_equal(test_read(f->layer, b), BLOCK_SIZE);
	for (uint64_t b = 100; b < 116; b++)
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
	for (uint64_t b = 0; b < 32; b += 4)
		assert_int_equal(test_read(f->layer, b), BLOCK_SIZE);
	for (uint64_t b = 200; b < 1200; b++) { /* the scan, with somebody reading the hot ones */
		uint64_t hot = b % 8 * 4;

		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
		assert_int_equal(test_read(f->layer, hot), BLOCK_SIZE);
	}
}

/* What is evicted need not be open here. */
static void test_evicts_other_objects(void **state)
{
	struct fixture *f = *state;
	struct cache_layer *l = NULL;

	fixture_open(f, BLOCKS(16));
	for (uint64_t b = 0; b < 16; b++)
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
	fixture_close(f);
	fixture_open(f, BLOCKS(16));
	assert_int_equal(cache_layer_open(f->cache, TEST_OTHER, "stream", &l), 0);
	for (uint64_t b = 0; b < 16; b++)
		assert_int_equal(test_write(l, b, BLOCK_SIZE), 0);
	assert_true(cache_used(f->cache) <= BLOCKS(16));
	assert_true(test_on_disk(f->dir) <= BLOCKS(16) + 65536);
	cache_layer_close(l);
}

static void test_smaller_limit(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, BLOCKS(64));
	for (uint64_t b = 0; b < 64; b++)
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
	fixture_close(f);
	fixture_open(f, BLOCKS(8));
	assert_int_equal(test_write(f->layer, 100, BLOCK_SIZE), 0);
	assert_true(cache_used(f->cache) <= BLOCKS(8));
	assert_true(test_on_disk(f->dir) <= BLOCKS(8) + 65536);
}

/* A lost or lying figure is corrected before it does harm. */
static void test_lost_usage(void **state)
{
	static const uint64_t lies[] = { 0, BLOCKS(1000000), UINT64_MAX };
	struct fixture *f = *state;
	char path[600];

	snprintf(path, sizeof(path), "%s/usage", f->dir);
	for (size_t i = 0; i <= ARRAY_SIZE(lies); i++) {
		fixture_open(f, BLOCKS(8));
		for (uint64_t b = 0; b < 8; b++)
			assert_int_equal(test_write(f->layer, 10 * i + b, BLOCK_SIZE), 0);
		fixture_close(f);
		if (i < ARRAY_SIZE(lies))
			overwrite(path, 16, &lies[i], 8);
		else
			assert_int_equal(unlink(path), 0);
		fixture_open(f, BLOCKS(8));
		for (uint64_t b = 0; b < 8; b++)
			assert_int_equal(test_write(f->layer, 10 * i + 100 + b, BLOCK_SIZE), 0);
		assert_true(test_on_disk(f->dir) <= BLOCKS(8) + 65536);
		assert_true(cache_used(f->cache) <= BLOCKS(8));
		fixture_close(f);
	}
}

/* Data without records, and records of an owner that died, do not fill the cache for good. */
static void test_strays(void **state)
{
	static const uint64_t busy = 1 | (uint64_t)12345678 << 2;
	struct fixture *f = *state;
	char data[600], map[600];
	char *junk = calloc(1, BLOCKS(16));

	assert_non_null(junk);
	fixture_open(f, BLOCKS(16));
	assert_int_equal(test_write(f->layer, 0, BLOCK_SIZE), 0);
	fixture_close(f);
	path_of(f, "data", data, sizeof(data));
	path_of(f, "map", map, sizeof(map));
	overwrite(data, BLOCKS(100), junk, BLOCKS(16));
	for (int i = 0; i < 8; i++)
		overwrite(map, 65536 + (100 + i) * 16 + 8, &busy, 8);
	fixture_open(f, BLOCKS(16));
	for (uint64_t b = 96; b < 112; b++)
		assert_int_equal(test_write(f->layer, b, BLOCK_SIZE), 0);
	for (uint64_t b = 104; b < 112; b++)
		assert_true(test_read(f->layer, b) != -EILSEQ);
	assert_true(test_on_disk(f->dir) <= BLOCKS(16) + 65536);
	free(junk);
}

struct crowd {
	struct cache_layer *layer;
	_Atomic unsigned seed;
	_Atomic int wrong, written;
	unsigned writes;
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;
	unsigned seed = atomic_fetch_add(&c->seed, 7919);

	for (unsigned i = 0; i < c->writes; i++) {
		uint64_t b = (uint64_t)rand_r(&seed) % 120;

		if (rand_r(&seed) % 3 > 0)
			c->written += test_write(c->layer, b, BLOCK_SIZE) == 0;
		else if (rand_r(&seed) % 10 == 0)
			cache_drop(c->layer, b);
		if (test_read(c->layer, b) == -EILSEQ)
			c->wrong++;
	}
	return NULL;
}

static int crowd(struct cache_layer *l, unsigned seed, unsigned writes)
{
	struct crowd c = { .layer = l, .seed = seed, .writes = writes };
	pthread_t t[4];

	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		if (pthread_create(&t[i], NULL, crowd_run, &c) != 0)
			return 2;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	return c.wrong > 0 ? 3 : c.written == 0 ? 4 : 0;
}

static int child_crowd(const char *dir, unsigned seed, unsigned writes)
{
	struct cache_config config = { dir, test_limit(BLOCKS(40)), { 0 } };
	struct cache_layer *l = NULL;
	struct cache *c = NULL;
	int r;

	if (cache_open(&config, &c) < 0 || cache_layer_open(c, TEST_OBJECT, "raw", &l) < 0)
		return 1;
	r = crowd(l, seed, writes);
	cache_layer_close(l);
	cache_close(c);
	return r;
}

static void test_threads(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, BLOCKS(40));
	assert_int_equal(crowd(f->layer, 1, 300), 0);
	assert_true(cache_used(f->cache) <= BLOCKS(40));
	assert_true(test_on_disk(f->dir) <= BLOCKS(40) + 65536);
}

/* Two processes with four threads each: bytes right, limit kept all the while. */
static void test_processes(void **state)
{
	struct fixture *f = *state;
	int left = 2, status;
	pid_t pids[2];

	for (unsigned i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(child_crowd(f->dir, 100 + i, 300));
	}
	while (left > 0) {
		assert_true(test_on_disk(f->dir) <= BLOCKS(40) + 65536);
		test_pause_us(2000);
		for (unsigned i = 0; i < 2; i++)
			if (pids[i] > 0 && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
				assert_int_equal(status, 0);
				pids[i] = 0;
				left--;
			}
	}
	fixture_open(f, BLOCKS(40));
	assert_in_range(cache_used(f->cache), BLOCKS(20), BLOCKS(40));
	assert_int_equal(test_write(f->layer, 500, BLOCK_SIZE), 0); /* counts anew */
	assert_in_range(cache_used(f->cache), test_on_disk(f->dir) - 65536, BLOCKS(40));
}

/* What one process writes the other reads, without opening anything again. */
static void test_sharing(void **state)
{
	struct fixture *f = *state, other = { .cache = NULL };

	memcpy(other.dir, f->dir, sizeof(f->dir));
	fixture_open(f, 64 * MB);
	fixture_open(&other, 64 * MB);
	for (uint64_t b = 0; b < 3; b++) {
		uint64_t blk = b * 70000; /* two map segments */

		assert_int_equal(test_read(other.layer, blk), -ENOENT);
		assert_int_equal(test_write(f->layer, blk, BLOCK_SIZE), 0);
		assert_int_equal(test_read(other.layer, blk), BLOCK_SIZE);
		assert_int_equal(cache_used(other.cache), BLOCKS(b + 1));
	}
	cache_drop(other.layer, 0);
	assert_int_equal(test_read(f->layer, 0), -ENOENT);
	assert_int_equal(cache_used(f->cache), BLOCKS(2));
	fixture_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_round_trip),	    CASE(test_write_twice),
		CASE(test_bad_arguments),   CASE(test_modes),
		CASE(test_limit_and_reuse), CASE(test_nothing_fits),
		CASE(test_eviction_order),  CASE(test_evicts_other_objects),
		CASE(test_smaller_limit),   CASE(test_lost_usage),
		CASE(test_strays),	    CASE(test_threads),
		CASE(test_processes),	    CASE(test_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
