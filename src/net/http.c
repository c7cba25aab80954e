/* SPDX-License-Identifier: MPL-2.0 */
/* http.c - see http.h.
 *
 * A request walks submitted -> delayed -> ready -> active -> done(); the first list is shared
 * under h->lock, the others belong to the I/O thread.  An active request has a transfer: an
 * easy handle that is used again for the next one.  HTTP/1.1, one connection a transfer: the
 * multi handle keeps idle connections for the next.
 *
 * Whether a transfer stalls is measured here and not by libcurl, whose speed is a mean of the
 * last seconds: the clock starts when the connection is up and again with every byte.
 *
 * No callback runs with h->lock held.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/http_headers.h"
#include "net/http_transfer.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "dev"
#endif

#define IDLE_POLL_MS 60000

struct http {
	CURLM *multi;
	char *agent;
	unsigned connections;
	long connect_ms;
	int64_t stall_ms;
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* guards the next five and every q->canceled and q->resumed */
	struct list submitted;
	bool any_canceled, any_raised, any_resumed, stop;
	bool ended; /* the thread takes no more */

	/* The I/O thread's own. */
	struct list delayed; /* soonest first */
	struct list ready;   /* in order of submit, delayed ones from when they are due */
	struct list background; /* the same for those that nobody waits for */
	struct list active;
	struct list idle;
	unsigned n_active;
};

/* An idle transfer or a new one; there are never more than `connections`. */
static int get_transfer(struct http *h, struct http_transfer **out)
{
	struct list *l = list_pop(&h->idle);

	if (!l)
		return http_transfer_new(h->agent, h->connect_ms, out);
	*out = list_entry(l, struct http_transfer, link);
	return 0;
}

/* ---- ending a request ---- */

static void finish(struct http *h, struct http_request *q, int err)
{
	struct http_transfer *t = q->transfer;

	if (t) {
		http_transfer_report(t, err);
		http_transfer_end(t, h->multi);
		list_push(&h->idle, &t->link);
		q->transfer = NULL;
		h->n_active--;
	}
	list_remove(&q->link);
	q->reply.err = err;
	q->done(q); /* q may be gone from here on */
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
		finish(h, t->q, http_transfer_errno(t, m->data.result));
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

static void make_ready(struct http *h, struct http_request *q)
{
	list_push(q->background ? &h->background : &h->ready, &q->link);
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
			make_ready(h, q);
	}
	return !stop;
}

static void finish_canceled(struct http *h)
{
	struct list *heads[] = { &h->active, &h->ready, &h->background, &h->delayed,
				 &h->submitted };
	struct list gone, *l;

	list_init(&gone);
	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; h->any_canceled && i < ARRAY_SIZE(heads); i++)
		list_for_each(pos, next, heads[i])
			if (list_entry(pos, struct http_request, link)->canceled) {
				list_remove(pos);
				list_push(&gone, pos);
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
	if (!any)
		return;
	list_for_each(pos, next, &h->background) {
		struct http_request *q = list_entry(pos, struct http_request, link);

		if (q->background)
			continue;
		list_remove(pos);
		make_ready(h, q);
	}
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
		struct http_transfer *t = q->transfer;

		if (t->connected && !t->paused && now - t->last_ms >= h->stall_ms) {
			snprintf(t->why, sizeof(t->why), "no byte for %" PRId64 " ms",
				 now - t->last_ms);
			finish(h, q, -ETIMEDOUT);
		}
	}
}

static void release_due(struct http *h, int64_t now)
{
	list_for_each(pos, next, &h->delayed) {
		if (list_entry(pos, struct http_request, link)->not_before_ms > now)
			return;
		list_remove(pos);
		make_ready(h, list_entry(pos, struct http_request, link));
	}
}

static int begin(struct http *h, struct http_request *q)
{
	struct http_transfer *t;
	int r = http_transfer_check(q);

	if (r == 0)
		r = get_transfer(h, &t);
	if (r < 0)
		return r;
	r = http_transfer_begin(t, h->multi, q);
	if (r < 0) {
		list_push(&h->idle, &t->link);
		return r;
	}
	q->transfer = t;
	h->n_active++;
	list_push(&h->active, &q->link);
	return 0;
}

/* The next to start; one connection is kept for those that somebody waits for. */
static struct list *next_ready(struct http *h)
{
	struct list *l = h->n_active < h->connections ? list_pop(&h->ready) : NULL;

	if (!l && h->n_active < MAX(h->connections - 1, 1))
		l = list_pop(&h->background);
	return l;
}

static void start_ready(struct http *h)
{
	struct list *l;

	while ((l = next_ready(h))) {
		struct http_request *q = list_entry(l, struct http_request, link);
		int r = begin(h, q);

		if (r < 0)
			finish(h, q, r);
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
		const struct http_transfer *t =
			list_entry(pos, struct http_request, link)->transfer;

		/* Not connected yet: the stall clock may start while we sleep. */
		if (!t->paused)
			due = MIN(due, (t->connected ? t->last_ms : now) + h->stall_ms);
	}
	return (int)MAX(due - now, 0);
}

static void finish_all(struct http *h)
{
	struct list *heads[] = { &h->active, &h->ready, &h->background, &h->delayed };
	struct list *l;

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		while ((l = list_pop(heads[i])))
			finish(h, list_entry(l, struct http_request, link), -ECANCELED);
}

/* Is nothing left, and will nothing come any more? */
static bool all_ended(struct http *h)
{
	LOCK_SCOPE(&h->lock);
	h->ended = list_empty(&h->submitted) && list_empty(&h->ready) &&
		   list_empty(&h->background) && list_empty(&h->delayed);
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
		start_ready(h);
		curl_multi_perform(h->multi, &running);
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
	q->transfer = NULL;
	q->not_before_ms = 0;
	if (q->delay_ms > 0 &&
	    __builtin_add_overflow(clock_ms(), q->delay_ms, &q->not_before_ms))
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

static char *default_agent(void)
{
	char *agent;

	if (asprintf(&agent, "mdcfs/%s (libcurl/%s; Linux)", PACKAGE_VERSION,
		     curl_version_info(CURLVERSION_NOW)->version) < 0)
		return NULL;
	return agent;
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

int http_new(const struct http_config *c, struct http **out)
{
	struct http *h = calloc(1, sizeof(*h));
	int r = -ENOMEM;

	if (!h)
		return -ENOMEM;
	pthread_once(&curl_once, init_curl);
	pthread_mutex_init(&h->lock, NULL);
	list_init(&h->submitted);
	list_init(&h->delayed);
	list_init(&h->ready);
	list_init(&h->background);
	list_init(&h->active);
	list_init(&h->idle);
	h->connections = MAX(c->connections, 1u);
	h->connect_ms = (long)MIN(MAX(c->connect_timeout_s, 1u), 3600u) * 1000;
	h->stall_ms = (int64_t)MIN(MAX(c->stall_timeout_s, 1u), 3600u) * 1000;
	h->agent = c->user_agent ? strdup(c->user_agent) : default_agent();
	h->multi = curl_multi_init();
	if (h->agent && h->multi) {
		curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
		curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS,
				  (long)MIN(h->connections, 1000u) + 4);
		r = start_thread(h);
	}
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
	struct list *l;

	if (!h)
		return NULL;
	http_stop(h);
	while ((l = list_pop(&h->idle)))
		http_transfer_free(list_entry(l, struct http_transfer, link));
	if (h->multi)
		curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	free(h->agent);
	free(h);
	return NULL;
}

/* ---- waiting for one answer ---- */

struct call {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done; /* guarded by lock */
	struct buf body;
};

static int call_body(struct http_request *q, const void *p, size_t n)
{
	struct call *c = q->call;
	int r = buf_add(&c->body, p, n);

	return r == -EMSGSIZE ? -EFBIG : r;
}

static void call_done(struct http_request *q)
{
	struct call *c = q->call;
	LOCK_SCOPE(&c->lock);

	c->done = true;
	pthread_cond_signal(&c->cond);
}

int http_do(struct http *h, struct http_request *q, size_t max, char **body)
{
	struct call c = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER,
			  .body = BUF_INIT(max) };

	q->body = call_body;
	q->done = call_done;
	q->call = &c;
	http_submit(h, q);
	pthread_mutex_lock(&c.lock);
	while (!c.done)
		pthread_cond_wait(&c.cond, &c.lock);
	pthread_mutex_unlock(&c.lock);
	q->call = NULL;
	*body = buf_take(&c.body);
	return q->reply.err;
}
