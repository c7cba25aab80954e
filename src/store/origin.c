/* SPDX-License-Identifier: MPL-2.0 */
/* origin.c - see origin.h.  Each step of a fetch runs as a pool job: locate, send, judge. */
#include "store/origin.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/retry.h"
#include "source/api.h"
#include "store/reach.h"

#define MAX_TRIES 40u /* the deadline comes first */
#define PROBE_TRIES 5u
#define FIRST_WAIT_MS 50 /* one failure is bad luck; for more of them there is the breaker */
#define LONGEST_WAIT_MS 4000

struct origin {
	struct store *st;
	struct source *source;
	const char *name;     /* for the log; borrowed from the dataset */
	_Atomic bool changed; /* another version is there */
	pthread_mutex_t lock; /* guards what the first answer teaches */
	uint64_t size;
	char validator[256]; /* ETag, or Last-Modified of a server that has none; RFC 9110 8.8 */
	bool ranges_known;   /* it has answered a range with a range */
	bool whole;	     /* nothing is asked for but all of it; set at the start */
	struct reach reach;
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

bool origin_changed(const struct origin *o)
{
	return atomic_load_explicit(&o->changed, memory_order_relaxed);
}

void origin_set_changed(struct origin *o, bool changed)
{
	atomic_store_explicit(&o->changed, changed, memory_order_relaxed);
}

/* ---- is anybody there? ---- */

bool origin_absent(struct origin *o)
{
	LOCK_SCOPE(&o->lock);
	return o->reach.absent;
}

static void say_absent(const struct origin *o)
{
	(void)log_warn(0,
		       "%s: out of reach: what is not cached fails at once until somebody answers "
		       "again",
		       o->name);
}

void origin_set_absent(struct origin *o)
{
	bool is_new;

	pthread_mutex_lock(&o->lock);
	is_new = reach_failed(&o->reach, clock_ms() - REACH_PROBE_MS);
	pthread_mutex_unlock(&o->lock);
	if (is_new)
		say_absent(o);
}

static bool admitted(struct fetch *f)
{
	LOCK_SCOPE(&f->origin->lock);
	return f->probe || reach_admits(&f->origin->reach, clock_ms(), &f->probe);
}

/* No sign of anybody: no route, no name, no listener. */
static bool says_nobody(int err)
{
	return err == -EHOSTUNREACH || err == -ENETUNREACH || err == -ECONNREFUSED;
}

static bool has_answered(const struct fetch *f)
{
	return f->rq.reply.err == 0 && f->rq.reply.status > 0 && f->rq.reply.status < 500;
}

static void note_answer(struct fetch *f)
{
	bool is_new;

	pthread_mutex_lock(&f->origin->lock);
	is_new = reach_answered(&f->origin->reach);
	f->probe = false;
	pthread_mutex_unlock(&f->origin->lock);
	if (is_new)
		log_info("%s: storage answers again", f->origin->name);
}

/* Nobody waits any longer. */
static void note_absence(struct fetch *f)
{
	bool is_new;

	pthread_mutex_lock(&f->origin->lock);
	is_new = reach_failed(&f->origin->reach, clock_ms());
	f->probe = false;
	pthread_mutex_unlock(&f->origin->lock);
	if (is_new)
		say_absent(f->origin);
}

static void forget_probe(struct fetch *f)
{
	LOCK_SCOPE(&f->origin->lock);
	if (f->probe)
		reach_unknown(&f->origin->reach);
	f->probe = false;
}

/* ---- a fetch ---- */

static void finish(struct fetch *f, int err)
{
	if (f->probe)
		forget_probe(f);
	if (err == -ESTALE)
		origin_set_changed(f->origin, true);
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

/* What a good answer teaches: the first one, size and validator. */
static void learn_locked(struct origin *o, const struct http_reply *rp)
{
	const char *validator = rp->etag[0] ? rp->etag : rp->last_modified;

	if (o->size == UINT64_MAX)
		o->size = rp->total;
	if (o->validator[0] == '\0')
		snprintf(o->validator, sizeof(o->validator), "%s", validator);
	o->ranges_known |= rp->status == 206;
}

/* Is the answer, as far as it has come, of the range and the version that we want? */
static bool check_reply(struct fetch *f)
{
	struct origin *o = f->origin;
	const struct http_reply *rp = &f->rq.reply;
	struct judge_case c = {
		.reply = rp,
		.ranged = true,
		.want = f->rq.range,
		.name = o->name,
	};

	LOCK_SCOPE(&o->lock);
	if (o->whole)
		c.want = (struct range){ 0, UINT64_MAX };
	c.size = o->size;
	c.validator = o->validator;
	c.ranges_known = o->ranges_known;
	f->found = judge(&c);
	f->checked = f->found.verdict == VERDICT_OK;
	f->checked_from = f->rq.range.from;
	if (f->checked)
		learn_locked(o, rp);
	return f->checked;
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
	size_t room, skip;
	int r;

	if (q->reply.status != 200 && q->reply.status != 206)
		return 0; /* an excuse; the reply has its beginning */
	/* A second request that goes on where the first one stood has an answer of its own. */
	if ((!f->checked || f->checked_from != q->range.from) && !check_reply(f))
		return -ECANCELED;
	skip = (size_t)MIN(n, f->skip);
	room = (size_t)MIN(n - skip, wanted_bytes(f) - f->got);
	r = room > 0 ? f->data(f, f->at.from + f->got, (const char *)p + skip, room) : 0;
	f->failed = MIN(r, 0);
	if (r != 0) /* HTTP_PAUSE, too */
		return r;
	stats_add(storage_bytes, n);
	f->skip -= skip;
	f->got += room;
	f->renewed = false;
	/* A whole object goes on behind the range, and so may a body without an end. */
	return skip + room < n || (q->reply.status == 200 && f->got == wanted_bytes(f)) ? -ECANCELED : 0;
}

static void conclude(struct job *j);
static void locate(struct job *j);

static void on_done(struct http_request *q)
{
	next_step(container_of(q, struct fetch, rq), conclude);
}

static void send_request(struct fetch *f)
{
	struct origin *o = f->origin;
	uint64_t size = origin_size(o);

	if (f->tries == 0)
		f->since_ms = clock_ms(); /* waiting for a lease is another matter */
	pthread_mutex_lock(&o->lock); /* origin_hurry() finds the request made, or not begun */
	f->rq = (struct http_request){
		.url = f->loc.url,
		.ranged = !o->whole,
		.range = { f->at.from + f->got,
			   size > f->at.from ? MIN(f->at.to, size) : f->at.to },
		.background = !f->demand,
		.bearer = f->loc.bearer,
		.secret_path = f->loc.bearer != NULL, /* there it is a token */
		.delay_ms = f->delay_ms,
		.patience_ms = MAX(f->since_ms + o->st->opt->deadline * 1000 - clock_ms(), 1),
		.may_hedge = !f->loc.bearer, /* a token is for one */
		.count = &stats.storage_requests,
		.body = on_body,
		.done = on_done,
	};
	if (o->validator[0] == '"') /* a strong one: RFC 9110 13.1.1.  It is written once */
		f->rq.if_match = o->validator;
	pthread_mutex_unlock(&o->lock);
	f->failed = 0;
	f->skip = o->whole ? f->at.from + f->got : 0;
	f->checked = false;
	f->found = (struct judge_finding){ 0 };
	http_submit(o->st->http, &f->rq);
}

static void locate(struct job *j)
{
	struct fetch *f = container_of(j, struct fetch, job);
	int r = waiter_take_error(&f->waiter);

	if (r == 0 && atomic_load(&f->origin->st->stopping))
		r = -ENOTCONN;
	if (r == 0 && origin_changed(f->origin))
		r = -ESTALE;
	if (r == 0 && !admitted(f))
		r = -EHOSTUNREACH;
	else if (says_nobody(r))
		note_absence(f);
	if (r == 0) {
		free(f->loc.url);
		f->loc.url = NULL;
		r = source_locate(f->origin->source, &f->waiter, &f->loc);
		if (says_nobody(r))
			note_absence(f);
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

void origin_set_whole(struct origin *o)
{
	o->whole = true;
}

bool origin_is_whole(const struct origin *o)
{
	return o->whole;
}

void origin_fetch(struct origin *o, struct fetch *f)
{
	f->origin = o;
	f->got = f->last_got = 0;
	f->tries = 0;
	f->renewed = false;
	f->delay_ms = 0;
	f->probe = false;
	f->loc = (struct location){ 0 };
	f->since_ms = clock_ms();
	waiter_init(&f->waiter, wake_fetch);
	next_step(f, locate);
}

void origin_hurry(struct fetch *f)
{
	if (atomic_exchange(&f->demand, true))
		return;
	pool_raise(f->origin->st->pool, &f->job, JOB_DEMAND);
	LOCK_SCOPE(&f->origin->lock);
	http_raise(f->origin->st->http, &f->rq);
}

static bool worth_more(struct fetch *f, int err)
{
	LOCK_SCOPE(&f->origin->lock);
	return reach_worth(&f->origin->reach, says_nobody(err), f->tries);
}

/* Somebody who tries whether storage is back says nothing: that it is not has been said. */
static void give_up(struct fetch *f, int err, const char *why, bool first)
{
	if (!f->probe)
		(void)log_error(err, "%s: %s: gave up after %u tries", f->origin->name, why,
				f->tries);
	if (!first && !has_answered(f))
		note_absence(f);
	finish(f, err);
}

/* Ask again later, or give up: the deadline counts from the last byte that came. */
static void retry(struct fetch *f, int err, const char *why)
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
	f->delay_ms = retry_wait(&p, ++f->tries, now - f->since_ms, f->rq.reply.retry_after_s,
				 retry_random());
	if (!probe && !worth_more(f, err))
		f->delay_ms = -1;
	if (f->delay_ms < 0) {
		give_up(f, err, why, probe);
		return;
	}
	debug(store, "%s: %s: try %u in %" PRId64 " ms", f->origin->name, why, f->tries + 1,
	      f->delay_ms);
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

static void act(struct fetch *f, struct judge_finding is)
{
	const char *name = f->origin->name;
	int r = is.err;

	if (is.verdict == VERDICT_GONE && f->loc.bearer) /* the session, not the object */
		is.verdict = VERDICT_RENEW;
	switch (is.verdict) {
	case VERDICT_OK: /* and yet it is not complete */
		retry(f, -EIO, "a body ended before its range did");
		return;
	case VERDICT_RETRY:
		retry(f, is.err, is.text);
		return;
	case VERDICT_RENEW:
		renew(f);
		return;
	case VERDICT_CHANGED:
		r = log_error(r, "%s: the server has %s", name, is.text);
		break;
	case VERDICT_DENIED:
	case VERDICT_GONE:
	case VERDICT_UNUSABLE:
		if (f->rq.reply.status == 0) /* it was not asked, or is not who it should be */
			r = log_error(r, "%s: %s", name, is.text);
		else
			r = log_error(r, "%s: storage answered %d: %s", name, f->rq.reply.status,
				      is.text);
		break;
	}
	finish(f, r);
}

/* The request has ended: is all there, and if not, what now? */
static void conclude(struct job *j)
{
	struct fetch *f = container_of(j, struct fetch, job);
	const struct http_reply *rp = &f->rq.reply;

	source_date(f->origin->source, rp->date);
	if (rp->err == 0 && !f->checked && f->found.verdict == VERDICT_OK)
		(void)check_reply(f); /* an answer without a body */
	if (has_answered(f))
		note_answer(f);
	if (f->checked)
		source_accepted(f->origin->source, f->loc.generation);
	if (f->failed < 0)
		finish(f, f->failed);
	else if (f->checked && f->got == wanted_bytes(f))
		finish(f, 0);
	else if (f->found.verdict != VERDICT_OK)
		act(f, f->found);
	else if (rp->err == -ECANCELED)
		finish(f, -ENOTCONN);
	else
		act(f, judge_reply(rp));
}
