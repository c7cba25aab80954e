/* SPDX-License-Identifier: MPL-2.0 */
/* ods_params.c - see ods_params.h. */
#include "source/ods_params.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/scheme.h"

#define QUERY_MAX 8192u

/* A star stands for a field or a series. */
static const char *const catalogue[] = { "q",	     "refine.*", "exclude.*",  "disjunctive.*",
					 "rows",     "start",	 "sort",       "facet",
					 "timezone", "lang",	 "extrametas", "interopmetas",
					 NULL };
static const char *const records[] = { "q",
				       "refine.*",
				       "exclude.*",
				       "disjunctive.*",
				       "rows",
				       "start",
				       "sort",
				       "fields",
				       "facet",
				       "geofilter.distance",
				       "geofilter.polygon",
				       "timezone",
				       "lang",
				       "csv_separator",
				       "use_labels_for_header",
				       NULL };
static const char *const analysis[] = { "x",
					"y.*.func",
					"y.*.expr",
					"y.*.cumulative",
					"maxpoints",
					"periodic",
					"precision",
					"sort",
					"q",
					"refine.*",
					"exclude.*",
					"disjunctive.*",
					"geofilter.distance",
					"geofilter.polygon",
					"timezone",
					"lang",
					"csv_separator",
					NULL };
static const char *const clusters[] = { "clusterprecision",
					"clusterdistance",
					"shapeprecision",
					"clustermode",
					"y.*.func",
					"y.*.expr",
					"q",
					"refine.*",
					"exclude.*",
					"disjunctive.*",
					"geofilter.distance",
					"geofilter.polygon",
					"timezone",
					"lang",
					NULL };

static const char *const *const known_of[] = {
	[ODS_CATALOGUE] = catalogue,
	[ODS_RECORDS] = records,
	[ODS_ANALYSIS] = analysis,
	[ODS_CLUSTERS] = clusters,
};

static bool matches(const char *pattern, const char *name)
{
	const char *star = strchr(pattern, '*');
	size_t before, after, n = strlen(name);

	if (!star)
		return strcmp(pattern, name) == 0;
	before = (size_t)(star - pattern);
	after = strlen(star + 1);
	return n > before + after && memcmp(name, pattern, before) == 0 &&
	       strcmp(name + n - after, star + 1) == 0;
}

static bool is_known(enum ods_api api, const char *name)
{
	for (const char *const *p = known_of[api]; *p; p++)
		if (matches(*p, name))
			return true;
	return false;
}

static int unknown(enum ods_api api, const char *name, char why[static 512])
{
	AUTO(auto_free) char *plain = dataset_plain(name, false);
	size_t n;

	(void)scheme_fail(why, 0, "the API has no parameter \"%.40s\"; it has", plain ? plain : "");
	for (const char *const *p = known_of[api]; *p; p++) {
		n = strlen(why);
		snprintf(why + n, 512 - n, " %s", *p);
	}
	return -ENOENT;
}

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; false: an escape that is none, or a NUL or line end in disguise. */
static bool decode(char *s)
{
	char *to = s;

	for (const char *p = s; *p; p++) {
		if (*p == '%') {
			int hi = hex_digit(p[1]), lo = hi >= 0 ? hex_digit(p[2]) : -1;

			if (lo < 0)
				return false;
			*to = (char)(hi << 4 | lo);
			p += 2;
		} else {
			*to = *p == '+' ? ' ' : *p;
		}
		if ((unsigned char)*to < 0x20)
			return false;
		to++;
	}
	*to = '\0';
	return true;
}

static bool number(const char *value, int64_t least, int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*value) && *value != '-')
		return false;
	errno = 0;
	*out = strtoll(value, &end, 10);
	return *end == '\0' && errno == 0 && *out >= least && *out <= INT32_MAX;
}

static int take_number(const char *name, const char *value, struct ods_params *p,
		       char why[static 512])
{
	int64_t n;

	if (strcmp(name, "rows") == 0) {
		if (!number(value, -1, &p->rows))
			return scheme_fail(why, -EINVAL, "rows is a number, -1 for all");
	} else if (strcmp(name, "start") == 0) {
		if (!number(value, 0, &n))
			return scheme_fail(why, -EINVAL, "start is a number from 0 on");
		p->start = (uint64_t)n;
	}
	return 0;
}

/* One "NAME=VALUE", still encoded. */
static int take(enum ods_api api, char *item, struct ods_params *p, struct buf *query,
		char why[static 512])
{
	char *value = strchr(item, '=');
	AUTO(auto_free) char *name = NULL, *escaped = NULL;
	int r;

	if (!value || value == item)
		return scheme_fail(why, -ENOENT, "\"%.60s\" is not NAME=VALUE", item);
	*value++ = '\0';
	if (!decode(item) || !decode(value))
		return scheme_fail(why, -EINVAL,
				   "a percent sign is written %%25, and there are no "
				   "control characters");
	if (!is_known(api, item))
		return unknown(api, item, why);
	r = take_number(item, value, p, why);
	if (r < 0)
		return r;
	if (strcmp(item, "start") == 0 && p->start == 0)
		return 0; /* that is where all begin, and the download has no such parameter */
	name = url_encode(item);
	escaped = url_encode(value);
	if (!name || !escaped)
		return -ENOMEM;
	r = buf_addf(query, "&%s=%s", name, escaped);
	return r == -EMSGSIZE ? scheme_fail(why, -EINVAL, "the query is too long") : r;
}

int ods_params(enum ods_api api, const char *text, struct ods_params *out, char why[static 512])
{
	AUTO(auto_free) char *copy = strdup(text);
	AUTO(buf_free) struct buf query = BUF_INIT(QUERY_MAX);
	struct ods_params p = { .rows = -1 };
	char *rest = copy, *item;
	int r = copy ? 0 : -ENOMEM;

	while (r == 0 && (item = strsep(&rest, "&")))
		r = take(api, item, &p, &query, why);
	if (r < 0)
		return r;
	p.query = query.p ? buf_take(&query) : strdup("");
	if (!p.query)
		return -ENOMEM;
	*out = p;
	return 0;
}
