/* SPDX-License-Identifier: MPL-2.0 */
/* lease.c - see lease.h.
 *
 * A fetch runs in steps that never wait: a pool job takes the file lock and looks at what is
 * stored; the POST is submitted and its done() submits the next job, which judges the answer.
 * The file lock is held from the first step to the last.  When another mount holds it, a thread
 * of this fetch's own waits for it, as rarely as that happens, and no pool thread does.
 *
 * Lock order: lease > http, pool, want.
 */
#include "source/lease.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/judge.h"
#include "net/judge.h"
#include "net/retry.h"
#include "net/url.h"
#include "source/api.h"
#include "source/session.h"

#define ANSWER_MAX 65536
#define HOLD_MS 10000 /* no new POST for so long after a failed one */
#define HOLD_MAX_MS 3600000 /* ... however long the API asks to wait */
#define HOLD_FOR_EVER INT64_MAX
#define LOCK_WAIT_MS 60000 /* for another mount's renewal */
#define LOCK_POLL_MS 50

struct lease {
	struct source_env env;
	char *name, *page, *post_url;
	struct api_subject subject; /* points to these and to the options' key */
	bool has_size;
	uint64_t size;
	char checksum[DIGEST_HEX];
	char *file, *lock_file; /* NULL: nothing is kept */
	char *limit_file; /* the daily limit is the key's, whatever the dataset */

	pthread_mutex_t lock; /* guards all below, down to the fetch's own */
	pthread_cond_t cond; /* closing, or active has dropped */
	struct session session;
	bool ready; /* session holds a URL that storage has not refused */
	bool unproven; /* it came from a POST and storage has not answered to it yet */
	uint64_t generation; /* of session; 0 = there was none yet */
	char *refused_url; /* not to be taken from the file again */
	int err; /* what lease_url() answers until err_until_ms */
	int64_t err_until_ms; /* of clock_ms() */
	int64_t limit_until; /* daily limit: no POST before this second */
	char trouble[512];
	struct want want;
	bool fetching, in_flight, closing;
	unsigned active; /* fetches whose last step has not returned */

	/* The fetch's own: touched by the step that runs, one at a time. */
	struct job job;
	struct http_request q;
	struct buf body;
	int lock_fd;
	unsigned tries;
	int64_t begun_ms;
};

static struct lease *lease_of_job(struct job *j)
{
	return container_of(j, struct lease, job);
}

static struct lease *lease_of_request(struct http_request *q)
{
	return container_of(q, struct lease, q);
}

/* The last step: state was set by succeed() or fail(), everybody parked hears of it. */
static void finish(struct lease *l, int err)
{
	buf_free(&l->body);
	l->body = (struct buf)BUF_INIT(ANSWER_MAX);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	l->lock_fd = -1;
	pthread_mutex_lock(&l->lock);
	l->fetching = false; /* from here on another fetch may begin beside us */
	pthread_mutex_unlock(&l->lock);
	want_wake(&l->want, err);
	LOCK_SCOPE(&l->lock);
	l->active--;
	pthread_cond_broadcast(&l->cond);
}

/* End the fetch: err stands for hold_ms; why becomes the trouble and is logged. */
static void fail(struct lease *l, int err, int64_t hold_ms, const char *why)
{
	int64_t now = clock_ms();

	if (err != -ECANCELED)
		(void)log_warn(0, "%s", why);
	pthread_mutex_lock(&l->lock);
	l->err = err;
	l->err_until_ms = hold_ms == HOLD_FOR_EVER ? HOLD_FOR_EVER : now + hold_ms;
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	pthread_mutex_unlock(&l->lock);
	finish(l, err);
}

/* Make s (taken) the current session. */
static void adopt(struct lease *l, struct session *s, bool posted)
{
	char date[32];

	LOCK_SCOPE(&l->lock);
	session_clear(&l->session);
	l->session = *s;
	*s = (struct session){ 0 };
	l->ready = true;
	l->unproven = posted;
	l->generation++;
	l->err = 0;
	l->limit_until = 0;
	l->trouble[0] = '\0';
	clock_format(l->session.expires, date);
	debug(lease, "%s: %s, generation %ju, expires %s", l->name,
	      posted ? "renewed" : "stored one used", (uintmax_t)l->generation, date);
}

static bool was_refused(struct lease *l, const char *url)
{
	LOCK_SCOPE(&l->lock);
	return l->refused_url && strcmp(l->refused_url, url) == 0;
}

/* Use what this or another mount has left on disk, when it is good. */
static bool adopt_stored(struct lease *l)
{
	AUTO(session_clear) struct session s = { 0 };
	int64_t now = clock_now();

	if (!l->file || session_read(l->file, now, &s) < 0)
		return false;
	if (was_refused(l, s.url)) {
		unlink(l->file);
		return false;
	}
	if (now >= session_stale_at(&s) || !session_matches(&s, l->checksum, l->has_size, l->size))
		return false;
	stats_inc(lease_reused);
	adopt(l, &s, false);
	return true;
}

static void fail_limit(struct lease *l, int64_t until)
{
	char why[512], date[32];

	clock_format(until, date);
	snprintf(why, sizeof(why),
		 "%.80s: the organization's daily download limit is reached; it resets "
		 "at %s; what is cached stays readable",
		 l->name, date);
	pthread_mutex_lock(&l->lock);
	l->limit_until = until;
	pthread_mutex_unlock(&l->lock);
	fail(l, -EDQUOT, 0, why);
}

/* Send the POST, after delay_ms; on_done() goes on. */
static void post(struct lease *l, int64_t delay_ms)
{
	l->q.url = l->post_url;
	l->q.bearer = l->subject.key;
	l->q.delay_ms = delay_ms;
	l->q.reply = (struct http_reply){ .retry_after_s = -1 };
	l->body.len = 0;
	l->tries++;
	pthread_mutex_lock(&l->lock);
	if (!l->closing) {
		stats_inc(api_requests);
		stats_inc(download_posts);
		l->in_flight = true; /* lease_free() cancels under this lock, so after this */
		http_submit(l->env.http, &l->q);
		pthread_mutex_unlock(&l->lock);
		return;
	}
	pthread_mutex_unlock(&l->lock);
	fail(l, -ECANCELED, 0, "");
}

static void fail_no_key(struct lease *l)
{
	char why[512];
	const struct options *opt = l->env.opt;

	if (opt->api_key && opt->api_key[0])
		snprintf(why, sizeof(why),
			 "%.80s: the API key is not sent over plain http: set api_url to "
			 "an https:// URL",
			 l->name);
	else
		snprintf(why, sizeof(why),
			 "%.80s: an API key is needed to download: set MDC_API_KEY", l->name);
	fail(l, -EACCES, HOLD_MS, why);
}

/* The file lock is ours, or there is none to have: look at what is stored, else ask. */
static void fetch_locked(struct job *j)
{
	struct lease *l = lease_of_job(j);
	int64_t until = 0;

	if (adopt_stored(l)) {
		finish(l, 0);
		return;
	}
	if (l->limit_file)
		until = session_limit_read(l->limit_file, clock_now());
	if (until)
		fail_limit(l, until);
	else if (!l->subject.key)
		fail_no_key(l);
	else
		post(l, 0);
}

/* Wait a moment, or until the lease is being closed: true then. */
static bool pause_closing(struct lease *l)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += LOCK_POLL_MS * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	LOCK_SCOPE(&l->lock);
	if (!l->closing)
		(void)pthread_cond_timedwait(&l->cond, &l->lock, &ts);
	return l->closing;
}

static void fetch_lock_busy(struct job *j)
{
	struct lease *l = lease_of_job(j);
	char why[512];

	snprintf(why, sizeof(why), "%.80s: another mount is renewing the link and does not get on",
		 l->name);
	fail(l, -EAGAIN, HOLD_MS, why);
}

static void *lock_thread(void *arg)
{
	struct lease *l = arg;
	int64_t until = clock_ms() + LOCK_WAIT_MS;
	int r = -EWOULDBLOCK;

	while (r == -EWOULDBLOCK && clock_ms() < until && !pause_closing(l))
		r = file_lock(l->lock_file, false, &l->lock_fd);
	l->job.run = r == -EWOULDBLOCK ? fetch_lock_busy : fetch_locked;
	pool_submit(l->env.pool, &l->job, JOB_DEMAND); /* l is not ours any more */
	return NULL;
}

static int wait_for_lock(struct lease *l)
{
	pthread_attr_t attr;
	pthread_t t;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	r = -pthread_create(&t, &attr, lock_thread, l);
	pthread_attr_destroy(&attr);
	return r;
}

static void fetch_begin(struct job *j)
{
	struct lease *l = lease_of_job(j);
	int r = l->lock_file ? file_lock(l->lock_file, false, &l->lock_fd) : 0;

	l->tries = 0;
	l->begun_ms = clock_ms();
	if (r == -EWOULDBLOCK && wait_for_lock(l) == 0)
		return;
	if (r == -EWOULDBLOCK) {
		fetch_lock_busy(j);
		return;
	}
	if (r < 0) /* a full or read-only disk must not stop reading */
		(void)log_warn(r, "%s: links cannot be kept on disk", l->lock_file);
	fetch_locked(j);
}

static int on_body(struct http_request *q, const void *p, size_t n)
{
	return buf_add(&lease_of_request(q)->body, p, n);
}

/* A new session of another version is kept for the next mount, of no use for this one. */
static void take_session(struct lease *l)
{
	AUTO(session_clear) struct session s = { 0 };
	char why[512];
	int r = session_parse(l->body.p ? l->body.p : "", clock_now(), &s);

	if (r < 0) {
		snprintf(why, sizeof(why),
			 "%.80s: the API's answer to the download request makes no sense", l->name);
		fail(l, r, HOLD_MS * 6, why);
		return;
	}
	if (l->file) {
		r = session_write(l->file, &s);
		if (r < 0)
			(void)log_warn(r, "%s: the link cannot be kept on disk", l->file);
	}
	if (!session_matches(&s, l->checksum, l->has_size, l->size)) {
		snprintf(why, sizeof(why), "%.80s: the dataset has a new version: mount it again",
			 l->name);
		fail(l, -ESTALE, HOLD_FOR_EVER, why);
		return;
	}
	adopt(l, &s, true);
	finish(l, 0);
}

static void take_limit(struct lease *l, int64_t until)
{
	int r = l->limit_file ? session_limit_write(l->limit_file, until) : 0;

	if (r < 0)
		(void)log_warn(r, "%s: the daily limit cannot be kept on disk", l->limit_file);
	fail_limit(l, until);
}

static void take_fault(struct lease *l)
{
	const struct http_reply *reply = &l->q.reply;
	int64_t asked = MIN(reply->retry_after_s, HOLD_MAX_MS / 1000) * 1000;
	char why[512];
	int err = api_fault(reply, l->body.p, &l->subject, why);

	fail(l, err, MAX(HOLD_MS, asked), why);
}

/* How long to wait before the POST is repeated, or -1. */
static int64_t post_again_after(const struct lease *l)
{
	static const struct retry_policy policy = {
		.max_tries = 3,
		.base_ms = 500,
		.cap_ms = 4000,
		.deadline_ms = 20000,
	};
	const struct http_reply *reply = &l->q.reply;

	if (judge_reply(reply).verdict != VERDICT_RETRY)
		return -1;
	return retry_wait(&policy, l->tries, clock_ms() - l->begun_ms, reply->retry_after_s,
			  api_jitter());
}

static void fetch_answer(struct job *j)
{
	struct lease *l = lease_of_job(j);
	const struct http_reply *reply = &l->q.reply;
	int64_t limit, wait;

	if (reply->err == 0 && reply->status >= 200 && reply->status <= 299) {
		take_session(l);
		return;
	}
	limit = reply->err == 0 ? session_limit(reply, l->body.p, clock_now()) : 0;
	if (limit) {
		take_limit(l, limit);
		return;
	}
	wait = post_again_after(l);
	if (wait >= 0)
		post(l, wait);
	else
		take_fault(l);
}

static void on_done(struct http_request *q)
{
	struct lease *l = lease_of_request(q);

	LOCK_SCOPE(&l->lock);
	l->in_flight = false;
	l->job.run = fetch_answer;
	pool_submit(l->env.pool, &l->job, JOB_DEMAND);
}

/* "state_dir/leases/<sha256 of a and b and c><suffix>", NULL without memory. */
static char *lease_path(const char *dir, const char *a, const char *b, const char *c,
			const char *suffix)
{
	char hex[DIGEST_HEX];
	char *p;

	if (digest_strings(hex, a, b, c, NULL) < 0)
		return NULL;
	return asprintf(&p, "%s/%s%s", dir, hex, suffix) < 0 ? NULL : p;
}

static int set_files(struct lease *l, const struct lease_config *c)
{
	AUTO(auto_free) char *dir = NULL;
	int r;

	if (!c->env->state_dir)
		return 0;
	dir = path_join(c->env->state_dir, "leases");
	if (!dir)
		return -ENOMEM;
	r = dir_make(dir, 0700);
	if (r < 0) {
		(void)log_warn(r, "%s: links cannot be kept on disk", dir);
		return 0;
	}
	l->file = lease_path(dir, c->api, c->id, NULL, ".json");
	l->lock_file = lease_path(dir, c->api, c->id, NULL, ".lock");
	if (l->subject.key)
		l->limit_file = lease_path(dir, c->api, "daily limit", l->subject.key, ".json");
	return l->file && l->lock_file && (l->limit_file || !l->subject.key) ? 0 : -ENOMEM;
}

static int set_texts(struct lease *l, const struct lease_config *c)
{
	AUTO(auto_free) char *id = url_encode(c->id);

	l->name = strdup(c->name);
	l->page = strdup(c->page);
	l->subject = (struct api_subject){ l->name, l->page, api_key(c->env->opt, c->api) };
	if (!id || asprintf(&l->post_url, "%s/datasets/%s/download", c->api, id) < 0)
		l->post_url = NULL;
	snprintf(l->checksum, sizeof(l->checksum), "%s", c->checksum);
	return l->name && l->page && l->post_url ? 0 : -ENOMEM;
}

int lease_new(const struct lease_config *c, struct lease **out)
{
	struct lease *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->cond, NULL);
	want_init(&l->want);
	l->env = *c->env;
	l->lock_fd = -1;
	l->body = (struct buf)BUF_INIT(ANSWER_MAX);
	l->q = (struct http_request){ .method = "POST", .body = on_body, .done = on_done };
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
	free(l->post_url);
	free(l->file);
	free(l->lock_file);
	free(l->limit_file);
	free(l->refused_url);
	free(l);
	return NULL;
}

static int give_locked(struct lease *l, struct location *out)
{
	char *url = strdup(l->session.url);

	if (!url)
		return -ENOMEM;
	*out = (struct location){ .url = url, .generation = l->generation };
	return 0;
}

int lease_url(struct lease *l, struct waiter *w, struct location *out)
{
	LOCK_SCOPE(&l->lock);
	if (l->ready && clock_now() < session_stale_at(&l->session))
		return give_locked(l, out);
	if (l->limit_until > clock_now())
		return -EDQUOT;
	if (l->err < 0 && clock_ms() < l->err_until_ms)
		return l->err;
	if (l->closing)
		return -ENOTCONN;
	if (!l->fetching) {
		l->fetching = true;
		l->active++;
		l->job.run = fetch_begin;
		pool_submit(l->env.pool, &l->job, JOB_DEMAND);
	}
	return want_park(&l->want, w);
}

int lease_refused(struct lease *l, uint64_t generation)
{
	LOCK_SCOPE(&l->lock);
	if (!l->ready || generation != l->generation)
		return 0; /* somebody was first: there is a newer one, or it is being made */
	if (l->unproven && clock_now() < l->session.expires) {
		if (l->trouble[0]) /* said already: every read comes here */
			return -EACCES;
		snprintf(l->trouble, sizeof(l->trouble),
			 "%.80s: storage refuses a link made just now", l->name);
		return log_warn(-EACCES, "%s", l->trouble);
	}
	debug(lease, "%s: generation %ju refused", l->name, (uintmax_t)generation);
	l->ready = false;
	free(l->refused_url);
	l->refused_url = l->session.url;
	l->session.url = NULL;
	return 0;
}

void lease_accepted(struct lease *l, uint64_t generation)
{
	LOCK_SCOPE(&l->lock);
	if (generation != l->generation || !l->unproven)
		return;
	l->unproven = false;
	l->trouble[0] = '\0';
}

void lease_trouble(struct lease *l, char out[static 512])
{
	LOCK_SCOPE(&l->lock);
	snprintf(out, 512, "%s", l->trouble);
}

int64_t lease_expires(struct lease *l)
{
	LOCK_SCOPE(&l->lock);
	return l->ready ? l->session.expires : 0;
}
