/* SPDX-License-Identifier: MPL-2.0 */
/* portal_media.c - see portal_media.h. */
#include "fs/portal_media.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "fs/portal_archive.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/ods_meta.h"

#define KEPT 4u		   /* lists */
#define SUFFIX_LEN_MAX 16u /* with its dot */

struct item {
	char *name, *id; /* name: within its record */
	bool archive;	 /* it is shown as a directory: id is what portal_made() is given */
};

/* Of one dataset at one version; constant when it is made. */
struct media {
	_Atomic unsigned refs;
	uint32_t dataset;
	uint64_t version;
	struct item *items;
	uint32_t n_items;
	struct intern *records; /* ids of those that have files */
	uint32_t *first;	/* each one's first item; one more for the end */
	struct intern *images;	/* names */
	uint32_t *image;	/* each one's item */
};

struct portal_media {
	pthread_mutex_t lock;
	struct media *kept[KEPT]; /* the one used last is the first */
};

/* ---- life ---- */

static void media_unref(struct media *m)
{
	if (!m || atomic_fetch_sub(&m->refs, 1) > 1)
		return;
	for (uint32_t i = 0; i < m->n_items; i++) {
		free(m->items[i].name);
		free(m->items[i].id);
	}
	free(m->items);
	free(m->first);
	free(m->image);
	intern_free(m->records);
	intern_free(m->images);
	free(m);
}

static void auto_media(struct media **m)
{
	media_unref(*m);
}

static int media_new(const struct spot *dir, struct media **out)
{
	struct media *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	atomic_store(&m->refs, 1);
	m->dataset = dir->dataset;
	m->version = dir->d.version;
	m->items = calloc(MEDIA_MAX, sizeof(*m->items));
	m->first = calloc(MEDIA_MAX + 1, sizeof(*m->first));
	m->image = calloc(MEDIA_MAX, sizeof(*m->image));
	if (!m->items || !m->first || !m->image || intern_new(MEDIA_MAX, &m->records) < 0 ||
	    intern_new(MEDIA_MAX, &m->images) < 0) {
		media_unref(m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

int portal_media_new(struct portal_media **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

struct portal_media *portal_media_free(struct portal_media *m)
{
	for (size_t i = 0; m && i < KEPT; i++)
		media_unref(m->kept[i]);
	if (m)
		pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}

/* ---- making a list ---- */

static bool is_image(const struct json *file)
{
	static const char *const formats[] = { "png", "jpg", "jpeg", "gif",  "webp",
					       "svg", "bmp", "tif",  "tiff", "avif" };
	const char *type = json_str(file, "mimetype"), *format = json_str(file, "format");

	if (type)
		return strncasecmp(type, "image/", 6) == 0;
	for (size_t i = 0; format && i < ARRAY_SIZE(formats); i++)
		if (strcasecmp(format, formats[i]) == 0)
			return true;
	return false;
}

/* What a file is called: as it says, with no slash in it. */
static char *given_name(const struct json *file)
{
	const char *said = json_str(file, "filename");
	char *name = said ? strdup(said) : NULL;

	for (char *c = name; c && *c; c++)
		if (*c == '/')
			*c = '_';
	return name;
}

/* What it is called where that is taken, or can be no name: its id and its suffix. */
static char *other_name(const char *given, const char *id)
{
	const char *dot = given ? strrchr(given, '.') : NULL;
	char *name;

	if (!dot || strlen(dot) > SUFFIX_LEN_MAX || !dataset_name_ok(dot))
		dot = "";
	if (asprintf(&name, "%s%s", id, dot) < 0)
		return NULL;
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '_';
	return name;
}

/* The file's name among those that are there; one that can have none, or comes a second time, has
 * none: -EEXIST. */
static int name_in(struct intern *names, const struct json *file, const char *id, char **out)
{
	AUTO(auto_free) char *given = given_name(file);
	AUTO(auto_free) char *other = other_name(given, id);
	uint32_t n;
	int r;

	if (!other)
		return -ENOMEM;
	if (!given || !dataset_name_ok(given) || intern_find(names, given, &n)) {
		if (!dataset_name_ok(other) || intern_find(names, other, &n))
			return -EEXIST;
		free(given);
		given = steal(&other);
	}
	r = intern_add(names, given, &n);
	if (r == 0)
		*out = steal(&given);
	return r;
}

/* One file of a record, whose names are in `names`. */
static int add_file(struct media *m, struct intern *names, const struct json *file)
{
	AUTO(auto_free) char *shown = NULL;
	const char *id = json_str(file, "id");
	struct item *item = &m->items[m->n_items];
	int r;

	if (!id || !id[0])
		return 0;
	if (m->n_items >= MEDIA_MAX)
		return -ENOSPC;
	r = name_in(names, file, id, &item->name);
	if (r < 0)
		return r == -EEXIST ? 0 : r;
	item->id = strdup(id);
	m->n_items++;
	if (!item->id)
		return -ENOMEM;
	if (!is_image(file))
		return 0;
	r = name_in(m->images, file, id, &shown);
	if (r == 0)
		m->image[intern_count(m->images) - 1] = m->n_items - 1;
	return r == -EEXIST ? 0 : r;
}

/* The archives among the files of a record, as directories too. */
static int add_archives(struct media *m, struct intern *names, uint32_t first)
{
	for (uint32_t i = first, n = m->n_items; i < n; i++) {
		struct item *item = &m->items[m->n_items];
		int r;

		if (m->n_items >= MEDIA_MAX)
			return -ENOSPC;
		r = portal_archive_name(names, m->items[i].name, MADE_FILE, m->items[i].id,
					&item->name, &item->id);
		if (r < 0 && r != -ENOENT && r != -EEXIST)
			return r;
		item->archive = r == 0;
		m->n_items += r == 0;
	}
	return 0;
}

static int add_record(struct media *m, const struct json *fields, const struct json *record)
{
	const char *id = json_str(record, "recordid");
	const struct json *values = json_get(record, "fields");
	uint32_t n, before = m->n_items;
	struct intern *names = NULL;
	int r = 0;

	if (!id || id[0] == '.' || !dataset_name_ok(id) || intern_find(m->records, id, &n))
		return 0;
	r = intern_new(MEDIA_MAX, &names);
	for (size_t i = 0; i < json_len(fields) && r == 0; i++) {
		const struct json *f = json_at(fields, i);

		if (ods_meta_is_file(f))
			r = add_file(m, names, json_get(values, json_str(f, "name")));
	}
	if (r == 0)
		r = add_archives(m, names, before);
	intern_free(names);
	if (r < 0 || m->n_items == before)
		return r;
	r = intern_add(m->records, id, &n);
	if (r < 0)
		return r;
	m->first[n] = before;
	m->first[n + 1] = m->n_items;
	return 0;
}

/* One record more than there may be is asked for: so it is seen that there are too many.  The fragment
 * is not sent: it keeps the answers of two versions apart. */
static int path_for(const struct spot *dir, const struct json *fields, char **out)
{
	AUTO(auto_free) char *id = url_encode(dir->d.id), *names = strdup("");

	for (size_t i = 0; id && names && i < json_len(fields); i++) {
		const char *name = json_str(json_at(fields, i), "name");
		AUTO(auto_free) char *one = NULL, *more = NULL;

		if (!ods_meta_is_file(json_at(fields, i)) || !name)
			continue;
		one = url_encode(name);
		if (!one || asprintf(&more, "%s%s%s", names, names[0] ? "," : "", one) < 0)
			return more = NULL, -ENOMEM;
		free(names);
		names = steal(&more);
	}
	if (!id || !names ||
	    asprintf(out,
		     "/api/records/1.0/"
		     "download?dataset=%s&format=json&rows=%u&fields=%s#%016" PRIx64,
		     id, MEDIA_MAX + 1, names, dir->d.version) < 0)
		return *out = NULL, -ENOMEM;
	return 0;
}

static int make(struct portal *p, const struct spot *dir, struct waiter *w, struct media **out)
{
	AUTO(auto_json_free) struct json *details = NULL, *records = NULL;
	AUTO(auto_media) struct media *m = NULL;
	AUTO(auto_free) char *path = NULL;
	const struct json *fields;
	int r = ods_catalog_details(p->catalog, dir->dataset, &details);

	fields = json_get(details, "fields");
	if (r == 0)
		r = path_for(dir, fields, &path);
	if (r == 0)
		r = ods_answers_get(p->answers, path, w, &records);
	if (r < 0)
		return r;
	r = media_new(dir, &m);
	if (r == 0 && json_len(records) > MEDIA_MAX)
		r = -ENOSPC;
	for (size_t i = 0; i < json_len(records) && r == 0; i++)
		r = add_record(m, fields, json_at(records, i));
	if (r == -ENOSPC)
		return log_error(-EFBIG,
				 "%s: more than %u records or files: images and files cannot be "
				 "listed",
				 dir->d.id, MEDIA_MAX);
	if (r == 0)
		*out = steal(&m);
	return r;
}

/* ---- the last few ---- */

static struct media *recall(struct portal_media *k, const struct spot *dir)
{
	LOCK_SCOPE(&k->lock);
	for (size_t i = 0; i < KEPT; i++) {
		struct media *m = k->kept[i];

		if (!m || m->dataset != dir->dataset || m->version != dir->d.version)
			continue;
		memmove(&k->kept[1], &k->kept[0], i * sizeof(*k->kept));
		k->kept[0] = m;
		atomic_fetch_add(&m->refs, 1);
		return m;
	}
	return NULL;
}

static void keep(struct portal_media *k, struct media *m)
{
	LOCK_SCOPE(&k->lock);
	media_unref(k->kept[KEPT - 1]);
	memmove(&k->kept[1], &k->kept[0], (KEPT - 1) * sizeof(*k->kept));
	k->kept[0] = m;
	atomic_fetch_add(&m->refs, 1);
}

/* ---- directories ---- */

bool portal_media_has(const struct spot *dir)
{
	if (dir->root || dir->search)
		return false;
	if (dir->is_made)
		return dir->made.kind == MADE_RECORD;
	return dir->what == WHAT_IMAGES || dir->what == WHAT_FILES;
}

int media_open(struct portal *p, const struct spot *dir, struct waiter *w, struct media_dir *out)
{
	struct spot now = *dir;
	struct media *m;
	uint32_t n;
	int r = ods_catalog_find(p->catalog, dir->d.id, w, &n); /* is this still its version? */

	if (r == 0 && !ods_catalog_get(p->catalog, n, &now.d))
		r = -ENOENT;
	if (r < 0)
		return r;
	m = recall(p->media, &now);
	if (!m) {
		r = make(p, &now, w, &m);
		if (r < 0)
			return r;
		keep(p->media, m);
	}
	*out = (struct media_dir){ .list = m, .dir = dir };
	if (!dir->is_made) {
		out->n = intern_count(dir->what == WHAT_IMAGES ? m->images : m->records);
		return 0;
	}
	if (!intern_find(m->records, dir->made.text, &n))
		return -ENOENT;
	out->first = m->first[n];
	out->n = m->first[n + 1] - m->first[n];
	return 0;
}

void media_close(struct media_dir *d)
{
	media_unref(steal(&d->list));
}

void media_at(const struct media_dir *d, uint32_t i, struct media_entry *out)
{
	const struct media *m = d->list;

	if (d->dir->is_made)
		*out = (struct media_entry){ m->items[d->first + i].name, m->items[d->first + i].id,
					     m->items[d->first + i].archive ? MADE_ARCHIVE
									    : MADE_FILE };
	else if (d->dir->what == WHAT_IMAGES)
		*out = (struct media_entry){ intern_text(m->images, i), m->items[m->image[i]].id,
					     MADE_IMAGE };
	else
		*out = (struct media_entry){ intern_text(m->records, i), intern_text(m->records, i),
					     MADE_RECORD };
}

bool media_find(const struct media_dir *d, const char *name, struct media_entry *out)
{
	const struct media *m = d->list;
	uint32_t n;

	if (!d->dir->is_made) {
		if (!intern_find(d->dir->what == WHAT_IMAGES ? m->images : m->records, name, &n))
			return false;
		media_at(d, n, out);
		return true;
	}
	for (n = 0; n < d->n; n++) { /* a record has a handful */
		media_at(d, n, out);
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}
