/* SPDX-License-Identifier: MPL-2.0 */
/* pool.c - see pool.h. */
#include "base/pool.h"

#include <errno.h>

#define PATIENCE 8u /* times that a class with something to do is passed over */

struct pool {
	pthread_mutex_t lock; /* a leaf; guards everything below */
	pthread_cond_t cond;
	struct list queue[JOB_CLASSES];
	unsigned passed[JOB_CLASSES]; /* over, since its last turn */
	bool stopping;
	unsigned n_threads;
	pthread_t threads[];
};

/* The best class with something to do, unless one below has been passed over too often.
 * JOB_CLASSES: none has. */
static unsigned choose_locked(struct pool *p)
{
	unsigned best = JOB_CLASSES;

	for (unsigned c = JOB_CLASSES; c-- > 0;) {
		if (list_empty(&p->queue[c]))
			continue;
		if (p->passed[c] >= PATIENCE)
			return c;
		best = c;
	}
	return best;
}

static struct job *next_locked(struct pool *p)
{
	unsigned chosen = choose_locked(p);

	if (chosen == JOB_CLASSES)
		return NULL;
	for (unsigned c = chosen + 1; c < JOB_CLASSES; c++)
		p->passed[c] += !list_empty(&p->queue[c]);
	p->passed[chosen] = 0;
	return list_entry(list_pop(&p->queue[chosen]), struct job, link);
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	struct job *j;

	for (;;) {
		pthread_mutex_lock(&p->lock);
		while (!(j = next_locked(p)) && !p->stopping)
			pthread_cond_wait(&p->cond, &p->lock);
		pthread_mutex_unlock(&p->lock);
		if (!j)
			return NULL;
		j->run(j);
	}
}

int pool_new(unsigned n, struct pool **out)
{
	struct pool *p = calloc(1, sizeof(*p) + n * sizeof(p->threads[0]));
	int r = 0;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->cond, NULL);
	for (unsigned c = 0; c < JOB_CLASSES; c++)
		list_init(&p->queue[c]);
	while (p->n_threads < n && r == 0) {
		r = -pthread_create(&p->threads[p->n_threads], NULL, worker, p);
		p->n_threads += r == 0;
	}
	if (r < 0) {
		pool_free(p);
		return r;
	}
	*out = p;
	return 0;
}

struct pool *pool_free(struct pool *p)
{
	if (!p)
		return NULL;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->cond);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->cond);
	pthread_mutex_destroy(&p->lock);
	free(p);
	return NULL;
}

void pool_submit(struct pool *p, struct job *j, enum job_class class)
{
	LOCK_SCOPE(&p->lock);
	list_push(&p->queue[class], &j->link);
	pthread_cond_signal(&p->cond);
}

void pool_raise(struct pool *p, struct job *j, enum job_class class)
{
	LOCK_SCOPE(&p->lock);
	if (!j->link.next || list_empty(&j->link))
		return;
	list_remove(&j->link);
	list_push(&p->queue[class], &j->link);
}
