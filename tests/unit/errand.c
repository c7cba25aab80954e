/* SPDX-License-Identifier: MPL-2.0 */
/* Errands: done once for everybody, remembered, tried again, ended. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/errand.h"

struct task {
	struct errand e;
	_Atomic int runs;
	_Atomic bool go; /* it ends when this is set */
	int result;
	int64_t hold_ms;
};

static int do_task(struct errand *e, int64_t *hold_ms)
{
	struct task *t = container_of(e, struct task, e);

	atomic_fetch_add(&t->runs, 1);
	while (!atomic_load(&t->go))
		;
	*hold_ms = t->hold_ms;
	return t->result;
}

static void task_init(struct task *t, int result)
{
	*t = (struct task){ .result = result };
	errand_init(&t->e, do_task);
}

/* Park as a thread does, and look again when woken. */
static int need(struct errands *es, struct task *t)
{
	struct thread_waiter w;
	int r;

	thread_waiter_init(&w);
	while ((r = errand_need(es, &t->e, &w.w)) == PARKED) {
		int woken = thread_waiter_wait(&w, 10000);

		assert_int_not_equal(woken, -ETIME);
		if (woken < 0) {
			r = woken;
			break;
		}
	}
	thread_waiter_destroy(&w);
	return r;
}

struct asker {
	pthread_t thread;
	struct errands *es;
	struct task *t;
	int r;
};

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->r = need(a->es, a->t);
	return NULL;
}

static void test_once_for_all(void **state)
{
	struct asker askers[8];
	struct errands *es;
	struct task t;

	(void)state;
	task_init(&t, 0);
	assert_int_equal(errands_new(2, &es), 0);
	assert_int_equal(errand_state(es, &t.e), 1);
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		askers[i] = (struct asker){ .es = es, .t = &t };
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	while (atomic_load(&t.runs) == 0)
		;
	assert_false(errand_idle(es, &t.e));
	atomic_store(&t.go, true);
	for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_int_equal(askers[i].r, 0);
	}
	assert_int_equal(need(es, &t), 0);
	assert_int_equal(errand_state(es, &t.e), 0);
	assert_int_equal(atomic_load(&t.runs), 1);
	errands_free(es);
}

static void test_failure_stands_for_a_while(void **state)
{
	static const int errors[] = { -ENOENT, -EAGAIN, -EIO };
	struct errands *es;

	(void)state;
	assert_int_equal(errands_new(1, &es), 0);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		struct task t;

		task_init(&t, errors[i]);
		t.hold_ms = i == 0 ? 0 : 60000;
		atomic_store(&t.go, true);
		assert_int_equal(need(es, &t), errors[i]);
		assert_int_equal(need(es, &t), errors[i]);
		assert_int_equal(errand_state(es, &t.e), errors[i]);
		assert_int_equal(atomic_load(&t.runs), 1);
		if (i > 0)
			continue;
		t.result = 0;
		while (errand_state(es, &t.e) != 1) /* a second at least */
			;
		assert_int_equal(need(es, &t), 0);
		assert_int_equal(atomic_load(&t.runs), 2);
	}
	errands_free(es);
}

/* One thread is busy: who waits behind it hears of the end, who is being served is waited for. */
static void test_end(void **state)
{
	struct task busy, behind;
	struct asker one = { .t = &busy }, two = { .t = &behind };
	struct errands *es;

	(void)state;
	task_init(&busy, 0);
	task_init(&behind, 0);
	assert_int_equal(errands_new(1, &es), 0);
	one.es = two.es = es;
	assert_int_equal(pthread_create(&one.thread, NULL, ask, &one), 0);
	while (atomic_load(&busy.runs) == 0)
		;
	assert_int_equal(pthread_create(&two.thread, NULL, ask, &two), 0);
	while (errand_idle(es, &behind.e))
		;
	errands_end(es);
	assert_int_equal(pthread_join(two.thread, NULL), 0);
	assert_int_equal(two.r, -ENOTCONN);
	assert_int_equal(atomic_load(&behind.runs), 0);
	assert_int_equal(need(es, &behind), -ENOTCONN);
	atomic_store(&busy.go, true);
	assert_int_equal(pthread_join(one.thread, NULL), 0);
	assert_int_equal(one.r, 0);
	errands_free(es);
}

/* As many at once as there are threads, whoever came first. */
static void test_side_by_side(void **state)
{
	struct task t[3];
	struct asker a[3];
	struct errands *es;

	(void)state;
	assert_int_equal(errands_new(3, &es), 0);
	for (size_t i = 0; i < 3; i++) {
		task_init(&t[i], 0);
		a[i] = (struct asker){ .es = es, .t = &t[i] };
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask, &a[i]), 0);
	}
	for (size_t i = 0; i < 3; i++)
		while (atomic_load(&t[i].runs) == 0)
			;
	for (size_t i = 0; i < 3; i++) {
		atomic_store(&t[i].go, true);
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
		assert_int_equal(a[i].r, 0);
	}
	errands_free(es);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_for_all),
		cmocka_unit_test(test_failure_stands_for_a_while),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
