/* SPDX-License-Identifier: MPL-2.0 */
/* cache-damage.c - unit tests of store/cache.h: damage of every kind, full, failing and read-only
 * disks.  Tests that need a mount are skipped without the right to make one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#undef BLOCK_SIZE /* of <sys/mount.h> */
#include "../lib/cachetest.h"
#include "base/stats.h"

/* -- damage -- */

static void flip_data(const char *data, const char *map)
{
	(void)map;
	overwrite(data, BLOCKS(2) + 77777, "\0\1\2", 3);
}

static void flip_last_byte(const char *data, const char *map)
{
	unsigned char b[BLOCK_SIZE];

	(void)map;
	test_fill(b, 2, sizeof(b));
	b[BLOCK_SIZE - 1] ^= 0x10;
	overwrite(data, BLOCKS(2), b, sizeof(b));
}

static void truncate_data(const char *data, const char *map)
{
	(void)map;
	assert_int_equal(truncate(data, (off_t)BLOCKS(2) + 100), 0);
}

static void punch_data(const char *data, const char *map)
{
	int fd = open(data, O_RDWR | O_CLOEXEC);

	(void)map;
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)BLOCKS(2) + 8192, 4096),
			 0);
	close(fd);
}

static void remove_data(const char *data, const char *map)
{
	(void)map;
	assert_int_equal(unlink(data), 0);
}

static void garble_map(const char *data, const char *map)
{
	unsigned char junk[65536];

	(void)data;
	test_fill(junk, 99, sizeof(junk));
	overwrite(map, 65536, junk, sizeof(junk));
}

static void move_record(const char *data, const char *map) /* block 1's record for block 2 */
{
	char rec[16];
	int fd = open(map, O_RDONLY | O_CLOEXEC);

	(void)data;
	assert_int_equal(pread(fd, rec, 16, 65536 + 16), 16);
	close(fd);
	overwrite(map, 65536 + 32, rec, 16);
}

static void zero_records(const char *data, const char *map)
{
	char zero[64] = "";

	(void)data;
	overwrite(map, 65536, zero, sizeof(zero));
}

static void foreign_version(const char *data, const char *map)
{
	(void)data;
	overwrite(map, 8, "\2", 1);
}

static void foreign_file(const char *data, const char *map)
{
	(void)data;
	overwrite(map, 0, "SQLite format 3", 16);
}

static void truncate_map(const char *data, const char *map)
{
	(void)data;
	assert_int_equal(truncate(map, 65536 + 32), 0);
}

static void empty_map(const char *data, const char *map)
{
	(void)data;
	assert_int_equal(truncate(map, 0), 0);
}

static void short_map(const char *data, const char *map)
{
	(void)data;
	assert_int_equal(truncate(map, 10), 0);
}

static void remove_map(const char *data, const char *map)
{
	(void)data;
	assert_int_equal(unlink(map), 0);
}

static const struct {
	const char *name;
	void (*damage)(const char *data, const char *map);
	bool keeps[4]; /* blocks that must still be there */
	bool counted;  /* refused by the checksum */
} damages[] = {
	{ "flip data", flip_data, { true, true, false, true }, true },
	{ "flip last byte", flip_last_byte, { true, true, false, true }, true },
	{ "truncate data", truncate_data, { true, true, false, false }, true },
	{ "punch data", punch_data, { true, true, false, true }, true },
	{ "remove data", remove_data, { false, false, false, false }, true },
	{ "garble map", garble_map, { false, false, false, false }, false },
	{ "move record", move_record, { true, true, false, true }, false },
	{ "zero records", zero_records, { false, false, false, false }, false },
	{ "foreign version", foreign_version, { false, false, false, false }, false },
	{ "foreign file", foreign_file, { false, false, false, false }, false },
	{ "truncate map", truncate_map, { false, false, false, false }, false },
	{ "empty map", empty_map, { false, false, false, false }, false },
	{ "short map", short_map, { false, false, false, false }, false },
	{ "remove map", remove_map, { false, false, false, false }, false },
};

static void write_four(struct fixture *f)
{
	for (uint64_t b = 0; b < 4; b++)
		assert_int_equal(test_write(f->layer, b, b == 3 ? 1234 : BLOCK_SIZE), 0);
}

static void check_four(struct fixture *f, size_t i)
{
	uint64_t bad = stats_get(cache_bad);

	for (uint64_t b = 0; b < 4; b++) {
		ssize_t r = test_read(f->layer, b);

		if (damages[i].keeps[b] ? r <= 0 : r != -ENOENT)
			fail_msg("%s: block %d gives %zd", damages[i].name, (int)b, r);
	}
	assert_int_equal(stats_get(cache_bad) > bad, damages[i].counted);
	write_four(f);
	for (uint64_t b = 0; b < 4; b++)
		assert_int_equal(test_read(f->layer, b), b == 3 ? 1234 : BLOCK_SIZE);
}

static void test_damage_closed(void **state)
{
	struct fixture *f = *state;
	char data[600], map[600];

	path_of(f, "data", data, sizeof(data));
	path_of(f, "map", map, sizeof(map));
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		fixture_open(f, 64 * MB);
		write_four(f);
		fixture_close(f);
		damages[i].damage(data, map);
		fixture_open(f, 64 * MB);
		check_four(f, i);
		fixture_close(f);
	}
}

/* The same under an open layer: nothing wrong is read, nothing crashes, writes work again. */
static void test_damage_open(void **state)
{
	struct fixture *f = *state;
	char data[600], map[600];

	path_of(f, "data", data, sizeof(data));
	path_of(f, "map", map, sizeof(map));
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		fixture_open(f, 64 * MB);
		write_four(f);
		damages[i].damage(data, map);
		for (uint64_t b = 0; b < 4; b++)
			assert_true(test_read(f->layer, b) != -EILSEQ);
		for (uint64_t b = 0; b < 4; b++)
			(void)!test_write(f->layer, b, b == 3 ? 1234 : BLOCK_SIZE);
		write_four(f);
		for (uint64_t b = 0; b < 4; b++)
			assert_true(test_read(f->layer, b) > 0);
		fixture_close(f);
		fixture_open(f, 64 * MB);
		for (uint64_t b = 0; b < 4; b++)
			assert_true(test_read(f->layer, b) != -EILSEQ);
		fixture_close(f);
	}
}

static void test_directory_removed(void **state)
{
	struct fixture *f = *state;
	char path[600];

	fixture_open(f, 64 * MB);
	write_four(f);
	snprintf(path, sizeof(path), "%s/objects", f->dir);
	test_remove(path);
	assert_int_equal(test_write(f->layer, 9, BLOCK_SIZE), 0);
	assert_int_equal(test_read(f->layer, 9), BLOCK_SIZE);
	assert_true(test_on_disk(f->dir) >= BLOCK_SIZE);
}

/* -- failing disks -- */

static void test_min_free(void **state)
{
	struct fixture *f = *state;
	struct cache_config config = { f->dir, 64 * MB, { UINT64_MAX / 2, 0 } };
	uint64_t bypassed = stats_get(cache_bypassed);

	fixture_open(f, 64 * MB);
	write_four(f);
	fixture_close(f);
	assert_int_equal(cache_open(&config, &f->cache), 0);
	assert_int_equal(cache_layer_open(f->cache, TEST_OBJECT, "raw", &f->layer), 0);
	assert_int_equal(test_read(f->layer, 0), BLOCK_SIZE); /* opening takes nothing away */
	assert_int_equal(test_write(f->layer, 10, BLOCK_SIZE), -EAGAIN); /* made some room */
	assert_int_equal(test_write(f->layer, 10, BLOCK_SIZE), -ENOSPC);
	assert_int_equal(test_write(f->layer, 10, BLOCK_SIZE), -EAGAIN); /* bypassed */
	assert_int_equal(stats_get(cache_bypassed), bypassed + 3);
	assert_int_equal(cache_used(f->cache), 0);
}

static void fill_disk(const char *path)
{
	static const char zero[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, zero, sizeof(zero)) > 0)
		;
	while (write(fd, zero, 512) > 0)
		;
	close(fd);
}

/* On a disk that others fill up: no wrong bytes, one complaint, and back to work afterwards. */
static void run_full_disk(struct fixture *f)
{
	char filler[600];

	snprintf(filler, sizeof(filler), "%s/filler", f->dir);
	fixture_open(f, 1024 * MB);
	for (uint64_t b = 0; b < 100; b++) { /* more than the disk has: evicts */
		int r = test_write(f->layer, b, BLOCK_SIZE);

		assert_true(r == 0 || r == -ENOSPC || r == -EAGAIN);
		assert_true(test_read(f->layer, b) != -EILSEQ);
	}
	assert_true(test_on_disk(f->dir) > BLOCKS(8));
	for (uint64_t b = 0; b < 100; b++)
		cache_drop(f->layer, b);
	fill_disk(filler);
	assert_true(test_write(f->layer, 200, BLOCK_SIZE) < 0);
	assert_int_equal(test_write(f->layer, 300, BLOCK_SIZE), -EAGAIN);
	assert_int_equal(test_write(f->layer, 70000, BLOCK_SIZE), -EAGAIN);
	assert_int_equal(test_read(f->layer, 200), -ENOENT);
	assert_int_equal(unlink(filler), 0);
	assert_int_equal(test_write(f->layer, 200, BLOCK_SIZE), -EAGAIN);
	test_pause_us(5100000);
	assert_int_equal(test_write(f->layer, 200, BLOCK_SIZE), 0);
	assert_int_equal(test_write(f->layer, 70000, BLOCK_SIZE), 0);
	assert_int_equal(test_read(f->layer, 200), BLOCK_SIZE);
	fixture_close(f);
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;

	if (mount("tmpfs", f->dir, "tmpfs", 0, "size=4m,mode=0700") < 0)
		skip();
	run_full_disk(f);
	assert_int_equal(umount(f->dir), 0);
}

/* Mounted on a full disk: the mount works, and caches once there is room. */
static void test_open_on_full_disk(void **state)
{
	struct fixture *f = *state;
	char filler[600];

	if (mount("tmpfs", f->dir, "tmpfs", 0, "size=2m,mode=0700") < 0)
		skip();
	snprintf(filler, sizeof(filler), "%s/filler", f->dir);
	fill_disk(filler);
	fixture_open(f, 1024 * MB);
	assert_int_equal(test_read(f->layer, 0), -ENOENT);
	assert_true(test_write(f->layer, 0, BLOCK_SIZE) < 0);
	assert_int_equal(cache_used(f->cache), 0);
	assert_int_equal(unlink(filler), 0);
	test_pause_us(5100000);
	assert_int_equal(test_write(f->layer, 0, BLOCK_SIZE), 0);
	assert_int_equal(test_read(f->layer, 0), BLOCK_SIZE);
	fixture_close(f);
	assert_int_equal(umount(f->dir), 0);
}

static int child_file_limit(const char *dir)
{
	struct rlimit limit = { BLOCKS(8), BLOCKS(8) };
	struct cache_config config = { dir, 64 * MB, { 0 } };
	struct cache_layer *l = NULL;
	struct cache *c = NULL;

	/* The map must be longer than the limit before: only the data file may run into it. */
	if (cache_open(&config, &c) < 0 || cache_layer_open(c, TEST_OBJECT, "raw", &l) < 0 ||
	    test_write(l, 0, BLOCK_SIZE) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	if (test_write(l, 1, BLOCK_SIZE) != 0 || test_write(l, 100, BLOCK_SIZE) != -EFBIG)
		return 2;
	if (test_read(l, 1) != BLOCK_SIZE || test_read(l, 100) != -ENOENT)
		return 3;
	if (test_write(l, 2, BLOCK_SIZE) != -EAGAIN || cache_used(c) != BLOCKS(2))
		return 4;
	cache_layer_close(l);
	cache_close(c);
	return 0;
}

static void check_child(int (*run)(const char *dir), const char *dir)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run(dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_file_limit(void **state)
{
	struct fixture *f = *state;

	check_child(child_file_limit, f->dir);
}

/* Four blocks are there; nothing can be written. */
static int child_read_only(const char *dir)
{
	struct cache_config config = { dir, 64 * MB, { 0 } };
	struct cache_layer *l = NULL, *other = NULL;
	struct cache *c = NULL;
	int r;

	if (cache_open(&config, &c) < 0 || cache_layer_open(c, TEST_OBJECT, "raw", &l) < 0 ||
	    cache_layer_open(c, TEST_OTHER, "raw", &other) < 0)
		return 1;
	for (uint64_t b = 0; b < 4; b++)
		if (test_read(l, b) <= 0)
			return 2;
	r = test_write(l, 9, BLOCK_SIZE);
	if (r >= 0 || test_write(l, 9, BLOCK_SIZE) != -EAGAIN || test_read(l, 9) != -ENOENT)
		return 3;
	cache_drop(l, 0);
	if (test_read(l, 0) <= 0 || test_read(other, 0) != -ENOENT || cache_has(other, 0))
		return 4;
	if (cache_used(c) < 3 * BLOCK_SIZE)
		return 5;
	cache_layer_close(other);
	cache_layer_close(l);
	cache_close(c);
	return 0;
}

static void test_read_only_mount(void **state)
{
	struct fixture *f = *state;

	fixture_open(f, 64 * MB);
	write_four(f);
	fixture_close(f);
	if (mount(f->dir, f->dir, "none", MS_BIND, "") < 0)
		skip();
	assert_int_equal(mount("", f->dir, "none", MS_BIND | MS_REMOUNT | MS_RDONLY, ""), 0);
	check_child(child_read_only, f->dir);
	assert_int_equal(umount(f->dir), 0);
}

static int child_foreign_owner(const char *dir)
{
	struct cache_config nowhere = { "/proc/mdcfs-cache", 64 * MB, { 0 } };
	struct cache *c = NULL;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 10;
	if (cache_open(&nowhere, &c) >= 0 || c)
		return 11;
	return child_read_only(dir);
}

static void test_foreign_owner(void **state)
{
	static const char *const readable[] = {
		"",
		"/objects",
		"/objects/" TEST_OBJECT,
		"/usage",
		"/objects/" TEST_OBJECT "/raw.map",
		"/objects/" TEST_OBJECT "/raw.data",
	};
	struct fixture *f = *state;
	char path[600];

	fixture_open(f, 64 * MB);
	write_four(f);
	fixture_close(f);
	for (size_t i = 0; i < ARRAY_SIZE(readable); i++) {
		snprintf(path, sizeof(path), "%s%s", f->dir, readable[i]);
		assert_int_equal(chmod(path, i < 3 ? 0555 : 0444), 0);
	}
	check_child(child_foreign_owner, f->dir);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", f->dir, readable[i]);
		assert_int_equal(chmod(path, 0700), 0);
	}
}

static int teardown_mount(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	(void)!umount2(f->dir, MNT_DETACH); /* of a test that failed */
	return teardown(state);
}

#undef CASE
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown_mount)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_damage_closed), CASE(test_damage_open),     CASE(test_directory_removed),
		CASE(test_min_free),	  CASE(test_full_disk),	      CASE(test_open_on_full_disk),
		CASE(test_file_limit),	  CASE(test_read_only_mount), CASE(test_foreign_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
