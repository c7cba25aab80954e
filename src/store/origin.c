/* SPDX-License-Identifier: MPL-2.0 */
/* origin.c - see origin.h.  Each step of a fetch runs as a pool job: locate, send, judge. */
#include "store/origin.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "source/api.h"

#define MAX_TRIES 12u
#define PROBE_TRIES 5u
#define FIRST_WAIT_MS 200
#define LONGEST_WAIT_MS 20000

struct origin {
	struct store *st;
	struct source *source;
	const char *name;     /* for the log; borrowed from the dataset */
	pthread_mutex_t lock; /* guards what the first answer teaches */
	uint64_t size;
	char validator[256];  /* ETag, or Last-Modified of a server that has none; RFC 9110 8.8 */
};

int origin_new(struct store *st, struct source *s, uint64_t size, const char *validator,
	       struct origin **out)
{
	struct origin *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->st = st;
	o->source = s;
	o->name = source_dataset(s)->filename;
	o->size = size;
	snprintf(o->validator, sizeof(o->validator), "%s", validator);
	pthread_mutex_init(&o->lock, NULL);
	*out = o;
	return 0;
}

struct origin *origin_free(struct origin *o)
{
	if (o)
		pthread_mutex_destroy(&o->lock);
	free(o);
	return NULL;
}

uint64_t origin_size(struct origin *o)
{
	LOCK_SCOPE(&o->lock);
	return o->size;
}

void origin_validator(struct origin *o, char out[static 256])
{
	LOCK_SCOPE(&o->lock);
	memcpy(out, o->validator, sizeof(o->validator));
}

static void finish(struct fetch *f, int err)
{
	free(f->loc.url);
	f->loc.url = NULL;
	/* Above, these two mean that an archive is damaged; nothing here knows that. */
	f->done(f, err == -EBADMSG || err == -ENODATA ? -EIO : err);
}

static void next_step(struct fetch *f, void (*run)(struct job *j))
{
	f->job.run = run;
	pool_submit(f->origin->st->pool, &f->job, f->demand ? JOB_DEMAND : JOB_IDLE);
}

static bool is_etag(const char *validator)
{
	return validator[0] == '"' || strncmp(validator, "W/", 2) == 0;
}

/* Does a reply say it is of the version we know?  Learns size and validator from the first one. */
static int check_version(struct origin *o, const struct http_reply *rp)
{
	const char *validator = rp->etag[0] ? rp->etag : rp->last_modified;

	LOCK_SCOPE(&o->lock);
	if (o->size == UINT64_MAX)
		o->size = rp->total;
	if (o->validator[0] == '\0')
		snprintf(o->validator, sizeof(o->validator), "%s", validator);
	if (rp->total != UINT64_MAX && rp->total != o->size)
		return log_error(-ESTALE, "%s: the server has %" PRIu64 " bytes, not %" PRIu64
				 ": another version, mount again", o->name, rp->total, o->size);
	if (validator[0] && is_etag(validator) == is_etag(o->validator) &&
	    strcmp(validator, o->validator) != 0)
		return log_error(-ESTALE, "%s: the server has another version (%s), mount again",
				 o->name, is_etag(validator) ? "ETag" : "Last-Modified");
	return 0;
}

/* Of nothing there is no first byte: servers answer 416 to any range of an empty object. */
static bool says_empty(const struct fetch *f)
{
	return f->rq.reply.status == 416 && f->rq.reply.total == 0 && f->at.from == 0;
}

/* Is this the exact range that was asked for?  -EBADMSG: not, and asking again may help. */
static int check_range(struct fetch *f, const struct http_reply *rp)
{
	struct range want = f->rq.range;
	bool to_the_end = rp->range.to == rp->total && rp->total < want.to;

	if (rp->status == 200) {
		f->whole = true;
		if (want.from == 0)
			return 0;
		return log_error(-EOPNOTSUPP, "%s: the server ignores Range requests",
				 f->origin->name);
	}
	if (says_empty(f))
		return 0;
	if (rp->status == 206 && rp->has_range && rp->range.from == want.from &&
	    (rp->range.to == want.to || to_the_end))
		return 0;
	return log_warn(-EBADMSG, "%s: asked for bytes %" PRIu64 "-%" PRIu64 ", got a wrong range",
			f->origin->name, want.from, want.to - 1);
}

static int keep_error_body(struct fetch *f, const void *p, size_t n)
{
	n = MIN(n, sizeof(f->body) - 1 - f->n_body);
	memcpy(f->body + f->n_body, p, n);
	f->n_body += n;
	f->body[f->n_body] = '\0';
	return 0;
}

static int check_reply(struct fetch *f)
{
	int r = check_range(f, &f->rq.reply);

	if (r == 0)
		r = check_version(f->origin, &f->rq.reply);
	f->checked = r == 0;
	return r;
}

/* All that the object has of the range: its size may only just have become known. */
static uint64_t wanted_bytes(struct fetch *f)
{
	uint64_t size = origin_size(f->origin);

	return size <= f->at.from ? 0 : MIN(f->at.to, size) - f->at.from;
}

static int on_body(struct http_request *q, const void *p, size_t n)
{
	struct fetch *f = container_of(q, struct fetch, rq);
	uint64_t room;

	if (q->reply.status != 200 && q->reply.status != 206)
		return keep_error_body(f, p, n);
	if (!f->checked && (f->verdict = check_reply(f)) < 0)
		return f->verdict;
	stats_add(storage_bytes, n);
	room = wanted_bytes(f) - f->got;
	n = (size_t)MIN(n, room);
	if (n > 0 && (f->verdict = f->data(f, f->at.from + f->got, p, n)) < 0)
		return f->verdict;
	f->got += n;
	f->renewed = false;
	/* A 200 goes on past the range: enough is enough. */
	return f->whole && f->got == wanted_bytes(f) ? -ECANCELED : 0;
}

static void judge(struct job *j);
static void locate(struct job *j);

static void on_done(struct http_request *q)
{
	next_step(container_of(q, struct fetch, rq), judge);
}

static void send_request(struct fetch *f)
{
	struct origin *o = f->origin;
	uint64_t size = origin_size(o);

	f->rq = (struct http_request){
		.url = f->loc.url,
		.ranged = true,
		.range = { f->at.from + f->got,
			   size > f->at.from ? MIN(f->at.to, size) : f->at.to },
		.background = !f->demand,
		.delay_ms = f->delay_ms,
		.body = on_body,
		.done = on_done,
	};
	pthread_mutex_lock(&o->lock); /* written once, before anybody can see it here */
	if (o->validator[0] == '"') /* a strong one: RFC 9110 13.1.1 */
		f->rq.if_match = o->validator;
	pthread_mutex_unlock(&o->lock);
	f->verdict = 0;
	f->checked = f->whole = false;
	f->n_body = 0;
	stats_inc(storage_requests);
	http_submit(o->st->http, &f->rq);
}

static void locate(struct job *j)
{
	struct fetch *f = container_of(j, struct fetch, job);
	int r = waiter_take_error(&f->waiter);

	if (r == 0 && atomic_load(&f->origin->st->stopping))
		r = -ENOTCONN;
	if (r == 0) {
		free(f->loc.url);
		f->loc.url = NULL;
		r = source_locate(f->origin->source, &f->waiter, &f->loc);
	}
	if (r == PARKED)
		return;
	if (r < 0)
		finish(f, r);
	else
		send_request(f);
}

static void wake_fetch(struct waiter *w)
{
	next_step(container_of(w, struct fetch, waiter), locate);
}

void origin_fetch(struct origin *o, struct fetch *f)
{
	f->origin = o;
	f->got = f->last_got = 0;
	f->tries = 0;
	f->renewed = false;
	f->delay_ms = 0;
	f->loc = (struct location){ 0 };
	f->since_ms = clock_ms();
	waiter_init(&f->waiter, wake_fetch);
	next_step(f, locate);
}

/* Ask again later, or give up with err: the deadline counts from the last byte that came. */
static void retry(struct fetch *f, int err, int64_t after_s)
{
	/* Somebody waits at a terminal for the very first answer: is there a server at all? */
	bool probe = origin_size(f->origin) == UINT64_MAX;
	struct retry_policy p = { probe ? PROBE_TRIES : MAX_TRIES, FIRST_WAIT_MS, LONGEST_WAIT_MS,
				  f->origin->st->opt->deadline * 1000 };
	int64_t now = clock_ms();

	if (f->got > f->last_got) {
		f->last_got = f->got;
		f->tries = 0;
		f->since_ms = now;
	}
	f->delay_ms = retry_wait(&p, ++f->tries, now - f->since_ms, after_s, api_jitter());
	if (f->delay_ms < 0) {
		finish(f, log_error(err, "%s: gave up after %u tries", f->origin->name, f->tries));
		return;
	}
	debug(store, "%s: try %u in %" PRId64 " ms", f->origin->name, f->tries + 1, f->delay_ms);
	stats_inc(storage_retries);
	next_step(f, locate);
}

static void renew(struct fetch *f)
{
	int r = source_refused(f->origin->source, f->loc.generation);

	/* Refused again with a new lease, and not a byte between: another one would not help, and
	 * each costs quota. */
	if (r == 0 && f->renewed)
		r = log_error(-EACCES, "%s: storage refuses this range with a fresh link too",
			      f->origin->name);
	f->renewed = true;
	f->delay_ms = 0;
	if (r < 0)
		finish(f, r);
	else
		next_step(f, locate);
}

/* S3 answers 400 where others answer 403 when a presigned URL has expired. */
static bool says_expired(const struct fetch *f)
{
	return f->rq.reply.status == 400 && f->n_body > 0 && strstr(f->body, "ExpiredRequest");
}

static void judge_refusal(struct fetch *f)
{
	int err = -EIO;
	enum verdict v = says_expired(f) ? VERDICT_RENEW : retry_storage(&f->rq.reply, &err);

	switch (v) {
	case VERDICT_OK: /* a body that ended before its range did */
		retry(f, -EIO, -1);
		break;
	case VERDICT_RETRY:
		retry(f, err, f->rq.reply.retry_after_s);
		break;
	case VERDICT_RENEW:
		renew(f);
		break;
	case VERDICT_CHANGED:
		finish(f, log_error(-ESTALE, "%s: the server has another version, mount again",
				    f->origin->name));
		break;
	case VERDICT_DENIED:
	case VERDICT_GONE:
		finish(f, log_error(err, "%s: storage answered %d", f->origin->name,
				    f->rq.reply.status));
		break;
	}
}

static void judge(struct job *j)
{
	struct fetch *f = container_of(j, struct fetch, job);
	const struct http_reply *rp = &f->rq.reply;
	bool good = rp->status == 200 || rp->status == 206 || says_empty(f);
	int r = 0;

	if (good && (rp->err == 0 || f->got > 0))
		source_accepted(f->origin->source, f->loc.generation);
	if (good && rp->err == 0 && !f->checked && f->verdict == 0)
		r = check_reply(f); /* an answer without any body: an empty object */
	if (r == 0)
		r = f->verdict;
	if (r == -EBADMSG)
		retry(f, -EIO, -1);
	else if (r < 0)
		finish(f, r);
	else if (f->checked && f->got == wanted_bytes(f))
		finish(f, 0);
	else if (rp->err == -ECANCELED)
		finish(f, -ENOTCONN);
	else
		judge_refusal(f);
}
