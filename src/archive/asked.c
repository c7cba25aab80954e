/* SPDX-License-Identifier: MPL-2.0 */
/* asked.c - see asked.h.  Lists are short: a reader and what is read ahead for it. */
#include "archive/asked.h"

static struct asked *entry(struct list *l)
{
	return list_entry(l, struct asked, link);
}

struct asked *asked_new(uint64_t first, uint64_t end, bool demand)
{
	struct asked *k = malloc(sizeof(*k));

	if (k)
		*k = (struct asked){ .first = first, .end = end, .demand = demand };
	return k;
}

uint64_t asked_first(const struct list *l)
{
	uint64_t first = ASKED_NOTHING;

	list_for_each(pos, tmp, l)
		first = MIN(first, entry(pos)->first);
	return first;
}

uint64_t asked_end(const struct list *l)
{
	uint64_t end = 0;

	list_for_each(pos, tmp, l)
		end = MAX(end, entry(pos)->end);
	return end;
}

bool asked_on_demand(const struct list *l)
{
	list_for_each(pos, tmp, l)
		if (entry(pos)->demand)
			return true;
	return false;
}

struct asked *asked_find(const struct list *l, uint64_t blk)
{
	list_for_each(pos, tmp, l)
		if (blk >= entry(pos)->first && blk < entry(pos)->end)
			return entry(pos);
	return NULL;
}

/* Let a range begin at this block: what it has before becomes one of its own.  False: no memory. */
static bool split(struct asked *k, uint64_t at)
{
	struct asked *front;

	if (at <= k->first || at >= k->end)
		return true;
	front = asked_new(k->first, at, k->demand);
	if (!front)
		return false;
	list_insert(&k->link, &front->link);
	k->first = at;
	return true;
}

bool asked_take(struct list *l, uint64_t blk)
{
	struct asked *k = asked_find(l, blk);

	if (!k || !split(k, blk))
		return false;
	if (++k->first == k->end) {
		list_remove(&k->link);
		free(k);
	}
	return true;
}

void asked_move(struct list *l, uint64_t from, struct list *to)
{
	list_for_each(pos, tmp, l) {
		struct asked *k = entry(pos);

		if (!split(k, from) || k->first < from)
			continue;
		list_remove(&k->link);
		list_push(to, &k->link);
	}
}

void asked_fail(struct list *l, struct blocks *b, int err)
{
	struct list *n;

	while ((n = list_pop(l))) {
		struct asked *k = entry(n);

		for (uint64_t blk = k->first; blk < k->end; blk++)
			blocks_fail(b, blk, err);
		free(k);
	}
}
