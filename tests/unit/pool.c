/* SPDX-License-Identifier: MPL-2.0 */
/* pool.c - order, completeness and the end of the thread pool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

#define JOBS 1000

static atomic_uint done;

static void count(struct job *j)
{
	(void)j;
	atomic_fetch_add(&done, 1);
}

static void test_all_run(void **state)
{
	static struct job jobs[JOBS];
	struct pool *p;

	(void)state;
	assert_int_equal(pool_new(3, &p), 0);
	for (unsigned i = 0; i < JOBS; i++) {
		jobs[i].run = count;
		pool_submit(p, &jobs[i], i % JOB_CLASSES);
	}
	assert_null(pool_free(p)); /* runs what is queued, then joins */
	assert_int_equal(done, JOBS);
	assert_null(pool_free(NULL));
}

/* One thread, held by the first job until all others are queued. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char order[32];

static void hold(struct job *j)
{
	(void)j;
	LOCK_SCOPE(&gate);
}

struct named {
	struct job job;
	char name;
};

static void append(struct job *j)
{
	char one[2] = { container_of(j, struct named, job)->name, '\0' };

	strncat(order, one, sizeof(order) - strlen(order) - 1);
}

static void test_order(void **state)
{
	static const struct {
		char name;
		enum job_class class;
	} cases[] = { { 'e', JOB_IDLE }, { 'b', JOB_DEMAND }, { 'd', JOB_PASS },
		      { 'f', JOB_IDLE }, { 'a', JOB_REPLY },  { 'c', JOB_DEMAND } };
	struct named jobs[ARRAY_SIZE(cases)];
	struct job first = { .run = hold };
	struct pool *p;

	(void)state;
	assert_int_equal(pool_new(1, &p), 0);
	pthread_mutex_lock(&gate);
	pool_submit(p, &first, JOB_REPLY);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		jobs[i] = (struct named){ .job.run = append, .name = cases[i].name };
		pool_submit(p, &jobs[i].job, cases[i].class);
	}
	pthread_mutex_unlock(&gate);
	pool_free(p);
	assert_string_equal(order, "abcdef");
}

struct again {
	struct job job;
	struct pool *pool;
	int left;
};

static void run_again(struct job *j)
{
	struct again *a = container_of(j, struct again, job);

	if (--a->left > 0)
		pool_submit(a->pool, j, JOB_DEMAND);
}

static void test_submit_from_job(void **state)
{
	struct again a = { .job.run = run_again, .left = 100 };

	(void)state;
	assert_int_equal(pool_new(2, &a.pool), 0);
	pool_submit(a.pool, &a.job, JOB_DEMAND);
	pool_free(a.pool); /* also what is submitted while it ends */
	assert_int_equal(a.left, 0);
}

struct turn {
	struct named named;
	struct pool *pool;
	unsigned left;
};

static void take_turn(struct job *j)
{
	struct turn *t = container_of(j, struct turn, named.job);

	append(j);
	if (--t->left > 0)
		pool_submit(t->pool, j, JOB_DEMAND);
}

/* Somebody who always has more to do does not keep the others from theirs for ever. */
static void test_fair(void **state)
{
	struct turn busy = { .named = { .job.run = take_turn, .name = 'b' }, .left = 20 };
	struct named pass = { .job.run = append, .name = 'p' }, idle = pass;
	struct job first = { .run = hold };

	(void)state;
	order[0] = '\0';
	idle.name = 'i';
	assert_int_equal(pool_new(1, &busy.pool), 0);
	pthread_mutex_lock(&gate);
	pool_submit(busy.pool, &first, JOB_REPLY);
	pool_submit(busy.pool, &idle.job, JOB_IDLE);
	pool_submit(busy.pool, &pass.job, JOB_PASS);
	pool_submit(busy.pool, &busy.named.job, JOB_DEMAND);
	pthread_mutex_unlock(&gate);
	pool_free(busy.pool);
	assert_int_equal(strlen(order), 22);
	assert_true(strchr(order, 'i') && strchr(order, 'i') < order + 10);
	assert_true(strchr(order, 'p') && strchr(order, 'p') < order + 10);
}

static void test_raise(void **state)
{
	struct named a = { .job.run = append, .name = 'a' }, b = a, c = a;
	struct job first = { .run = hold };
	struct pool *p;

	(void)state;
	order[0] = '\0';
	b.name = 'b';
	c.name = 'c';
	assert_int_equal(pool_new(1, &p), 0);
	pool_raise(p, &c.job, JOB_DEMAND); /* it was never queued: nothing happens */
	pthread_mutex_lock(&gate);
	pool_submit(p, &first, JOB_REPLY);
	pool_submit(p, &b.job, JOB_IDLE);
	pool_submit(p, &a.job, JOB_IDLE);
	pool_raise(p, &a.job, JOB_DEMAND);
	pthread_mutex_unlock(&gate);
	pool_free(p);
	assert_string_equal(order, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_run),		cmocka_unit_test(test_order),
		cmocka_unit_test(test_submit_from_job), cmocka_unit_test(test_fair),
		cmocka_unit_test(test_raise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
