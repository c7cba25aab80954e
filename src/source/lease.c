/* SPDX-License-Identifier: MPL-2.0 */
/* lease.c - see lease.h. */
#include "source/lease.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/url.h"
#include "source/lease_parts.h"

#define YOUNG_S 3600 /* so long is a URL that never worked not replaced */

static int set_files(struct lease *l, const struct lease_config *c)
{
	struct ledger_config lc = {
		.dir = c->env->lease_dir,
		.api = c->api,
		.kind = c->kind ? c->kind : "download",
		.key = l->subject.key,
		.time = c->env->time,
		.reserve = c->env->opt->quota_reserve,
	};
	int r;

	if (c->env->lease_dir) {
		r = leasefile_new(c->env->lease_dir, l->post_url, &l->file);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			(void)log_warn(r, "%s: links cannot be kept on disk", c->env->lease_dir);
			lc.dir = NULL;
		}
	}
	return ledger_new(&lc, &l->ledger);
}

static int set_texts(struct lease *l, const struct lease_config *c)
{
	AUTO(auto_free) char *id = url_encode(c->id);

	l->name = strdup(c->name);
	l->page = strdup(c->page);
	l->subject = (struct api_subject){ l->name, l->page, api_key(c->env->opt, c->api),
					   c->absent };
	l->id = strdup(c->id);
	if (!id || asprintf(&l->post_url, "%s/datasets/%s/%s", c->api, id,
			    c->kind ? c->kind : "download") < 0)
		l->post_url = NULL;
	snprintf(l->checksum, sizeof(l->checksum), "%s", c->checksum);
	return l->name && l->page && l->id && l->post_url ? 0 : -ENOMEM;
}

int lease_new(const struct lease_config *c, struct lease **out)
{
	struct lease *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	cond_init(&l->cond);
	want_init(&l->want);
	l->env = *c->env;
	l->body = (struct buf)BUF_INIT(LEASE_ANSWER_MAX);
	l->q = (struct http_request){ .method = "POST",
				      .body = lease_fetch_body,
				      .done = lease_fetch_done };
	l->has_size = c->has_size;
	l->size = c->size;
	r = set_texts(l, c);
	if (r == 0)
		r = set_files(l, c);
	if (r < 0) {
		lease_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void lease_stop(struct lease *l)
{
	LOCK_SCOPE(&l->lock);
	l->closing = true;
	if (l->in_flight)
		http_cancel(l->env.http, &l->q);
	pthread_cond_broadcast(&l->cond);
	while (l->active > 0)
		pthread_cond_wait(&l->cond, &l->lock);
}

struct lease *lease_free(struct lease *l)
{
	if (!l)
		return NULL;
	lease_stop(l);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	session_clear(&l->session);
	buf_free(&l->body);
	free(l->name);
	free(l->page);
	free(l->id);
	free(l->post_url);
	leasefile_free(l->file);
	ledger_free(l->ledger);
	free(l->refused_url);
	free(l);
	return NULL;
}

static int give_locked(struct lease *l, struct location *out)
{
	char *url = strdup(l->session.url);

	if (!url)
		return -ENOMEM;
	*out = (struct location){
		.url = url,
		.generation = l->generation,
		.bearer = l->session.proxied ? l->subject.key : NULL,
	};
	return 0;
}

int lease_url(struct lease *l, struct waiter *w, struct location *out)
{
	LOCK_SCOPE(&l->lock);
	if (l->ready && lease_now(l) < session_stale_at(&l->session))
		return give_locked(l, out);
	if (l->limit_until > lease_now(l))
		return -EDQUOT;
	if (l->err < 0 && clock_ms() < l->err_until_ms)
		return l->err;
	if (l->closing)
		return -ENOTCONN;
	if (!l->fetching) {
		l->fetching = true;
		l->active++;
		l->job.run = lease_fetch_begin;
		pool_submit(l->env.pool, &l->job, JOB_DEMAND);
	}
	return want_park(&l->want, w);
}

/* What to do about a link that never worked. */
static int refuse_fresh_locked(struct lease *l)
{
	if (l->trouble[0]) /* said already: every read comes here */
		return -EACCES;
	if (l->session.proxied)
		snprintf(l->trouble, sizeof(l->trouble),
			 "%.80s: the API refuses the download token that it made just now: is "
			 "api_url the service's address of today?",
			 l->name);
	else
		snprintf(l->trouble, sizeof(l->trouble),
			 "%.80s: storage refuses a link made just now", l->name);
	return log_warn(-EACCES, "%s", l->trouble);
}

int lease_refused(struct lease *l, uint64_t generation)
{
	int64_t now = lease_now(l);

	LOCK_SCOPE(&l->lock);
	if (!l->ready || generation != l->generation)
		return 0; /* somebody was first: there is a newer one, or it is being made */
	if (l->unproven && now < MIN(l->session.expires, l->session.issued + YOUNG_S))
		return refuse_fresh_locked(l);
	debug(lease, "%s: generation %ju refused", l->name, (uintmax_t)generation);
	l->ready = false;
	free(l->refused_url);
	l->refused_url = l->session.url;
	l->session.url = NULL;
	return 0;
}

void lease_accepted(struct lease *l, uint64_t generation)
{
	AUTO(auto_free) char *url = NULL;
	int64_t issued = 0;

	pthread_mutex_lock(&l->lock);
	if (generation == l->generation && l->unproven) {
		l->unproven = false;
		l->trouble[0] = '\0';
		url = l->session.url ? strdup(l->session.url) : NULL;
		issued = l->session.issued;
	}
	pthread_mutex_unlock(&l->lock);
	if (url && l->file)
		leasefile_prove(l->file, url, issued);
}

bool lease_granted(struct lease *l)
{
	return l->subject.key && l->file && leasefile_proven(l->file);
}

int lease_facts(struct lease *l, struct session_facts *out)
{
	const struct session *s = &l->session;
	char *name;

	LOCK_SCOPE(&l->lock);
	if (!l->ready)
		return -ENOENT;
	name = s->filename ? strdup(s->filename) : NULL;
	if (s->filename && !name)
		return -ENOMEM;
	*out = (struct session_facts){ name, s->has_size, s->size };
	return 0;
}

void lease_trouble(struct lease *l, char out[static 512])
{
	LOCK_SCOPE(&l->lock);
	snprintf(out, 512, "%s", l->trouble);
}

int64_t lease_expires(struct lease *l)
{
	LOCK_SCOPE(&l->lock);
	return l->ready ? servertime_local(l->env.time, l->session.expires) : 0;
}
