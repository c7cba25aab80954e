/* SPDX-License-Identifier: MPL-2.0 */
/* mdc.c - see mdc.h.
 *
 * Details are asked at open and kept in state_dir/details, so that what is cached can be mounted
 * while the API is out of reach.  They never cost quota; only a lease (lease.c) does.
 */
#include "source/mdc.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/json.h"
#include "net/url.h"
#include "source/api.h"
#include "source/dataset.h"
#include "source/download.h"
#include "source/kept.h"
#include "source/lease.h"
#include "source/sample.h"

#define DETAILS_MAX (4u << 20)
#define DOWN_MS 5000
#define CROISSANT_MS 3000 /* a listing waits for it */
#define CROISSANT_S 3600 /* as long as the service lets others keep it */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

struct mdc {
	struct source base;
	const struct source_env *env;
	char *name; /* slug or id as given */
	struct lease *lease;
};

/* What open() works with; nothing of it outlives the call. */
struct opening {
	const struct source_env *env;
	const char *name; /* slug or id as given */
	char *api;
	char *page;
	char *kept; /* file with the details of an earlier time; NULL: nothing is kept */
	char *text; /* the details as received */
	struct json *details;
	bool recalled;
};

static void opening_clear(struct opening *o)
{
	free(o->api);
	free(o->page);
	free(o->kept);
	free(o->text);
	json_free(o->details);
}

static struct mdc *mdc_of(struct source *s)
{
	return container_of(s, struct mdc, base);
}

static bool claims(const char *spec)
{
	return strncmp(spec, "mdc:", 4) == 0;
}

/* Slugs are [a-z0-9.-], ids are letters and digits; nothing else is worth a question. */
static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= 255 && strspn(name, NAME_CHARS) == n && name[0] != '.';
}

static int parse_details(struct opening *o, char why[static 512])
{
	int r = json_parse(o->text, &o->details);

	if (r == -ENOMEM)
		return r;
	if (r == 0 && json_is_object(o->details))
		return 0;
	return scheme_fail(
		why, -EPROTO, "%.80s: the API's answer is not JSON: is api_url right?", o->name);
}

static int ask_details(struct opening *o, char why[static 512])
{
	struct api_subject subject = {
		.name = o->name, .page = o->page, .key = api_key(o->env->opt, o->api)
	};
	AUTO(auto_free) char *encoded = url_encode(o->name), *url = NULL;
	int r;

	if (!encoded || asprintf(&url, "%s/datasets/%s", o->api, encoded) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	r = api_get(o->env, url, &subject, DETAILS_MAX, &o->text, why);
	if (r == 0)
		r = parse_details(o, why);
	if (r == 0)
		kept_write(o->kept, o->text);
	return r;
}

/* The API is out of reach: what it said last time, if there is a last time.  why stays. */
static int recall_details(struct opening *o, const char *why)
{
	char ignored[512];

	if (!o->kept)
		return -ENOENT;
	json_free(steal(&o->details));
	free(steal(&o->text));
	if (file_slurp(o->kept, DETAILS_MAX, &o->text, NULL) < 0 || parse_details(o, ignored) < 0)
		return -ENOENT;
	(void)log_warn(0, "%s; the details kept from an earlier time are used", why);
	o->recalled = true;
	return 0;
}

/* Whom to ask, and where the answer is kept. */
static int prepare(struct opening *o, char why[static 512])
{
	int r = api_base(o->env->opt, &o->api, why);

	if (r < 0)
		return r;
	o->page = api_page(o->api, o->name);
	if (!o->page)
		return -ENOMEM;
	o->kept = kept_path(o->env, o->api, o->name, NULL);
	return 0;
}

/* To find out takes seconds: of a mount of many datasets only the first shall wait for that. */
static bool is_down(const struct source_env *env)
{
	return env->api_down_ms && clock_ms() < atomic_load(env->api_down_ms);
}

static void note_health(const struct source_env *env, int r)
{
	if (env->api_down_ms)
		atomic_store(env->api_down_ms, api_is_down(r) ? clock_ms() + DOWN_MS : 0);
}

static int get_details(struct opening *o, char why[static 512])
{
	int r = prepare(o, why);

	if (r < 0)
		return r;
	if (is_down(o->env) && recall_details(o, "the API was out of reach a moment ago") == 0)
		return 0;
	r = ask_details(o, why);
	note_health(o->env, r);
	if (api_is_down(r) && recall_details(o, why) == 0)
		return 0;
	return r;
}

static bool page_ok(const char *url)
{
	if (!url || !url_is_http(url) || strlen(url) > 1024)
		return false;
	for (const unsigned char *c = (const unsigned char *)url; *c; c++)
		if (*c <= ' ' || *c == 0x7f)
			return false;
	return true;
}

/* slug, filename, id.  Older forms of the API have no slug or no filename. */
static int fill_names(struct dataset *d, const struct opening *o, char why[static 512])
{
	const char *id = json_str(o->details, "id"), *slug = json_str(o->details, "slug");
	const char *filename = json_str(o->details, "filename");
	AUTO(auto_free) char *made = NULL;
	int r;

	if (!id || !id[0])
		id = o->name;
	if (!name_ok(id))
		return scheme_fail(
			why, -EBADMSG, "%.80s: the API gave an id that cannot be one", o->name);
	if (!slug || !slug[0])
		slug = id;
	if (asprintf(&made, "%s.tar.gz", slug) < 0) {
		made = NULL;
		return -ENOMEM;
	}
	r = dataset_set_names(d, slug, filename && filename[0] ? filename : made, why);
	if (r < 0)
		return r;
	d->id = strdup(id);
	return d->id ? 0 : -ENOMEM;
}

static int fill_texts(struct dataset *d, const struct opening *o)
{
	const char *name = json_str(o->details, "name"), *page = json_str(o->details, "datasetUrl");

	d->name = dataset_plain(name && name[0] ? name : d->slug, false);
	d->page = page_ok(page) ? strdup(page) : api_page(o->api, d->id);
	d->details = json_print(o->details, true);
	if (!d->name || !d->page || !d->details)
		return -ENOMEM;
	d->readme = dataset_readme(d, o->details);
	return d->readme ? 0 : -ENOMEM;
}

/* What tells one version from the next. */
static void fill_version(struct dataset *d, const struct json *details)
{
	const char *created = json_str(details, "createdAt");

	d->has_size = json_u64(details, "sizeBytes", &d->size) && d->size <= INT64_MAX;
	if (!d->has_size)
		d->size = 0;
	(void)dataset_checksum(json_str(details, "checksum"), d->checksum);
	if (!created || clock_parse(created, &d->mtime) < 0)
		d->mtime = 0;
}

static int fill(struct source *s, const struct opening *o, char why[static 512])
{
	struct dataset *d = &s->dataset;
	size_t cap = strlen(o->api) + 8;
	AUTO(auto_free) char *origin = malloc(cap);
	int r = origin ? fill_names(d, o, why) : -ENOMEM;

	if (r < 0)
		return r;
	fill_version(d, o->details);
	if (asprintf(&s->key, "%s %s", url_redact(o->api, origin, cap), d->id) < 0)
		s->key = NULL;
	return s->key ? fill_texts(d, o) : -ENOMEM;
}

static void stop_mdc(struct source *s)
{
	struct mdc *m = container_of(s, struct mdc, base);

	if (m->lease)
		lease_stop(m->lease);
}

static void close_mdc(struct source *s)
{
	struct mdc *m = mdc_of(s);

	m->lease = lease_free(m->lease);
	free(m->name);
	scheme_clear(s);
	free(m);
}

static int start(struct mdc *m, const struct opening *o, char why[static 512])
{
	struct dataset *d = &m->base.dataset;
	struct lease_config c = { .env = o->env, .api = o->api };
	int r = fill(&m->base, o, why);

	if (r < 0)
		return r;
	m->env = o->env;
	m->base.recalled = o->recalled;
	m->name = strdup(o->name);
	if (!m->name)
		return -ENOMEM;
	m->base.path = download_find(d, o->env->state_dir);
	c.id = d->id;
	c.name = d->slug;
	c.page = d->page;
	c.has_size = d->has_size;
	c.size = d->size;
	c.checksum = d->checksum;
	return lease_new(&c, &m->lease);
}

static int open_mdc(
	const struct source_env *env, const char *spec, struct source **out, char why[static 512])
{
	AUTO(opening_clear)
	struct opening o = { .env = env, .name = spec + (claims(spec) ? 4 : 0) };
	struct mdc *m;
	int r;

	if (!name_ok(o.name))
		return scheme_fail(
			why, -ENOENT, "neither a dataset's slug or id, nor a URL, nor a file");
	r = get_details(&o, why);
	if (r < 0)
		return r;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->base.ops = &mdc_source;
	r = start(m, &o, why);
	if (r < 0) {
		close_mdc(&m->base);
		return r;
	}
	*out = &m->base;
	return 0;
}

/* NULL and "" say that there is none. */
static int give_description(char **answer, char **text)
{
	AUTO(auto_json_free) struct json *j = NULL;

	if (!*answer || json_parse(*answer, &j) < 0 || !json_is_object(j))
		return -ENOENT;
	*text = steal(answer);
	return 0;
}

static int describe(struct source *s, char **text, char why[static 512])
{
	const struct mdc *m = mdc_of(s);
	const struct dataset *d = &s->dataset;
	AUTO(auto_free) char *api = NULL, *url = NULL, *kept = NULL, *answer = NULL;
	struct api_subject subject = { .name = d->slug, .page = d->page,
				       .absent = "it has no Croissant description" };
	int r = api_base(m->env->opt, &api, why);

	if (r < 0)
		return r;
	kept = kept_path(m->env, api, d->id, "croissant");
	if (kept_read(kept, CROISSANT_S, &answer) == 0)
		return give_description(&answer, text);
	if (asprintf(&url, "%s/datasets/%s/metadata", api, d->id) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	r = api_get_within(m->env, url, &subject, DETAILS_MAX, CROISSANT_MS, &answer, why);
	if (r == 0 || r == -ENOENT)
		kept_write(kept, answer);
	else if (!api_is_down(r) || kept_read(kept, -1, &answer) < 0)
		return r;
	return give_description(&answer, text);
}

static int sample(struct source *s, struct source **out, char why[static 512])
{
	struct sample_config c = { .env = mdc_of(s)->env, .of = &s->dataset };
	AUTO(auto_free) char *api = NULL;
	int r = api_base(c.env->opt, &api, why);

	c.api = api;
	return r < 0 ? r : sample_open(&c, out, why);
}

/* The checksum is the version.  Where there is none, size and time have to do. */
static bool same_version(const struct dataset *a, const struct dataset *b)
{
	if (a->has_size && b->has_size && a->size != b->size)
		return false;
	if (a->checksum[0] && b->checksum[0])
		return strcmp(a->checksum, b->checksum) == 0;
	return a->checksum[0] || b->checksum[0] || a->mtime == b->mtime;
}

static int check(struct source *s, char why[static 512])
{
	const struct mdc *m = mdc_of(s);
	AUTO(opening_clear) struct opening o = { .env = m->env, .name = m->name };
	struct dataset now = { 0 };
	int r;

	if (is_down(m->env))
		return scheme_fail(why, -EAGAIN, "the API was out of reach a moment ago");
	r = prepare(&o, why);
	if (r == 0)
		r = ask_details(&o, why);
	note_health(m->env, r);
	if (r < 0)
		return r;
	fill_version(&now, o.details);
	if (same_version(&s->dataset, &now))
		return 0;
	return scheme_fail(why, -ESTALE, "%.80s: the API announces another version",
			   s->dataset.slug);
}

static int verify(struct source *s, const _Atomic bool *stop)
{
	return s->path ? download_verify(s->path, &s->dataset, mdc_of(s)->env->state_dir, stop) : 0;
}

static int locate(struct source *s, struct waiter *w, struct location *out)
{
	return lease_url(mdc_of(s)->lease, w, out);
}

static int refused(struct source *s, uint64_t generation)
{
	return lease_refused(mdc_of(s)->lease, generation);
}

static void accepted(struct source *s, uint64_t generation)
{
	lease_accepted(mdc_of(s)->lease, generation);
}

static void date(struct source *s, int64_t when)
{
	servertime_learn(mdc_of(s)->env->time, when, false);
}

static void trouble(struct source *s, char out[static 512])
{
	lease_trouble(mdc_of(s)->lease, out);
}

static bool granted(struct source *s)
{
	return lease_granted(mdc_of(s)->lease);
}

static int64_t expires(struct source *s)
{
	return lease_expires(mdc_of(s)->lease);
}

const struct source_ops mdc_source = {
	.scheme = "mdc",
	.claims = claims,
	.open = open_mdc,
	.check = check,
	.verify = verify,
	.describe = describe,
	.sample = sample,
	.stop = stop_mdc,
	.close = close_mdc,
	.locate = locate,
	.refused = refused,
	.accepted = accepted,
	.date = date,
	.trouble = trouble,
	.granted = granted,
	.expires = expires,
};
