/* SPDX-License-Identifier: MPL-2.0 */
/* writer.c - see writer.h. */
#include "store/writer.h"

#include <errno.h>

#include "base/clock.h"
#include "base/wait.h"
#include "store/cache.h"
#include "store/cache_parts.h"

#define QUEUE_MAX 128u /* blocks: 16 MiB */
#define QUEUE_LEAST 8u
#define SLOW_MS 500   /* a write that takes longer is that of a disk which does not keep up */
#define PLACE_MS 1000 /* nobody waits longer for a place, whatever the disk does */
#define FINISH_MS 2000
#define LOOK_MS 50
#define TEND_MS 1000

struct writer {
	struct cache *cache;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work, room;
	struct list queue;
	unsigned n, max;
	struct cache_layer *busy; /* being written now */
	int64_t busy_ms;	  /* since then */
	bool slow;		  /* the last write was */
	bool stop, started;
	pthread_t thread;
};

static void write_one(struct writer *w, struct write_item *it)
{
	int64_t began = clock_ms();
	int r = cache_write(it->layer, it->blk, it->buf, it->len);

	it->done(it, r);
	pthread_mutex_lock(&w->lock);
	w->slow = clock_ms() - began > SLOW_MS;
	w->busy = NULL;
	pthread_cond_broadcast(&w->room);
	pthread_mutex_unlock(&w->lock);
}

/* The next block, or NULL when it is time to tend.  *stop: no more. */
static struct write_item *next_item(struct writer *w, bool *stop)
{
	struct write_item *it = NULL;

	LOCK_SCOPE(&w->lock);
	if (list_empty(&w->queue) && !w->stop)
		(void)cond_wait_ms(&w->work, &w->lock, TEND_MS);
	*stop = w->stop;
	if (list_empty(&w->queue))
		return NULL;
	it = list_entry(w->queue.next, struct write_item, link);
	list_remove(&it->link);
	w->n--;
	w->busy = it->layer;
	w->busy_ms = clock_ms();
	return it;
}

static void *run(void *arg)
{
	struct writer *w = arg;
	int64_t tended = 0;
	bool stop = false;

	while (!stop) {
		struct write_item *it = next_item(w, &stop);

		if (it)
			write_one(w, it);
		if (!stop && (!it || clock_ms() - tended > TEND_MS / 10)) {
			cache_tend(w->cache);
			tended = clock_ms();
		}
	}
	return NULL;
}

static int start_locked(struct writer *w)
{
	int r = 0;

	if (!w->started)
		r = -pthread_create(&w->thread, NULL, run, w);
	if (r == 0)
		w->started = true;
	return r;
}

int writer_new(struct cache *c, struct writer **out)
{
	struct writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->cache = c;
	w->max = QUEUE_MAX;
	pthread_mutex_init(&w->lock, NULL);
	cond_init(&w->work);
	cond_init(&w->room);
	list_init(&w->queue);
	*out = w;
	return 0;
}

void writer_bound(struct writer *w, uint64_t blocks)
{
	LOCK_SCOPE(&w->lock);
	w->max = (unsigned)MAX(MIN(blocks, w->max), QUEUE_LEAST);
}

struct writer *writer_free(struct writer *w)
{
	if (!w)
		return NULL;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->room);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

static bool keeps_up_locked(const struct writer *w)
{
	return !w->slow && (!w->busy || clock_ms() - w->busy_ms < SLOW_MS);
}

int writer_put(struct writer *w, struct write_item *it)
{
	int64_t until = clock_ms() + PLACE_MS;
	int r;

	LOCK_SCOPE(&w->lock);
	r = start_locked(w);
	while (r == 0 && w->n >= w->max)
		if (!keeps_up_locked(w) || clock_ms() >= until)
			r = -EAGAIN;
		else
			(void)cond_wait_ms(&w->room, &w->lock, LOOK_MS);
	if (r < 0)
		return r;
	list_push(&w->queue, &it->link);
	w->n++;
	pthread_cond_signal(&w->work);
	return 0;
}

static bool has_layer_locked(struct writer *w, const struct cache_layer *l)
{
	list_for_each(pos, tmp, &w->queue)
		if (list_entry(pos, struct write_item, link)->layer == l)
			return true;
	return false;
}

/* Take what is queued for a layer off. */
static void cancel_locked(struct writer *w, const struct cache_layer *l, struct list *out)
{
	list_for_each(pos, tmp, &w->queue) {
		struct write_item *it = list_entry(pos, struct write_item, link);

		if (it->layer != l)
			continue;
		list_remove(&it->link);
		list_push(out, &it->link);
		w->n--;
	}
}

void writer_finish(struct writer *w, struct cache_layer *l)
{
	int64_t until = clock_ms() + FINISH_MS;
	struct list cancelled;

	list_init(&cancelled);
	pthread_mutex_lock(&w->lock);
	while (has_layer_locked(w, l) && keeps_up_locked(w) && clock_ms() < until)
		(void)cond_wait_ms(&w->room, &w->lock, LOOK_MS);
	cancel_locked(w, l, &cancelled);
	while (w->busy == l) /* its buffer and its layer are in use */
		(void)cond_wait_ms(&w->room, &w->lock, LOOK_MS);
	pthread_mutex_unlock(&w->lock);
	list_for_each(pos, tmp, &cancelled) {
		struct write_item *it = list_entry(pos, struct write_item, link);

		list_remove(&it->link);
		it->done(it, -ECANCELED);
	}
}
