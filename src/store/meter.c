/* SPDX-License-Identifier: MPL-2.0 */
/* meter.c - see meter.h. */
#include "store/meter.h"

#include <errno.h>
#include <string.h>

#include "store/cache_parts.h"

#define AHEAD_MIN ((uint64_t)256 << 10)
#define AHEAD_MAX ((uint64_t)64 << 20)

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

static void count(struct meter *m, bool more)
{
	uint64_t now = objects_meta(m->dir), grown, ahead, to;
	struct cache_shared *s;

	if (cache_shared_get(m->cache, &s) < 0)
		return;
	if (usage_epoch(s->usage) != m->epoch) /* counted anew meanwhile: what was there, no more */
		m->charged = m->seen;
	grown = now > m->seen ? now - m->seen : 0;
	ahead = more ? MIN(MAX(2 * grown, AHEAD_MIN), MIN(AHEAD_MAX, usage_max(s->usage) / 16)) : 0;
	to = now + ahead;
	usage_charge(s->usage, (int64_t)to - (int64_t)m->charged);
	if (to > m->charged && usage_shortage(s->usage, 0) > 0)
		writer_kick(m->cache->writer);
	m->epoch = usage_epoch(s->usage);
	m->seen = now;
	m->charged = to;
}

void meter_update(struct meter *m)
{
	if (m)
		count(m, true);
}

void meter_rest(struct meter *m)
{
	if (m)
		count(m, false);
}

struct meter *meter_free(struct meter *m)
{
	if (!m)
		return NULL;
	count(m, false);
	free(m->dir);
	free(m);
	return NULL;
}
