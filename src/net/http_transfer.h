/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.h - one libcurl easy handle and the request it is busy with; private to http.c.
 * Threads: the I/O thread alone.
 */
#ifndef NET_HTTP_TRANSFER_H
#define NET_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "net/http.h"

struct http_transfer_config {
	char *agent, *cacert; /* "" = the system's certificates */
	long connect_ms;
	struct list
		*lost; /* gets the transfer whose rival was first: q is NULL, multi still has it */
};

struct http_transfer {
	struct list link; /* of those that are under way, idle or lost */
	const struct http_transfer_config *config;
	CURL *easy; /* its CURLOPT_PRIVATE is the transfer */
	struct curl_slist *headers;

	struct http_request *q;	   /* NULL unless between begin and end, or lost */
	struct peer *peer;	   /* the owner's */
	struct range range;	   /* what is asked for */
	struct http_reply reply;   /* becomes the request's when this is the one it gets */
	int64_t start_ms, last_ms; /* clock_ms() of the begin and of the last byte */
	int64_t first_ms;	   /* of the first one; 0: none */
	int64_t body_ms;	   /* of the first one of a body; pauses move it */
	int64_t pause_ms;	   /* when it was paused */
	uint64_t bytes;
	int64_t pace_ms;     /* when last_ms was looked at for the pace, 0: not yet */
	uint64_t pace_bytes; /* bytes then */
	size_t header_bytes, problem_len;
	bool connected; /* the request is being sent or was */
	bool headers_done, paused;
	bool limps; /* bytes come, but hardly */
	bool won;  /* the request's reply and body are this one's */
	bool cut;  /* the body of a refusal that went on and on */
	int abort; /* what body() returned, or a refusal of our own */
	char why[CURL_ERROR_SIZE];
};

/* Those that wait for a request. */
struct http_transfers {
	struct http_transfer_config config;
	struct list idle;
	unsigned n, max;
};

/* 0, -ENOMEM, or why the certificates of the configuration cannot be read (logged); the list is
 * borrowed.  To be cleared in any case. */
int http_transfers_init(struct http_transfers *ts, const struct http_config *c,
			struct list *lost) MUST_CHECK;
void http_transfers_clear(struct http_transfers *ts);
/* An idle transfer or a new one.  0 or -ENOMEM. */
int http_transfers_get(struct http_transfers *ts, struct http_transfer **out) MUST_CHECK;
void http_transfers_put(struct http_transfers *ts, struct http_transfer *t);
/* May this request be sent at all?  -EINVAL, or -EACCES: no key goes there.  Logs. */
int http_transfer_check(const struct http_request *q) MUST_CHECK;
/* Hand q, which passed the check, to multi; a second one for what is left of the range while its first
 * is under way.  On error the transfer is as before. */
int http_transfer_begin(struct http_transfer *t, CURLM *multi, struct http_request *q) MUST_CHECK;
/* The absolute URL that the answer redirects to, or NULL: it does not, or it is not followed.
 * Borrowed until the end. */
const char *http_transfer_redirect(const struct http_transfer *t);
/* Leave multi; what is still under way loses its connection.  The transfer may begin again. */
void http_transfer_end(struct http_transfer *t, CURLM *multi);
/* When t, under way, has stalled if no byte comes before, or too few do; upper is the longest that is
 * waited for one, but for a first one no longer than the request's patience.  INT64_MAX: it is paused. */
int64_t http_transfer_stall_due(const struct http_transfer *t, int64_t upper, int64_t now);
/* When the request of t is to be sent a second time, if that is possible now; INT64_MAX: not. */
int64_t http_transfer_hedge_due(const struct http_transfer *t, int64_t now);
/* It is due: is it worth it, as things are with the other active requests?  Says to q in which way. */
bool http_transfer_may_hedge(const struct http_transfer *t, const struct list *active, int64_t now);
/* Go on after a pause; body() may be called on the way. */
void http_transfer_resume(struct http_transfer *t);
/* 0 or -errno for libcurl's result. */
int http_transfer_errno(const struct http_transfer *t, CURLcode code);
/* One debug line; an error for a certificate. */
void http_transfer_report(const struct http_transfer *t, int err);

#endif
