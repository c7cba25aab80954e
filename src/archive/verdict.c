/* SPDX-License-Identifier: MPL-2.0 */
/* verdict.c - see verdict.h. */
#include "archive/verdict.h"

#define MEMBERS_MAX ((uint64_t)1 << 27) /* 16 MiB of bits */

void verdict_init(struct verdict *v)
{
	*v = (struct verdict){ 0 };
	pthread_mutex_init(&v->lock, NULL);
}

void verdict_destroy(struct verdict *v)
{
	pthread_mutex_destroy(&v->lock);
	free(v->good);
	free(v->bad);
}

static struct verdict_bad *find_locked(struct verdict *v, uint64_t id)
{
	for (uint64_t i = 0; i < MIN(v->n_bad, VERDICT_BAD); i++)
		if (v->bad[i].id == id)
			return &v->bad[i];
	return NULL;
}

int verdict_of(struct verdict *v, uint64_t id)
{
	struct verdict_bad *bad;

	LOCK_SCOPE(&v->lock);
	bad = find_locked(v, id);
	if (bad && bad->err < 0)
		return bad->err;
	return id < v->n_bits && (v->good[id / 64] >> id % 64 & 1);
}

void verdict_good(struct verdict *v, uint64_t id, uint64_t members)
{
	LOCK_SCOPE(&v->lock);
	if (!v->good && members < MEMBERS_MAX) {
		v->good = calloc(members / 64 + 1, sizeof(*v->good));
		v->n_bits = v->good ? members + 1 : 0;
	}
	if (id < v->n_bits)
		v->good[id / 64] |= (uint64_t)1 << id % 64;
}

/* Its place in the ring; NULL without memory. */
static struct verdict_bad *get_locked(struct verdict *v, uint64_t id)
{
	struct verdict_bad *b;

	if (!v->bad && !(v->bad = calloc(VERDICT_BAD, sizeof(*v->bad))))
		return NULL;
	b = find_locked(v, id);
	if (b)
		return b;
	b = &v->bad[v->n_bad++ % VERDICT_BAD];
	*b = (struct verdict_bad){ .id = id };
	return b;
}

void verdict_bad(struct verdict *v, uint64_t id, int err)
{
	struct verdict_bad *b;

	LOCK_SCOPE(&v->lock);
	b = get_locked(v, id);
	if (b)
		b->err = err;
}

bool verdict_say(struct verdict *v, uint64_t id)
{
	struct verdict_bad *b;
	bool said;

	LOCK_SCOPE(&v->lock);
	b = get_locked(v, id);
	if (!b)
		return true;
	said = b->said;
	b->said = true;
	return !said;
}
