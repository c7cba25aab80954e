/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.c - see http_transfer.h. */
#include "net/http_transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/http_headers.h"
#include "net/url.h"

#define MAX_REDIRECTS 5
#define BUFFER_BYTES (512 * 1024)
#define MAX_HEADER_BYTES (256 * 1024) /* of one request, redirects included */

struct http_transfer *http_transfer_free(struct http_transfer *t)
{
	if (!t)
		return NULL;
	if (t->easy)
		curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	free(t);
	return NULL;
}

int http_transfer_new(const char *agent, long connect_ms, struct http_transfer **out)
{
	struct http_transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	list_init(&t->link);
	t->agent = agent;
	t->connect_ms = connect_ms;
	t->easy = curl_easy_init();
	if (!t->easy) {
		http_transfer_free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
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
	t->last_ms = clock_ms();
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
		http_headers_line(&t->q->reply, p, n, clock_now());
	return n;
}

static void keep_problem(struct http_transfer *t, const char *p, size_t n)
{
	struct http_reply *r = &t->q->reply;

	if (r->status < 400 || r->status > 499)
		return;
	n = MIN(n, sizeof(r->problem) - 1 - t->problem_len);
	memcpy(r->problem + t->problem_len, p, n);
	t->problem_len += n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	int r;

	n *= size;
	t->last_ms = clock_ms();
	keep_problem(t, p, n);
	r = n > 0 && t->q->body ? t->q->body(t->q, p, n) : 0;
	if (r == HTTP_PAUSE) { /* libcurl keeps the bytes */
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	t->bytes += n;
	t->abort = r;
	return r ? 0 : n;
}

/* ---- setting up a request ---- */

static bool is_post(const struct http_request *q)
{
	return q->method && strcmp(q->method, "POST") == 0;
}

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
		http_range_value(q->range, range);
		r = add_header(&t->headers, "Range:", range);
	}
	if (r == 0 && q->if_match && strncmp(q->if_match, "W/", 2) != 0)
		r = add_header(&t->headers, "If-Match:", q->if_match);
	if (r == 0 && q->bearer)
		r = add_authorization(&t->headers, q);
	/* The bytes themselves are wanted: a range of compressed ones would be of no use. */
	if (r == 0)
		r = add_header(&t->headers, "Accept-Encoding:", "identity");
	if (r == 0 && is_post(q)) /* an empty body has no type */
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
		{ CURLOPT_CONNECTTIMEOUT_MS, t->connect_ms },
		{ CURLOPT_MAXREDIRS, MAX_REDIRECTS },
		{ CURLOPT_FOLLOWLOCATION, q->bearer ? 0 : 1 },
		{ is_post(q) ? CURLOPT_POST : CURLOPT_HTTPGET, 1 },
		{ CURLOPT_POSTFIELDSIZE, is_post(q) ? 0 : -1 },
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

	bad |= curl_easy_setopt(t->easy, CURLOPT_URL, q->url);
	bad |= curl_easy_setopt(t->easy, CURLOPT_USERAGENT, t->agent);
	bad |= curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	bad |= curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	if (is_post(q))
		bad |= curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, "");
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

int http_transfer_check(const struct http_request *q)
{
	char url[256];

	url_redact(q->url, url, sizeof(url));
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

static int set_up(struct http_transfer *t, const struct http_request *q)
{
	int r = set_numbers(t, q);

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
	int r = set_up(t, q);

	if (r < 0)
		return r;
	t->q = q;
	t->start_ms = t->last_ms = clock_ms();
	t->bytes = 0;
	t->header_bytes = t->problem_len = 0;
	t->connected = t->headers_done = t->paused = false;
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

	url_redact(q->url, url, sizeof(url));
	if (q->ranged)
		http_range_value(q->range, range);
	/* The certificate: nobody above knows what is wrong with it. */
	if (err == -EACCES && !t->abort)
		(void)log_error(err, "%s: %s", url, t->why);
	debug(http, "%s %s %s status %d err %d %" PRIu64 " bytes %" PRId64 " ms %s",
	      is_post(q) ? "POST" : "GET", url, range, q->reply.status, err, t->bytes,
	      clock_ms() - t->start_ms, err ? t->why : "");
}

void http_transfer_resume(struct http_transfer *t)
{
	if (!t->paused)
		return;
	t->paused = false;
	t->last_ms = clock_ms();
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

int http_transfer_errno(const struct http_transfer *t, CURLcode code)
{
	long os = 0;

	if (t->abort)
		return t->abort;
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
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
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
