/* SPDX-License-Identifier: MPL-2.0 */
/* cachetest.h - what the tests of the disk cache share: a scratch directory, blocks whose
 * bytes follow from their number, and the space that they take on disk. */
#ifndef TESTS_CACHETEST_H
#define TESTS_CACHETEST_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "store/cache.h"

#define MB ((uint64_t)1 << 20)
#define BLOCKS(n) ((uint64_t)(n)*BLOCK_SIZE)

#define TEST_OBJECT "00112233445566778899aabbccddeeff"
#define TEST_OTHER "ffeeddccbbaa99887766554433221100"

static inline void test_fill(unsigned char *buf, uint64_t blk, size_t len)
{
	uint64_t x = blk * 0x9e3779b97f4a7c15u + 1;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
		}
		buf[i] = (unsigned char)(x >> i % 8 * 8);
	}
}

static inline bool test_is_block(const unsigned char *buf, uint64_t blk, size_t len)
{
	static _Thread_local unsigned char want[BLOCK_SIZE];

	test_fill(want, blk, len);
	return memcmp(buf, want, len) == 0;
}

static inline int test_write(struct cache_layer *l, uint64_t blk, size_t len)
{
	static _Thread_local unsigned char buf[BLOCK_SIZE];

	test_fill(buf, blk, len);
	return cache_write(l, blk, buf, len);
}

/* The length read, or -errno; -EILSEQ for wrong bytes, which must never be. */
static inline ssize_t test_read(struct cache_layer *l, uint64_t blk)
{
	static _Thread_local unsigned char buf[BLOCK_SIZE];
	size_t len = 0;
	int r = cache_read(l, blk, buf, &len);

	return r < 0							      ? r
	       : len > 0 && len <= BLOCK_SIZE && test_is_block(buf, blk, len) ? (ssize_t)len
									      : -EILSEQ;
}

static inline void test_pause_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

/* A new directory below $TMPDIR. */
static inline void test_scratch(char *path, size_t n)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, n, "%s/mdcfs-cache-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(path))
		path[0] = '\0';
}

static inline int test_remove_one(const char *path, const struct stat *st, int type,
				  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) == 0 ? 0 : -1;
}

static inline void test_remove(const char *path)
{
	if (path[0])
		nftw(path, test_remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static _Thread_local uint64_t test_sum;

static inline int test_add_data(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = strlen(path);

	(void)ftw;
	if (type == FTW_F && n > 5 && strcmp(path + n - 5, ".data") == 0)
		test_sum += (uint64_t)st->st_blocks * 512;
	return 0;
}

/* Bytes on disk of all data files below path. */
static inline uint64_t test_on_disk(const char *path)
{
	test_sum = 0;
	nftw(path, test_add_data, 16, FTW_PHYS);
	return test_sum;
}

/* -- one cache with one layer, for programs that include <cmocka.h> first -- */

#ifdef CMOCKA_H_

struct fixture {
	char dir[256];
	struct cache *cache;
	struct cache_layer *layer;
};

/* The least limit that leaves room for max bytes of blocks: beside them one layer has a map of 68 KiB and
 * a directory, and a part is kept back (usage.c). */
static inline uint64_t test_limit(uint64_t max)
{
	uint64_t limit = max;

	while (limit - limit / 256 - MIN(limit / 32, (uint64_t)128 << 10) - 72 * 1024 < max)
		limit += 1024;
	return limit;
}

static inline void fixture_open(struct fixture *f, uint64_t max)
{
	struct cache_config config = { f->dir, max > BLOCK_SIZE ? test_limit(max) : max, { 0 } };

	assert_int_equal(cache_open(&config, &f->cache), 0);
	assert_int_equal(cache_layer_open(f->cache, TEST_OBJECT, "raw", &f->layer), 0);
}

static inline void fixture_close(struct fixture *f)
{
	f->layer = cache_layer_close(f->layer);
	f->cache = cache_close(f->cache);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	test_scratch(f->dir, sizeof(f->dir));
	*state = f;
	return f->dir[0] ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	test_remove(f->dir);
	free(f);
	return 0;
}

static inline void path_of(const struct fixture *f, const char *suffix, char *out, size_t n)
{
	snprintf(out, n, "%s/objects/" TEST_OBJECT "/raw.%s", f->dir, suffix);
}

static inline void overwrite(const char *path, off_t at, const void *p, size_t n)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
	close(fd);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif

#endif
