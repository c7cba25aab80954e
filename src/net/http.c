/* SPDX-License-Identifier: MPL-2.0 */
/* http.c - see http.h.
 *
 * A request walks submitted -> delayed -> its peer's queue -> active -> done(); the first list is
 * shared under h->lock, the others belong to the I/O thread.  An active request has a transfer, or
 * two when it is hedged: an easy handle that is used again for the next one.  HTTP/1.1, one
 * connection a transfer: the multi handle keeps idle connections for the next.  A redirect is a new
 * walk from the queue of another peer on.
 *
 * Whether a transfer stalls is measured here and not by libcurl, whose speed is a mean of the
 * last seconds: the clock starts when the connection is up and again with every byte.
 *
 * No callback runs with h->lock held.
 */
#include "net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/stats.h"
#include "net/http_headers.h"
#include "net/http_transfer.h"
#include "net/peer.h"
#include "net/redirect.h"
#include "net/url.h"

#define IDLE_POLL_MS 60000
#define IDLE_CONNECTIONS 16 /* kept beyond those of one origin */

struct http {
	CURLM *multi;
	unsigned connections;
	int64_t stall_ms;
	bool hedge;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* guards what follows, and every q->canceled and q->resumed */
	struct list submitted;
	bool any_canceled, any_raised, any_resumed, stop;
	bool ended; /* the thread takes no more */

	/* The I/O thread's own. */
	struct peers peers;  /* with those that wait for a connection */
	struct list delayed; /* soonest first */
	struct list active;
	struct list lost; /* transfers whose rivals were first */
	struct http_transfers transfers;
};

/* ---- ending a request ---- */

/* Take a transfer from its request, which may be NULL when it was lost. */
static void release(struct http *h, struct http_transfer *t)
{
	struct http_request *q = t->q;

	if (q && q->rival == t) {
		q->rival = NULL;
	} else if (q) {
		q->transfer = q->rival; /* goes on, from where it began */
		q->rival = NULL;
		if (q->transfer)
			q->range = q->transfer->range;
	}
	list_remove(&t->link);
	http_transfer_end(t, h->multi);
	http_transfers_put(&h->transfers, t);
}

static void drop(struct http *h, struct http_transfer *t)
{
	peer_drop(t->peer, t->q, clock_ms());
	release(h, t);
}

static void finish(struct http *h, struct http_request *q, int err)
{
	while (q->transfer)
		drop(h, q->transfer);
	free(steal(&q->hop));
	list_remove(&q->link);
	q->reply.err = err;
	q->done(q); /* q may be gone from here on */
}

/* Its peer's queue is the next stop. */
static void make_ready(struct http *h, struct http_request *q, int64_t now)
{
	int r = http_transfer_check(q);

	if (r == 0 && !(q->peer = peers_find(&h->peers, q->hop ? q->hop : q->url)))
		r = -ENOMEM;
	if (r < 0) {
		finish(h, q, r);
		return;
	}
	if (__builtin_add_overflow(now, q->patience_ms, &q->expires_ms))
		q->expires_ms = INT64_MAX;
	peer_queue(q);
}

/* Where a redirect led to; the body that came with it was not passed on.  0: it is on its way. */
static int follow(struct http *h, struct http_transfer *t, const char *to)
{
	struct http_request *q = t->q;
	const char *from = q->hop ? q->hop : q->url;
	AUTO(auto_free) char *hop = strdup(to);
	int r = redirect_check(from, to, ++q->hops);

	if (r < 0)
		return r;
	if (!hop)
		return -ENOMEM;
	release(h, t);
	list_remove(&q->link);
	free(q->hop);
	q->hop = steal(&hop);
	make_ready(h, q, clock_ms());
	return 0;
}

/* A transfer has ended: tell its peer, and end its request unless another one goes on. */
static void conclude(struct http *h, struct http_transfer *t, int err)
{
	struct http_request *q = t->q;
	const char *to = err == 0 ? http_transfer_redirect(t) : NULL;
	bool success = err == 0 && t->reply.status >= 200 && t->reply.status <= 299;
	struct peer_outcome o = {
		.err = err,
		.reply = &t->reply,
		.begun_ms = t->start_ms,
		.first_ms = t->first_ms ? t->first_ms - t->start_ms : -1,
		.refused = t->abort != 0,
		.body_ms = t->body_ms,
		.bytes = t->bytes,
	};
	int r = 0;

	http_transfer_report(t, err);
	peer_end(t->peer, q, &o, clock_ms());
	if (q->rival && !t->abort && (!success || (q->overtake && !t->won))) {
		release(h, t);
		return;
	}
	if (to && (r = follow(h, t, to)) == 0)
		return;
	q->reply = t->reply;
	q->range = t->range;
	release(h, t);
	finish(h, q, r < 0 ? r : err);
}

static void release_lost(struct http *h)
{
	struct list *l;

	while ((l = list_pop(&h->lost)))
		drop(h, list_entry(l, struct http_transfer, link));
}

/* Hand over what libcurl has finished.  Was there anything? */
static bool collect(struct http *h)
{
	struct http_transfer *t;
	CURLMsg *m;
	bool any = false;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		char *owner = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &owner);
		t = (struct http_transfer *)(void *)owner;
		conclude(h, t, http_transfer_errno(t, m->data.result));
		any = true;
	}
	return any;
}

/* ---- the I/O thread ---- */

static void delay(struct http *h, struct http_request *q)
{
	struct list *pos = &h->delayed;

	/* From the tail: most are due after those that are there. */
	while (pos->prev != &h->delayed &&
	       list_entry(pos->prev, struct http_request, link)->not_before_ms > q->not_before_ms)
		pos = pos->prev;
	list_insert(pos, &q->link);
}

/* Take over what others submitted.  False: stop. */
static bool take_submitted(struct http *h)
{
	struct list fresh, *l;
	bool stop;

	list_init(&fresh);
	pthread_mutex_lock(&h->lock);
	list_splice(&fresh, &h->submitted);
	stop = h->stop;
	pthread_mutex_unlock(&h->lock);
	while ((l = list_pop(&fresh))) {
		struct http_request *q = list_entry(l, struct http_request, link);

		if (q->delay_ms > 0)
			delay(h, q);
		else
			make_ready(h, q, clock_ms());
	}
	return !stop;
}

static bool is_canceled(const struct http_request *q)
{
	return q->canceled;
}

static void finish_canceled(struct http *h)
{
	struct list *more[] = { &h->active, &h->delayed, &h->submitted };
	struct list gone, *l;

	list_init(&gone);
	pthread_mutex_lock(&h->lock);
	if (h->any_canceled) {
		peers_take(&h->peers, is_canceled, &gone);
		for (size_t i = 0; i < ARRAY_SIZE(more); i++)
			peer_take(more[i], is_canceled, &gone);
	}
	h->any_canceled = false;
	pthread_mutex_unlock(&h->lock);
	while ((l = list_pop(&gone)))
		finish(h, list_entry(l, struct http_request, link), -ECANCELED);
}

static void take_raised(struct http *h)
{
	bool any;

	pthread_mutex_lock(&h->lock);
	any = h->any_raised;
	h->any_raised = false;
	pthread_mutex_unlock(&h->lock);
	if (any)
		peers_raise(&h->peers);
}

static void resume_paused(struct http *h)
{
	bool any;

	pthread_mutex_lock(&h->lock);
	any = h->any_resumed;
	h->any_resumed = false;
	pthread_mutex_unlock(&h->lock);
	if (!any)
		return;
	list_for_each(pos, next, &h->active) {
		struct http_request *q = list_entry(pos, struct http_request, link);
		bool resumed;

		pthread_mutex_lock(&h->lock);
		resumed = q->resumed;
		q->resumed = false;
		pthread_mutex_unlock(&h->lock);
		if (resumed)
			http_transfer_resume(q->transfer);
	}
}

static void finish_stalled(struct http *h, int64_t now)
{
	list_for_each(pos, next, &h->active) {
		struct http_request *q = list_entry(pos, struct http_request, link);
		struct http_transfer *ts[] = { q->rival, q->transfer };

		/* The second last: it takes its request along. */
		for (size_t i = 0; i < ARRAY_SIZE(ts); i++) {
			struct http_transfer *t = ts[i];

			if (!t || http_transfer_stall_due(t, h->stall_ms, now) > now)
				continue;
			snprintf(t->why, sizeof(t->why), "%s byte for %" PRId64 " ms",
				 t->limps ? "hardly a" : "no", now - t->last_ms);
			conclude(h, t, -ETIMEDOUT);
		}
	}
}

static void release_due(struct http *h, int64_t now)
{
	list_for_each(pos, next, &h->delayed) {
		if (list_entry(pos, struct http_request, link)->not_before_ms > now)
			return;
		list_remove(pos);
		make_ready(h, list_entry(pos, struct http_request, link), now);
	}
}

/* Start a transfer for q: its first, or its second beside it. */
static int begin(struct http *h, struct http_request *q)
{
	struct http_transfer *t;
	int r = http_transfers_get(&h->transfers, &t);

	if (r < 0)
		return r;
	r = http_transfer_begin(t, h->multi, q);
	if (r < 0) {
		http_transfers_put(&h->transfers, t);
		return r;
	}
	t->peer = q->peer;
	*(q->transfer ? &q->rival : &q->transfer) = t;
	if (q->count)
		atomic_fetch_add_explicit(q->count, 1, memory_order_relaxed);
	return 0;
}

static void start_ready(struct http *h, int64_t now)
{
	list_for_each(pos, next, &h->peers.all) {
		struct peer *p = list_entry(pos, struct peer, link);
		struct http_request *q;

		while ((q = peer_hopeless(p, now)))
			finish(h, q, -EBUSY);
		while ((q = peer_next(p, now))) {
			int r = begin(h, q);

			if (r == 0) {
				peer_begin(p, q);
				list_push(&h->active, &q->link);
			} else {
				finish(h, q, r);
			}
		}
	}
}

static void start_hedges(struct http *h, int64_t now)
{
	list_for_each(pos, next, &h->active) {
		struct http_request *q = list_entry(pos, struct http_request, link);

		if (!h->hedge || http_transfer_hedge_due(q->transfer, now) > now ||
		    !http_transfer_may_hedge(q->transfer, &h->active, now))
			continue;
		q->hedged = true;
		if (begin(h, q) < 0)
			continue; /* the first one goes on */
		peer_begin(q->peer, q);
		peer_pay_hedge(q->peer);
		stats_inc(hedges);
	}
}

/* Milliseconds until something of ours, not libcurl's, is due. */
static int next_due(const struct http *h, int64_t now)
{
	int64_t due = now + IDLE_POLL_MS;

	if (!list_empty(&h->delayed))
		due = MIN(due,
			  list_entry(h->delayed.next, struct http_request, link)->not_before_ms);
	list_for_each(pos, next, &h->active) {
		const struct http_request *q = list_entry(pos, struct http_request, link);
		const struct http_transfer *ts[] = { q->transfer, q->rival };

		if (h->hedge)
			due = MIN(due, http_transfer_hedge_due(q->transfer, now));
		for (size_t i = 0; i < ARRAY_SIZE(ts) && ts[i]; i++)
			due = MIN(due, http_transfer_stall_due(ts[i], h->stall_ms, now));
	}
	return (int)MAX(MIN(due, peers_due(&h->peers, now)) - now, 0);
}

static bool is_any(const struct http_request *q)
{
	(void)q;
	return true;
}

static void finish_all(struct http *h)
{
	struct list all, *l;

	list_init(&all);
	list_splice(&all, &h->active);
	peers_take(&h->peers, is_any, &all);
	list_splice(&all, &h->delayed);
	while ((l = list_pop(&all)))
		finish(h, list_entry(l, struct http_request, link), -ECANCELED);
}

/* Is nothing left, and will nothing come any more? */
static bool all_ended(struct http *h)
{
	LOCK_SCOPE(&h->lock);
	h->ended = list_empty(&h->submitted) && list_empty(&h->delayed) && peers_empty(&h->peers);
	return h->ended;
}

static void *io_thread(void *arg)
{
	struct http *h = arg;
	int running;

	while (take_submitted(h)) {
		finish_canceled(h);
		take_raised(h);
		resume_paused(h);
		finish_stalled(h, clock_ms());
		release_due(h, clock_ms());
		start_hedges(h, clock_ms());
		start_ready(h, clock_ms());
		curl_multi_perform(h->multi, &running);
		release_lost(h);
		if (collect(h))
			continue; /* connections are free again */
		if (curl_multi_poll(h->multi, NULL, 0, next_due(h, clock_ms()), NULL) != CURLM_OK)
			poll(NULL, 0, 10); /* no memory, most likely: do not spin */
	}
	do { /* a done() may have submitted once more */
		finish_all(h);
		(void)take_submitted(h);
	} while (!all_ended(h));
	return NULL;
}

/* ---- what others call ---- */

void http_submit(struct http *h, struct http_request *q)
{
	bool first, ended;

	http_headers_reset(&q->reply);
	q->transfer = q->rival = NULL;
	q->peer = NULL;
	q->hop = NULL;
	q->hops = 0;
	q->hedged = q->probe = q->overtake = false;
	q->not_before_ms = 0;
	if (q->delay_ms > 0 && __builtin_add_overflow(clock_ms(), q->delay_ms, &q->not_before_ms))
		q->not_before_ms = INT64_MAX;
	pthread_mutex_lock(&h->lock);
	q->canceled = q->resumed = false;
	ended = h->ended;
	first = !ended && list_empty(&h->submitted);
	if (!ended)
		list_push(&h->submitted, &q->link);
	pthread_mutex_unlock(&h->lock);
	if (ended) {
		q->reply.err = -ECANCELED;
		q->done(q);
	}
	if (first) /* else the thread has been woken and not come by yet */
		curl_multi_wakeup(h->multi);
}

void http_cancel(struct http *h, struct http_request *q)
{
	pthread_mutex_lock(&h->lock);
	q->canceled = true;
	h->any_canceled = true;
	pthread_mutex_unlock(&h->lock);
	curl_multi_wakeup(h->multi);
}

void http_raise(struct http *h, struct http_request *q)
{
	q->background = false;
	pthread_mutex_lock(&h->lock);
	h->any_raised = true;
	pthread_mutex_unlock(&h->lock);
	curl_multi_wakeup(h->multi);
}

void http_resume(struct http *h, struct http_request *q)
{
	pthread_mutex_lock(&h->lock);
	q->resumed = true;
	h->any_resumed = true;
	pthread_mutex_unlock(&h->lock);
	curl_multi_wakeup(h->multi);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Signals are for the threads that expect them; a broken pipe is an error code here. */
static int start_thread(struct http *h)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&h->thread, NULL, io_thread, h);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	h->started = r == 0;
	if (r == 0)
		pthread_setname_np(h->thread, "mdcfs-http");
	return -r;
}

static void init_lists(struct http *h)
{
	pthread_mutex_init(&h->lock, NULL);
	peers_init(&h->peers, h->connections);
	list_init(&h->submitted);
	list_init(&h->delayed);
	list_init(&h->active);
	list_init(&h->lost);
}

static int make_multi(struct http *h)
{
	h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
			  (long)MIN(h->connections, 1000u) + IDLE_CONNECTIONS);
	return 0;
}

int http_new(const struct http_config *c, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	pthread_once(&curl_once, init_curl);
	h->connections = MAX(c->connections, 1u);
	h->hedge = c->hedge;
	h->stall_ms = (int64_t)MIN(MAX(c->stall_timeout_s, 1u), 3600u) * 1000;
	init_lists(h);
	r = http_transfers_init(&h->transfers, c, &h->lost);
	if (r == 0)
		r = make_multi(h);
	if (r == 0)
		r = start_thread(h);
	if (r < 0) {
		http_free(h);
		return r;
	}
	*out = h;
	return 0;
}

void http_stop(struct http *h)
{
	if (!h->started)
		return;
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	curl_multi_wakeup(h->multi);
	pthread_join(h->thread, NULL);
	h->started = false;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	http_stop(h);
	http_transfers_clear(&h->transfers);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	peers_clear(&h->peers);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}
