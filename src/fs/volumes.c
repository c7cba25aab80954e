/* SPDX-License-Identifier: MPL-2.0 */
/* volumes.c - see volumes.h.  A slot is published after its volume is whole, a count after its
 * slots. */
#include "fs/volumes.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"

struct volumes {
	pthread_mutex_t lock; /* for those who add */
	bool closing;
	_Atomic unsigned used;	 /* numbers */
	_Atomic unsigned places; /* datasets */
	/* Untouched pages cost nothing. */
	_Atomic(struct volume *) volume[VOLUMES_MAX]; /* number - 1 */
	_Atomic(struct volume *) newest[VOLUMES_MAX]; /* place */
};

int volumes_new(struct volumes **out)
{
	struct volumes *vs = calloc(1, sizeof(*vs));

	if (!vs)
		return -ENOMEM;
	pthread_mutex_init(&vs->lock, NULL);
	*out = vs;
	return 0;
}

/* ---- looking ---- */

struct volume *volumes_get(const struct volumes *vs, unsigned number)
{
	if (number < 1 || number > atomic_load_explicit(&vs->used, memory_order_acquire))
		return NULL;
	return atomic_load_explicit(&vs->volume[number - 1], memory_order_acquire);
}

unsigned volumes_count(const struct volumes *vs)
{
	return atomic_load_explicit(&vs->places, memory_order_acquire);
}

struct volume *volumes_at(const struct volumes *vs, unsigned place)
{
	return atomic_load_explicit(&vs->newest[place], memory_order_acquire);
}

bool volumes_is_newest(const struct volumes *vs, const struct volume *v)
{
	return v->place == VOLUMES_NO_PLACE || volumes_at(vs, v->place) == v;
}

struct volume *volumes_find(const struct volumes *vs, const char *name)
{
	for (unsigned i = 0, n = volumes_count(vs); i < n; i++) {
		struct volume *v = volumes_at(vs, i);

		if (strcmp(v->dir, name) == 0)
			return v;
	}
	return NULL;
}

struct volume *volumes_find_id(const struct volumes *vs, const char *id)
{
	for (unsigned i = 0, n = id[0] ? volumes_count(vs) : 0; i < n; i++) {
		struct volume *v = volumes_at(vs, i);

		if (strcmp(v->dataset->id, id) == 0)
			return v;
	}
	return NULL;
}

/* ---- adding ---- */

/* Two datasets of one name: the second gets a number. */
static int make_unique_locked(const struct volumes *vs, struct volume *v)
{
	for (unsigned n = 2; volumes_find(vs, v->dir); n++) {
		char *name;

		if (asprintf(&name, "%s-%u", v->dataset->slug, n) < 0)
			return -ENOMEM;
		free(v->dir);
		v->dir = name;
	}
	return 0;
}

static int room_locked(const struct volumes *vs)
{
	if (vs->closing)
		return -ENOTCONN;
	if (atomic_load(&vs->used) >= VOLUMES_MAX)
		return log_error(0, "a mount can have %u datasets at most", VOLUMES_MAX), -ENOSPC;
	return 0;
}

/* Everybody sees v from here on. */
static void publish_locked(struct volumes *vs, struct volume *v, unsigned place)
{
	unsigned used = atomic_load(&vs->used);

	v->number = used + 1;
	v->place = place;
	atomic_store_explicit(&vs->volume[used], v, memory_order_release);
	atomic_store_explicit(&vs->used, used + 1, memory_order_release);
	if (place != VOLUMES_NO_PLACE)
		atomic_store_explicit(&vs->newest[place], v, memory_order_release);
}

static int add(struct volumes *vs, struct volume *v)
{
	unsigned place;
	int r;

	LOCK_SCOPE(&vs->lock);
	r = room_locked(vs);
	if (r == 0)
		r = make_unique_locked(vs, v);
	if (r < 0)
		return r;
	place = atomic_load(&vs->places);
	publish_locked(vs, v, place);
	atomic_store_explicit(&vs->places, place + 1, memory_order_release);
	return 0;
}

static int put_in_place(struct volumes *vs, struct volume *old, struct volume *v)
{
	char *dir;
	int r;

	LOCK_SCOPE(&vs->lock);
	r = room_locked(vs);
	if (r == 0 && !volumes_is_newest(vs, old))
		r = -ESTALE;
	if (r < 0)
		return r;
	dir = strdup(old->dir);
	if (!dir)
		return -ENOMEM;
	free(v->dir);
	v->dir = dir;
	v->earlier = old->earlier + 1;
	publish_locked(vs, v, old->place);
	return 0;
}

int volumes_add(struct volumes *vs, struct volume *v)
{
	int r = add(vs, v);

	if (r == 0)
		volume_begin(v);
	return r;
}

static int attach(struct volumes *vs, struct volume *v)
{
	int r;

	LOCK_SCOPE(&vs->lock);
	r = room_locked(vs);
	if (r == 0)
		publish_locked(vs, v, VOLUMES_NO_PLACE);
	return r;
}

int volumes_attach(struct volumes *vs, struct volume *v)
{
	int r = attach(vs, v);

	if (r == 0)
		volume_begin(v);
	return r;
}

int volumes_replace(struct volumes *vs, struct volume *old, struct volume *v)
{
	int r = put_in_place(vs, old, v);

	if (r == 0)
		volume_begin(v);
	return r;
}

/* ---- the end ---- */

void volumes_stop(struct volumes *vs)
{
	if (!vs)
		return;
	pthread_mutex_lock(&vs->lock);
	vs->closing = true;
	pthread_mutex_unlock(&vs->lock);
	for (unsigned i = 0, n = atomic_load(&vs->used); i < n; i++)
		volume_stop(atomic_load(&vs->volume[i]));
}

void volumes_stop_sources(struct volumes *vs)
{
	for (unsigned i = 0, n = vs ? atomic_load(&vs->used) : 0; i < n; i++)
		source_stop(atomic_load(&vs->volume[i])->source);
}

struct volumes *volumes_free(struct volumes *vs)
{
	for (unsigned i = 0, n = vs ? atomic_load(&vs->used) : 0; i < n; i++)
		volume_free(atomic_load(&vs->volume[i]));
	if (vs)
		pthread_mutex_destroy(&vs->lock);
	free(vs);
	return NULL;
}
