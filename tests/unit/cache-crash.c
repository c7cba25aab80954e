/* SPDX-License-Identifier: MPL-2.0 */
/* cache-crash.c - kill -9 in the middle of everything the disk cache does.  After every kill
 * what reads must read right, the limit must hold, and the cache must still be of use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/wait.h>

#include "../lib/cachetest.h"

#define ROUNDS 80
#define NUMBERS 160 /* different blocks */
#define LIMIT ((uint64_t)48 * BLOCK_SIZE)
#define THREADS 3

/* Lengths differ, but are always the same for one number. */
static size_t length_of(uint64_t blk)
{
	return blk % 5 == 0 ? 1 + blk * 700 : BLOCK_SIZE;
}

static void *work(void *arg)
{
	struct cache_layer *l = arg;
	unsigned seed = (unsigned)clock() ^ (unsigned)getpid() ^ (unsigned)(uintptr_t)&seed;

	for (;;) {
		uint64_t b = (uint64_t)rand_r(&seed) % NUMBERS;

		if (rand_r(&seed) % 8 == 0)
			cache_drop(l, b);
		else
			(void)!test_write(l, b, length_of(b));
		(void)!test_read(l, (uint64_t)rand_r(&seed) % NUMBERS);
	}
	return NULL;
}

static int open_both(const char *dir, struct cache **c, struct cache_layer **l)
{
	struct cache_config config = { dir, LIMIT, { 0 } };
	int r = cache_open(&config, c);

	return r < 0 ? r : cache_layer_open(*c, TEST_OBJECT, "stream", l);
}

static void victim(const char *dir, int ready)
{
	struct cache_layer *l;
	struct cache *c;
	pthread_t t;

	if (open_both(dir, &c, &l) < 0 || write(ready, "", 1) != 1)
		_exit(1);
	for (int i = 1; i < THREADS; i++)
		if (pthread_create(&t, NULL, work, l) != 0)
			_exit(1);
	work(l);
}

static pid_t start(const char *dir)
{
	int fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		victim(dir, fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	return pid;
}

static void check_reads(struct cache_layer *l, int *hits)
{
	for (uint64_t b = 0; b < NUMBERS; b++) {
		ssize_t r = test_read(l, b);

		assert_true(r == -ENOENT || r == (ssize_t)length_of(b));
		*hits += r > 0;
	}
}

/* Every block can be cached again, whatever the dead left behind. */
static void check_writes(struct cache_layer *l)
{
	for (uint64_t b = 0; b < NUMBERS; b += 7) {
		int r = test_write(l, b, length_of(b));

		for (int i = 0; i < 50 && r == -EBUSY; i++) { /* until a recount */
			test_pause_us(100000);
			r = test_write(l, b, length_of(b));
		}
		assert_int_equal(r, 0);
		assert_int_equal(test_read(l, b), length_of(b));
	}
}

static void rounds(const char *dir, int processes, int *hits)
{
	unsigned seed = (unsigned)time(NULL);

	for (int i = 0; i < ROUNDS; i++) {
		struct cache_layer *l = NULL;
		struct cache *c = NULL;
		pid_t pids[2];

		for (int k = 0; k < processes; k++)
			pids[k] = start(dir);
		test_pause_us(500 + rand_r(&seed) % 6000);
		for (int k = 0; k < processes; k++)
			kill(pids[k], SIGKILL);
		for (int k = 0; k < processes; k++) {
			int status;

			assert_int_equal(waitpid(pids[k], &status, 0), pids[k]);
			assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		assert_true(test_on_disk(dir) <= LIMIT + 65536);
		assert_int_equal(open_both(dir, &c, &l), 0);
		check_reads(l, hits);
		if (i % 8 == 7)
			check_writes(l);
		cache_layer_close(l);
		cache_close(c);
	}
}

static void run(const struct fixture *f, int processes)
{
	int hits = 0;

	rounds(f->dir, processes, &hits);
	assert_true(hits > ROUNDS); /* it did cache something */
}

static void test_one_process(void **state)
{
	run(*state, 1);
}

static void test_two_processes(void **state)
{
	run(*state, 2);
}

/* One is killed again and again, the other goes on: nothing leaks for good. */
static void test_survivor(void **state)
{
	struct fixture *f = *state;
	struct cache_layer *l = NULL;
	struct cache *c = NULL;
	int hits = 0;

	assert_int_equal(open_both(f->dir, &c, &l), 0);
	for (int i = 0; i < ROUNDS / 2; i++) {
		pid_t pid = start(f->dir);

		for (uint64_t b = 0; b < 30; b++) {
			int r = test_write(l, b, length_of(b));

			assert_true(r == 0 || r == -EBUSY || r == -EAGAIN);
		}
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(test_on_disk(f->dir) <= LIMIT + 65536);
		check_reads(l, &hits);
	}
	test_pause_us(1100000); /* a recount is tried once a second */
	assert_true(test_write(l, 0, length_of(0)) <= 0);
	check_writes(l);
	assert_in_range(cache_used(c), LIMIT / 2, LIMIT);
	cache_layer_close(l);
	cache_close(c);
	assert_true(hits > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_process),
		CASE(test_two_processes),
		CASE(test_survivor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
