/* SPDX-License-Identifier: MPL-2.0 */
/* judge.h - what an answer means: one table from {status, headers, body} to a verdict, an errno
 * and a message.  Pure functions; threads: any.
 *
 * Every way of being wrong is one row, and the first row that fits holds.  Storage tells what it expects
 * of the answer; for the API, whose documents have no version, nothing is expected.
 */
#ifndef NET_JUDGE_H
#define NET_JUDGE_H

#include "net/http.h"

enum verdict {
	VERDICT_OK,	 /* 2xx with what was asked for */
	VERDICT_RETRY,	 /* may go away: overload, broken connections, answers of another request */
	VERDICT_RENEW,	 /* storage refused the presigned URL: locate it anew */
	VERDICT_CHANGED, /* another version is there */
	VERDICT_DENIED,	 /* no use in asking again */
	VERDICT_GONE,	 /* there is no such thing any more */
	VERDICT_UNUSABLE /* a server that cannot be read from like this */
};

/* What an answer says of its server, for those who ask it next. */
enum judge_health {
	JUDGE_WELL,
	JUDGE_TROUBLED, /* it is down or out of order */
	JUDGE_BRAKING	/* it wants fewer requests */
};

/* An answer, complete or up to its headers, and what was expected of it. */
struct judge_case {
	const struct http_reply *reply;
	bool ranged; /* a range was asked for: what follows is looked at, too */
	struct range want;
	uint64_t size; /* of the version that must be there; UINT64_MAX: not known */
	const char
		*validator; /* likewise its ETag or Last-Modified (RFC 9110 8.8); "": not known */
	const char *name;   /* the file's name: says which Content-Encoding is no encoding */
	bool ranges_known;  /* this server has answered a range with a range before */
};

struct judge_finding {
	enum verdict verdict;
	int err; /* negative; for those who give up */
	enum judge_health health;
	const char *text; /* for people; borrowed for good */
};

struct judge_finding judge(const struct judge_case *c);
/* The same with nothing expected. */
struct judge_finding judge_reply(const struct http_reply *r);
/* Do two validators name the same version, as far as can be told?  Those of different kinds and
 * absent ones do. */
bool judge_same_version(const char *a, const char *b);

#endif
