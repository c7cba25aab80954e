/* SPDX-License-Identifier: MPL-2.0 */
/* portal_remote.c - where the bytes of a portal's files come from: paths of the API. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "fs/portal_parts.h"
#include "net/url.h"
#include "source/ods_text.h"

/* The forms of /catalog/datasets/ID/exports (v2.1). */
static const struct export_format exports[] = {
	{ "csv", "csv", false },	 { "fgb", "fgb", true },
	{ "geojson", "geojson", false }, { "gpx", "gpx", false },
	{ "json", "json", false },	 { "jsonl", "jsonl", false },
	{ "jsonld", "jsonld", false },	 { "kml", "kml", false },
	{ "n3", "n3", false },		 { "ov2", "ov2", true },
	{ "parquet", "parquet", true },	 { "rdfxml", "rdf.xml", false },
	{ "shp", "shp.zip", true },	 { "turtle", "ttl", false },
	{ "xlsx", "xlsx", true },
};

const struct export_format *portal_export(const char *suffix)
{
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++)
		if (strcmp(exports[i].suffix, suffix) == 0)
			return &exports[i];
	return NULL;
}

const struct export_format *portal_export_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++)
		if (strcmp(exports[i].name, name) == 0)
			return &exports[i];
	return NULL;
}

int portal_text(struct portal *p, uint32_t dataset, enum what what, char **out)
{
	AUTO(auto_json_free) struct json *details = NULL;
	int r = ods_catalog_details(p->catalog, dataset, &details);

	if (r < 0)
		return r;
	*out = what == WHAT_README ? ods_readme(details, ods_base(p->ods))
				   : json_print(details, true);
	return *out ? 0 : -ENOMEM;
}

static const char *format_of(enum what what)
{
	return what == WHAT_CSV ? "csv" : what == WHAT_JSON ? "json" : "geojson";
}

static int set_path(struct remote *out, const char *api, const char *id, const char *format,
		    const char *query)
{
	AUTO(auto_free) char *escaped = url_encode(id);

	if (!escaped)
		return -ENOMEM;
	if (asprintf(&out->path, "/api/records/1.0/%s?dataset=%s%s%s%s", api, escaped,
		     format ? "&format=" : "", format ? format : "", query) < 0) {
		out->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* The download knows no start; the search has a window, and makes no CSV. */
static int records_path(const struct spot *s, const char *format, const struct ods_params *params,
			struct remote *out)
{
	const char *id = s->d.id;

	if (params->start == 0)
		return set_path(out, "download", id, format, params->query);
	if (strcmp(format, "csv") == 0)
		return log_error(0,
				 "%s: the API makes CSV only from the first record on: leave start "
				 "out, or read records.json",
				 id),
		       -EINVAL;
	if (params->rows < 0)
		return log_error(0,
				 "%s: start needs rows beside it: start and rows are at most %u "
				 "together",
				 id, ODS_WINDOW),
		       -EINVAL;
	if (params->start + (uint64_t)params->rows > ODS_WINDOW)
		return log_error(0,
				 "%s: start and rows are at most %u together: leave start out, and "
				 "all "
				 "come",
				 id, ODS_WINDOW),
		       -EINVAL;
	return set_path(out, "search", id, format, params->query);
}

static int parse(const struct spot *s, enum ods_api api, const char *text,
		 struct ods_params *params)
{
	char why[512] = "";
	int r = ods_params(api, text, params, why);

	if (r < 0 && r != -ENOMEM)
		(void)log_error(0, "%s: %s", s->d.id, why);
	return r;
}

/* text: "FORMAT PARAMETERS". */
static int records_query(const struct spot *s, struct remote *out)
{
	const char *blank = strchr(s->made.text, ' ');
	char format[16];
	struct ods_params params;
	int r;

	if (!blank)
		return -ENOENT;
	snprintf(format, sizeof(format), "%.*s", (int)(blank - s->made.text), s->made.text);
	r = parse(s, ODS_RECORDS, blank + 1, &params);
	if (r < 0)
		return r;
	r = records_path(s, format, &params, out);
	free(params.query);
	return r;
}

/* text: "PARAMETERS.FORMAT". */
static int figures(const struct spot *s, enum ods_api api, struct remote *out)
{
	const char *dot = strrchr(s->made.text, '.');
	AUTO(auto_free)
	char *text = dot ? strndup(s->made.text, (size_t)(dot - s->made.text)) : NULL;
	struct ods_params params;
	int r = text ? parse(s, api, text, &params) : -ENOMEM;

	if (r < 0)
		return r;
	if (api == ODS_ANALYSIS)
		r = set_path(out, "analyze", s->d.id, dot + 1, params.query);
	else
		r = set_path(out, "geocluster", s->d.id, NULL, params.query);
	free(params.query);
	return r;
}

static int export_path(const struct spot *s, struct remote *out)
{
	AUTO(auto_free) char *id = url_encode(s->d.id);
	const struct export_format *f = portal_export(s->made.text);

	if (!f)
		return -ENOENT;
	if (!id || asprintf(&out->path, "/api/explore/v2.1/catalog/datasets/%s/exports/%s", id,
			    f->name) < 0)
		return out->path = NULL, -ENOMEM;
	out->seeks = f->seeks;
	return 0;
}

/* text: "ID/NAME". */
static int attachment_path(const struct spot *s, struct remote *out)
{
	AUTO(auto_free) char *dataset = url_encode(s->d.id);
	AUTO(auto_free) char *given = strndup(s->made.text, strcspn(s->made.text, "/"));
	AUTO(auto_free) char *id = given ? url_encode(given) : NULL;

	if (!dataset || !id ||
	    asprintf(&out->path, "/api/datasets/1.0/%s/attachments/%s/", dataset, id) < 0)
		return out->path = NULL, -ENOMEM;
	out->seeks = true;
	return 0;
}

/* text: its id. */
static int media_path(const struct spot *s, const char *api, struct remote *out)
{
	AUTO(auto_free) char *dataset = url_encode(s->d.id), *id = url_encode(s->made.text);

	if (!dataset || !id ||
	    asprintf(&out->path, "/api/datasets/1.0/%s/%s/%s/", dataset, api, id) < 0)
		return out->path = NULL, -ENOMEM;
	out->seeks = true;
	return 0;
}

static int made_path(const struct spot *s, struct remote *out)
{
	switch (s->made.kind) {
	case MADE_QUERY:
	case MADE_SEARCH:
	case MADE_RECORD:
	case MADE_ARCHIVE:
		return -EISDIR;
	case MADE_LINK:
	case MADE_PUSH:
		return -EINVAL;
	case MADE_RECORDS:
		return records_query(s, out);
	case MADE_ANALYSIS:
		return figures(s, ODS_ANALYSIS, out);
	case MADE_CLUSTERS:
		return figures(s, ODS_CLUSTERS, out);
	case MADE_EXPORT:
		return export_path(s, out);
	case MADE_ATTACHMENT:
		return attachment_path(s, out);
	case MADE_FILE:
		return media_path(s, "files", out);
	case MADE_IMAGE:
		return media_path(s, "images", out);
	}
	return -ENOENT;
}

static int path_of(const struct spot *s, struct remote *out)
{
	if (s->root || s->search)
		return -EISDIR;
	if (s->is_made)
		return made_path(s, out);
	switch (s->what) {
	case WHAT_CSV:
	case WHAT_JSON:
	case WHAT_GEOJSON:
		return set_path(out, "download", s->d.id, format_of(s->what), "");
	case WHAT_DETAILS:
	case WHAT_README:
		return -EINVAL;
	default:
		return -EISDIR;
	}
}

int portal_remote(struct portal *p, const struct spot *s, struct remote *out)
{
	struct remote r = { .version = s->d.version };
	char shown[256];
	int e = path_of(s, &r);

	if (e == 0 && asprintf(&r.name, "%s%s (%s)", ods_domain(p->ods),
			       url_redact(r.path, shown, sizeof(shown)), s->d.id) < 0) {
		r.name = NULL;
		e = -ENOMEM;
	}
	if (e < 0)
		remote_clear(&r);
	else
		*out = r;
	return e;
}
