/* SPDX-License-Identifier: MPL-2.0 */
/* ods_catalog.c - see ods_catalog.h. */
#include "source/ods_catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/intern.h"
#include "base/log.h"
#include "net/url.h"
#include "source/api.h"
#include "source/dataset.h"
#include "source/ods_meta.h"

#define PAGE_ROWS 500u
#define DETAILS_FILE_MAX (UINT64_C(4) << 30)
#define FINDS_MAX 64u			   /* lookups at once */
#define ABSENT_MAX 256u			   /* names that are known to be none */
#define TOUCH UINT64_C(0x9e3779b97f4a7c15) /* between two versions of the same dates */
#define AGAIN_S 30 /* how long old metadata are believed when nothing newer is to be had */

struct entry {
	uint64_t at; /* of its metadata in the file */
	uint32_t len;
	bool geo, files, listed;
	uint32_t round; /* of listing, that has shown it last */
	uint64_t version;
	uint64_t touched; /* times */
	int64_t mtime, asked_ms;
};

/* One lookup that is under way. */
struct find {
	struct ods_call call;
	struct ods_catalog *catalog;
	struct list link;
	struct want want;
	char *id;
};

struct absent {
	char *id;
	int64_t asked_ms;
};

struct ods_catalog {
	struct ods *ods;
	char *only;
	int64_t ttl_ms;
	int fd; /* without a name; -1: there is none, and no metadata */

	pthread_mutex_t lock; /* guards what follows */
	struct intern *ids;
	struct entry *entries; /* by number of the id */
	uint32_t cap;
	uint64_t end; /* of the file */
	struct list finds;
	unsigned n_finds;
	struct want room;		  /* of a lookup that ends: for those beyond FINDS_MAX */
	struct absent absent[ABSENT_MAX]; /* a ring */
	unsigned n_absent;

	struct ods_call page;
	struct want want; /* of the next page, or of all */
	bool paging;	  /* a page is under way */
	bool whole;
	bool shifted, again; /* the number of datasets has changed on the way; a second round */
	uint32_t round;
	uint64_t next, hits; /* first dataset of the next page; how many there are */
	uint64_t shown;	     /* tells the page that came last from others */
	uint64_t pages;
	int64_t listed_ms;
};

/* ---- what is known ---- */

static int make_file(const struct source_env *env)
{
	const char *dirs[] = { env->state_dir, getenv("TMPDIR"), "/tmp" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int fd = dirs[i] ? open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

		if (fd >= 0)
			return fd;
	}
	return -1;
}

int ods_catalog_new(struct ods *o, const char *only, struct ods_catalog **out)
{
	struct ods_catalog *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->ods = o;
	c->ttl_ms = ods_env(o)->opt->metadata_ttl * 1000;
	pthread_mutex_init(&c->lock, NULL);
	list_init(&c->finds);
	want_init(&c->want);
	want_init(&c->room);
	c->fd = make_file(ods_env(o));
	c->only = only ? strdup(only) : NULL;
	if (intern_new(ODS_DATASETS_MAX, &c->ids) < 0 || (only && !c->only)) {
		ods_catalog_free(c);
		return -ENOMEM;
	}
	if (c->fd < 0) {
		int r = log_error(-errno, "%s: no place for a temporary file", ods_domain(o));

		ods_catalog_free(c);
		return r;
	}
	*out = c;
	return 0;
}

struct ods_catalog *ods_catalog_free(struct ods_catalog *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < ABSENT_MAX; i++)
		free(c->absent[i].id);
	intern_free(c->ids);
	free(c->entries);
	auto_close(&c->fd);
	pthread_mutex_destroy(&c->lock);
	free(c->only);
	free(c);
	return NULL;
}

uint32_t ods_catalog_count(struct ods_catalog *c)
{
	LOCK_SCOPE(&c->lock);
	return intern_count(c->ids);
}

bool ods_catalog_get(struct ods_catalog *c, uint32_t n, struct ods_dataset *out)
{
	LOCK_SCOPE(&c->lock);
	if (n >= intern_count(c->ids))
		return false;
	*out = (struct ods_dataset){
		.id = intern_text(c->ids, n),
		.version = c->entries[n].version + c->entries[n].touched * TOUCH,
		.mtime = c->entries[n].mtime,
		.geo = c->entries[n].geo,
		.files = c->entries[n].files,
		.listed = c->entries[n].listed,
	};
	return true;
}

void ods_catalog_touch(struct ods_catalog *c, uint32_t n)
{
	LOCK_SCOPE(&c->lock);
	if (n >= intern_count(c->ids))
		return;
	c->entries[n].touched++;
	c->entries[n].asked_ms = clock_ms() - c->ttl_ms - 1;
}

int ods_catalog_details(struct ods_catalog *c, uint32_t n, struct json **out)
{
	AUTO(auto_free) char *text = NULL;
	struct entry e;
	int r;

	pthread_mutex_lock(&c->lock);
	e = n < intern_count(c->ids) ? c->entries[n] : (struct entry){ 0 };
	pthread_mutex_unlock(&c->lock);
	if (e.len == 0)
		return -ENOENT;
	text = malloc((size_t)e.len + 1);
	if (!text)
		return -ENOMEM;
	r = file_read_at(c->fd, text, e.len, e.at); /* what was written there never changes */
	text[e.len] = '\0';
	if (r == 0)
		r = json_parse(text, out);
	return r < 0 && r != -ENOMEM ? log_error(-EIO, "kept metadata cannot be read") : r;
}

/* ---- taking in what the portal says ---- */

static int room_locked(struct ods_catalog *c)
{
	uint32_t cap = MAX(c->cap * 2, 64u);
	struct entry *more;

	if (intern_count(c->ids) < c->cap)
		return 0;
	more = reallocarray(c->entries, cap, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->entries = more;
	c->cap = cap;
	return 0;
}

/* Where len more bytes go. */
static int place_locked(struct ods_catalog *c, size_t len, uint64_t *at)
{
	if (len > UINT32_MAX || c->end + len > DETAILS_FILE_MAX)
		return log_error(-EFBIG, "%s: more metadata than can be kept", ods_domain(c->ods));
	*at = c->end;
	c->end += len;
	return 0;
}

static int insert_locked(struct ods_catalog *c, const char *id, const struct entry *e)
{
	uint32_t n, before = intern_count(c->ids);
	int r = room_locked(c);

	if (r == 0)
		r = intern_add(c->ids, id, &n);
	if (r < 0)
		return r;
	if (n == before)
		c->entries[n] = (struct entry){ 0 };
	c->entries[n].at = e->at;
	c->entries[n].len = e->len;
	c->entries[n].geo = e->geo;
	c->entries[n].files = e->files;
	c->entries[n].listed = true;
	c->entries[n].round = c->round;
	c->entries[n].version = e->version;
	c->entries[n].mtime = e->mtime;
	c->entries[n].asked_ms = clock_ms();
	return 0;
}

/* The same metadata as are there already need no second place. */
static bool same_locked(struct ods_catalog *c, const char *id, const struct entry *e)
{
	uint32_t n;

	if (!intern_find(c->ids, id, &n) || c->entries[n].version != e->version ||
	    c->entries[n].len != e->len)
		return false;
	c->entries[n].listed = true;
	c->entries[n].round = c->round;
	c->entries[n].asked_ms = clock_ms();
	return true;
}

/* One dataset of an answer.  An id that cannot be a file name is left out. */
static int take(struct ods_catalog *c, const struct json *d)
{
	AUTO(auto_free) char *text = NULL;
	const char *id = ods_meta_id(d);
	struct entry e = { .geo = ods_meta_geo(d), .files = ods_meta_files(d) };
	int r;

	if (!id || !dataset_name_ok(id) || id[0] == '.')
		return log_warn(0, "%s: a dataset whose id cannot be a file name is left out",
				ods_domain(c->ods));
	text = json_print(d, false);
	r = text ? ods_meta_version(d, &e.version, &e.mtime) : -ENOMEM;
	if (r < 0)
		return r;
	e.len = (uint32_t)strlen(text);
	pthread_mutex_lock(&c->lock);
	if (same_locked(c, id, &e)) {
		pthread_mutex_unlock(&c->lock);
		return 0;
	}
	r = place_locked(c, strlen(text), &e.at);
	pthread_mutex_unlock(&c->lock);
	if (r == 0)
		r = file_write_at(c->fd, text, strlen(text), e.at);
	if (r < 0)
		return r;
	LOCK_SCOPE(&c->lock);
	return insert_locked(c, id, &e);
}

int ods_catalog_note(struct ods_catalog *c, const struct json *dataset, uint32_t *n)
{
	const char *id = ods_meta_id(dataset);
	int r = take(c, dataset);

	if (r < 0)
		return r;
	LOCK_SCOPE(&c->lock);
	return id && intern_find(c->ids, id, n) ? 0 : -EINVAL;
}

/* ---- listing ---- */

/* What this listing has not shown is gone. */
static void end_listing_locked(struct ods_catalog *c)
{
	for (uint32_t i = 0; i < intern_count(c->ids); i++)
		if (c->entries[i].round != c->round)
			c->entries[i].listed = false;
	c->whole = true;
	c->listed_ms = clock_ms();
}

/* Of a page: a portal that knows no start, or has fewer datasets than it says, gives the same one again
 * and again. */
static uint64_t page_sum(const struct json *list)
{
	uint64_t sum = json_len(list) + 1;

	for (size_t i = 0; i < json_len(list); i++) {
		const char *id = ods_meta_id(json_at(list, i));

		for (; id && *id; id++)
			sum = (sum ^ (unsigned char)*id) * TOUCH;
		sum *= TOUCH;
	}
	return sum;
}

/* A page has been taken in.  True: it was the last. */
static bool page_taken_locked(struct ods_catalog *c, uint64_t hits, const struct json *list)
{
	uint64_t sum = page_sum(list);
	bool same = c->next > 0 && sum == c->shown;

	c->shown = sum;
	c->shifted |= c->next > 0 && hits != c->hits;
	c->hits = hits;
	c->next += json_len(list);
	if (json_len(list) > 0 && !same && c->next < MIN(hits, ODS_DATASETS_MAX))
		return false;
	if (!c->shifted || c->again)
		return true;
	c->again = true; /* something may have slipped from one page to the one before */
	c->next = 0;
	return false;
}

static int take_page(struct ods_catalog *c, const struct json *answer, bool *last)
{
	const struct json *list = json_get(answer, "datasets");
	uint64_t hits = 0;
	int r = 0;

	if (!json_is_object(answer) || !list || !json_u64(answer, "nhits", &hits))
		return log_error(-EPROTO, "%s: this is no answer of a dataset search",
				 ods_domain(c->ods));
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = take(c, json_at(list, i));
	if (r < 0)
		return r;
	LOCK_SCOPE(&c->lock);
	*last = page_taken_locked(c, hits, list);
	return 0;
}

static bool keeps_old_locked(const struct ods_catalog *c, int err)
{
	return c->listed_ms > 0 && (err == -EDQUOT || api_is_down(err));
}

static void on_page(struct ods_call *call, int err, const struct json *answer)
{
	struct ods_catalog *c = container_of(call, struct ods_catalog, page);
	bool last = false;

	if (err == 0)
		err = take_page(c, answer, &last);
	pthread_mutex_lock(&c->lock);
	c->paging = false;
	c->pages += err == 0;
	if (err == 0 && last) {
		end_listing_locked(c);
	} else if (err < 0 && keeps_old_locked(c, err)) {
		c->whole = true;
		c->listed_ms = MAX(clock_ms() - c->ttl_ms + AGAIN_S * 1000, 1);
		err = 0;
	}
	pthread_mutex_unlock(&c->lock);
	want_wake(&c->want, err); /* whoever wants more asks for the next page */
}

static int next_page_locked(struct ods_catalog *c)
{
	char path[160];
	int r;

	snprintf(path, sizeof(path), "/api/datasets/1.0/search?rows=%u&start=%" PRIu64, PAGE_ROWS,
		 c->next);
	c->page.done = on_page;
	r = ods_call(c->ods, &c->page, path);
	c->paging = r == 0;
	return r;
}

int ods_catalog_first(struct ods_catalog *c, struct waiter *w)
{
	uint32_t n;
	int r = 0;

	if (c->only)
		return ods_catalog_find(c, c->only, w, &n);
	LOCK_SCOPE(&c->lock);
	if (c->pages > 0)
		return 0;
	if (!c->paging)
		r = next_page_locked(c);
	return r < 0 ? r : want_park(&c->want, w);
}

static void start_anew_locked(struct ods_catalog *c)
{
	c->whole = c->shifted = c->again = false;
	c->next = 0;
	c->round++;
}

int ods_catalog_list(struct ods_catalog *c, bool renew, struct waiter *w)
{
	int r = 0;

	if (c->only)
		return 0;
	LOCK_SCOPE(&c->lock);
	if (c->whole && renew && clock_ms() - c->listed_ms > c->ttl_ms && ods_allowed(c->ods) == 0)
		start_anew_locked(c);
	if (c->whole)
		return 0;
	if (!c->paging)
		r = next_page_locked(c);
	if (r < 0 && keeps_old_locked(c, r)) {
		c->whole = true;
		return 0;
	}
	return r < 0 ? r : want_park(&c->want, w);
}

/* ---- one dataset ---- */

static void note_absent_locked(struct ods_catalog *c, const char *id)
{
	struct absent *a = &c->absent[c->n_absent++ % ABSENT_MAX];

	free(a->id);
	a->id = strdup(id);
	a->asked_ms = clock_ms();
}

static bool is_absent_locked(struct ods_catalog *c, const char *id)
{
	int64_t since = clock_ms() - c->ttl_ms;

	for (size_t i = 0; i < ABSENT_MAX; i++)
		if (c->absent[i].id && c->absent[i].asked_ms >= since &&
		    strcmp(c->absent[i].id, id) == 0)
			return true;
	return false;
}

/* What was asked by name has another id, or none: it is believed under the one that was asked. */
static bool is_that(const struct json *answer, const char *id)
{
	const char *said = ods_meta_id(answer);

	return said && strcmp(said, id) == 0;
}

/* What the waiters are told: 0 when what is known already has to do. */
static int found_nothing_locked(struct ods_catalog *c, const char *id, int err)
{
	uint32_t n;
	bool known = intern_find(c->ids, id, &n);

	if (err == -ENOENT) {
		if (known)
			c->entries[n].listed = false;
		note_absent_locked(c, id);
	} else if (known && (err == -EDQUOT || api_is_down(err))) {
		c->entries[n].asked_ms = clock_ms() - c->ttl_ms + AGAIN_S * 1000;
		return 0;
	}
	return err;
}

static void on_found(struct ods_call *call, int err, const struct json *answer)
{
	struct find *f = container_of(call, struct find, call);
	struct ods_catalog *c = f->catalog;

	if (err == 0 && !is_that(answer, f->id))
		err = -ENOENT;
	if (err == 0)
		err = take(c, answer);
	pthread_mutex_lock(&c->lock);
	c->pages += err == 0;
	if (err < 0)
		err = found_nothing_locked(c, f->id, err);
	list_remove(&f->link);
	c->n_finds--;
	pthread_mutex_unlock(&c->lock);
	want_wake(&f->want, err);
	want_wake(&c->room, 0);
	free(f->id);
	free(f);
}

static int start_find_locked(struct ods_catalog *c, const char *id, struct find **out)
{
	AUTO(auto_free) char *name = url_encode(id), *path = NULL;
	struct find *f;
	int r;

	if (!name || asprintf(&path, "/api/datasets/1.0/%s", name) < 0)
		return path = NULL, -ENOMEM;
	f = calloc(1, sizeof(*f));
	if (!f || !(f->id = strdup(id))) {
		free(f);
		return -ENOMEM;
	}
	f->catalog = c;
	want_init(&f->want);
	list_init(&f->link);
	f->call.done = on_found;
	r = ods_call(c->ods, &f->call, path);
	if (r < 0) {
		free(f->id);
		free(f);
		return r;
	}
	list_push(&c->finds, &f->link);
	c->n_finds++;
	*out = f;
	return 0;
}

static struct find *under_way_locked(struct ods_catalog *c, const char *id)
{
	list_for_each(pos, next, &c->finds) {
		struct find *f = list_entry(pos, struct find, link);

		if (strcmp(f->id, id) == 0)
			return f;
	}
	return NULL;
}

/* Is it known whether there is such a dataset?  0: yes, *n; -ENOENT; PARKED stands for: not known. */
static int known_locked(struct ods_catalog *c, const char *id, uint32_t *n)
{
	int64_t now = clock_ms();

	if (intern_find(c->ids, id, n)) {
		if (now - c->entries[*n].asked_ms <= c->ttl_ms || ods_allowed(c->ods) < 0)
			return c->entries[*n].listed ? 0 : -ENOENT;
		return PARKED;
	}
	if (is_absent_locked(c, id) || (c->whole && now - c->listed_ms <= c->ttl_ms))
		return -ENOENT;
	return PARKED;
}

int ods_catalog_find(struct ods_catalog *c, const char *id, struct waiter *w, uint32_t *out)
{
	struct find *f;
	uint32_t n;
	int r;

	if (id[0] == '.' || !dataset_name_ok(id) || (c->only && strcmp(id, c->only) != 0))
		return -ENOENT;
	LOCK_SCOPE(&c->lock);
	r = known_locked(c, id, &n);
	if (r == 0)
		*out = n;
	if (r != PARKED)
		return r;
	f = under_way_locked(c, id);
	if (!f && c->n_finds >= FINDS_MAX)
		return want_park(&c->room, w);
	if (!f)
		r = start_find_locked(c, id, &f);
	return f ? want_park(&f->want, w) : r;
}
