/* SPDX-License-Identifier: MPL-2.0 */
/* portal_names.c - see portal_names.h. */
#include "fs/portal_names.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "fs/portal_archive.h"
#include "net/url.h"
#include "source/dataset.h"

#define NAMES_IN_DIR_MAX 16384u
#define SEARCH_ROWS 100u /* datasets a page */

void portal_names_free(struct portal_names *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].text);
	}
	free(l->v);
	intern_free(l->seen);
}

bool portal_names_has(const struct spot *dir)
{
	if (dir->root || dir->search)
		return false;
	if (dir->is_made)
		return dir->made.kind == MADE_SEARCH;
	return dir->what == WHAT_EXPORTS || dir->what == WHAT_ATTACHMENTS;
}

/* 0; -EEXIST, -EINVAL: this cannot be a name here; -ENOSPC, -ENOMEM. */
static int add(struct portal_names *l, enum made_kind kind, uint32_t dataset, const char *name,
	       const char *text)
{
	struct portal_name *more;
	uint32_t number;
	int r = l->seen ? 0 : intern_new(NAMES_IN_DIR_MAX, &l->seen);

	if (r < 0)
		return r;
	if (!dataset_name_ok(name))
		return -EINVAL;
	if (intern_find(l->seen, name, &number))
		return -EEXIST;
	r = intern_add(l->seen, name, &number);
	more = r == 0 ? reallocarray(l->v, l->n + 1, sizeof(*more)) : NULL;
	if (r == 0 && !more)
		r = -ENOMEM;
	if (r < 0)
		return r;
	l->v = more;
	l->v[l->n] = (struct portal_name){ strdup(name), strdup(text), kind, dataset };
	l->n++;
	return l->v[l->n - 1].name && l->v[l->n - 1].text ? 0 : -ENOMEM;
}

/* ---- exports ---- */

static int add_export(struct portal_names *l, const struct spot *dir, const char *rel)
{
	const struct export_format *f = rel ? portal_export_named(rel) : NULL;
	AUTO(auto_free) char *name = NULL;
	int r;

	if (!f)
		return 0;
	if (asprintf(&name, "%s.%s", dir->d.id, f->suffix) < 0)
		return name = NULL, -ENOMEM;
	r = add(l, MADE_EXPORT, dir->dataset, name, f->suffix);
	return r == -EEXIST || r == -EINVAL ? 0 : r;
}

/* "DATASET.SUFFIX" for each format that the portal links to. */
static int list_exports(struct portal *p, const struct spot *dir, struct waiter *w,
			struct portal_names *out)
{
	AUTO(auto_free) char *id = url_encode(dir->d.id), *path = NULL;
	AUTO(auto_json_free) struct json *answer = NULL;
	const struct json *links;
	int r;

	if (!id || asprintf(&path, "/api/explore/v2.1/catalog/datasets/%s/exports", id) < 0)
		return path = NULL, -ENOMEM;
	r = ods_answers_get(p->answers, path, w, &answer);
	if (r < 0)
		return r;
	links = json_get(answer, "links");
	for (size_t i = 0; i < json_len(links) && r == 0; i++)
		r = add_export(out, dir, json_str(json_at(links, i), "rel"));
	return r;
}

/* ---- attachments ---- */

/* Its title, or, when that is taken or cannot be a name, its id. */
static int add_attachment(struct portal_names *l, uint32_t dataset, const struct json *a)
{
	const char *id = json_str(a, "id"), *title = json_str(a, "title");
	AUTO(auto_free) char *text = NULL;
	int r = -EINVAL;

	if (!id || !id[0] || strchr(id, '/'))
		return 0;
	if (asprintf(&text, "%s/", id) < 0)
		return text = NULL, -ENOMEM;
	if (title)
		r = add(l, MADE_ATTACHMENT, dataset, title, text);
	if (r == -EEXIST || r == -EINVAL)
		r = add(l, MADE_ATTACHMENT, dataset, id, text);
	return r == -EEXIST || r == -EINVAL ? 0 : r;
}

static int list_attachments(struct portal *p, const struct spot *dir, struct portal_names *out)
{
	AUTO(auto_json_free) struct json *details = NULL;
	int r = ods_catalog_details(p->catalog, dir->dataset, &details);
	const struct json *list = json_get(details, "attachments");

	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = add_attachment(out, dir->dataset, json_at(list, i));
	return r;
}

/* ---- searches ---- */

static int note_hits(struct portal *p, const struct json *list, struct json *numbers)
{
	for (size_t i = 0; i < json_len(list); i++) {
		struct json *hit;
		uint32_t n;
		int r = ods_catalog_note(p->catalog, json_at(list, i), &n);

		if (r == -EINVAL)
			continue;
		if (r < 0)
			return r;
		hit = json_object();
		json_set_u64(hit, "number", n);
		json_append(numbers, hit);
	}
	return 0;
}

int portal_names_reduce(void *arg, const struct json *answer, struct json **out)
{
	const struct json *list = json_get(answer, "datasets");
	struct json *numbers;
	uint64_t hits;
	int r;

	if (!list)
		return 0;
	numbers = json_array();
	r = note_hits(arg, list, numbers);
	if (r < 0) {
		json_free(numbers);
		return r;
	}
	*out = json_object();
	if (json_u64(answer, "nhits", &hits))
		json_set_u64(*out, "nhits", hits);
	json_set_u64(*out, "shown", json_len(list));
	json_set(*out, "numbers", numbers);
	return 0;
}

static int add_hit(struct portal *p, struct portal_names *l, const struct json *hit)
{
	struct ods_dataset d;
	uint64_t n;
	int r;

	if (!json_u64(hit, "number", &n) || n > UINT32_MAX ||
	    !ods_catalog_get(p->catalog, (uint32_t)n, &d))
		return 0;
	r = add(l, MADE_LINK, (uint32_t)n, d.id, d.id);
	return r == -EEXIST || r == -EINVAL ? 0 : r;
}

/* One page; *n datasets of *hits. */
static int add_page(struct portal *p, const char *path, struct waiter *w, struct portal_names *out,
		    uint64_t *n, uint64_t *hits)
{
	AUTO(auto_json_free) struct json *answer = NULL;
	const struct json *list;
	int r = ods_answers_get(p->answers, path, w, &answer);

	if (r < 0)
		return r;
	list = json_get(answer, "numbers");
	if (!json_u64(answer, "shown", n) || !json_u64(answer, "nhits", hits))
		return log_error(-EPROTO, "%s: this is no answer of a dataset search",
				 ods_domain(p->ods));
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = add_hit(p, out, json_at(list, i));
	return r;
}

/* All that match; with rows or start only what they say. */
static int list_search(struct portal *p, const struct spot *dir, struct waiter *w,
		       struct portal_names *out)
{
	struct ods_params params = { 0 };
	char why[512];
	uint64_t start = 0, hits = 0, n = 0;
	size_t before = 0;
	int r = ods_params(ODS_CATALOGUE, dir->made.text, &params, why);
	bool one = r == 0 && (params.start > 0 || params.rows >= 0);

	/* A page with nothing new is the last: one that comes again and again never ends. */
	while (r == 0 && (start == 0 || (!one && out->n > before && start < hits))) {
		AUTO(auto_free) char *path = NULL;
		int e = one ? asprintf(&path, "/api/datasets/1.0/search?%s", params.query + 1)
			    : asprintf(&path,
				       "/api/datasets/1.0/search?rows=%u&start=%" PRIu64 "%s",
				       SEARCH_ROWS, start, params.query);

		if (e < 0)
			path = NULL;
		before = out->n;
		r = path ? add_page(p, path, w, out, &n, &hits) : -ENOMEM;
		start += MAX(n, 1);
	}
	if (r == -ENOSPC)
		r = log_error(-EFBIG, "%s: more than %u datasets match: refine the search",
			      ods_domain(p->ods), NAMES_IN_DIR_MAX);
	free(params.query);
	return r;
}

/* The archives among them, as directories too. */
static int add_archives(struct portal_names *l)
{
	int r = 0;

	for (size_t i = 0, n = l->n; i < n && r == 0; i++) {
		AUTO(auto_free) char *name = NULL, *made = NULL;
		struct portal_name *more;

		r = portal_archive_name(l->seen, l->v[i].name, l->v[i].kind, l->v[i].text, &name,
					&made);
		if (r == -ENOENT || r == -EEXIST) {
			r = 0;
			continue;
		}
		more = r == 0 ? reallocarray(l->v, l->n + 1, sizeof(*more)) : NULL;
		if (!more)
			return r < 0 ? r : -ENOMEM;
		l->v = more;
		l->v[l->n++] = (struct portal_name){ steal(&name), steal(&made), MADE_ARCHIVE,
						     l->v[i].dataset };
	}
	return r;
}

int portal_names_list(struct portal *p, const struct spot *dir, struct waiter *w,
		      struct portal_names *out)
{
	int r;

	if (dir->is_made)
		return list_search(p, dir, w, out);
	r = dir->what == WHAT_EXPORTS ? list_exports(p, dir, w, out)
				      : list_attachments(p, dir, out);
	return r == 0 ? add_archives(out) : r;
}
