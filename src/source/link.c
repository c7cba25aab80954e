/* SPDX-License-Identifier: MPL-2.0 */
/* link.c - see link.h. */
#include "source/link.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "net/url.h"
#include "source/dataset.h"

#define GENERATION 1 /* the URL never changes */

struct link {
	struct source base;
	char *url; /* secret: it may hold a password or a signature */
	_Atomic bool refused;
};

static struct link *link_of(struct source *s)
{
	return container_of(s, struct link, base);
}

static bool claims(const char *spec)
{
	return url_is_http(spec);
}

/* White space and control characters have no place in a URL: such a spec is a mistake. */
static bool is_clean(const char *url)
{
	for (const unsigned char *c = (const unsigned char *)url; *c; c++)
		if (*c <= ' ' || *c == 0x7f)
			return false;
	return true;
}

/* The URL without password, query and fragment: what names the object. */
static char *make_key(const char *url)
{
	AUTO(auto_free) char *bare = strndup(url, strcspn(url, "?#"));
	size_t cap = strlen(url) + 8;
	AUTO(auto_free) char *key = malloc(cap);

	if (!bare || !key)
		return NULL;
	url_redact(bare, key, cap);
	return steal(&key);
}

static char *describe(const struct source *s)
{
	AUTO(auto_json_free) struct json *j = json_object();

	json_set_str(j, "url", s->key);
	json_set_str(j, "filename", s->dataset.filename);
	return json_print(j, true);
}

static int fill(struct link *l, const char *name, char why[static 512])
{
	struct dataset *d = &l->base.dataset;
	AUTO(auto_free) char *slug = dataset_slug(name);
	int r = slug ? dataset_set_names(d, slug, name, why) : -ENOMEM;

	if (r < 0)
		return r;
	d->id = strdup("");
	d->name = strdup(name);
	d->page = strdup("");
	l->base.key = make_key(l->url);
	if (!d->id || !d->name || !d->page || !l->base.key)
		return -ENOMEM;
	d->details = describe(&l->base);
	d->readme = dataset_readme(d, NULL);
	return d->details && d->readme ? 0 : -ENOMEM;
}

static void close_link(struct source *s)
{
	struct link *l = link_of(s);

	scheme_clear(s);
	free(l->url);
	free(l);
}

static int open_link(
	const struct source_env *env, const char *spec, struct source **out, char why[static 512])
{
	AUTO(auto_free) char *name = NULL;
	struct link *l;
	int r;

	(void)env;
	if (!is_clean(spec))
		return scheme_fail(
			why, -EINVAL, "the URL holds blanks or control characters: encode them");
	name = url_basename(spec);
	if (!name)
		return scheme_fail(why, -EINVAL, "the path of the URL does not end in a file name");
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->base.ops = &link_source;
	l->url = strndup(spec, strcspn(spec, "#")); /* the fragment is never sent */
	r = l->url ? fill(l, name, why) : -ENOMEM;
	if (r < 0) {
		close_link(&l->base);
		return r;
	}
	*out = &l->base;
	return 0;
}

static int locate(struct source *s, struct waiter *w, struct location *out)
{
	char *url = strdup(link_of(s)->url);

	(void)w;
	if (!url)
		return -ENOMEM;
	*out = (struct location){ .url = url, .generation = GENERATION };
	return 0;
}

/* There is nobody to ask for another URL. */
static int refused(struct source *s, uint64_t generation)
{
	(void)generation;
	if (!atomic_exchange(&link_of(s)->refused, true))
		(void)log_warn(0, "%.400s: the server refuses access", s->key);
	return -EACCES;
}

static void accepted(struct source *s, uint64_t generation)
{
	(void)generation;
	link_of(s)->refused = false;
}

static void trouble(struct source *s, char out[static 512])
{
	out[0] = '\0';
	if (link_of(s)->refused)
		(void)scheme_fail(out, 0, "%.400s: the server refuses access", s->key);
}

const struct source_ops link_source = {
	.scheme = "link",
	.claims = claims,
	.open = open_link,
	.close = close_link,
	.locate = locate,
	.refused = refused,
	.accepted = accepted,
	.trouble = trouble,
};
