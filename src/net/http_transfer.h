/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.h - one libcurl easy handle and the request it is busy with; private to http.c.
 * Threads: the I/O thread alone.
 */
#ifndef NET_HTTP_TRANSFER_H
#define NET_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "net/http.h"

struct http_transfer {
	struct list link; /* the owner's, for idle ones */
	const char *agent;
	long connect_ms;
	CURL *easy; /* its CURLOPT_PRIVATE is the transfer */
	struct curl_slist *headers;

	struct http_request *q;    /* NULL unless between begin and end */
	int64_t start_ms, last_ms; /* clock_ms() of the begin and of the last byte */
	uint64_t bytes;
	size_t header_bytes, problem_len;
	bool connected; /* the request is being sent or was */
	bool headers_done, paused;
	int abort; /* what body() returned, or a refusal of our own */
	char why[CURL_ERROR_SIZE];
};

/* agent is borrowed for good.  0 or -ENOMEM. */
int http_transfer_new(const char *agent, long connect_ms, struct http_transfer **out) MUST_CHECK;
struct http_transfer *http_transfer_free(struct http_transfer *t); /* NULL ok; returns NULL */
/* May this request be sent at all?  -EINVAL, or -EACCES: no key goes there.  Logs. */
int http_transfer_check(const struct http_request *q) MUST_CHECK;
/* Hand q, which passed the check, to multi.  On error the transfer is as before. */
int http_transfer_begin(struct http_transfer *t, CURLM *multi, struct http_request *q) MUST_CHECK;
/* Leave multi; what is still under way loses its connection.  The transfer may begin again. */
void http_transfer_end(struct http_transfer *t, CURLM *multi);
/* Go on after a pause; body() may be called on the way. */
void http_transfer_resume(struct http_transfer *t);
/* 0 or -errno for libcurl's result. */
int http_transfer_errno(const struct http_transfer *t, CURLcode code);
/* One debug line; an error for a certificate. */
void http_transfer_report(const struct http_transfer *t, int err);

#endif
