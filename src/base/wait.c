/* SPDX-License-Identifier: MPL-2.0 */
/* wait.c - see wait.h. */
#include "base/wait.h"

#include <time.h>

#include "base/clock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards every list of waiters */

void want_init(struct want *n)
{
	list_init(&n->waiters);
}

bool want_empty(struct want *n)
{
	LOCK_SCOPE(&lock);
	return list_empty(&n->waiters);
}

int want_park(struct want *n, struct waiter *w)
{
	LOCK_SCOPE(&lock);
	w->parked = true;
	w->err = 0;
	w->parked_ms = clock_ms();
	list_push(&n->waiters, &w->link);
	return PARKED;
}

static void wake_locked(struct waiter *w, int err)
{
	list_remove(&w->link);
	w->parked = false;
	w->err = err;
	w->wake(w);
}

void want_wake_some(struct want *n, size_t max, int err)
{
	LOCK_SCOPE(&lock);
	list_for_each(pos, tmp, &n->waiters) {
		if (max-- == 0)
			return;
		wake_locked(list_entry(pos, struct waiter, link), err);
	}
}

void want_wake(struct want *n, int err)
{
	want_wake_some(n, SIZE_MAX, err);
}

void waiter_init(struct waiter *w, void (*wake)(struct waiter *w))
{
	*w = (struct waiter){ .wake = wake };
	list_init(&w->link);
}

bool waiter_cancel(struct waiter *w, int err)
{
	LOCK_SCOPE(&lock);
	if (!w->parked)
		return false;
	wake_locked(w, err);
	return true;
}

int waiter_take_error(struct waiter *w)
{
	LOCK_SCOPE(&lock);
	int err = w->err;

	w->err = 0;
	return err;
}

static void thread_wake(struct waiter *w)
{
	struct thread_waiter *t = container_of(w, struct thread_waiter, w);

	LOCK_SCOPE(&t->lock);
	t->woken = true;
	pthread_cond_signal(&t->cond);
}

void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

static void deadline_after(struct timespec *ts, int64_t ms)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_sec += ms / 1000;
	ts->tv_nsec += ms % 1000 * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
}

bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock_held, int64_t ms)
{
	struct timespec until;

	deadline_after(&until, ms);
	return pthread_cond_timedwait(c, lock_held, &until) == ETIMEDOUT;
}

void thread_waiter_init(struct thread_waiter *t)
{
	waiter_init(&t->w, thread_wake);
	pthread_mutex_init(&t->lock, NULL);
	cond_init(&t->cond);
	t->woken = false;
}

void thread_waiter_destroy(struct thread_waiter *t)
{
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
}

int thread_waiter_wait(struct thread_waiter *t, int64_t timeout_ms)
{
	struct timespec until;
	int r = 0;

	if (timeout_ms >= 0)
		deadline_after(&until, timeout_ms);
	pthread_mutex_lock(&t->lock);
	while (!t->woken && r != ETIMEDOUT)
		r = timeout_ms < 0 ? pthread_cond_wait(&t->cond, &t->lock)
				   : pthread_cond_timedwait(&t->cond, &t->lock, &until);
	pthread_mutex_unlock(&t->lock);
	(void)waiter_cancel(&t->w, -ETIME); /* woken in this instant: its own error stays */
	pthread_mutex_lock(&t->lock);
	t->woken = false;
	pthread_mutex_unlock(&t->lock); /* before the next: wake() takes them the other way round */
	return waiter_take_error(&t->w);
}
