/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.c - see http_transfer.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "net/http_transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_headers.h"
#include "net/peer.h"
#include "net/redirect.h"
#include "net/url.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "dev"
#endif

#define BUFFER_BYTES (512 * 1024)
#define MAX_HEADER_BYTES (256 * 1024)
#define MAX_EXCUSE_BYTES (256 * 1024) /* of the body of what is no success */
#define PACE_MS 4000		      /* so often is looked at how fast bytes come */

static void transfer_free(struct http_transfer *t)
{
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t);
}

static int transfer_new(const struct http_transfer_config *c, struct http_transfer **out)
{
	struct http_transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	list_init(&t->link);
	t->config = c;
	t->easy = curl_easy_init();
	if (!t->easy) {
		transfer_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

static char *default_agent(void)
{
	char *agent;

	if (asprintf(&agent, "mdcfs/%s (libcurl/%s; Linux)", PACKAGE_VERSION,
		     curl_version_info(CURLVERSION_NOW)->version) < 0)
		return NULL;
	return agent;
}

int http_transfers_init(struct http_transfers *ts, const struct http_config *c, struct list *lost)
{
	struct http_transfer_config *own = &ts->config;

	list_init(&ts->idle);
	ts->n = 0;
	ts->max = MAX(c->connections, 1u);
	own->lost = lost;
	own->connect_ms = (long)MIN(MAX(c->connect_timeout_s, 1u), 3600u) * 1000;
	own->agent = c->user_agent ? strdup(c->user_agent) : default_agent();
	own->cacert = strdup(c->cacert ? c->cacert : "");
	if (!own->agent || !own->cacert)
		return -ENOMEM;
	if (own->cacert[0] && access(own->cacert, R_OK) < 0)
		return log_error(-errno, "cacert=%s", own->cacert);
	return 0;
}

void http_transfers_clear(struct http_transfers *ts)
{
	struct list *l;

	while ((l = list_pop(&ts->idle)))
		transfer_free(list_entry(l, struct http_transfer, link));
	ts->n = 0;
	free(steal(&ts->config.agent));
	free(steal(&ts->config.cacert));
}

int http_transfers_get(struct http_transfers *ts, struct http_transfer **out)
{
	struct list *l = list_pop(&ts->idle);

	if (!l)
		return transfer_new(&ts->config, out);
	ts->n--;
	*out = list_entry(l, struct http_transfer, link);
	return 0;
}

void http_transfers_put(struct http_transfers *ts, struct http_transfer *t)
{
	if (ts->n >= ts->max) {
		transfer_free(t);
		return;
	}
	list_push(&ts->idle, &t->link);
	ts->n++;
}

/* ---- libcurl's callbacks, on the I/O thread ---- */

/* The connection is up and the request about to be sent. */
static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_transfer *t = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	t->connected = true;
	t->last_ms = clock_ms();
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;

	n *= size;
	if (!t->q)
		return 0; /* lost */
	t->last_ms = clock_ms();
	if (!t->first_ms)
		t->first_ms = t->last_ms;
	t->header_bytes += n;
	if (t->header_bytes > MAX_HEADER_BYTES) {
		t->abort = -EPROTO;
		return 0;
	}
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0)
		t->headers_done = false;
	if (t->headers_done)
		return n; /* a trailer: not for us */
	if (n <= 2 && (*p == '\r' || *p == '\n'))
		t->headers_done = true;
	else
		http_headers_line(&t->reply, p, n, clock_now());
	return n;
}

/* Somewhere between stalled and slow: a new connection, for what is left, is likely to be better.  Only of
 * ranges, which go on where this one stands. */
static void look_at_pace(struct http_transfer *t)
{
	int64_t ms = t->last_ms - t->pace_ms;

	if (t->pace_ms && ms < PACE_MS)
		return;
	if (t->pace_ms && t->q->ranged &&
	    (t->bytes - t->pace_bytes) * 1000 / (uint64_t)ms < peer_least_rate(t->peer))
		t->limps = true;
	t->pace_ms = t->last_ms;
	t->pace_bytes = t->bytes;
}

static bool is_success(const struct http_transfer *t)
{
	return t->reply.status >= 200 && t->reply.status <= 299;
}

static bool is_post(const struct http_request *q)
{
	return q->method && strcmp(q->method, "POST") == 0;
}

static bool may_redirect(const struct http_transfer *t)
{
	return (!t->q->bearer || t->q->bearer_stays) && !is_post(t->q) && redirect_status(t->reply.status);
}

static void keep_problem(struct http_transfer *t, const char *p, size_t n)
{
	struct http_reply *r = &t->reply;

	if (r->status < 400 || r->status > 499)
		return;
	n = MIN(n, sizeof(r->problem) - 1 - t->problem_len);
	memcpy(r->problem + t->problem_len, p, n);
	t->problem_len += n;
}

/* A byte has come: from here on this transfer alone serves the request, from where it began. */
static void win(struct http_transfer *t)
{
	struct http_request *q = t->q;
	struct http_transfer *other = q->transfer == t ? q->rival : q->transfer;

	t->won = true;
	q->transfer = t;
	q->rival = NULL;
	q->reply = t->reply;
	q->range = t->range;
	if (!other)
		return;
	other->q = NULL;
	list_remove(&other->link);
	list_push(t->config->lost, &other->link);
}

/* Is it behind a slow one that brings bytes, too? */
static bool is_overtaking(const struct http_transfer *t)
{
	return t->q->overtake && t->q->rival == t;
}

/* The receiver gets what it has not got from the other one. */
static int pass_on(struct http_transfer *t, const char *p, size_t n)
{
	struct http_request *q = t->q;
	uint64_t at = t->range.from + t->bytes;
	size_t skip = is_success(t) && at < q->reached ? (size_t)MIN(n, q->reached - at) : 0;
	int r = 0;

	if (skip == n)
		return 0;
	if ((q->rival && !(q->overtake && q->transfer == t)) || !t->won)
		win(t);
	if (q->body)
		r = q->body(q, p + skip, n - skip);
	if (r == 0 && is_success(t))
		q->reached = at + n;
	return r;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	struct http_request *q = t->q;
	int r = 0;

	n *= size;
	if (!q)
		return 0; /* lost */
	t->last_ms = clock_ms();
	t->cut = !is_success(t) && t->bytes + n > MAX_EXCUSE_BYTES;
	if (t->bytes == 0)
		t->body_ms = t->last_ms;
	/* What is slow is overtaken by a range only. */
	t->cut |= is_overtaking(t) && is_success(t) && t->reply.status != 206;
	if (t->cut)
		return 0;
	/* A refusal is no reason to give up the other one; what redirects is no answer. */
	if (n > 0 && !may_redirect(t) && (!q->rival || is_success(t)))
		r = pass_on(t, p, n);
	if (r == HTTP_PAUSE) { /* libcurl keeps the bytes */
		t->paused = true;
		t->pause_ms = t->last_ms;
		return CURL_WRITEFUNC_PAUSE;
	}
	keep_problem(t, p, n);
	t->bytes += n;
	look_at_pace(t);
	t->abort = r;
	return r ? 0 : n;
}

/* ---- setting up a request ---- */

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	AUTO(auto_free) char *line = NULL;
	struct curl_slist *more;

	if (asprintf(&line, "%s %s", name, value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	more = curl_slist_append(*list, line);
	if (!more)
		return -ENOMEM;
	*list = more;
	return 0;
}

static int add_authorization(struct curl_slist **list, const struct http_request *q)
{
	AUTO(auto_free) char *name = NULL;

	if (asprintf(&name, "Authorization: %s", q->scheme ? q->scheme : "Bearer") < 0) {
		name = NULL;
		return -ENOMEM;
	}
	return add_header(list, name, q->bearer);
}

static int set_headers(struct http_transfer *t, const struct http_request *q)
{
	char range[64];
	int r = 0;

	if (q->ranged) {
		http_range_value(t->range, range);
		r = add_header(&t->headers, "Range:", range);
	}
	if (r == 0 && q->if_match && strncmp(q->if_match, "W/", 2) != 0)
		r = add_header(&t->headers, "If-Match:", q->if_match);
	if (r == 0 && q->bearer && (!q->hop || url_same_origin(q->url, q->hop)))
		r = add_authorization(&t->headers, q);
	/* The bytes themselves are wanted: a range of compressed ones would be of no use. */
	if (r == 0)
		r = add_header(&t->headers, "Accept-Encoding:", "identity");
	if (r == 0 && is_post(q) && q->post)
		r = add_header(&t->headers, "Content-Type:", q->post_type);
	else if (r == 0 && is_post(q)) /* an empty body has no type */
		r = add_header(&t->headers, "Content-Type:", "");
	if (r == 0 && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers) != CURLE_OK)
		r = -ENOMEM;
	return r;
}

static int set_numbers(struct http_transfer *t, const struct http_request *q)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_QUICK_EXIT, 1 }, /* a cancel does not wait for a name server */
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_BUFFERSIZE, BUFFER_BYTES },
		{ CURLOPT_TCP_KEEPALIVE, 1 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
		{ CURLOPT_PATH_AS_IS, 1 }, /* a signature is over the path as it is written */
		{ CURLOPT_CONNECTTIMEOUT_MS, t->config->connect_ms },
		{ CURLOPT_FOLLOWLOCATION, 0 }, /* that is the owner's */
		{ is_post(q) ? CURLOPT_POST : CURLOPT_HTTPGET, 1 },
		{ CURLOPT_POSTFIELDSIZE, !is_post(q) ? -1 : q->post ? (long)q->post_len : 0 },
		/* libcurl repeats by itself what a stale connection swallowed; a POST costs quota. */
		{ CURLOPT_FRESH_CONNECT, is_post(q) ? 1 : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (curl_easy_setopt(t->easy, numbers[i].option, numbers[i].value) != CURLE_OK)
			return -EINVAL;
	return 0;
}

static int set_strings(struct http_transfer *t, const struct http_request *q)
{
	int bad = 0;

	bad |= curl_easy_setopt(t->easy, CURLOPT_URL, q->hop ? q->hop : q->url);
	bad |= curl_easy_setopt(t->easy, CURLOPT_USERAGENT, t->config->agent);
	bad |= curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (t->config->cacert[0])
		bad |= curl_easy_setopt(t->easy, CURLOPT_CAINFO, t->config->cacert);
	if (is_post(q))
		bad |= curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, q->post ? q->post : "");
	/* A proxy would see a key that goes to a loopback address in clear. */
	if (q->bearer && url_is_loopback(q->url))
		bad |= curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "*");
	return bad ? -ENOMEM : 0;
}

static void set_callbacks(struct http_transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

/* How a request's URL is printed. */
static void show_url(const struct http_request *q, char *out, size_t cap)
{
	char *last;

	url_redact(q->hop ? q->hop : q->url, out, cap);
	last = strrchr(out, '/');
	if (q->secret_path && last)
		snprintf(last, cap - (size_t)(last - out), "/...");
}

int http_transfer_check(const struct http_request *q)
{
	char url[256];

	show_url(q, url, sizeof(url));
	if (!url_is_http(q->url))
		return log_error(-EINVAL, "%s is no http or https URL", url);
	if (q->method && strcmp(q->method, "GET") != 0 && !is_post(q))
		return log_error(-EINVAL, "%s: method %s", url, q->method);
	if (q->ranged && q->range.to <= q->range.from)
		return log_error(-EINVAL, "%s: an empty range was asked for", url);
	if (q->if_match && !http_headers_valid(q->if_match))
		return log_error(-EINVAL, "%s: control characters in the ETag", url);
	if (!q->bearer)
		return 0;
	if (!http_headers_valid(q->bearer))
		return log_error(-EINVAL, "%s: the API key is empty or has control characters",
				 url);
	if (!url_may_carry_key(q->url))
		return log_error(-EACCES,
				 "%s is neither https nor this machine: no API key goes there",
				 url);
	return 0;
}

void http_transfer_end(struct http_transfer *t, CURLM *multi)
{
	curl_multi_remove_handle(multi, t->easy);
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	t->q = NULL;
}

/* After a name that was not found libcurl (7.88) keeps its buffer, reset or not, and then refuses
 * the size of it: such a handle is of no use any more. */
static int check_handle(struct http_transfer *t)
{
	CURL *easy;

	if (curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES) == CURLE_OK)
		return 0;
	easy = curl_easy_init();
	if (!easy)
		return -ENOMEM;
	curl_easy_cleanup(t->easy);
	t->easy = easy;
	return 0;
}

static int set_up(struct http_transfer *t, const struct http_request *q)
{
	int r = check_handle(t);

	if (r == 0)
		r = set_numbers(t, q);
	if (r == 0)
		r = set_strings(t, q);
	if (r == 0)
		r = set_headers(t, q);
	if (r == 0)
		set_callbacks(t);
	return r;
}

static int begin(struct http_transfer *t, CURLM *multi, struct http_request *q)
{
	int r;

	t->range = q->range;
	if (q->transfer)
		t->range.from += q->transfer->bytes;
	else
		q->reached = t->range.from;
	r = set_up(t, q);
	if (r < 0)
		return r;
	t->q = q;
	http_headers_reset(&t->reply);
	t->start_ms = t->last_ms = clock_ms();
	t->first_ms = t->body_ms = 0;
	t->bytes = 0;
	t->header_bytes = t->problem_len = 0;
	t->connected = t->headers_done = t->paused = t->cut = t->won = t->limps = false;
	t->pace_ms = 0;
	t->abort = 0;
	t->why[0] = '\0';
	return curl_multi_add_handle(multi, t->easy) == CURLM_OK ? 0 : -ENOMEM;
}

int http_transfer_begin(struct http_transfer *t, CURLM *multi, struct http_request *q)
{
	int r = begin(t, multi, q);

	if (r < 0)
		http_transfer_end(t, multi);
	return r;
}

void http_transfer_report(const struct http_transfer *t, int err)
{
	const struct http_request *q = t->q;
	char url[256], range[64] = "-";

	show_url(q, url, sizeof(url));
	if (q->ranged)
		http_range_value(t->range, range);
	/* The certificate or the proxy: nobody above knows what is wrong with it. */
	if (err == -EACCES && !t->abort)
		(void)log_error(err, "%s: %s", url, t->why);
	debug(http, "%s %s %s status %d err %d %" PRIu64 " bytes %" PRId64 " ms %s",
	      is_post(q) ? "POST" : "GET", url, range, t->reply.status, err, t->bytes,
	      clock_ms() - t->start_ms, err ? t->why : "");
}

void http_transfer_resume(struct http_transfer *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	t->last_ms = clock_ms();
	t->pace_ms = 0;
	t->body_ms += t->body_ms ? t->last_ms - t->pause_ms : 0;
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

int http_transfer_errno(const struct http_transfer *t, CURLcode code)
{
	long os = 0;

	if (t->abort)
		return t->abort;
	if (t->cut)
		return 0; /* enough is known */
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
		return os == EHOSTUNREACH || os == ENETUNREACH ? -EHOSTUNREACH : -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_RECV_ERROR:
		/* A proxy that refuses to lead on (RFC 9110 9.3.6) looks like this. */
		curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &os);
		return os >= 400 && os <= 499 ? -EACCES : -ECONNRESET;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
		return -ECONNRESET;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return -EACCES;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_URL_MALFORMAT:
		return -EINVAL;
	default:
		return -EPROTO;
	}
}

const char *http_transfer_redirect(const struct http_transfer *t)
{
	char *url = NULL;

	if (may_redirect(t))
		curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url);
	return url;
}
