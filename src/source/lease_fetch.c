/* SPDX-License-Identifier: MPL-2.0 */
/* lease_fetch.c - see lease_parts.h.
 *
 * A fetch runs in steps that never wait: a pool job looks at what is stored, takes the file lock and
 * looks again; the POST is submitted and its done() submits the next job, which judges the answer.
 * The file lock is held from then to the last step.  When another mount holds it, a thread
 * of this fetch's own waits for it, as rarely as that happens, and no pool thread does.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/judge.h"
#include "net/retry.h"
#include "source/lease_parts.h"

#define HOLD_MS 10000	    /* no new POST for so long after a failed one */
#define HOLD_LONG_MS 640000 /* ... after many */
#define HOLD_MAX_MS 3600000 /* ... however long the API asks to wait */
#define HOLD_FOR_EVER INT64_MAX
#define POST_DEADLINE_MS 20000 /* for the last of several tries to start */
#define LOCK_POLL_MS 50
#define LOOK_POLLS 20 /* between two looks at what is stored */

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
	l->body = (struct buf)BUF_INIT(LEASE_ANSWER_MAX);
	if (l->file)
		leasefile_unlock(l->file);
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

	if (err == -ENOENT && l->subject.absent) /* nobody's fault */
		log_info("%s", why);
	else if (err != -ECANCELED)
		(void)log_warn(0, "%s", why);
	pthread_mutex_lock(&l->lock);
	l->err = err;
	l->err_until_ms = hold_ms == HOLD_FOR_EVER ? HOLD_FOR_EVER : now + hold_ms;
	l->failures++;
	snprintf(l->trouble, sizeof(l->trouble), "%s", why);
	pthread_mutex_unlock(&l->lock);
	finish(l, err);
}

/* Make s (taken) the current session. */
static void adopt(struct lease *l, struct session *s, bool posted, bool proven)
{
	char date[32];

	LOCK_SCOPE(&l->lock);
	session_clear(&l->session);
	l->session = *s;
	*s = (struct session){ 0 };
	l->ready = true;
	l->unproven = !proven;
	l->generation++;
	l->err = 0;
	l->limit_until = 0;
	l->failures = 0;
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
	int64_t now = lease_now(l);
	bool proven = false;

	if (!l->file || leasefile_read(l->file, now, &s, &proven) < 0)
		return false;
	if (was_refused(l, s.url) || now >= session_stale_at(&s) ||
	    !session_matches(&s, l->checksum, l->has_size, l->size))
		return false;
	stats_inc(lease_reused);
	adopt(l, &s, false, proven);
	return true;
}

static void fail_limit(struct lease *l, int64_t until, const char *what)
{
	char why[512], date[32];

	clock_format(until, date);
	snprintf(why, sizeof(why), "%.80s: %.160s; it resets at %s; what is cached stays readable",
		 l->name, what, date);
	pthread_mutex_lock(&l->lock);
	l->limit_until = until;
	pthread_mutex_unlock(&l->lock);
	fail(l, -EDQUOT, 0, why);
}

/* The ledger does not let us ask. */
static void fail_ledger(struct lease *l, int r, const struct ledger_day *day)
{
	unsigned reserve = l->env.opt->quota_reserve;
	int64_t wait = day->wait - lease_now(l);
	char what[160];

	if (r == -EAGAIN) {
		snprintf(what, sizeof(what), "%.80s: the API asked for %jd s without requests",
			 l->name, (intmax_t)MAX(wait, 1));
		fail(l, -EAGAIN, MIN(MAX(wait, 1) * 1000, HOLD_MAX_MS), what);
		return;
	}
	if (day->until) {
		fail_limit(l, day->until, "the organization's daily download limit is reached");
		return;
	}
	snprintf(what, sizeof(what),
		 "%u of the day's %u downloads are left, and quota_reserve=%u keeps them",
		 day->left, day->limit, reserve);
	fail_limit(l, day->resets, what);
}

/* True: the POST is on its way, or at least counts as such. */
static bool submit(struct lease *l)
{
	LOCK_SCOPE(&l->lock);
	if (l->closing)
		return false;
	stats_inc(api_requests);
	stats_inc(download_posts);
	l->in_flight = true; /* lease_free() cancels under this lock, so after this */
	http_submit(l->env.http, &l->q);
	return true;
}

/* Count the POST and send it, after delay_ms; lease_fetch_done() goes on. */
static void post(struct lease *l, int64_t delay_ms)
{
	struct ledger_day day;
	int r = ledger_spend(l->ledger, l->id, &day);

	if (r < 0) {
		fail_ledger(l, r, &day);
		return;
	}
	l->q.url = l->post_url;
	l->q.bearer = l->subject.key;
	l->q.delay_ms = delay_ms;
	l->q.reply = (struct http_reply){ .retry_after_s = -1 };
	l->body.len = 0;
	l->tries++;
	if (!submit(l)) {
		ledger_undo(l->ledger);
		fail(l, -ECANCELED, 0, "");
	}
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
			 "%.80s: an API key is needed to download: set MDC_API_KEY or run mdcfs "
			 "login",
			 l->name);
	fail(l, -EACCES, HOLD_MS, why);
}

static void fetch_found(struct job *j)
{
	finish(lease_of_job(j), 0);
}

/* The file lock is ours, or there is none to have: look at what is stored, else ask. */
static void fetch_locked(struct job *j)
{
	struct lease *l = lease_of_job(j);

	if (adopt_stored(l)) {
		finish(l, 0);
		return;
	}
	if (l->file && l->refused_url) /* nobody else is to try it; it changes only while ready */
		leasefile_drop(l->file, lease_now(l), l->refused_url);
	if (!l->subject.key)
		fail_no_key(l);
	else
		post(l, 0);
}

/* Wait a moment, or until the lease is being closed: true then. */
static bool pause_closing(struct lease *l)
{
	LOCK_SCOPE(&l->lock);
	if (!l->closing)
		(void)cond_wait_ms(&l->cond, &l->lock, LOCK_POLL_MS);
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

/* Longer than that no renewal takes, if whoever makes it is well: another mount's has the same
 * settings, as far as we know. */
static int64_t longest_renewal_ms(const struct lease *l)
{
	const struct options *opt = l->env.opt;

	return POST_DEADLINE_MS + (opt->connect_timeout + opt->stall_timeout) * 1000;
}

/* Until the lock is ours, its holder has left a lease, or it must be taken to hang: then the same
 * with the next lock. */
static void *lock_thread(void *arg)
{
	struct lease *l = arg;
	int64_t begun = clock_ms(), longest = longest_renewal_ms(l);
	void (*next)(struct job * j) = NULL;

	for (unsigned polls = 1; !next; polls++) {
		unsigned n = (unsigned)((clock_ms() - begun) / longest);

		if (n >= LEASEFILE_LOCKS || pause_closing(l))
			next = fetch_lock_busy;
		else if (polls % LOOK_POLLS == 0 && adopt_stored(l))
			next = fetch_found;
		else if (leasefile_lock(l->file, n) != -EWOULDBLOCK)
			next = fetch_locked;
	}
	l->job.run = next;
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

void lease_fetch_begin(struct job *j)
{
	struct lease *l = lease_of_job(j);
	int r;

	l->tries = 0;
	l->begun_ms = clock_ms();
	if (adopt_stored(l)) {
		finish(l, 0);
		return;
	}
	r = l->file ? leasefile_lock(l->file, 0) : 0;
	if (r == -EWOULDBLOCK && wait_for_lock(l) == 0)
		return;
	if (r == -EWOULDBLOCK) {
		fetch_lock_busy(j);
		return;
	}
	if (r < 0) /* a full or read-only disk must not stop reading */
		(void)log_warn(r, "%s: links cannot be kept on disk", l->env.lease_dir);
	fetch_locked(j);
}

static bool was_not_sent(const struct http_reply *r)
{
	return r->err == -ECONNREFUSED || r->err == -EHOSTUNREACH || r->err == -ENETUNREACH;
}

int lease_fetch_body(struct http_request *q, const void *p, size_t n)
{
	return buf_add(&lease_of_request(q)->body, p, n);
}

/* Each failure that may have cost a download doubles the time to the next; one that never left this
 * machine costs nothing. */
static int64_t hold_ms(struct lease *l, int64_t first_ms)
{
	LOCK_SCOPE(&l->lock);
	if (was_not_sent(&l->q.reply))
		return first_ms;
	return MIN(first_ms << MIN(l->failures, 6u), HOLD_LONG_MS);
}

/* A new session of another version is kept for the next mount, of no use for this one. */
static void take_session(struct lease *l)
{
	AUTO(session_clear) struct session s = { 0 };
	char why[512];
	int r = session_parse(l->body.p ? l->body.p : "", l->post_url, lease_now(l), &s);

	if (r < 0) {
		snprintf(why, sizeof(why),
			 "%.80s: the API's answer to the download request makes no sense", l->name);
		fail(l, r, hold_ms(l, HOLD_MS * 6), why);
		return;
	}
	r = l->file ? leasefile_write(l->file, &s) : 0;
	if (r < 0)
		(void)log_warn(r, "%s: the link cannot be kept on disk", l->env.lease_dir);
	if (!session_matches(&s, l->checksum, l->has_size, l->size)) {
		snprintf(why, sizeof(why), "%.80s: the dataset has a new version", l->name);
		fail(l, -ESTALE, HOLD_FOR_EVER, why);
		return;
	}
	adopt(l, &s, true, false);
	finish(l, 0);
}

/* The POST has failed for good. */
static void take_fault(struct lease *l)
{
	const struct http_reply *reply = &l->q.reply;
	int64_t asked = MIN(reply->retry_after_s, HOLD_MAX_MS / 1000);
	char why[512];
	int err = api_fault(reply, l->body.p, &l->subject, why);

	if (reply->err == 0 && asked > 0) /* other mounts are not to ask either */
		ledger_wait(l->ledger, lease_now(l) + asked);
	fail(l, err, MAX(hold_ms(l, HOLD_MS), asked * 1000), why);
}

/* How long to wait before the POST is repeated, or -1. */
static int64_t post_again_after(const struct lease *l)
{
	static const struct retry_policy policy = {
		.max_tries = 3,
		.base_ms = 500,
		.cap_ms = 4000,
		.deadline_ms = POST_DEADLINE_MS,
	};
	const struct http_reply *reply = &l->q.reply;

	if (judge_reply(reply).verdict != VERDICT_RETRY)
		return -1;
	return retry_wait(&policy, l->tries, clock_ms() - l->begun_ms, reply->retry_after_s,
			  retry_random());
}

/* What the answer says of the day's downloads.  Until when their limit is reached; 0: it is not. */
static int64_t learn(struct lease *l)
{
	const struct http_reply *r = &l->q.reply;
	int64_t until;

	if (was_not_sent(r))
		ledger_undo(l->ledger);
	if (r->err < 0)
		return 0;
	servertime_learn(l->env.time, r->date, true);
	until = session_limit(r, l->body.p, lease_now(l));
	/* These headers are documented for requests in a window of any length, too: what they say
	 * may leave fewer downloads of the day than are known, never more. */
	if ((until || (r->status >= 200 && r->status <= 299)) && r->rate_limit <= LEDGER_LIMIT)
		ledger_told(l->ledger, r->rate_limit, r->rate_left);
	if (until)
		ledger_reached(l->ledger, until);
	return until;
}

/* A session may have come whole before its connection broke: it has been paid for. */
static bool has_session(const struct lease *l)
{
	const struct http_reply *reply = &l->q.reply;
	AUTO(session_clear) struct session s = { 0 };

	if (reply->status < 200 || reply->status > 299)
		return false;
	return reply->err == 0 ||
	       (l->body.p && session_parse(l->body.p, l->post_url, lease_now(l), &s) == 0);
}

static void fetch_answer(struct job *j)
{
	struct lease *l = lease_of_job(j);
	int64_t until = learn(l), wait;

	if (until) {
		fail_limit(l, until, "the organization's daily download limit is reached");
		return;
	}
	if (has_session(l)) {
		take_session(l);
		return;
	}
	wait = post_again_after(l);
	if (wait >= 0)
		post(l, wait);
	else
		take_fault(l);
}

void lease_fetch_done(struct http_request *q)
{
	struct lease *l = lease_of_request(q);

	LOCK_SCOPE(&l->lock);
	l->in_flight = false;
	l->job.run = fetch_answer;
	pool_submit(l->env.pool, &l->job, JOB_DEMAND);
}
