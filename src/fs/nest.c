/* SPDX-License-Identifier: MPL-2.0 */
/* nest.c - see nest.h.  A slot is made under the lock and then stays; its archive is opened by the
 * first who needs it, and published when it is ready. */
#include "fs/nest.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "archive/memberreader.h"
#include "base/log.h"
#include "store/about.h"

#define BUCKETS 4096u
#define FILES_EACH 4u	  /* open files that one may need, with room for others */
#define NAME_LEN 1024u	  /* bytes of a path in messages */
#define TROUBLES_MAX 100u /* named in the status */

struct nested {
	struct nested *next; /* in its bucket */
	struct nest_place outer;
	uint64_t row;
	unsigned number;
	char *filename, *dir; /* for the archive, which borrows them */
	struct memberreader *reader;
	struct reader *given; /* in its place, and its object */
	const char *given_of;
	pthread_mutex_t opening;
	_Atomic(struct archive *) archive; /* set once, when all of the above is */
};

struct nest {
	struct store *st;
	unsigned first;	      /* number of slot 0 */
	unsigned max;	      /* slots */
	pthread_mutex_t lock; /* guards what follows, but for reading slots */
	struct nested *bucket[BUCKETS];
	bool full_logged;
	_Atomic unsigned used;
	_Atomic(struct nested *) slot[NEST_MAX]; /* untouched pages cost nothing */
};

/* Two files of its cache layer, and those of an index now and then. */
static unsigned allowed(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur == RLIM_INFINITY)
		return NEST_MAX;
	return (unsigned)MIN(MAX(l.rlim_cur / FILES_EACH, 1), NEST_MAX);
}

int nest_new(struct store *st, unsigned first, struct nest **out)
{
	struct nest *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->st = st;
	n->first = first;
	n->max = allowed();
	pthread_mutex_init(&n->lock, NULL);
	*out = n;
	return 0;
}

/* ---- finding ---- */

static struct nested *at(struct nest *n, unsigned i)
{
	return atomic_load_explicit(&n->slot[i], memory_order_acquire);
}

static void tell(struct nested *d, struct nest_place *out)
{
	*out = d->outer;
	out->archive = atomic_load_explicit(&d->archive, memory_order_acquire);
	out->number = d->number;
	out->depth = d->outer.depth + 1;
}

bool nest_get(struct nest *n, unsigned number, struct nest_place *out)
{
	unsigned i = number - n->first;

	if (number < n->first || i >= atomic_load_explicit(&n->used, memory_order_acquire))
		return false;
	tell(at(n, i), out);
	return out->archive;
}

static struct nested **bucket_of(struct nest *n, unsigned outer, uint64_t row)
{
	uint64_t hash = (row ^ (uint64_t)outer << 40) * UINT64_C(0x9e3779b97f4a7c15);

	return &n->bucket[hash >> 32 & (BUCKETS - 1)];
}

static struct nested *find_locked(struct nest *n, unsigned outer, uint64_t row)
{
	struct nested *d = *bucket_of(n, outer, row);

	while (d && (d->outer.number != outer || d->row != row))
		d = d->next;
	return d;
}

bool nest_find(struct nest *n, const struct nest_place *outer, uint64_t row, struct nest_place *out)
{
	struct nested *d;

	LOCK_SCOPE(&n->lock);
	d = find_locked(n, outer->number, row);
	if (!d)
		return false;
	tell(d, out);
	return out->archive;
}

/* ---- entering ---- */

static int add_locked(struct nest *n, const struct nest_place *outer, uint64_t row,
		      struct nested **out)
{
	struct nested **bucket = bucket_of(n, outer->number, row), *d;
	unsigned i = atomic_load(&n->used);

	if (i >= n->max && n->full_logged)
		return -ENFILE;
	if (i >= n->max) {
		n->full_logged = true;
		return log_error(-ENFILE,
				 "%u archives inside archives have been entered, no more can "
				 "be until the next mount",
				 i);
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->opening, NULL);
	d->outer = *outer;
	d->row = row;
	d->number = n->first + i;
	d->next = *bucket;
	*bucket = d;
	atomic_store_explicit(&n->slot[i], d, memory_order_release);
	atomic_store_explicit(&n->used, i + 1, memory_order_release);
	*out = d;
	return 0;
}

/* For `mdcfs cache`. */
static void note(const struct nested *d, const struct reader *raw)
{
	struct about a = { .size = raw->size };

	snprintf(a.name, sizeof(a.name), "%s", d->filename);
	snprintf(a.file, sizeof(a.file), "%s", d->filename);
	snprintf(a.outer, sizeof(a.outer), "%s", d->given ? d->given_of : memberreader_outer(d->reader));
	if (about_note(d->dir, &a) < 0)
		debug(fs, "%s: no note in %s", d->filename, d->dir);
}

static int open_archive(struct nest *n, struct nested *d)
{
	struct archive_config c = { .st = n->st, .checksum = "" };
	struct archive *a;
	int r = 0;

	c.raw = d->given ? d->given : memberreader_reader(d->reader);
	if (n->st->cache && !d->dir)
		r = cache_object_dir(n->st->cache, c.raw->identity, &d->dir);
	if (r == 0 && d->dir)
		note(d, c.raw);
	if (r == -ENOMEM) /* another error was logged: the index is kept in a temporary place */
		return r;
	c.dir = d->dir;
	c.filename = d->filename;
	r = archive_new(&c, &a);
	if (r < 0)
		return log_error(r, "%s: cannot be opened", d->filename);
	debug(fs, "%s: entered, number %u", d->filename, d->number);
	if (n->st->opt->pass == PASS_BACKGROUND)
		archive_read_all(a);
	atomic_store_explicit(&d->archive, a, memory_order_release);
	return 0;
}

/* The parts are made one after the other, and stay: what has failed is tried again next time. */
static int open_locked(struct nest *n, struct nested *d)
{
	AUTO(member_free) struct member m = { 0 };
	int r = archive_named(d->outer.archive, d->row, &m);

	if (r == 0 && !S_ISREG(m.mode))
		r = -ENOENT;
	if (r == 0 && !d->filename) {
		char name[NAME_LEN];

		r = archive_describe(d->outer.archive, d->row, name, sizeof(name));
		if (r == 0 && !(d->filename = strdup(name)))
			r = -ENOMEM;
	}
	if (r == 0 && !d->reader)
		r = memberreader_new(d->outer.archive, &m, &d->reader);
	return r < 0 ? r : open_archive(n, d);
}

int nest_enter(struct nest *n, const struct nest_place *outer, uint64_t row, struct nest_place *out)
{
	struct nested *d;
	int r = 0;

	pthread_mutex_lock(&n->lock);
	d = find_locked(n, outer->number, row);
	if (!d)
		r = add_locked(n, outer, row, &d);
	pthread_mutex_unlock(&n->lock);
	if (r < 0)
		return r;
	if (!atomic_load_explicit(&d->archive, memory_order_acquire)) {
		LOCK_SCOPE(&d->opening);
		if (!atomic_load(&d->archive))
			r = open_locked(n, d);
	}
	if (r == 0)
		tell(d, out);
	return r;
}

/* No archive has number 0. */
int nest_enter_reader(struct nest *n, uint64_t key, struct reader *r, const char *filename,
		      const char *of, struct nest_place *out)
{
	struct nest_place nowhere = { 0 };
	struct nested *d;
	int e = 0;

	pthread_mutex_lock(&n->lock);
	d = find_locked(n, 0, key);
	if (!d)
		e = add_locked(n, &nowhere, key, &d);
	pthread_mutex_unlock(&n->lock);
	if (e < 0)
		return e;
	if (!atomic_load_explicit(&d->archive, memory_order_acquire)) {
		LOCK_SCOPE(&d->opening);
		d->given = r;
		d->given_of = of;
		if (!d->filename && !(d->filename = strdup(filename)))
			e = -ENOMEM;
		if (e == 0 && !atomic_load(&d->archive))
			e = open_archive(n, d);
	}
	if (e == 0)
		tell(d, out);
	return e;
}

/* ---- all of them ---- */

uint64_t nest_progress(struct nest *n, unsigned number)
{
	uint64_t sum = 0;
	struct nest_place p;

	for (; nest_get(n, number, &p); number = at(n, number - n->first)->outer.number)
		sum += archive_progress(p.archive);
	return sum;
}

void nest_tick(struct nest *n)
{
	unsigned used = atomic_load_explicit(&n->used, memory_order_acquire);

	for (unsigned i = 0; i < used; i++) {
		struct archive *a = atomic_load_explicit(&at(n, i)->archive, memory_order_acquire);

		if (a)
			archive_tick(a);
	}
}

static struct json *trouble_of(struct nested *d, struct archive *a)
{
	struct archive_info info;
	struct json *j;

	archive_info(a, &info);
	if (!info.error[0])
		return NULL;
	j = json_object();
	json_set_str(j, "name", d->filename);
	json_set_str(j, "state", info.state);
	json_set_str(j, "error", info.error);
	return j;
}

struct json *nest_status(struct nest *n)
{
	struct json *j = json_object(), *list = json_array();
	unsigned used = n ? atomic_load_explicit(&n->used, memory_order_acquire) : 0;
	unsigned open = 0, troubles = 0;

	for (unsigned i = 0; i < used; i++) {
		struct archive *a = atomic_load_explicit(&at(n, i)->archive, memory_order_acquire);
		struct json *t = a ? trouble_of(at(n, i), a) : NULL;

		open += a != NULL;
		if (t && troubles++ < TROUBLES_MAX)
			json_append(list, t);
		else
			json_free(t);
	}
	json_set_u64(j, "open", open);
	json_set_u64(j, "damaged", troubles);
	json_set(j, "trouble", list);
	return j;
}

/* An archive has a greater number than those around it. */
void nest_stop(struct nest *n)
{
	for (unsigned i = n ? atomic_load(&n->used) : 0; i-- > 0;) {
		struct nested *d = at(n, i);
		struct archive *a = atomic_load(&d->archive);

		if (a)
			archive_stop(a);
		if (d->reader)
			memberreader_stop(d->reader);
	}
}

struct nest *nest_free(struct nest *n)
{
	for (unsigned i = n ? atomic_load(&n->used) : 0; i-- > 0;) {
		struct nested *d = at(n, i);

		archive_free(atomic_load(&d->archive));
		memberreader_free(d->reader);
		pthread_mutex_destroy(&d->opening);
		free(d->filename);
		free(d->dir);
		free(d);
	}
	if (n)
		pthread_mutex_destroy(&n->lock);
	free(n);
	return NULL;
}
