/* SPDX-License-Identifier: MPL-2.0 */
/* api.c - see api.h. */
#include "source/api.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/judge.h"
#include "net/json.h"
#include "net/retry.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/scheme.h"

#define GET_DEADLINE_MS 15000
#define CHECK_MAX (1u << 20)

int api_base(const struct options *opt, char **out, char why[static 512])
{
	const char *url = opt->api_url ? opt->api_url : "";
	size_t n = strlen(url);
	char *base;

	while (n > 0 && url[n - 1] == '/')
		n--;
	if (!url_is_http(url) || strcspn(url, " ?#") < n)
		return scheme_fail(why, -EINVAL, "api_url is not the http(s) URL of an API");
	base = strndup(url, n);
	if (!base)
		return -ENOMEM;
	*out = base;
	return 0;
}

const char *api_key(const struct options *opt, const char *base)
{
	return opt->api_key && opt->api_key[0] && url_may_carry_key(base) ? opt->api_key : NULL;
}

int api_scope(const struct options *opt, char **out)
{
	AUTO(auto_free) char *origin = url_origin(opt->api_url ? opt->api_url : "");

	if (!origin)
		return -EINVAL;
	return asprintf(out, "mdc:%s", origin) < 0 ? -ENOMEM : 0;
}

char *api_page(const char *base, const char *id)
{
	size_t cap = strlen(base) + 8;
	AUTO(auto_free) char *host = malloc(cap), *name = url_encode(id);
	char *page;
	size_t n;

	if (!host || !name)
		return NULL;
	n = strlen(url_redact(base, host, cap));
	if (n > 4 && strcmp(host + n - 4, "/api") == 0)
		host[n - 4] = '\0';
	return asprintf(&page, "%s/datasets/%s", host, name) < 0 ? NULL : page;
}

/* {"error": "..."} or {"message": "..."}, as " (the API says: ...)"; "" when there is none or
 * it repeats our key. */
static void add_remark(const char *body, const char *key, char why[static 512])
{
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(auto_free) char *plain = NULL;
	const char *text;
	size_t n = strlen(why);

	if (!body || json_parse(body, &j) < 0)
		return;
	text = json_str(j, "error");
	if (!text)
		text = json_str(j, "message");
	if (!text || !text[0] || (key && strstr(text, key)))
		return;
	plain = dataset_plain(text, false);
	if (plain)
		snprintf(why + n, 512 - n, " (the API says: %.120s)", plain);
}

static int fault_denied(int status, const struct api_subject *s, char why[static 512])
{
	if (status == 401 && s->key)
		return scheme_fail(why, -EACCES,
			"%.80s: the API key was refused: make a new one on the "
			"site and set MDC_API_KEY, or run mdcfs login",
			s->name);
	if (status == 401)
		return scheme_fail(
			why, -EACCES,
			"%.80s: an API key is needed: set MDC_API_KEY or run mdcfs login", s->name);
	if (status == 402)
		return scheme_fail(why, -EACCES,
			"%.80s: a paid dataset that was not bought: see %.200s", s->name, s->page);
	return scheme_fail(why, -EACCES,
		"%.80s: access is not granted: open %.200s, agree to the terms, "
		"then try again",
		s->name, s->page);
}

static int fault_status(int status, const struct api_subject *s, char why[static 512])
{
	switch (status) {
	case 401:
	case 402:
	case 403:
		return fault_denied(status, s, why);
	case 400:
	case 404:
	case 422:
		return scheme_fail(why, -ENOENT, "%.80s: %s", s->name,
				   s->absent ? s->absent : "no such dataset");
	case 410:
		return scheme_fail(why, -ENOENT, "%.80s: withdrawn by its publisher", s->name);
	case 429:
		return scheme_fail(why, -EAGAIN,
			"%.80s: the API limits requests (429): try again later", s->name);
	}
	if (status == 408 || status == 425 || (status >= 500 && status <= 599))
		return scheme_fail(why, -EAGAIN,
			"%.80s: the API is in trouble (%d): try again later", s->name, status);
	return scheme_fail(why, -EPROTO,
		"%.80s: unexpected answer %d of the API: is api_url right?", s->name, status);
}

int api_fault(const struct http_reply *r, const char *body, const struct api_subject *s,
	char why[static 512])
{
	int err;

	if (r->err == -EACCES)
		return scheme_fail(
			why, r->err, "%.80s: the certificate of the API is not trusted", s->name);
	if (r->err == -EMSGSIZE || r->err == -EFBIG)
		return scheme_fail(why, -EPROTO, "%.80s: the API's answer is too long", s->name);
	if (r->err < 0)
		return scheme_fail(why, r->err, "%.80s: the API cannot be reached: %s", s->name,
			strerror(-r->err));
	err = fault_status(r->status, s, why);
	add_remark(body, s->key, why);
	return err;
}

bool api_is_down(int err)
{
	switch (err) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -ETIMEDOUT:
	case -ECONNRESET:
	case -EPROTO:
		return true;
	}
	return false;
}

/* One GET whose waiter gives up at a deadline of its own. */
struct call {
	struct http_request q;
	struct buf body;
	pthread_mutex_t lock; /* guards done */
	pthread_cond_t cond;
	bool done;
};

static int on_body(struct http_request *q, const void *p, size_t n)
{
	return buf_add(&container_of(q, struct call, q)->body, p, n);
}

static void on_done(struct http_request *q)
{
	struct call *c = container_of(q, struct call, q);

	LOCK_SCOPE(&c->lock);
	c->done = true;
	pthread_cond_signal(&c->cond);
}

static void call_init(struct call *c, size_t max)
{
	pthread_condattr_t attr;

	*c = (struct call){ .body = BUF_INIT(max), .q = { .body = on_body, .done = on_done } };
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->cond, &attr);
	pthread_condattr_destroy(&attr);
}

static void call_destroy(struct call *c)
{
	buf_free(&c->body);
	pthread_cond_destroy(&c->cond);
	pthread_mutex_destroy(&c->lock);
}

/* Submit and wait until deadline_ms of clock_ms() at most; what is late is cancelled, under the
 * lock, so that its done() cannot have returned. */
static void call_run(struct call *c, struct http *http, int64_t deadline_ms)
{
	struct timespec ts = { deadline_ms / 1000, deadline_ms % 1000 * 1000000 };
	int r = 0;

	c->done = false;
	c->body.len = 0;
	c->q.reply = (struct http_reply){ .retry_after_s = -1 };
	stats_inc(api_requests);
	http_submit(http, &c->q);
	pthread_mutex_lock(&c->lock);
	while (!c->done && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&c->cond, &c->lock, &ts);
	if (!c->done) {
		http_cancel(http, &c->q);
		while (!c->done)
			pthread_cond_wait(&c->cond, &c->lock);
		if (c->q.reply.err == -ECANCELED)
			c->q.reply.err = -ETIMEDOUT;
	}
	pthread_mutex_unlock(&c->lock);
}

static void call_retried(struct call *c, struct http *http, int64_t patience_ms)
{
	const struct retry_policy policy = {
		.max_tries = 4,
		.base_ms = 300,
		.cap_ms = 3000,
		.deadline_ms = patience_ms,
	};
	int64_t begun = clock_ms(), wait = 0;

	for (unsigned n = 1; wait >= 0; n++) {
		c->q.delay_ms = wait;
		call_run(c, http, begun + patience_ms);
		if (judge_reply(&c->q.reply).verdict != VERDICT_RETRY)
			return;
		wait = retry_wait(
			&policy, n, clock_ms() - begun, c->q.reply.retry_after_s, retry_random());
	}
}

int api_get(const struct source_env *env, const char *url, const struct api_subject *s, size_t max,
	char **body, char why[static 512])
{
	return api_get_within(env, url, s, max, GET_DEADLINE_MS, body, why);
}

int api_get_within(const struct source_env *env, const char *url, const struct api_subject *s,
	size_t max, int64_t patience_ms, char **body, char why[static 512])
{
	const struct http_reply *reply;
	struct call c;
	int r = 0;

	call_init(&c, max);
	c.q.url = url;
	c.q.bearer = s->key;
	call_retried(&c, env->http, patience_ms);
	reply = &c.q.reply;
	servertime_learn(env->time, reply->date, true);
	debug(source, "API answer %d (%d)", reply->status, reply->err);
	if (reply->err < 0 || reply->status < 200 || reply->status > 299)
		r = api_fault(reply, c.body.p, s, why);
	else if (!c.body.p)
		r = scheme_fail(why, -EPROTO, "%.80s: the API's answer is empty", s->name);
	else
		*body = buf_take(&c.body);
	call_destroy(&c);
	return r;
}

/* A submission that nobody has: reading one needs a key, and is no download. */
static int ask_submission(const struct source_env *env, const char *base, const char *key,
			  struct http_reply *reply)
{
	AUTO(auto_free) char *url = NULL, *body = NULL;
	struct http_request q = { .bearer = key };
	int r;

	if (asprintf(&url, "%s/submissions/c000000000000000000000000", base) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	q.url = url;
	stats_inc(api_requests);
	r = http_do(env->http, &q, CHECK_MAX, &body);
	*reply = q.reply;
	return r == -EFBIG ? 0 : r;
}

int api_check_key(const struct source_env *env, const char *key, char why[static 512])
{
	const struct api_subject subject = { .name = "the API key", .page = "", .key = key };
	AUTO(auto_free) char *base = NULL;
	struct http_reply with, without;
	int r = api_base(env->opt, &base, why);

	if (r < 0)
		return r;
	if (!url_may_carry_key(base))
		return scheme_fail(why, -EOPNOTSUPP, "no key is sent over plain http");
	if (ask_submission(env, base, key, &with) < 0)
		return api_fault(&with, NULL, &subject, why);
	if (with.status == 401)
		return scheme_fail(why, -EACCES, "the API does not take this key");
	if (with.status == 429 || with.status >= 500)
		return api_fault(&with, NULL, &subject, why);
	/* Does it look at keys here at all? */
	if (ask_submission(env, base, NULL, &without) < 0)
		return api_fault(&without, NULL, &subject, why);
	if (without.status != 401 || with.status == 403)
		return scheme_fail(why, -EOPNOTSUPP,
				   "the API does not tell whether it takes this key");
	return 0;
}
