/* SPDX-License-Identifier: MPL-2.0 */
/* reader.c - see reader.h. */
#include "store/reader.h"

#include <stdatomic.h>

#define STOP_LOOK_MS 100

int64_t reader_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	if (off >= r->size || len == 0)
		return 0;
	len = (size_t)MIN(len, r->size - off);
	return r->ops->pread(r, buf, len, off, w);
}

/* Wait in slices, so that a stop is noticed.  The waker's error, or -ECANCELED. */
static int wait_sliced(struct thread_waiter *t, const _Atomic bool *stop)
{
	int r = thread_waiter_wait(t, STOP_LOOK_MS);

	return r < 0 && r != -ETIME ? r : atomic_load(stop) ? -ECANCELED : 0;
}

int64_t reader_pread_wait(struct reader *r, void *buf, size_t len, uint64_t off,
			  const _Atomic bool *stop)
{
	struct thread_waiter t;
	int64_t n;

	thread_waiter_init(&t);
	while ((n = reader_pread(r, buf, len, off, &t.w)) == PARKED) {
		int e = wait_sliced(&t, stop);

		if (e < 0) {
			n = e;
			break;
		}
	}
	thread_waiter_destroy(&t);
	return n;
}

int reader_chunk(struct reader *r, struct range at, bool demand, struct chunk **out)
{
	if (at.from >= at.to || at.to > r->size)
		return -EINVAL;
	return r->ops->chunk(r, at, demand, out);
}

struct chunk *chunk_new(struct memory *m, struct range at)
{
	struct chunk *c = calloc(1, sizeof(*c));

	if (!c || !(c->data = malloc(range_len(at)))) {
		free(c);
		return NULL;
	}
	c->at = at;
	c->memory = m;
	memory_charge(m, range_len(at));
	c->refs = 2;
	pthread_mutex_init(&c->lock, NULL);
	want_init(&c->want);
	return c;
}

static void chunk_unref(struct chunk *c)
{
	unsigned left;

	pthread_mutex_lock(&c->lock);
	left = --c->refs;
	pthread_mutex_unlock(&c->lock);
	if (left > 0)
		return;
	memory_discharge(c->memory, range_len(c->at));
	pthread_mutex_destroy(&c->lock);
	free(c->data);
	free(c);
}

void chunk_end(struct chunk *c, int err)
{
	pthread_mutex_lock(&c->lock);
	c->done = true;
	c->err = err;
	pthread_mutex_unlock(&c->lock);
	want_wake(&c->want, 0);
	chunk_unref(c);
}

int chunk_wait(struct chunk *c, struct waiter *w)
{
	LOCK_SCOPE(&c->lock);
	if (c->done)
		return c->err;
	return want_park(&c->want, w);
}

void chunk_hurry(struct chunk *c)
{
	LOCK_SCOPE(&c->lock);
	if (!c->done && c->hurry)
		c->hurry(c);
}

bool chunk_ready(struct chunk *c)
{
	LOCK_SCOPE(&c->lock);
	return c->done;
}

int chunk_wait_thread(struct chunk *c, const _Atomic bool *stop)
{
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	while ((r = chunk_wait(c, &t.w)) == PARKED) {
		r = wait_sliced(&t, stop);
		if (r < 0)
			break;
	}
	thread_waiter_destroy(&t);
	return r;
}

bool chunk_abandoned(struct chunk *c)
{
	LOCK_SCOPE(&c->lock);
	return c->abandoned;
}

struct chunk *chunk_free(struct chunk *c)
{
	if (!c)
		return NULL;
	pthread_mutex_lock(&c->lock);
	c->abandoned = true;
	pthread_mutex_unlock(&c->lock);
	chunk_unref(c);
	return NULL;
}

void auto_chunk_free(struct chunk **c)
{
	*c = chunk_free(*c);
}
