/* SPDX-License-Identifier: MPL-2.0 */
/* api.h - talking to the Mozilla Data Collective API: base URL, key, GETs, and what its
 * refusals mean.  The key goes to the API's own origin only; see net/http.h.
 */
#ifndef SOURCE_API_H
#define SOURCE_API_H

#include "source/source.h"

/* The base URL of the options without "/" at its end, malloc'd.  -EINVAL: no http(s) URL. */
int api_base(const struct options *opt, char **out, char why[static 512]) MUST_CHECK;
/* The key, or NULL: there is none, or this base URL may not carry one.  Borrowed from opt. */
const char *api_key(const struct options *opt, const char *base);
/* What the API's key is kept under (base/credentials.h), malloc'd.  0, -EINVAL: api_url is no URL. */
int api_scope(const struct options *opt, char **out) MUST_CHECK;
/* The page of a dataset for people; malloc'd, NULL without memory. */
char *api_page(const char *base, const char *id);

/* What a request was about, for messages. */
struct api_subject {
	const char *name; /* of the dataset */
	const char *page;
	const char *key;  /* as sent, NULL when none was; only its presence is told */
	const char *absent; /* what it means that it is not there; NULL: no such dataset */
};
/* The meaning of an answer that is not a 2xx (or of none at all), with one line in why:
 * -EACCES (401, 402, 403), -ENOENT (400, 404, 410, 422), -EAGAIN (429, 5xx), -EPROTO, or the
 * error of the transport.  body may be NULL. */
int api_fault(const struct http_reply *r, const char *body, const struct api_subject *s,
	      char why[static 512]);
/* Is this an error that an API out of reach gives (so that kept answers may stand in)? */
bool api_is_down(int err);

/* GET url, again after failures that may pass, 15 s in all.  Blocks; not on the I/O thread.
 * 0: a 2xx, its body (at most max bytes) malloc'd into *body.  Else as api_fault(). */
int api_get(const struct source_env *env, const char *url, const struct api_subject *s, size_t max,
	    char **body, char why[static 512]) MUST_CHECK;
/* The same, within patience_ms in all: for what nobody should wait long for. */
int api_get_within(const struct source_env *env, const char *url, const struct api_subject *s,
		   size_t max, int64_t patience_ms, char **body, char why[static 512]) MUST_CHECK;
/* Does the API take this key?  No download is counted for the question.  0: yes; -EACCES: no;
 * -EOPNOTSUPP: it does not tell; else what api_fault() makes of the failure; why unless 0.  Blocks. */
int api_check_key(const struct source_env *env, const char *key, char why[static 512]) MUST_CHECK;

#endif
