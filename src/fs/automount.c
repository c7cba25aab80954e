/* SPDX-License-Identifier: MPL-2.0 */
/* automount.c - see automount.h. */
#include "fs/automount.h"

#include <errno.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

struct automount {
	struct store *st;
	const struct source_env *env;
	struct volumes *volumes;
	struct errands *errands;
	pthread_mutex_t adding; /* two names of one dataset make one volume */
	pthread_mutex_t lock;	/* guards what follows */
	struct list names;	/* struct arrival, the oldest first */
	unsigned n_names;
};

/* A name that was looked up. */
struct arrival {
	struct automount *automount;
	struct errand errand;
	struct list link;
	char name[];
};

int automount_new(struct store *st, const struct source_env *env, struct volumes *vs,
		  struct errands *errands, struct automount **out)
{
	struct automount *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->st = st;
	a->env = env;
	a->volumes = vs;
	a->errands = errands;
	pthread_mutex_init(&a->adding, NULL);
	pthread_mutex_init(&a->lock, NULL);
	list_init(&a->names);
	*out = a;
	return 0;
}

bool automount_can_be(const char *name)
{
	size_t n = strlen(name), first = name[0] == 'C';

	return n >= 2 && n <= 128 && name[0] != '.' && name[0] != '-' &&
	       first + strspn(name + first, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

/* ---- resolving, in an errand's thread ---- */

/* Is it mounted already, under another name?  v is NULL then. */
static int add(struct automount *a, struct volume **v)
{
	int r;

	LOCK_SCOPE(&a->adding);
	if (volumes_find_id(a->volumes, (*v)->dataset->id))
		return 0;
	r = volumes_add(a->volumes, *v);
	if (r == 0)
		log_info("%s: mounted, since it was looked up", (*v)->dir);
	if (r == 0)
		*v = NULL;
	return r;
}

static int resolve(struct errand *e, int64_t *hold_ms)
{
	struct arrival *n = container_of(e, struct arrival, errand);
	struct automount *a = n->automount;
	struct volume *v = NULL;
	char spec[128 + 8], why[512] = "";
	int r;

	snprintf(spec, sizeof(spec), "mdc:%s", n->name);
	r = volume_open_lazily(a->st, a->env, spec, &v, why);

	*hold_ms = r == -ENOENT ? AUTOMOUNT_ABSENT_MS : AUTOMOUNT_FAILED_MS;
	if (r == -ENOENT)
		log_info("%s", why);
	else if (r < 0 && why[0] && !a->st->stopping)
		(void)log_warn(0, "%s", why);
	if (r == 0)
		r = add(a, &v);
	volume_discard(v);
	return r;
}

/* ---- names ---- */

static struct arrival *find_locked(struct automount *a, const char *name)
{
	list_for_each(pos, tmp, &a->names) {
		struct arrival *n = list_entry(pos, struct arrival, link);

		if (strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

/* Forget the oldest name that nobody waits for. */
static bool forget_one_locked(struct automount *a)
{
	list_for_each(pos, tmp, &a->names) {
		struct arrival *n = list_entry(pos, struct arrival, link);

		if (!errand_idle(a->errands, &n->errand))
			continue;
		list_remove(&n->link);
		free(n);
		a->n_names--;
		return true;
	}
	return false;
}

static int add_locked(struct automount *a, const char *name, struct arrival **out)
{
	size_t size = strlen(name) + 1;
	struct arrival *n;

	if (a->n_names >= AUTOMOUNT_NAMES && !forget_one_locked(a))
		return -EAGAIN;
	n = calloc(1, sizeof(*n) + size);
	if (!n)
		return -ENOMEM;
	memcpy(n->name, name, size);
	n->automount = a;
	errand_init(&n->errand, resolve);
	list_push(&a->names, &n->link);
	a->n_names++;
	*out = n;
	return 0;
}

int automount_need(struct automount *a, const char *name, struct waiter *w)
{
	struct arrival *n;
	int r = 0;

	if (!automount_can_be(name))
		return -ENOENT;
	LOCK_SCOPE(&a->lock);
	n = find_locked(a, name);
	if (!n)
		r = add_locked(a, name, &n);
	return r < 0 ? r : errand_need(a->errands, &n->errand, w);
}

struct automount *automount_free(struct automount *a)
{
	if (!a)
		return NULL;
	list_for_each(pos, tmp, &a->names)
		free(list_entry(pos, struct arrival, link));
	pthread_mutex_destroy(&a->adding);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}
