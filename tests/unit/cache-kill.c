/* SPDX-License-Identifier: MPL-2.0 */
/* cache-kill.c - a process that fills the cache is killed a thousand times.  No byte is ever wrong, and what
 * it had reported as cached is there afterwards: all of it where there is room, and with a limit that
 * makes it evict all that was recorded when it died.
 *
 *   KILLS=N    as many kills, 1000 without
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../lib/cachetest.h"

#define KILLS 1000u
#define NUMBERS 1000 /* different blocks; as many of them as are written fit */
#define THREADS 3
#define WINDOW 64 /* blocks that one life is about */
#define TIGHT BLOCKS(40)
#define ALL_EVERY 100 /* kills, between two looks at all blocks */

/* Shared with the victims. */
struct report {
	_Atomic unsigned char cached[NUMBERS]; /* cache_write() has said so */
	_Atomic unsigned begun;		       /* lives that have come to their work */
	_Atomic unsigned done;		       /* blocks that have been cached */
	unsigned from;			       /* the blocks of this life */
};

struct worker {
	struct cache_layer *layer;
	struct report *report;
	unsigned seed;
};

/* By valgrind, some fifty times. */
static bool slowed(void)
{
	return getenv("TEST_SMALL") != NULL;
}

static size_t length_of(uint64_t blk)
{
	return blk % 5 == 0 ? 1 + blk * 120 : BLOCK_SIZE;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (;;) {
		unsigned b = w->report->from + (unsigned)rand_r(&w->seed) % WINDOW;
		unsigned other = w->report->from + (unsigned)rand_r(&w->seed) % WINDOW;

		if (test_write(w->layer, b, length_of(b)) == 0) {
			w->report->cached[b] = 1;
			w->report->done++;
		}
		(void)!test_read(w->layer, other);
	}
	return NULL;
}

static int open_both(const char *dir, uint64_t limit, struct cache **c, struct cache_layer **l)
{
	struct cache_config config = { .dir = dir, .max_bytes = limit };
	int r = cache_open(&config, c);

	return r < 0 ? r : cache_layer_open(*c, TEST_OBJECT, "stream", l);
}

static void victim(const char *dir, uint64_t limit, struct report *report)
{
	static struct worker w[THREADS];
	struct cache_layer *l;
	struct cache *c;
	pthread_t t;

	if (open_both(dir, limit, &c, &l) < 0)
		_exit(1);
	report->begun++;
	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ l, report, (unsigned)getpid() * 8 + i };
		if (i > 0 && pthread_create(&t, NULL, work, &w[i]) != 0)
			_exit(1);
	}
	work(&w[0]);
}

static void one_life(const char *dir, uint64_t limit, struct report *report, unsigned *seed)
{
	unsigned begun = report->begun, done = report->done;
	int status = 0;
	pid_t pid;

	report->from = (unsigned)rand_r(seed) % (NUMBERS - WINDOW);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		victim(dir, limit, report);
	while (report->begun == begun && waitpid(pid, &status, WNOHANG) == 0)
		test_pause_us(100);
	if (slowed()) /* else it would never get to anything */
		while (report->done < done + 4 && waitpid(pid, &status, WNOHANG) == 0)
			test_pause_us(100);
	test_pause_us(rand_r(seed) % 4000);
	kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

struct tally {
	unsigned expected, there;
};

/* Read [from, to): the bytes are right or none, and those that should be there are counted.  tight: that
 * is what is recorded; else what the victims have reported. */
static void look(struct cache_layer *l, struct report *report, unsigned from, unsigned to,
		 bool tight, struct tally *t)
{
	for (unsigned b = from; b < to; b++) {
		bool expected = tight ? cache_has(l, b) : report->cached[b];
		ssize_t r = test_read(l, b);

		if (r != -ENOENT && r != (ssize_t)length_of(b))
			fail_msg("block %u: wrong bytes, or %zd of %zu", b, r, length_of(b));
		t->expected += expected;
		t->there += expected && r > 0;
	}
}

static void check(const char *dir, uint64_t limit, struct report *report, bool all, struct tally *t)
{
	bool tight = limit == TIGHT;
	struct cache_layer *l = NULL;
	struct cache *c = NULL;

	assert_int_equal(open_both(dir, limit, &c, &l), 0);
	look(l, report, all ? 0 : report->from, all ? NUMBERS : report->from + WINDOW, tight, t);
	cache_layer_close(l);
	cache_close(c);
	assert_true(test_on_disk(dir) <= limit + 65536);
}

static void run(const struct fixture *f, uint64_t limit)
{
	const char *wanted = getenv("KILLS");
	unsigned kills = wanted && *wanted ? (unsigned)atoi(wanted) : slowed() ? KILLS / 20 : KILLS;
	struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tally t = { 0, 0 };
	unsigned seed = (unsigned)time(NULL);

	assert_true(report != MAP_FAILED);
	kills = MAX(kills / 2, 1); /* there are two of these */
	for (unsigned i = 1; i <= kills; i++) {
		one_life(f->dir, limit, report, &seed);
		check(f->dir, limit, report, i % ALL_EVERY == 0 || i == kills, &t);
	}
	print_message("%u kills, %u of %u blocks are there\n", kills, t.there, t.expected);
	assert_true(t.expected > kills);
	assert_true(t.there >= t.expected - t.expected / 20);
	munmap(report, sizeof(*report));
}

static void test_room_for_all(void **state)
{
	run(*state, BLOCKS(2 * NUMBERS));
}

static void test_evicting(void **state)
{
	run(*state, TIGHT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_room_for_all),
		CASE(test_evicting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
