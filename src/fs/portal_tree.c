/* SPDX-License-Identifier: MPL-2.0 */
/* portal_tree.c - the names of a portal: lookup, attributes and listings. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/inode.h"
#include "fs/node_parts.h"
#include "fs/portal_media.h"
#include "fs/portal_names.h"
#include "fs/portal_parts.h"

#define FIRST_COOKIE 3u /* "." and ".." have 1 and 2 */

/* What each dataset has. */
static const struct {
	const char *name;
	enum what what;
	bool dir, geo, files; /* only where there are places, or files in records */
} own[] = {
	{ "dataset.json", WHAT_DETAILS, false, false, false },
	{ "README.md", WHAT_README, false, false, false },
	{ "records.csv", WHAT_CSV, false, false, false },
	{ "records.json", WHAT_JSON, false, false, false },
	{ "records.geojson", WHAT_GEOJSON, false, true, false },
	{ "query", WHAT_QUERY, true, false, false },
	{ "analyze", WHAT_ANALYZE, true, false, false },
	{ "geocluster", WHAT_CLUSTERS, true, true, false },
	{ "exports", WHAT_EXPORTS, true, false, false },
	{ "attachments", WHAT_ATTACHMENTS, true, false, false },
	{ "push", WHAT_PUSH, true, false, false },
	{ "images", WHAT_IMAGES, true, false, true },
	{ "files", WHAT_FILES, true, false, true },
};

/* Has this dataset the i-th of these? */
static bool has_own(const struct portal *p, const struct spot *dir, size_t i)
{
	return (dir->d.geo || !own[i].geo) && (dir->d.files || !own[i].files) &&
	       (p->push || own[i].what != WHAT_PUSH);
}

static const char *const record_files[] = { "csv", "json", "geojson" };

/* ---- attributes ---- */

static bool is_dir(const struct spot *s)
{
	if (s->root || s->search)
		return true;
	if (s->is_made)
		return s->made.kind == MADE_QUERY || s->made.kind == MADE_SEARCH ||
		       s->made.kind == MADE_RECORD || s->made.kind == MADE_ARCHIVE;
	return s->what == WHAT_DIR || s->what >= WHAT_QUERY;
}

static bool is_link(const struct spot *s)
{
	return s->is_made && s->made.kind == MADE_LINK;
}

static bool is_push(const struct spot *s)
{
	return s->is_made && s->made.kind == MADE_PUSH;
}

static bool is_text(const struct spot *s)
{
	return !s->root && !s->search && !s->is_made &&
	       (s->what == WHAT_DETAILS || s->what == WHAT_README);
}

static mode_t mode_of(const struct spot *s)
{
	if (is_dir(s))
		return S_IFDIR | 0755;
	if (is_push(s))
		return S_IFREG | 0200;
	return is_link(s) ? S_IFLNK | 0777 : S_IFREG | 0444;
}

static int text_size(struct portal *p, const struct spot *s, uint64_t *out)
{
	AUTO(auto_free) char *text = NULL;
	int r = portal_text(p, s->dataset, s->what, &text);

	if (r == 0)
		*out = strlen(text);
	return r;
}

/* Until it was received once a file has no size, and the kernel may not remember that. */
static int remote_size(struct portal *p, const struct spot *s, uint64_t *out)
{
	AUTO(remote_clear) struct remote r = { 0 };
	int e = portal_remote(p, s, &r);

	if (e < 0)
		return e;
	if (!portal_files_size(p->files, &r, out))
		*out = 0;
	return 0;
}

int portal_stat(struct fs *fs, struct branch *b, uint64_t local, struct node *out)
{
	struct portal *p = container_of(b, struct portal, base);
	uint64_t ino = ino_of_branch(b->number, local), size = 0;
	struct spot s;
	int r = 0;

	if (!portal_spot(p, local, &s))
		return -ENOENT;
	if (is_link(&s))
		size = strlen(PORTAL_LINK) + strlen(s.made.text);
	else if (is_text(&s))
		r = text_size(p, &s, &size);
	else if (!is_dir(&s) && !is_push(&s))
		r = remote_size(p, &s, &size);
	if (r < 0)
		return r;
	node_fill(fs, out, ino, mode_of(&s), size, s.d.id ? s.d.mtime : fs->since);
	out->constant = false;
	out->volatile_attr = S_ISREG(out->st.st_mode);
	return 0;
}

/* ---- lookup ---- */

static int stat_made(struct fs *fs, struct portal *p, enum made_kind kind, uint32_t dataset,
		     const char *text, struct node *out)
{
	uint64_t local;
	int r = portal_made(p, kind, dataset, text, &local);

	return r < 0 ? r : portal_stat(fs, &p->base, local, out);
}

static int lookup_own(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
		      struct node *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(own[i].name, name) == 0 && has_own(p, dir, i))
			return portal_stat(fs, &p->base, portal_local(dir->dataset, own[i].what),
					   out);
	return -ENOENT;
}

/* Is this name made of parameters that the API knows?  What is wrong is told, but for names that
 * programs try everywhere. */
static int check(const struct spot *dir, enum ods_api api, const char *name, size_t len)
{
	AUTO(auto_free) char *text = strndup(name, len);
	struct ods_params params = { 0 };
	char why[512] = "";
	int r = text ? ods_params(api, text, &params, why) : -ENOMEM;

	free(params.query);
	if (r < 0 && name[0] != '.' && why[0])
		(void)log_error(0, "%s: %s", dir->d.id, why);
	return r;
}

static int lookup_query(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
			struct node *out)
{
	int r = check(dir, ODS_RECORDS, name, strlen(name));

	return r < 0 ? r : stat_made(fs, p, MADE_QUERY, dir->dataset, name, out);
}

/* "PARAMETERS.json", or ".csv" where the API makes that. */
static int lookup_figures(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
			  struct node *out)
{
	bool analysis = dir->what == WHAT_ANALYZE;
	const char *dot = strrchr(name, '.');
	int r;

	if (!dot || (strcmp(dot, ".json") != 0 && !(analysis && strcmp(dot, ".csv") == 0)))
		return -ENOENT;
	r = check(dir, analysis ? ODS_ANALYSIS : ODS_CLUSTERS, name, (size_t)(dot - name));
	return r < 0 ? r
		     : stat_made(fs, p, analysis ? MADE_ANALYSIS : MADE_CLUSTERS, dir->dataset,
				 name, out);
}

/* The format in "records.FORMAT", or NULL. */
static const char *record_format(const struct spot *dir, const char *name)
{
	if (strncmp(name, "records.", 8) != 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(record_files); i++)
		if (strcmp(record_files[i], name + 8) == 0 &&
		    (dir->d.geo || strcmp(record_files[i], "geojson") != 0))
			return record_files[i];
	return NULL;
}

static int stat_records(struct fs *fs, struct portal *p, const struct spot *dir, const char *format,
			struct node *out)
{
	AUTO(auto_free) char *text = NULL;

	if (asprintf(&text, "%s %s", format, dir->made.text) < 0)
		return text = NULL, -ENOMEM;
	return stat_made(fs, p, MADE_RECORDS, dir->dataset, text, out);
}

static int lookup_records(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
			  struct node *out)
{
	const char *format = record_format(dir, name);

	return format ? stat_records(fs, p, dir, format, out) : -ENOENT;
}

/* ---- names that an answer has ---- */

static int lookup_named(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
			struct waiter *w, struct node *out)
{
	AUTO(portal_names_free) struct portal_names l = { 0 };
	int r = portal_names_list(p, dir, w, &l);
	uint32_t i;

	if (r < 0)
		return r;
	if (!l.seen || !intern_find(l.seen, name, &i))
		return -ENOENT;
	return stat_made(fs, p, l.v[i].kind, l.v[i].dataset, l.v[i].text, out);
}

static int lookup_media(struct fs *fs, struct portal *p, const struct spot *dir, const char *name,
			struct waiter *w, struct node *out)
{
	AUTO(media_close) struct media_dir list = { 0 };
	struct media_entry e;
	int r = media_open(p, dir, w, &list);

	if (r < 0)
		return r;
	if (!media_find(&list, name, &e))
		return -ENOENT;
	return stat_made(fs, p, e.kind, dir->dataset, e.text, out);
}

/* .search/PARAMETERS */
static int lookup_search(struct fs *fs, struct portal *p, const char *name, struct node *out)
{
	struct ods_params params = { 0 };
	char why[512] = "";
	int r = ods_params(ODS_CATALOGUE, name, &params, why);

	free(params.query);
	if (r < 0 && name[0] != '.' && why[0])
		(void)log_error(0, "%s: %s", ods_domain(p->ods), why);
	return r < 0 ? r : stat_made(fs, p, MADE_SEARCH, 0, name, out);
}

static int lookup_in_dataset(struct fs *fs, struct portal *p, const struct spot *dir,
			     const char *name, struct node *out)
{
	switch (dir->what) {
	case WHAT_DIR:
		return lookup_own(fs, p, dir, name, out);
	case WHAT_QUERY:
		return lookup_query(fs, p, dir, name, out);
	case WHAT_PUSH: /* any resource: the portal knows which there are */
		return name[0] == '.' ? -ENOENT
				      : stat_made(fs, p, MADE_PUSH, dir->dataset, name, out);
	case WHAT_ANALYZE:
	case WHAT_CLUSTERS:
		return lookup_figures(fs, p, dir, name, out);
	default:
		return -ENOTDIR;
	}
}

int portal_lookup(struct fs *fs, struct branch *b, uint64_t local, const char *name,
		  struct waiter *w, struct node *out)
{
	struct portal *p = container_of(b, struct portal, base);
	struct spot dir;
	uint32_t n;
	int r;

	if (!portal_spot(p, local, &dir))
		return -ENOENT;
	if (dir.root && strcmp(name, ".search") == 0)
		return portal_stat(fs, b, LOCAL_SEARCH, out);
	if (dir.root) {
		r = ods_catalog_find(p->catalog, name, w, &n);
		return r < 0 ? r : portal_stat(fs, b, portal_local(n, WHAT_DIR), out);
	}
	if (dir.search)
		return lookup_search(fs, p, name, out);
	if (portal_names_has(&dir))
		return lookup_named(fs, p, &dir, name, w, out);
	if (portal_media_has(&dir))
		return lookup_media(fs, p, &dir, name, w, out);
	if (!dir.is_made)
		return lookup_in_dataset(fs, p, &dir, name, out);
	return is_dir(&dir) ? lookup_records(fs, p, &dir, name, out) : -ENOTDIR;
}

/* ---- listings ---- */

struct listing {
	struct fs *fs;
	struct portal *p;
	uint64_t after;
	branch_list_fn fn;
	void *arg;
};

/* Not 0: enough. */
static int emit(struct listing *l, uint64_t cookie, const char *name, uint64_t local)
{
	struct node node;

	if (cookie <= l->after || portal_stat(l->fs, &l->p->base, local, &node) < 0)
		return 0;
	return l->fn(l->arg, cookie, name, &node);
}

static int list_datasets(struct listing *l, struct waiter *w)
{
	uint32_t n = (uint32_t)(l->after >= FIRST_COOKIE ? l->after - FIRST_COOKIE + 1 : 0);
	struct ods_dataset d;
	int r = ods_catalog_list(l->p->catalog, n == 0, w);

	if (r < 0)
		return r;
	for (; ods_catalog_get(l->p->catalog, n, &d); n++)
		if (d.listed && emit(l, FIRST_COOKIE + n, d.id, portal_local(n, WHAT_DIR)) != 0)
			break;
	return 0;
}

static int list_own(struct listing *l, const struct spot *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (has_own(l->p, dir, i) && emit(l, FIRST_COOKIE + i, own[i].name,
						  portal_local(dir->dataset, own[i].what)) != 0)
			break;
	return 0;
}

static enum made_kind kind_in(const struct spot *dir)
{
	if (dir->search)
		return MADE_SEARCH;
	switch (dir->what) {
	case WHAT_QUERY:
		return MADE_QUERY;
	case WHAT_ANALYZE:
		return MADE_ANALYSIS;
	case WHAT_PUSH:
		return MADE_PUSH;
	default:
		return MADE_CLUSTERS;
	}
}

/* Those of a kind that somebody has asked for. */
static int list_visited(struct listing *l, const struct spot *dir)
{
	enum made_kind kind = kind_in(dir);
	struct made m;

	for (uint32_t n = 0; portal_made_at(l->p, n, &m); n++)
		if (m.kind == kind && m.dataset == dir->dataset &&
		    emit(l, FIRST_COOKIE + n, m.text, MADE_BIT | n) != 0)
			break;
	return 0;
}

static int list_query(struct listing *l, const struct spot *dir)
{
	for (size_t i = 0; i < ARRAY_SIZE(record_files); i++) {
		char name[32];
		struct node node;

		snprintf(name, sizeof(name), "records.%s", record_files[i]);
		if (FIRST_COOKIE + i <= l->after || !record_format(dir, name) ||
		    stat_records(l->fs, l->p, dir, record_files[i], &node) < 0)
			continue;
		if (l->fn(l->arg, FIRST_COOKIE + i, name, &node) != 0)
			break;
	}
	return 0;
}

static int list_named(struct listing *l, const struct spot *dir, struct waiter *w)
{
	AUTO(portal_names_free) struct portal_names names = { 0 };
	int r = portal_names_list(l->p, dir, w, &names);

	for (size_t i = l->after >= FIRST_COOKIE ? l->after - FIRST_COOKIE + 1 : 0;
	     r == 0 && i < names.n; i++) {
		const struct portal_name *n = &names.v[i];
		uint64_t local;

		r = portal_made(l->p, n->kind, n->dataset, n->text, &local);
		if (r == 0 && emit(l, FIRST_COOKIE + i, n->name, local) != 0)
			break;
	}
	return r;
}

static int list_media(struct listing *l, const struct spot *dir, struct waiter *w)
{
	AUTO(media_close) struct media_dir list = { 0 };
	int r = media_open(l->p, dir, w, &list);

	for (uint64_t i = l->after >= FIRST_COOKIE ? l->after - FIRST_COOKIE + 1 : 0;
	     r == 0 && i < list.n; i++) {
		struct media_entry e;
		uint64_t local;

		media_at(&list, (uint32_t)i, &e);
		r = portal_made(l->p, e.kind, dir->dataset, e.text, &local);
		if (r == 0 && emit(l, FIRST_COOKIE + i, e.name, local) != 0)
			break;
	}
	return r;
}

int portal_list(struct fs *fs, struct branch *b, uint64_t local, uint64_t after, struct waiter *w,
		branch_list_fn fn, void *arg)
{
	struct portal *p = container_of(b, struct portal, base);
	struct listing l = { fs, p, after, fn, arg };
	struct spot dir;

	if (!portal_spot(p, local, &dir))
		return -ENOENT;
	if (dir.root)
		return list_datasets(&l, w);
	if (!is_dir(&dir))
		return -ENOTDIR;
	if (dir.search)
		return list_visited(&l, &dir);
	if (portal_names_has(&dir))
		return list_named(&l, &dir, w);
	if (portal_media_has(&dir))
		return list_media(&l, &dir, w);
	if (dir.is_made)
		return list_query(&l, &dir);
	return dir.what == WHAT_DIR ? list_own(&l, &dir) : list_visited(&l, &dir);
}
