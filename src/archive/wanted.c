/* SPDX-License-Identifier: MPL-2.0 */
/* wanted.c - see wanted.h.  Few units are decoded at a time, since each may need tens of megabytes. */
#include "archive/wanted.h"

#include <limits.h>

#include "archive/codec/codec.h"
#include "archive/format.h"

#define LONGEST 64u	     /* blocks: 8 MiB for one job, which leaves work for the other cores */
#define MAX_UNITS 8u	     /* decoded at a time in one archive */
#define KEPT_UNITS 2u	     /* ... of these, for somebody who waits */
#define SPAN_COST (1u << 20) /* of memory for one that is not of a unit, about, */
#define UNIT_COST (8u << 20) /* ... and for one that is */
#define NOWHERE UINT64_MAX

static struct wanted *entry(struct list *l)
{
	return list_entry(l, struct wanted, link);
}

void wanted_init(struct wanted *w, struct archive *a, uint64_t first, bool demand,
		 void (*run)(struct job *j))
{
	*w = (struct wanted){ .a = a, .start = first, .unit = NOWHERE, .job.run = run };
	w->sequential = a->format->codec->sequential;
	atomic_init(&w->demand, demand);
	list_init(&w->asked);
	list_init(&w->link);
}

void wanted_submit(struct wanted *w)
{
	pool_submit(w->a->c.st->pool, &w->job, atomic_load(&w->demand) ? JOB_DEMAND : JOB_IDLE);
}

/* ---- who may begin ---- */

/* How many at a time?  As far as their memory goes, but one in any case. */
static unsigned most(struct wanted *w)
{
	const struct store *st = w->a->c.st;
	uint64_t cost = w->sequential ? SPAN_COST : UNIT_COST;
	uint64_t n = MIN(st->opt->memory / 4 / cost, w->sequential ? UINT_MAX : MAX_UNITS);

	if (memory_tight(st->memory))
		n = 1;
	if (!atomic_load(&w->demand))
		n -= MIN(n, KEPT_UNITS);
	return MAX((unsigned)n, 1);
}

static bool may_begin_locked(struct wanted *w)
{
	if (w->a->n_spans >= most(w))
		return false;
	w->begun = true;
	w->a->n_spans++;
	return true;
}

/* Somebody waits for something: its decode goes before those that nobody waits for. */
static void raise_locked(struct wanted *w)
{
	if (atomic_exchange(&w->demand, true))
		return;
	if (w->chunk)
		chunk_hurry(w->chunk);
	if (w->begun)
		pool_raise(w->a->c.st->pool, &w->job, JOB_DEMAND);
	else if (may_begin_locked(w))
		wanted_submit(w);
}

static void let_others_begin_locked(struct archive *a)
{
	for (int demand = 1; demand >= 0; demand--) {
		list_for_each(pos, tmp, &a->spans) {
			struct wanted *next = entry(pos);

			if (next->begun || atomic_load(&next->demand) != demand)
				continue;
			if (!may_begin_locked(next))
				break;
			wanted_submit(next);
		}
	}
}

void wanted_leave(struct wanted *w, int err)
{
	pthread_mutex_lock(&w->a->lock);
	list_remove(&w->link);
	w->a->n_spans--;
	let_others_begin_locked(w->a);
	pthread_mutex_unlock(&w->a->lock);
	asked_fail(&w->asked, w->a->stream, err);
}

/* ---- who asks ---- */

static void ask_locked(struct wanted *w, struct asked *k)
{
	list_push(&w->asked, &k->link);
	w->end = MAX(w->end, k->end);
	if (k->demand)
		raise_locked(w);
}

/* Let a decode that ends where this begins go on through it: that costs less than a new beginning. */
static bool add_to_running_locked(struct archive *a, struct asked *k)
{
	list_for_each(pos, tmp, &a->spans) {
		struct wanted *w = entry(pos);

		if (w->end != k->first || w->passed > k->first || k->end - w->start > LONGEST)
			continue;
		ask_locked(w, k);
		return true;
	}
	return false;
}

void wanted_order(struct wanted *w, struct asked *k, bool *taken)
{
	LOCK_SCOPE(&w->a->lock);
	*taken = !add_to_running_locked(w->a, k);
	if (!*taken)
		return;
	ask_locked(w, k);
	list_push(&w->a->spans, &w->link);
	if (may_begin_locked(w))
		wanted_submit(w);
}

void wanted_hurry(struct archive *a, uint64_t blk)
{
	LOCK_SCOPE(&a->lock);
	list_for_each(pos, tmp, &a->spans) {
		struct asked *k = asked_find(&entry(pos)->asked, blk);

		if (!k)
			continue;
		k->demand = true;
		raise_locked(entry(pos));
	}
}

/* ---- the decode's job ---- */

void wanted_chunk(struct wanted *w, struct chunk *c)
{
	LOCK_SCOPE(&w->a->lock);
	w->chunk = c;
	if (c && atomic_load(&w->demand)) /* since it was ordered, maybe */
		chunk_hurry(c);
}

bool wanted_any(struct wanted *w)
{
	LOCK_SCOPE(&w->a->lock);
	return !list_empty(&w->asked);
}

uint64_t wanted_end(struct wanted *w)
{
	LOCK_SCOPE(&w->a->lock);
	return w->end;
}

void wanted_settle(struct wanted *w)
{
	LOCK_SCOPE(&w->a->lock);
	atomic_store(&w->demand, asked_on_demand(&w->asked));
}

static bool nothing_locked(struct wanted *w)
{
	if (!list_empty(&w->asked))
		return false;
	list_remove(&w->link);
	return true;
}

bool wanted_nothing(struct wanted *w)
{
	LOCK_SCOPE(&w->a->lock);
	return nothing_locked(w);
}

/* Others may have brought what was asked for while this waited for its turn. */
bool wanted_first(struct wanted *w, uint64_t *first)
{
	LOCK_SCOPE(&w->a->lock);
	while ((*first = asked_first(&w->asked)) != ASKED_NOTHING &&
	       !blocks_filling(w->a->stream, *first))
		(void)asked_take(&w->asked, *first); /* a range's front: needs no memory */
	return !nothing_locked(w);
}

/* Is t beyond p already, and did it begin before?  Then it is nearer to all that it has not passed than
 * who begins at p.  Of units: is it at the same one? */
static bool comes_by(const struct wanted *t, const struct gzip_point *p)
{
	if (t->unit == p->in_bit)
		return true;
	return t->sequential && t->unit < p->in_bit && t->passed << BLOCK_SHIFT >= p->out;
}

/* Leave the blocks from this one on to those who come by; best to one that wants more of the unit than
 * its edge. */
static void hand_over_locked(struct wanted *w, const struct gzip_point *p, uint64_t from)
{
	for (int edge = 0; edge < 2; edge++) {
		list_for_each(pos, tmp, &w->a->spans) {
			struct wanted *t = entry(pos);

			if (t == w || t->edge != edge || !comes_by(t, p))
				continue;
			asked_move(&w->asked, MAX(from, t->passed), &t->asked);
			t->end = MAX(t->end, asked_end(&t->asked));
			if (asked_on_demand(&t->asked))
				raise_locked(t);
		}
	}
	w->end = asked_end(&w->asked);
}

bool wanted_begin(struct wanted *w, const struct gzip_point *p)
{
	LOCK_SCOPE(&w->a->lock);
	w->unit = p->in_bit;
	hand_over_locked(w, p, 0);
	return !nothing_locked(w);
}

/* Is nothing wanted behind the block that has begun before `at`? */
static bool ends_at_edge_locked(const struct wanted *w, uint64_t at)
{
	return w->end << BLOCK_SHIFT <= at + BLOCK_SIZE - 1;
}

bool wanted_enter(struct wanted *w, const struct gzip_point *p, uint64_t from)
{
	LOCK_SCOPE(&w->a->lock);
	w->unit = p->in_bit;
	hand_over_locked(w, p, from);
	w->edge = ends_at_edge_locked(w, p->out);
	return !nothing_locked(w);
}

bool wanted_edge(struct wanted *w, uint64_t at)
{
	LOCK_SCOPE(&w->a->lock);
	w->edge = w->edge && ends_at_edge_locked(w, at);
	return w->edge;
}

bool wanted_passes(struct wanted *w, uint64_t blk)
{
	bool asked;

	LOCK_SCOPE(&w->a->lock);
	w->passed = blk + 1;
	asked = asked_take(&w->asked, blk);
	list_for_each(pos, tmp, &w->a->spans)
		asked |= asked_take(&entry(pos)->asked, blk);
	return asked;
}
