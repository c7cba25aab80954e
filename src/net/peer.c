/* SPDX-License-Identifier: MPL-2.0 */
/* peer.c - see peer.h. */
#include "net/peer.h"

#include <errno.h>
#include <string.h>

#include "net/judge.h"
#include "net/retry.h"
#include "net/url.h"

#define MAX_PEERS 64u  /* idle ones above it are forgotten */
#define HEDGE_COST 20u /* requests for a second one: five in a hundred */
#define MOST_CREDIT (HEDGE_COST * 8)
#define RATE_FROM 65536u	/* bytes that tell how fast they come */
#define RATE_PART 64u		/* of the usual rate is too little */
#define LEAST_RATE 8192u	/* a block in 16 s: nobody is asked for more than that */
#define LEAST_UNKNOWN_RATE 512u /* while nothing is known of the line */

void peers_init(struct peers *ps, unsigned ceiling)
{
	list_init(&ps->all);
	ps->n = 0;
	ps->ceiling = ceiling;
}

static void forget(struct peers *ps, struct peer *p)
{
	list_remove(&p->link);
	ps->n--;
	free(p->url);
	free(p);
}

void peers_clear(struct peers *ps)
{
	list_for_each(pos, next, &ps->all)
		forget(ps, list_entry(pos, struct peer, link));
}

static bool is_idle(const struct peer *p)
{
	return p->n_active == 0 && list_empty(&p->plain) && list_empty(&p->ready) &&
	       list_empty(&p->background);
}

static struct peer *make(struct peers *ps, const char *url)
{
	const char *host = strstr(url, "://");
	struct peer *p = calloc(1, sizeof(*p));

	if (p && host)
		p->url = strndup(url, (size_t)(host - url) + 3 + strcspn(host + 3, "/?#"));
	if (!p || !p->url) {
		free(p);
		return NULL;
	}
	p->ceiling = ps->ceiling;
	limiter_init(&p->limiter, ps->ceiling);
	breaker_init(&p->breaker);
	list_init(&p->plain);
	list_init(&p->ready);
	list_init(&p->background);
	p->credit = HEDGE_COST * 2;
	ps->n++;
	return p;
}

struct peer *peers_find(struct peers *ps, const char *url)
{
	struct peer *found = NULL;

	list_for_each(pos, next, &ps->all) {
		struct peer *p = list_entry(pos, struct peer, link);

		if (url_same_origin(p->url, url))
			found = p;
		else if (ps->n > MAX_PEERS && is_idle(p))
			forget(ps, p);
	}
	if (found)
		list_remove(&found->link);
	else if (!(found = make(ps, url)))
		return NULL;
	list_push(&ps->all, &found->link);
	return found;
}

/* ---- who is next ---- */

void peer_queue(struct http_request *q)
{
	struct peer *p = q->peer;

	if (q->patience_ms <= 0)
		list_push(&p->plain, &q->link);
	else
		list_push(q->background ? &p->background : &p->ready, &q->link);
}

static void raise_in(struct peer *p)
{
	list_for_each(pos, next, &p->background) {
		struct http_request *q = list_entry(pos, struct http_request, link);

		if (q->background)
			continue;
		list_remove(pos);
		list_push(&p->ready, pos);
	}
}

struct http_request *peer_next(struct peer *p, int64_t now)
{
	unsigned window = limiter_window(&p->limiter);
	struct list *l = NULL;

	if (p->n_active < p->ceiling)
		l = list_pop(&p->plain);
	if (!l && p->n_active < window && breaker_admits(&p->breaker, now))
		l = list_pop(&p->ready);
	/* One is kept for those that somebody waits for. */
	if (!l && p->n_active < MAX(window - 1, 1u) && breaker_admits(&p->breaker, now))
		l = list_pop(&p->background);
	return l ? list_entry(l, struct http_request, link) : NULL;
}

/* When the first of a queue has to give up: all have about the same patience. */
static struct http_request *overdue(struct list *queue, int64_t until)
{
	list_for_each(pos, next, queue) {
		struct http_request *q = list_entry(pos, struct http_request, link);

		if (q->expires_ms > until)
			continue;
		list_remove(pos);
		return q;
	}
	return NULL;
}

struct http_request *peer_hopeless(struct peer *p, int64_t now)
{
	int64_t due = breaker_due(&p->breaker);
	struct http_request *q;

	if (breaker_admits(&p->breaker, now))
		return NULL; /* whoever waits does so for others like it */
	if (due == INT64_MAX)
		due = now; /* the probe may succeed any moment */
	q = overdue(&p->ready, MAX(due, now));
	return q ? q : overdue(&p->background, MAX(due, now));
}

static int64_t first_expiry(const struct list *queue, int64_t due)
{
	list_for_each(pos, next, queue)
		due = MIN(due, list_entry(pos, struct http_request, link)->expires_ms);
	return due;
}

static int64_t due_ms(const struct peer *p, int64_t now)
{
	int64_t due = breaker_due(&p->breaker);

	if ((list_empty(&p->ready) && list_empty(&p->background)) ||
	    breaker_admits(&p->breaker, now))
		return INT64_MAX;
	return first_expiry(&p->background, first_expiry(&p->ready, due));
}

/* ---- all of them ---- */

void peer_take(struct list *queue, bool (*which)(const struct http_request *q), struct list *out)
{
	list_for_each(pos, next, queue) {
		if (!which(list_entry(pos, struct http_request, link)))
			continue;
		list_remove(pos);
		list_push(out, pos);
	}
}

void peers_take(struct peers *ps, bool (*which)(const struct http_request *q), struct list *out)
{
	list_for_each(pos, next, &ps->all) {
		struct peer *p = list_entry(pos, struct peer, link);

		peer_take(&p->plain, which, out);
		peer_take(&p->ready, which, out);
		peer_take(&p->background, which, out);
	}
}

bool peers_empty(const struct peers *ps)
{
	list_for_each(pos, next, &ps->all) {
		const struct peer *p = list_entry(pos, struct peer, link);

		if (!list_empty(&p->plain) || !list_empty(&p->ready) || !list_empty(&p->background))
			return false;
	}
	return true;
}

void peers_raise(struct peers *ps)
{
	list_for_each(pos, next, &ps->all)
		raise_in(list_entry(pos, struct peer, link));
}

int64_t peers_due(const struct peers *ps, int64_t now)
{
	int64_t due = INT64_MAX;

	list_for_each(pos, next, &ps->all)
		due = MIN(due, due_ms(list_entry(pos, struct peer, link), now));
	return due;
}

/* ---- what a transfer says ---- */

void peer_begin(struct peer *p, struct http_request *q)
{
	p->n_active++;
	p->credit = MIN(p->credit + 1, MOST_CREDIT);
	q->probe = q->patience_ms > 0 && breaker_begin(&p->breaker);
}

void peer_drop(struct peer *p, struct http_request *q, int64_t now)
{
	p->n_active--;
	if (q && q->probe)
		breaker_end(&p->breaker, true, BREAKER_UNKNOWN, now, 0);
	if (q)
		q->probe = false;
}

static enum breaker_result result_of(const struct peer_outcome *o, enum judge_health *health)
{
	struct http_reply r = *o->reply;
	struct judge_finding f;

	r.err = o->refused ? 0 : o->err;
	*health = JUDGE_WELL;
	if (r.err == -ECANCELED || (r.err == 0 && r.status == 0))
		return BREAKER_UNKNOWN;
	if (o->bytes > 0 && r.status >= 200 && r.status <= 299)
		return BREAKER_GOOD; /* one whose body breaks is alive */
	f = judge_reply(&r);
	if (r.err < 0 && f.health == JUDGE_WELL)
		return BREAKER_UNKNOWN; /* a certificate, no memory: another matter */
	*health = f.health;
	return f.health == JUDGE_WELL ? BREAKER_GOOD : BREAKER_BAD;
}

/* Slow ones count too: a line that has become slow for all is not asked again and again. */
static void note_rate(struct peer *p, const struct peer_outcome *o, int64_t now)
{
	uint64_t rate = o->bytes * 1000 / (uint64_t)MAX(now - o->body_ms, 1);

	if (o->bytes < RATE_FROM && o->err != -ETIMEDOUT)
		return;
	p->rate = p->rate ? (p->rate * 3 + rate) / 4 : rate;
}

void peer_end(struct peer *p, struct http_request *q, const struct peer_outcome *o, int64_t now)
{
	enum judge_health health;
	enum breaker_result r = result_of(o, &health);
	bool probe = q->probe;

	if (q->patience_ms <= 0) {
		p->n_active--;
		return;
	}
	if (o->first_ms >= 0 && r == BREAKER_GOOD)
		latency_note(&p->latency, o->first_ms);
	if (o->bytes > 0 && r == BREAKER_GOOD)
		note_rate(p, o, now);
	if (o->err == 0 && o->bytes > 0 && r == BREAKER_GOOD)
		speed_note(&p->speed, o->bytes, o->body_ms, now);
	if (health == JUDGE_BRAKING)
		limiter_brake(&p->limiter, o->begun_ms, now);
	else if (r == BREAKER_GOOD)
		limiter_good(&p->limiter, p->n_active);
	q->probe = false;
	breaker_end(&p->breaker, probe, r, now, retry_random());
	if (r == BREAKER_BAD && o->reply->retry_after_s > 0)
		breaker_pause(&p->breaker, o->reply->retry_after_s * 1000, now);
	p->n_active--;
}

uint64_t peer_least_rate(const struct peer *p)
{
	return p->rate ? MIN(p->rate / RATE_PART, LEAST_RATE) : LEAST_UNKNOWN_RATE;
}

int64_t peer_hedge_ms(const struct peer *p)
{
	return latency_hedge_ms(&p->latency);
}

bool peer_can_hedge(const struct peer *p, int64_t now)
{
	return p->credit >= HEDGE_COST && p->n_active < limiter_window(&p->limiter) &&
	       !breaker_open(&p->breaker) && breaker_admits(&p->breaker, now);
}

void peer_pay_hedge(struct peer *p)
{
	p->credit -= HEDGE_COST;
}
