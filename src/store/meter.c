/* SPDX-License-Identifier: MPL-2.0 */
/* meter.c - see meter.h. */
#include "store/meter.h"

#include <errno.h>
#include <string.h>

#include "store/cache_parts.h"

#define ROOM_TRIES 64 /* others may want room of the same disk at the same time */

struct meter {
	struct cache *cache;
	char *dir;
	uint64_t seen;	  /* bytes there, at the last look */
	uint64_t charged; /* of these, and ahead */
	uint32_t epoch;	  /* of the directory's figures then: usage.h */
};

int meter_new(struct cache *c, const char *dir, struct meter **out)
{
	struct meter *m = calloc(1, sizeof(*m));
	struct cache_shared *s;

	if (!m || !(m->dir = strdup(dir))) {
		free(m);
		return -ENOMEM;
	}
	m->cache = c;
	m->seen = m->charged = objects_meta(dir);
	if (cache_shared_get(c, &s) == 0)
		m->epoch = usage_epoch(s->usage);
	*out = m;
	return 0;
}

static void make_room(struct cache *c, struct cache_shared *s)
{
	int r = outage_down(&c->outage) || usage_shortage(s->usage, 0) == 0 ? 0 : -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < ROOM_TRIES; i++)
		r = evict_room(s->evict, 0);
}

static void count(struct meter *m, uint64_t ahead)
{
	uint64_t to, now = objects_meta(m->dir);
	struct cache_shared *s;

	if (cache_shared_get(m->cache, &s) < 0)
		return;
	if (usage_epoch(s->usage) != m->epoch) /* counted anew meanwhile: what was there, no more */
		m->charged = m->seen;
	to = now + ahead;
	usage_charge(s->usage, (int64_t)to - (int64_t)m->charged);
	if (to > m->charged)
		make_room(m->cache, s);
	m->epoch = usage_epoch(s->usage);
	m->seen = now;
	m->charged = to;
}

void meter_expect(struct meter *m, uint64_t ahead)
{
	if (m)
		count(m, ahead);
}

void meter_rest(struct meter *m)
{
	if (m)
		count(m, 0);
}

struct meter *meter_free(struct meter *m)
{
	if (!m)
		return NULL;
	count(m, 0);
	free(m->dir);
	free(m);
	return NULL;
}
