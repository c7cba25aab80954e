/* SPDX-License-Identifier: MPL-2.0 */
/* cache_list.c - see cache_list.h. */
#include "cli/cache_list.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "net/url.h"
#include "store/about.h"
#include "store/objects.h"
#include "store/survey.h"

#define PREFIX_MIN 8u /* digits of an identity that are enough */
#define LEVELS_MAX 64 /* of archives inside archives */

struct reading {
	struct cache *cache;
	struct cache_list *list;
	size_t cap;
};

/* -- reading -- */

static int set_names(struct cache_item *i, const char *cache_dir)
{
	struct about a;

	if (asprintf(&i->dir, "%s/objects/%s", cache_dir, i->identity) < 0) {
		i->dir = NULL;
		return -ENOMEM;
	}
	(void)!about_read(i->dir, &a); /* it is all "" then */
	i->name = strdup(a.name);
	i->file = strdup(a.file);
	i->version = strdup(a.version);
	i->of = strdup(a.of);
	i->outer = strdup(a.outer);
	i->size = a.size;
	return i->name && i->file && i->version && i->of && i->outer ? 0 : -ENOMEM;
}

static int add_object(void *arg, const struct object_info *info)
{
	struct reading *r = arg;
	struct cache_list *l = r->list;
	struct cache_item *i;

	if (l->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct cache_item *p = reallocarray(l->at, cap, sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->at = p;
		r->cap = cap;
	}
	i = &l->at[l->n++];
	*i = (struct cache_item){ .identity = strdup(info->identity) };
	i->data = info->data;
	i->meta = info->meta;
	i->used = info->used;
	i->pinned = info->pinned;
	i->in_use = info->in_use;
	return i->identity ? set_names(i, cache_dir(r->cache)) : -ENOMEM;
}

static int by_identity(const void *a, const void *b)
{
	const struct cache_item *x = a, *y = b;

	return strcmp(x->identity, y->identity);
}

static struct cache_item *find(const struct cache_list *l, const char *identity)
{
	struct cache_item key = { .identity = (char *)(uintptr_t)identity };

	return l->n > 0 ? bsearch(&key, l->at, l->n, sizeof(key), by_identity) : NULL;
}

static int add_layer(void *arg, const struct survey_layer *layer)
{
	struct cache_item *i = find(arg, layer->identity);
	struct cache_row *more;

	if (!i) /* it has just come */
		return 0;
	more = reallocarray(i->rows, i->n_rows + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	i->rows = more;
	more[i->n_rows] = (struct cache_row){ strdup(layer->name), layer->blocks, layer->bytes,
					      layer->on_disk, layer->map };
	return more[i->n_rows++].name ? 0 : -ENOMEM;
}

static int latest_first(const void *a, const void *b)
{
	const struct cache_item *x = a, *y = b;

	if (x->used != y->used)
		return x->used > y->used ? -1 : 1;
	return strcmp(x->identity, y->identity);
}

int cache_list_read(struct cache *c, struct cache_list *out)
{
	struct reading reading = { .cache = c, .list = out };
	int r = objects_each(cache_objects(c), add_object, &reading);

	if (r == 0 && out->n > 0) {
		qsort(out->at, out->n, sizeof(*out->at), by_identity);
		r = survey_layers(cache_objects(c), add_layer, out);
		qsort(out->at, out->n, sizeof(*out->at), latest_first);
	}
	return r < 0 ? log_error(r, "cache %s", cache_dir(c)) : 0;
}

void cache_list_free(struct cache_list *l)
{
	for (size_t k = 0; k < l->n; k++) {
		struct cache_item *i = &l->at[k];

		for (size_t n = 0; n < i->n_rows; n++)
			free(i->rows[n].name);
		free(i->rows);
		free(i->identity);
		free(i->dir);
		free(i->name);
		free(i->file);
		free(i->version);
		free(i->of);
		free(i->outer);
	}
	free(l->at);
	*l = (struct cache_list){ NULL, 0 };
}

/* -- choosing -- */

const struct cache_item *cache_list_find(const struct cache_list *l, const char *identity)
{
	for (size_t k = 0; k < l->n; k++)
		if (strcmp(l->at[k].identity, identity) == 0)
			return &l->at[k];
	return NULL;
}

const char *cache_item_name(const struct cache_item *i)
{
	return i->name[0] ? i->name : i->file[0] ? i->file : i->identity;
}

/* "slug" is called "mdc:slug" too; what has a "//" behind the colon is no such name. */
static bool is_slug(const char *name, const char *spec)
{
	const char *colon = strchr(name, ':');

	return colon && colon[1] != '/' && strcmp(colon + 1, spec) == 0;
}

static bool is_called(const struct cache_item *i, const char *spec, const char *redacted,
		      const char *path)
{
	size_t n = strlen(spec);

	if (n >= PREFIX_MIN && strncmp(i->identity, spec, n) == 0)
		return true;
	if (i->name[0] && (strcmp(i->name, spec) == 0 || is_slug(i->name, spec) ||
			   strcmp(i->name, redacted) == 0 || (path && strcmp(i->name, path) == 0)))
		return true;
	return i->file[0] && strcmp(i->file, spec) == 0;
}

size_t cache_list_choose(struct cache_list *l, const char *spec)
{
	AUTO(auto_free) char *path = strchr(spec, '/') ? realpath(spec, NULL) : NULL;
	char redacted[ABOUT_NAME];
	size_t n = 0;

	url_redact(spec, redacted, sizeof(redacted));
	redacted[strcspn(redacted, "?")] = '\0';
	for (size_t k = 0; k < l->n; k++)
		if (is_called(&l->at[k], spec, redacted, path)) {
			l->at[k].chosen = true;
			n++;
		}
	return n;
}

void cache_list_choose_inner(struct cache_list *l)
{
	for (size_t k = 0; k < l->n; k++) {
		const struct cache_item *i = &l->at[k];

		for (int level = 0; i && level < LEVELS_MAX && !i->chosen; level++)
			i = i->outer[0] ? cache_list_find(l, i->outer) : NULL;
		l->at[k].chosen |= i && i->chosen;
	}
}

int cache_list_choose_all(struct cache_list *l, char **args, int n)
{
	for (size_t k = 0; n == 0 && k < l->n; k++)
		l->at[k].chosen = true;
	for (int k = 0; k < n; k++)
		if (cache_list_choose(l, args[k]) == 0)
			return log_error(0, "nothing in the cache is called %s", args[k]), -ENOENT;
	if (n > 0)
		cache_list_choose_inner(l);
	return 0;
}
