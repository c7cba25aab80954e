/* SPDX-License-Identifier: MPL-2.0 */
/* ods.h - an OpenDataSoft portal (Explore API v1, exports of v2.1): where it is, who asks, how many
 * calls are left, and what its answers mean.
 *
 * https only, unless the domain is a loopback address: then http.  The secret (ODS_API_KEY, or what
 * `mdcfs login` has kept) goes into the header Authorization, to the portal's own origin only.
 * When the day's calls are used up nothing is asked until they are given anew: -EDQUOT at once.
 *
 * Threads: any.
 */
#ifndef SOURCE_ODS_H
#define SOURCE_ODS_H

#include "base/buf.h"
#include "base/digest.h"
#include "net/json.h"
#include "source/source.h"

#define ODS_DOMAIN_MAX 255u
#define ODS_ANSWER_MAX (64u << 20) /* bytes of JSON in one answer */

struct ods;

/* Is this "ods:DOMAIN[/DATASET]"? */
bool ods_claims(const char *spec);
/* Asks nobody.  0; -EINVAL, -ENOMEM with a line in why.  *dataset is what stands behind the domain,
 * as it stands there, NULL for the whole portal; the caller frees it. */
int ods_new(const struct source_env *env, const char *spec, struct ods **out, char **dataset,
	    char why[static 512]) MUST_CHECK;
struct ods *ods_free(struct ods *o); /* no call under way; NULL ok; returns NULL */

const char *ods_domain(const struct ods *o);
const struct source_env *ods_env(const struct ods *o);
/* "https://DOMAIN" without a slash at its end. */
const char *ods_base(const struct ods *o);
/* Tells who asks from others, who may be shown something else; says nothing of the secret. */
const char *ods_who(const struct ods *o);
/* Who asks, for a request to this portal. */
void ods_sign(const struct ods *o, struct http_request *q);

/* May a call be made?  0, or -EDQUOT: not before the reset. */
int ods_allowed(struct ods *o) MUST_CHECK;
/* What an answer means; body is its beginning (NUL-terminated, may be NULL), what names it in the
 * log.  0: it is what was asked for.  -EDQUOT, -EACCES (401, 403), -ENOENT, -EINVAL (400, with what
 * the portal says), -EAGAIN (429, 5xx: once more may help), -EPROTO (a page for people, ...), or the
 * transport's error.  Logs all but -EAGAIN, -ENOENT and the transport's. */
int ods_judge(struct ods *o, const struct http_reply *r, const char *body,
	      const char *what) MUST_CHECK;
/* Its trouble of late, "" when there is none, and the calls of the day: UINT64_MAX when not told. */
struct ods_quota {
	uint64_t limit, left;
	int64_t reset; /* seconds since 1970; 0: not told */
	bool used_up;
};
void ods_quota(struct ods *o, struct ods_quota *out);

/* One GET of a JSON answer, repeated after failures that pass.  Embedded in who asks; done() is called
 * once, in the pool, with the answer or an error that has been logged (but -ENOENT). */
struct ods_call {
	struct http_request rq;
	struct buf body;
	struct job job;
	struct ods *ods;
	char *url;
	unsigned tries;
	int64_t begun_ms;
	void (*done)(struct ods_call *c, int err, const struct json *answer);
};
/* path: behind ods_base(), with its query; copied.  0 or -EDQUOT, -ENOMEM: done() is not called then. */
int ods_call(struct ods *o, struct ods_call *c, const char *path) MUST_CHECK;

#endif
