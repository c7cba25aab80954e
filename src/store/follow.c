/* SPDX-License-Identifier: MPL-2.0 */
/* follow.c - see follow.h. */
#include "store/follow.h"

#include <errno.h>

#include "base/clock.h"
#include "base/wait.h"
#include "store/cache.h"

#define LOOK_MS 5
#define PATIENCE_MS 5000 /* then it is brought twice: the other one may be stopped, or slow */
#define FOLLOWED_MAX 65536u

struct item {
	struct list link;
	const struct follow_ops *ops;
	struct blocks *blocks;
	struct cache_layer *layer;
	uint64_t blk;
	int64_t until_ms;
};

struct follow {
	pthread_mutex_t lock;  /* guards all below; not held over the ops */
	pthread_cond_t change; /* work, or a call has ended */
	struct list items;     /* in the order of their coming */
	unsigned n;
	struct blocks *busy; /* a call for these is under way */
	bool stop, started, joined;
	pthread_t thread;
};

enum verdict { WAIT, THERE, OURS, ENDED };

static enum verdict judge_locked(const struct follow *f, const struct item *it, int64_t now)
{
	if (f->stop)
		return ENDED;
	if (cache_has(it->layer, it->blk))
		return THERE;
	return now >= it->until_ms || cache_claim(it->layer, it->blk) ? OURS : WAIT;
}

/* What is decided alike, of neighbours in the same space; taken off the list.  False: nothing is. */
static bool take_locked(struct follow *f, struct item *out, uint32_t *n, enum verdict *how)
{
	int64_t now = clock_ms();

	*n = 0;
	list_for_each(pos, tmp, &f->items) {
		struct item *it = list_entry(pos, struct item, link);
		bool next = *n == 0 || (it->blocks == out->blocks && it->blk == out->blk + *n);
		enum verdict v = next ? judge_locked(f, it, now) : WAIT;

		if (*n > 0 && (!next || v != *how))
			break;
		if (v == WAIT)
			continue;
		if (*n == 0)
			*out = *it;
		*how = v;
		++*n;
		list_remove(&it->link);
		f->n--;
		free(it);
		if (v != OURS)
			break;
	}
	return *n > 0;
}

static void tell(const struct item *it, uint32_t n, enum verdict how)
{
	if (how == THERE)
		it->ops->there(it->blocks, it->blk);
	else if (how == OURS)
		it->ops->ours(it->blocks, it->blk, n);
	else
		it->ops->ended(it->blocks, it->blk);
}

static void *run(void *arg)
{
	struct follow *f = arg;
	enum verdict how = WAIT;
	struct item it;
	uint32_t n;

	pthread_mutex_lock(&f->lock);
	while (!f->stop || !list_empty(&f->items)) {
		if (!take_locked(f, &it, &n, &how)) {
			(void)cond_wait_ms(&f->change, &f->lock,
					   list_empty(&f->items) ? PATIENCE_MS : LOOK_MS);
			continue;
		}
		f->busy = it.blocks;
		pthread_mutex_unlock(&f->lock);
		tell(&it, n, how);
		pthread_mutex_lock(&f->lock);
		f->busy = NULL;
		pthread_cond_broadcast(&f->change);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int follow_new(struct follow **out)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	pthread_mutex_init(&f->lock, NULL);
	cond_init(&f->change);
	list_init(&f->items);
	*out = f;
	return 0;
}

struct follow *follow_free(struct follow *f)
{
	if (!f)
		return NULL;
	follow_stop(f);
	pthread_cond_destroy(&f->change);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}

int follow_add(struct follow *f, const struct follow_ops *ops, struct blocks *b,
	       struct cache_layer *l, uint64_t blk)
{
	struct item *it = calloc(1, sizeof(*it));
	int r = it ? 0 : -ENOMEM;

	LOCK_SCOPE(&f->lock);
	if (r == 0 && (f->stop || f->n >= FOLLOWED_MAX))
		r = -EAGAIN;
	if (r == 0 && !f->started)
		r = -pthread_create(&f->thread, NULL, run, f);
	if (r < 0) {
		free(it);
		return r;
	}
	f->started = true;
	*it = (struct item){ .ops = ops,
			     .blocks = b,
			     .layer = l,
			     .blk = blk,
			     .until_ms = clock_ms() + PATIENCE_MS };
	list_push(&f->items, &it->link);
	f->n++;
	pthread_cond_broadcast(&f->change);
	return 0;
}

void follow_forget(struct follow *f, struct blocks *b)
{
	LOCK_SCOPE(&f->lock);
	list_for_each(pos, tmp, &f->items) {
		struct item *it = list_entry(pos, struct item, link);

		if (it->blocks != b)
			continue;
		list_remove(&it->link);
		f->n--;
		free(it);
	}
	while (f->busy == b)
		(void)cond_wait_ms(&f->change, &f->lock, PATIENCE_MS);
}

void follow_stop(struct follow *f)
{
	bool join;

	pthread_mutex_lock(&f->lock);
	f->stop = true;
	join = f->started && !f->joined;
	f->joined = true;
	pthread_cond_broadcast(&f->change);
	pthread_mutex_unlock(&f->lock);
	if (join)
		pthread_join(f->thread, NULL);
}
