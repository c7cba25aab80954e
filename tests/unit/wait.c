/* SPDX-License-Identifier: MPL-2.0 */
/* wait.c - wants, waiters and threads that wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/wait.h"

struct counter {
	struct waiter w;
	int wakes;
};

static void count_wake(struct waiter *w)
{
	container_of(w, struct counter, w)->wakes++;
}

static void counter_init(struct counter *c)
{
	waiter_init(&c->w, count_wake);
	c->wakes = 0;
}

static void test_wake_all(void **state)
{
	struct want n;
	struct counter c[3];

	(void)state;
	want_init(&n);
	assert_true(want_empty(&n));
	want_wake(&n, 0); /* nobody there */
	for (int i = 0; i < 3; i++) {
		counter_init(&c[i]);
		assert_int_equal(want_park(&n, &c[i].w), PARKED);
	}
	assert_false(want_empty(&n));
	want_wake(&n, -EIO);
	assert_true(want_empty(&n));
	want_wake(&n, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(c[i].wakes, 1);
		assert_int_equal(waiter_take_error(&c[i].w), -EIO);
		assert_int_equal(waiter_take_error(&c[i].w), 0);
	}
}

static void test_cancel(void **state)
{
	struct want n;
	struct counter a, b;

	(void)state;
	want_init(&n);
	counter_init(&a);
	counter_init(&b);
	assert_false(waiter_cancel(&a.w, -EINTR)); /* never parked */
	(void)want_park(&n, &a.w);
	(void)want_park(&n, &b.w);
	assert_true(waiter_cancel(&a.w, -EINTR));
	assert_false(waiter_cancel(&a.w, -EIO));
	want_wake(&n, 0);
	assert_int_equal(a.wakes, 1);
	assert_int_equal(waiter_take_error(&a.w), -EINTR);
	assert_int_equal(b.wakes, 1);
	assert_int_equal(waiter_take_error(&b.w), 0);
	assert_false(waiter_cancel(&b.w, -EINTR));
}

static void test_park_again(void **state)
{
	struct want n, m;
	struct counter c;
	int64_t before = clock_ms();

	(void)state;
	want_init(&n);
	want_init(&m);
	counter_init(&c);
	(void)want_park(&n, &c.w);
	want_wake(&n, -EIO);
	(void)want_park(&m, &c.w); /* an old error does not outlive a new park */
	assert_true(c.w.parked_ms >= before);
	want_wake(&n, -EPERM);
	assert_int_equal(c.wakes, 1);
	want_wake(&m, 0);
	assert_int_equal(c.wakes, 2);
	assert_int_equal(waiter_take_error(&c.w), 0);
}

static void test_thread_timeout(void **state)
{
	struct thread_waiter t;
	struct want n;
	int64_t before = clock_ms();

	(void)state;
	want_init(&n);
	thread_waiter_init(&t);
	(void)want_park(&n, &t.w);
	assert_int_equal(thread_waiter_wait(&t, 30), -ETIME);
	assert_in_range(clock_ms() - before, 30, 10000);
	assert_true(want_empty(&n));
	(void)want_park(&n, &t.w);
	want_wake(&n, -ESTALE);
	assert_int_equal(thread_waiter_wait(&t, 0), -ESTALE); /* woken before it waited */
	(void)want_park(&n, &t.w);
	assert_int_equal(thread_waiter_wait(&t, 0), -ETIME);
	thread_waiter_destroy(&t);
}

/* The protocol of wait.h with many threads: no wake is lost. */
#define THREADS 4
#define ROUNDS 500

static struct shared {
	pthread_mutex_t lock;
	struct want want;
	unsigned round;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* 0 when round n has begun, else parked. */
static int look(struct waiter *w, unsigned n)
{
	LOCK_SCOPE(&shared.lock);
	return shared.round >= n ? 0 : want_park(&shared.want, w);
}

static void *follow(void *arg)
{
	struct thread_waiter t;
	uintptr_t bad = 0;

	(void)arg;
	thread_waiter_init(&t);
	for (unsigned n = 1; n <= ROUNDS; n++)
		while (look(&t.w, n) == PARKED)
			bad += thread_waiter_wait(&t, 20000) != 0;
	thread_waiter_destroy(&t);
	return (void *)bad;
}

static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	void *bad;

	(void)state;
	want_init(&shared.want);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, follow, NULL), 0);
	for (unsigned n = 1; n <= ROUNDS; n++) {
		pthread_mutex_lock(&shared.lock);
		shared.round = n;
		pthread_mutex_unlock(&shared.lock);
		want_wake(&shared.want, 0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	assert_true(want_empty(&shared.want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake_all),       cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_park_again),     cmocka_unit_test(test_thread_timeout),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
