/* SPDX-License-Identifier: MPL-2.0 */
/* catalogue.c - see catalogue.h. */
#include "source/catalogue.h"

#include <inttypes.h>
#include <search.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/url.h"
#include "source/api.h"
#include "source/scheme.h"

#define ANSWER_MAX (16u << 20)
#define QUERY_MAX 65536u /* bytes of a URL */

struct search {
	const struct source_env *env;
	struct buf url; /* without the page's number */
	uint64_t limit; /* items; never 0 */
	struct json *items;
	uint64_t n, total;
	void *seen; /* tree of the ids in items, of tsearch(3) */
};

static int get(const struct source_env *env, const char *url, struct json **out,
	       char why[static 512])
{
	static const struct api_subject subject = { .name = "the catalogue", .page = "" };
	AUTO(auto_free) char *text = NULL;
	int r = api_get(env, url, &subject, ANSWER_MAX, &text, why);

	if (r == -ENOENT)
		return scheme_fail(why, r,
				   "the catalogue: the API does not take this search, or has no "
				   "catalogue: is api_url right?");
	if (r == 0 && json_parse(text, out) < 0)
		r = scheme_fail(why, -EPROTO,
				"the catalogue: the API's answer is not JSON: is api_url right?");
	return r;
}

static int add_terms(struct search *s, const struct catalogue_term *terms, size_t n,
		     char why[static 512])
{
	AUTO(auto_free) char *base = NULL;
	int r = api_base(s->env->opt, &base, why);

	if (r == 0)
		r = buf_addf(&s->url, "%s/datasets?limit=%" PRIu64, base,
			     MIN(s->limit, CATALOGUE_PAGE));
	for (size_t i = 0; i < n && r == 0; i++) {
		AUTO(auto_free) char *value = url_encode(terms[i].value);

		r = value ? buf_addf(&s->url, "&%s=%s", terms[i].name, value) : -ENOMEM;
	}
	return r == -EMSGSIZE ? scheme_fail(why, r, "the search is too long") : r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* 1: it was new and is kept; 0: it was not, or is nothing that has a name. */
static int add_item(struct search *s, const struct json *item)
{
	const char *id = json_str(item, "id");
	AUTO(auto_free) char *key = NULL;
	char **node;

	id = id ? id : json_str(item, "slug");
	key = id ? strdup(id) : NULL;
	if (!id)
		return 0;
	node = key ? tsearch(key, &s->seen, compare) : NULL;
	if (!node)
		return -ENOMEM;
	if (*node != key)
		return 0;
	key = NULL; /* the tree's now */
	json_append(s->items, json_copy(item));
	s->n++;
	return 1;
}

/* 1: there may be more behind this page; 0: that was all. */
static int take_page(struct search *s, const struct json *page, char why[static 512])
{
	const struct json *items = json_get(page, "items");
	size_t n = json_len(items);
	int r = 0;

	if (!items)
		return scheme_fail(
			why, -EPROTO,
			"the catalogue: unexpected answer of the API: is api_url right?");
	for (size_t i = 0; i < n && s->n < s->limit && r >= 0; i++)
		r = add_item(s, json_at(items, i));
	if (r < 0)
		return r;
	if (!json_u64(page, "total", &s->total) || s->total < s->n)
		s->total = s->n;
	return n > 0 && s->n < s->limit;
}

/* Pages may be shorter than asked for.  The end is an empty one, or so many items looked at as
 * there are: an item that moved over to a page already seen is not waited for. */
static int turn_pages(struct search *s, char why[static 512])
{
	uint64_t looked_at = 0;
	int more = 1;

	for (unsigned page = 1; more == 1 && page <= CATALOGUE_MAX; page++) {
		AUTO(auto_json_free) struct json *answer = NULL;
		AUTO(auto_free) char *url = NULL;
		int r = -ENOMEM;

		if (asprintf(&url, "%s&page=%u", s->url.p, page) < 0)
			url = NULL;
		else
			r = get(s->env, url, &answer, why);
		if (r < 0)
			return r;
		more = take_page(s, answer, why);
		looked_at += json_len(json_get(answer, "items"));
		if (more == 1 && looked_at >= s->total)
			more = 0;
	}
	return more < 0 ? more : 0;
}

int catalogue_search(const struct source_env *env, const struct catalogue_term *terms, size_t n,
		     uint64_t limit, struct json **items, uint64_t *total, char why[static 512])
{
	struct search s = {
		.env = env,
		.url = BUF_INIT(QUERY_MAX),
		.limit = limit > 0 ? MIN(limit, CATALOGUE_MAX) : CATALOGUE_MAX,
		.items = json_array(),
	};
	int r = add_terms(&s, terms, n, why);

	if (r == 0)
		r = turn_pages(&s, why);
	if (r == 0) {
		debug(source, "catalogue: %" PRIu64 " of %" PRIu64, s.n, s.total);
		*items = steal(&s.items);
		*total = s.total;
	}
	buf_free(&s.url);
	tdestroy(s.seen, free);
	json_free(s.items);
	return r;
}

int catalogue_filters(const struct source_env *env, struct json **out, char why[static 512])
{
	AUTO(auto_free) char *base = NULL, *url = NULL;
	int r = api_base(env->opt, &base, why);

	if (r == 0 && asprintf(&url, "%s/datasets/filters", base) < 0) {
		url = NULL;
		r = -ENOMEM;
	}
	return r < 0 ? r : get(env, url, out, why);
}
