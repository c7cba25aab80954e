/* SPDX-License-Identifier: MPL-2.0 */
/* sample.c - see sample.h. */
#include "source/sample.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "net/json.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/kept.h"
#include "source/lease.h"

#define WAIT_MS 30000
#define ABSENT_S 86400 /* so long is it remembered that there is none */

struct sample {
	struct source base;
	const struct source_env *env;
	char *kept; /* file with name and size; NULL: nothing is kept */
	struct lease *lease;
};

static struct sample *sample_of(struct source *s)
{
	return container_of(s, struct sample, base);
}

static void stop_sample(struct source *s)
{
	if (sample_of(s)->lease)
		lease_stop(sample_of(s)->lease);
}

static void close_sample(struct source *s)
{
	struct sample *m = sample_of(s);

	m->lease = lease_free(m->lease);
	free(m->kept);
	scheme_clear(s);
	free(m);
}

/* What is kept was of another one: the next mount is to ask. */
static int locate(struct source *s, struct waiter *w, struct location *out)
{
	struct sample *m = sample_of(s);
	int r = lease_url(m->lease, w, out);

	if (r == -ESTALE && m->kept)
		unlink(m->kept);
	return r;
}

static int refused(struct source *s, uint64_t generation)
{
	return lease_refused(sample_of(s)->lease, generation);
}

static void accepted(struct source *s, uint64_t generation)
{
	lease_accepted(sample_of(s)->lease, generation);
}

static void date(struct source *s, int64_t when)
{
	servertime_learn(sample_of(s)->env->time, when, false);
}

static void trouble(struct source *s, char out[static 512])
{
	lease_trouble(sample_of(s)->lease, out);
}

static int64_t expires(struct source *s)
{
	return lease_expires(sample_of(s)->lease);
}

static const struct source_ops sample_source = {
	.scheme = "mdc-sample",
	.stop = stop_sample,
	.close = close_sample,
	.locate = locate,
	.refused = refused,
	.accepted = accepted,
	.date = date,
	.trouble = trouble,
	.expires = expires,
};

/* ---- name and size ---- */

/* 0; -ENOENT: nothing is kept; -ENODATA: it is kept that there is none. */
static int recall(const struct sample *m, struct session_facts *f)
{
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = NULL;
	const char *name;

	if (kept_read(m->kept, -1, &text) < 0)
		return -ENOENT;
	if (!*text) {
		free(steal(&text));
		return kept_read(m->kept, ABSENT_S, &text) < 0 ? -ENOENT : -ENODATA;
	}
	if (json_parse(text, &j) < 0)
		return -ENOENT;
	name = json_str(j, "filename");
	if (!name || !json_u64(j, "sizeBytes", &f->size))
		return -ENOENT;
	f->has_size = true;
	f->filename = strdup(name);
	return f->filename ? 0 : -ENOMEM;
}

static void keep(const struct sample *m, const struct session_facts *f)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;

	if (!f->has_size)
		return;
	json_set_str(j, "filename", f->filename);
	json_set_u64(j, "sizeBytes", f->size);
	text = json_print(j, false);
	if (text)
		kept_write(m->kept, text);
}

static int new_lease(struct sample *m, const struct sample_config *c, const struct session_facts *f)
{
	AUTO(auto_free) char *name = NULL;
	struct lease_config lc = {
		.env = c->env,
		.api = c->api,
		.id = c->of->id,
		.kind = "sample-download",
		.page = c->of->page,
		.has_size = f->has_size,
		.size = f->size,
		.checksum = "",
		.absent = "there is no sample",
	};

	if (asprintf(&name, "sample of %s", c->of->slug) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	lc.name = name;
	return lease_new(&lc, &m->lease);
}

/* Ask for a session, or find one that is stored, for what it tells. */
static int ask(struct sample *m, struct session_facts *f)
{
	struct location loc = { 0 };
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	while ((r = lease_url(m->lease, &t.w, &loc)) == PARKED) {
		r = thread_waiter_wait(&t, WAIT_MS);
		if (r < 0)
			break;
	}
	thread_waiter_destroy(&t);
	free(loc.url);
	if (r == 0)
		r = lease_facts(m->lease, f);
	else if (r == -ENOENT)
		kept_write(m->kept, NULL);
	if (r == 0)
		keep(m, f);
	return r == -ETIME ? -ETIMEDOUT : r;
}

/* ---- opening ---- */

static int fill(struct sample *m, const struct sample_config *c, const struct session_facts *f,
		char why[static 512])
{
	struct dataset *d = &m->base.dataset;
	size_t cap = strlen(c->api) + 8;
	AUTO(auto_free) char *origin = malloc(cap), *made = NULL;
	int r;

	if (asprintf(&made, "%s-sample.tar.gz", c->of->slug) < 0)
		made = NULL;
	if (!made || !origin)
		return -ENOMEM;
	r = dataset_set_names(d, c->of->id, f->filename ? f->filename : made, why);
	if (r < 0)
		return r;
	d->has_size = f->has_size;
	d->size = f->size;
	d->mtime = c->of->mtime;
	d->id = strdup("");
	d->name = strdup(d->filename);
	d->page = strdup(c->of->page);
	d->details = strdup("");
	d->readme = strdup("");
	if (asprintf(&m->base.key, "%s %s sample", url_redact(c->api, origin, cap), c->of->id) < 0)
		m->base.key = NULL;
	return d->id && d->name && d->page && d->details && d->readme && m->base.key ? 0 : -ENOMEM;
}

static int find(struct sample *m, const struct sample_config *c, struct session_facts *f,
		char why[static 512])
{
	int r = recall(m, f);
	bool known = r == 0;

	if (r == -ENODATA)
		return -ENOENT;
	if (r == -ENOMEM)
		return r;
	r = new_lease(m, c, f);
	if (r == 0 && !known)
		r = ask(m, f);
	return r == 0 ? fill(m, c, f, why) : r;
}

int sample_open(const struct sample_config *c, struct source **out, char why[static 512])
{
	struct sample *m = calloc(1, sizeof(*m));
	struct session_facts facts = { 0 };
	int r;

	why[0] = '\0';
	if (!m)
		return -ENOMEM;
	m->base.ops = &sample_source;
	m->env = c->env;
	m->kept = kept_path(c->env, c->api, c->of->id, "sample");
	r = find(m, c, &facts, why);
	free(facts.filename);
	if (r < 0)
		close_sample(&m->base);
	else
		*out = &m->base;
	return r;
}
