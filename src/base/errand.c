/* SPDX-License-Identifier: MPL-2.0 */
/* errand.c - see errand.h. */
#include "base/errand.h"

#include "base/clock.h"

#define THREADS_MAX 64u
#define HOLD_MIN_MS 1000

struct errands {
	pthread_mutex_t lock; /* guards all below, and every errand's state */
	pthread_cond_t more;
	struct list queue;
	bool closing;
	unsigned queued, idle; /* errands, threads */
	unsigned n, max;       /* threads */
	pthread_t thread[THREADS_MAX];
};

int errands_new(unsigned threads, struct errands **out)
{
	struct errands *es = calloc(1, sizeof(*es));

	if (!es)
		return -ENOMEM;
	pthread_mutex_init(&es->lock, NULL);
	pthread_cond_init(&es->more, NULL);
	list_init(&es->queue);
	es->max = MIN(MAX(threads, 1), THREADS_MAX);
	*out = es;
	return 0;
}

/* Waiters are woken without an error: they look again, and what failed may not matter to them. */
static void finish_locked(struct errand *e, int r, int64_t hold_ms)
{
	e->under_way = false;
	e->done = r == 0;
	e->err = r;
	e->until_ms = clock_ms() + MAX(hold_ms, HOLD_MIN_MS);
	want_wake(&e->want, 0);
}

static struct errand *take_locked(struct errands *es)
{
	struct list *first = list_pop(&es->queue);

	if (!first)
		return NULL;
	es->queued--;
	return list_entry(first, struct errand, link);
}

static void *run(void *arg)
{
	struct errands *es = arg;
	struct errand *e;

	LOCK_SCOPE(&es->lock);
	while (!es->closing) {
		int64_t hold_ms = HOLD_MIN_MS;
		int r;

		e = take_locked(es);
		if (!e) {
			es->idle++;
			pthread_cond_wait(&es->more, &es->lock);
			es->idle--;
			continue;
		}
		pthread_mutex_unlock(&es->lock);
		r = e->run(e, &hold_ms);
		pthread_mutex_lock(&es->lock);
		finish_locked(e, r, hold_ms);
	}
	return NULL;
}

void errands_end(struct errands *es)
{
	struct errand *e;

	if (!es)
		return;
	LOCK_SCOPE(&es->lock);
	es->closing = true;
	while ((e = take_locked(es))) {
		e->under_way = false;
		want_wake(&e->want, -ENOTCONN);
	}
	pthread_cond_broadcast(&es->more);
}

struct errands *errands_free(struct errands *es)
{
	if (!es)
		return NULL;
	errands_end(es);
	for (unsigned i = 0; i < es->n; i++)
		pthread_join(es->thread[i], NULL);
	pthread_cond_destroy(&es->more);
	pthread_mutex_destroy(&es->lock);
	free(es);
	return NULL;
}

void errand_init(struct errand *e, int (*run_it)(struct errand *e, int64_t *hold_ms))
{
	*e = (struct errand){ .run = run_it };
	list_init(&e->link);
	want_init(&e->want);
}

/* 1: nothing is known. */
static int state_locked(const struct errand *e)
{
	if (e->done)
		return 0;
	return e->err < 0 && clock_ms() < e->until_ms ? e->err : 1;
}

/* Somebody does it, now or when the others have done what they are at.  0 or -errno: there is no
 * thread and none can be had. */
static int begin_locked(struct errands *es, struct errand *e)
{
	int r = 0;

	if (es->queued >= es->idle && es->n < es->max) {
		r = -pthread_create(&es->thread[es->n], NULL, run, es);
		es->n += r == 0;
	}
	if (es->n == 0)
		return r;
	e->under_way = true;
	es->queued++;
	list_push(&es->queue, &e->link);
	pthread_cond_signal(&es->more);
	return 0;
}

int errand_need(struct errands *es, struct errand *e, struct waiter *w)
{
	int r;

	LOCK_SCOPE(&es->lock);
	r = e->under_way ? 1 : state_locked(e);
	if (r != 1)
		return r;
	if (es->closing)
		return -ENOTCONN;
	r = e->under_way ? 0 : begin_locked(es, e);
	return r < 0 ? r : want_park(&e->want, w);
}

int errand_state(struct errands *es, const struct errand *e)
{
	LOCK_SCOPE(&es->lock);
	return state_locked(e);
}

bool errand_idle(struct errands *es, const struct errand *e)
{
	LOCK_SCOPE(&es->lock);
	return !e->under_way;
}
