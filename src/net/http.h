/* SPDX-License-Identifier: MPL-2.0 */
/* http.h - HTTP requests through one libcurl multi handle (libcurl's only home).
 *
 * One thread, the I/O thread, owns the multi handle: it alone calls libcurl, but for
 * curl_multi_wakeup().  Others submit a request and are called back on that thread.
 * This module knows nothing of retries, leases or blocks: one request, one answer.
 *
 * Redirects of GETs are followed (5 at most, http and https only, never from https to http) for
 * requests without a bearer key, and for those with one that say so; the key goes to the URL's own
 * origin only, and never over plain http except to a loopback address.  A user and password in the
 * URL stay with its origin, too.
 *
 * Each origin has its own queue, connections, and limit on them: what it is asked at once grows while
 * it answers and is halved when it says 429 or 503; while it is in trouble requests with patience are
 * held back, and one at a time is let through (breaker.h).  A request that may be hedged is sent a
 * second time when its first byte, or the next one, takes longer than nearly all others did: whichever
 * brings a byte first goes on alone.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/list.h"
#include "base/range.h"

struct http;
struct http_transfer;
struct peer;

struct http_config {
	const char *user_agent;    /* "mdcfs/<version> (libcurl/<v>; Linux)" is made when NULL */
	const char *cacert;	   /* trust what is in this file, not the system's; NULL or "": not */
	unsigned connections;	   /* transfers with one origin at once; the rest queue in order */
	unsigned connect_timeout_s;
	unsigned stall_timeout_s;  /* no byte for so long, or what is unusual there: -ETIMEDOUT */
	bool hedge; /* send a second request when the first is slow, for those that may be */
};

struct http_reply {
	int err;		/* 0 = an HTTP answer arrived whole (of any status), else -errno:
				 -ECONNREFUSED, -EHOSTUNREACH (no such host), -ETIMEDOUT, -ECONNRESET
				 (broken before its end), -EPROTO, -EACCES (certificate, proxy), -ELOOP and
				 -EXDEV (redirects, see redirect.h), -EBUSY (held back until it was too
				 late), -ECANCELED */
	int status;		/* 0 = none arrived */
	bool has_range;		/* a valid Content-Range arrived (RFC 9110 14.4) */
	struct range range;	/* of the whole object */
	uint64_t total;		/* object size from Content-Range ("*" and absent: UINT64_MAX);
				 for a 200 its Content-Length, for a 416 the size it tells */
	int64_t retry_after_s; /* from Retry-After, seconds or HTTP-date; -1 = absent */
	int64_t date;         /* now, as the server's Date says, with the Age of a cached answer
				 added; seconds since 1970, 0 = absent */
	int64_t age_s;        /* from Age (RFC 9111 5.1), 0 = absent */
	int64_t rate_limit;   /* X-RateLimit-Limit and -Remaining; -1 = absent (0 before any */
	int64_t rate_left;    /* answer: look at status first) */
	char etag[256];       /* as received, with quotes and W/; "" = absent (or too long) */
	char last_modified[64]; /* as received, "" = absent */
	char content_type[128];
	char content_encoding[32]; /* as received, "" = absent or "?" = too long */
	bool framed;	      /* the answer says where it ends: by its length or in chunks */
	bool truncated;	      /* ODS-Analyze-Truncated: there would have been more */
	char date_reset[64];  /* X-RateLimit-Reset as received, "" = absent */
	char problem[256]; /* how the body of a 4xx begins: for the code in it, not for printing */
};

struct http_request {
	/* In: set by the submitter, borrowed until done() was called. */
	const char *method; /* "GET" (when NULL) or "POST" */
	const void *post;   /* body of a POST; NULL: empty */
	size_t post_len;
	const char *post_type; /* its Content-Type */
	const char *url;
	bool ranged;            /* send Range: for the half-open range below */
	struct range range; /* moves forward when a second request goes on where the first stood; the
			       reply is of what it says then */
	const char *if_match;   /* an ETag for If-Match, or NULL; weak ones (W/) are not sent */
	const char *bearer;     /* secret for Authorization:, or NULL */
	const char *scheme;     /* of that; NULL: "Bearer" */
	bool bearer_stays;	/* redirects are followed, and other origins do not get it */
	_Atomic bool background; /* nobody waits for it: others go first */
	int64_t delay_ms;       /* start no sooner than this after the submit: for retries */
	int64_t patience_ms; /* > 0: may be held back for the good of its origin, and no longer than
				   this after it could have started; 0: starts when there is a connection */
	bool may_hedge;	     /* a ranged GET that may be sent twice once somebody waits for it */
	bool secret_path;    /* the URL's last segment opens the object: it is not printed */
	_Atomic uint64_t *count; /* incremented for each that is sent, or NULL */

	/* Body bytes in order, on the I/O thread; must not block.  The reply's status and headers
	 * are complete by the first call.  HTTP_PAUSE: not now; the same bytes come again after
	 * http_resume().  Else not 0: abort, and that is reply.err.  NULL: dropped. */
	int (*body)(struct http_request *q, const void *p, size_t n);
	/* Exactly once for every submitted request, on the I/O thread; must not block.  The
	 * module does not touch q afterwards. */
	void (*done)(struct http_request *q);

	struct http_reply reply;

	/* Private to http*.c and peer.c */
	struct list link;
	struct peer *peer;
	struct http_transfer *transfer, *rival; /* under way; the second request */
	char *hop;				/* where a redirect led to, or NULL */
	unsigned hops;
	void *call; /* http_do()'s own */
	int64_t not_before_ms, expires_ms;
	bool canceled, resumed; /* guarded by the lock of struct http */
	uint64_t reached;	/* in the range: up to here body() has the bytes */
	bool hedged, probe;
	bool overtake; /* the second request is for one that is slow: both go on */
};

#define HTTP_PAUSE 1 /* what body() may return */

/* Start the I/O thread.  0 or -errno. */
int http_new(const struct http_config *c, struct http **out) MUST_CHECK;
/* End every request with -ECANCELED (their done() is called) and join; one that is submitted later
 * ends so at once, in its submitter's thread.  One thread. */
void http_stop(struct http *h);
/* http_stop(), then free.  NULL ok; returns NULL. */
struct http *http_free(struct http *h);
/* Queue a request; done() will be called even when it cannot start.  Any thread, never blocks. */
void http_submit(struct http *h, struct http_request *q);
/* Ask for the end of a request: done() follows soon, with -ECANCELED unless it had ended.
 * Any thread; q must be submitted and its done() not yet returned. */
void http_cancel(struct http *h, struct http_request *q);

/* Somebody waits for it now: out of the background, if it is there and has not begun.  Any thread; q as
 * above. */
void http_raise(struct http *h, struct http_request *q);
/* Go on with a transfer whose body() has returned, or is just returning, HTTP_PAUSE.  Any thread, never
 * blocks; q as for http_cancel(). */
void http_resume(struct http *h, struct http_request *q);

/* Submit and block until the answer; body (up to max bytes, NUL-terminated) is malloc'd into
 * *body, caller frees (also on error; NULL when none).  -EFBIG beyond max.  0 = an answer of
 * any status, in q->reply.  q's body and done are overwritten.  Not on the I/O thread. */
int http_do(struct http *h, struct http_request *q, size_t max, char **body) MUST_CHECK;

/* The Range header's value for a half-open range: "bytes=FIRST-LAST", LAST inclusive
 * (RFC 9110 14.1.2).  The only place that knows. */
void http_range_value(struct range r, char out[static 64]);
/* Parse a Content-Range value: "bytes 0-99/1234", "bytes 0-99/(asterisk)".  0 or -EBADMSG. */
int http_parse_content_range(const char *value, struct range *r, uint64_t *total) MUST_CHECK;

#endif
