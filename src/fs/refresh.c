/* SPDX-License-Identifier: MPL-2.0 */
/* refresh.c - see refresh.h. */
#include "fs/refresh.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define TICK_MS 500
#define UNSEEN_MS 15000
#define LOCAL_MS 2000 /* a look at a local file costs nothing */
#define AGAIN_MS 5000 /* before the next look for a version that must be there */
/* A version stays for so long at least, twice as long with each one that was before it: of a file
 * that never stops changing not every state is shown. */
#define STAY_MS 250
#define STAY_MAX_MS 60000

struct refresh {
	struct store *st;
	const struct source_env *env;
	struct volumes *volumes;
	pthread_t thread, verifier;
	bool verifies;	   /* it runs */
	unsigned replaced; /* so many in this mount; the thread's own */
	_Atomic bool stop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static int64_t ttl_ms(const struct refresh *f)
{
	return f->st->opt->metadata_ttl * 1000;
}

/* Who was mounted without an answer asks sooner: the network may be back. */
static int64_t next_check_ms(const struct refresh *f, const struct volume *v)
{
	return MIN(ttl_ms(f), atomic_load(&v->checked) ? INT64_MAX : UNSEEN_MS);
}

/* It was asked, and v is what there is. */
static void confirmed(struct refresh *f, struct volume *v)
{
	atomic_store(&v->checked, clock_now());
	v->changed_ms = 0;
	v->next_ms = clock_ms() + ttl_ms(f);
}

/* Another version is there, but cannot be had yet: v stays, and it is tried again. */
static void put_off(struct refresh *f, struct volume *v, int64_t now, const char *why)
{
	if (v->changed_ms == 0)
		(void)log_warn(0, "%s: another version is there, but cannot be shown yet: %s%s",
			       v->dir, why,
			       object_changed(v->object)
				       ? "; of this one only what is cached can be read"
				       : "");
	if (v->changed_ms == 0)
		v->changed_ms = now;
	v->next_ms = now + MIN(AGAIN_MS, ttl_ms(f));
}

/* v gives its place to next (taken). */
static void replace(struct refresh *f, struct volume *v, struct volume *next)
{
	int r;

	next->born_ms = clock_ms();
	r = volumes_replace(f->volumes, v, next);
	if (r < 0) {
		volume_discard(next);
		v->next_ms = clock_ms() + ttl_ms(f);
		return;
	}
	object_set_changed(v->object);
	f->replaced++;
	log_info("%s: a new version is shown from now on (%.80s); of the old one only what is "
		 "cached can still be read, by who has it open",
		 v->dir, object_version(next->object));
}

/* v is known to be replaced where it comes from: open what is there now. */
static void renew(struct refresh *f, struct volume *v)
{
	struct volume *next = NULL;
	char why[512] = "";
	int64_t now = clock_ms();
	int r;

	if (object_changed(v->object) && !atomic_load(&v->distrusted) &&
	    object_recheck(v->object, &f->stop) == 0) {
		debug(fs, "%s: storage still has this version", v->dir);
		confirmed(f, v);
		return;
	}
	r = volume_reopen(f->st, f->env, v, &next, why);
	if (atomic_load(&f->stop)) {
		volume_discard(next);
		return;
	}
	if (r < 0) {
		put_off(f, v, now, why);
		return;
	}
	if (source_recalled(next->source) && !object_changed(v->object)) {
		volume_discard(next); /* what is open is better than nothing */
		v->look_ms = now + AGAIN_MS;
		return;
	}
	if (strcmp(next->raw->identity, v->raw->identity) != 0) {
		replace(f, v, next);
		return;
	}
	if (!object_changed(v->object)) { /* it only looked like another one */
		volume_discard(next);
		confirmed(f, v);
	} else if (v->changed_ms && now - v->changed_ms >= ttl_ms(f)) {
		replace(f, v, next);
	} else {
		volume_discard(next);
		put_off(f, v, now, "nobody announces it yet");
	}
}

static void look_at(struct refresh *f, struct volume *v)
{
	char why[512] = "";
	int r = object_changed(v->object) ? -ESTALE : volume_check(v, &f->stop, why);

	if (atomic_load(&f->stop))
		return;
	if (r == -ESTALE) {
		renew(f, v);
		return;
	}
	if (r == 0) {
		confirmed(f, v);
		return;
	}
	debug(fs, "%s: whether there is a new version cannot be told: %s", v->dir,
	      why[0] ? why : strerror(-r));
	v->next_ms = clock_ms() + next_check_ms(f, v);
}

/* A local file is not asked about: it is looked at. */
static void look_at_file(struct refresh *f, struct volume *v, int64_t now)
{
	int r;

	if (!source_path(v->source) || now < v->look_ms)
		return;
	v->look_ms = now + MIN(LOCAL_MS, ttl_ms(f));
	r = volume_look(v);
	if (r == -ESTALE)
		renew(f, v);
	else if (r == -ENOENT && source_described(v->source))
		renew(f,
		      v); /* it has been removed, and shall not go on taking its place on the disk */
}

static int64_t stays_until(const struct volume *v)
{
	int64_t stay = STAY_MS << MIN(v->earlier, 10);

	return v->born_ms ? v->born_ms + MIN(stay, STAY_MAX_MS) : 0;
}

static void look_round(struct refresh *f)
{
	for (unsigned i = 0, n = volumes_count(f->volumes); i < n && !atomic_load(&f->stop); i++) {
		struct volume *v = volumes_at(f->volumes, i);
		int64_t now = clock_ms();
		bool urgent = object_changed(v->object) && v->changed_ms == 0;

		if (v->next_ms == 0) /* it has just been opened */
			v->next_ms = now + next_check_ms(f, v);
		if (now < stays_until(v))
			continue;
		if (urgent || now >= v->next_ms)
			look_at(f, v);
		else
			look_at_file(f, v, now);
	}
}

/* The last one that there is room for: say so once, and look no more. */
static bool is_full(const struct refresh *f)
{
	if (f->replaced < REFRESH_MAX)
		return false;
	(void)log_warn(0,
		       "datasets of this mount have had %u new versions: no more are shown until "
		       "the next mount",
		       f->replaced);
	return true;
}

static void *run(void *arg)
{
	struct refresh *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!atomic_load(&f->stop)) {
		(void)cond_wait_ms(&f->changed, &f->lock, TICK_MS);
		pthread_mutex_unlock(&f->lock);
		look_round(f);
		if (is_full(f))
			return NULL;
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static void verify_all(struct refresh *f)
{
	for (unsigned i = 0, n = volumes_count(f->volumes); i < n && !atomic_load(&f->stop); i++) {
		struct volume *v = volumes_at(f->volumes, i);
		int r = v->unverified ? source_verify(v->source, &f->stop) : 0;

		v->unverified = r == -EAGAIN || r == -ECANCELED;
		if (r != -ESTALE)
			continue;
		atomic_store(&v->distrusted, true);
		object_set_changed(v->object);
	}
}

/* Local files that stand for something are hashed, one at a time. */
static void *run_verifier(void *arg)
{
	struct refresh *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!atomic_load(&f->stop)) {
		pthread_mutex_unlock(&f->lock);
		verify_all(f);
		pthread_mutex_lock(&f->lock);
		if (!atomic_load(&f->stop))
			(void)cond_wait_ms(&f->changed, &f->lock, LOCAL_MS);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int refresh_start(struct store *st, const struct source_env *env, struct volumes *vs,
		  struct refresh **out)
{
	struct refresh *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->st = st;
	f->env = env;
	f->volumes = vs;
	pthread_mutex_init(&f->lock, NULL);
	cond_init(&f->changed);
	r = -pthread_create(&f->thread, NULL, run, f);
	if (r < 0) {
		free(f);
		return log_error(r, "no thread for new versions");
	}
	f->verifies = pthread_create(&f->verifier, NULL, run_verifier, f) == 0;
	*out = f;
	return 0;
}

void refresh_end(struct refresh *f)
{
	if (!f)
		return;
	LOCK_SCOPE(&f->lock);
	atomic_store(&f->stop, true);
	pthread_cond_broadcast(&f->changed);
}

struct refresh *refresh_free(struct refresh *f)
{
	if (!f)
		return NULL;
	pthread_join(f->thread, NULL);
	if (f->verifies)
		pthread_join(f->verifier, NULL);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}
