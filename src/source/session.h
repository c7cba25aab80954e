/* SPDX-License-Identifier: MPL-2.0 */
/* session.h - one download session of the API: what a POST answered, and its copy on disk.
 * Pure functions and small files; the clock comes in.  Threads: any, one owner per session.
 * Everything here holds a presigned URL and is secret.
 */
#ifndef SOURCE_SESSION_H
#define SOURCE_SESSION_H

#include "base/digest.h"
#include "net/http.h"

struct session {
	char *url;
	int64_t issued, expires; /* seconds since 1970 */
	bool has_size;
	uint64_t size;
	char checksum[DIGEST_HEX]; /* "" when not known */
	char *filename;            /* as received; NULL when not known */
};

void session_clear(struct session *s);
/* Parse the answer to POST /datasets/{id}/download that came at now.  An expiry that is missing,
 * past or beyond reason is replaced, so that a wrong clock never makes a fresh URL useless.
 * 0, -ENOMEM, -EBADMSG. */
int session_parse(const char *body, int64_t now, struct session *out) MUST_CHECK;
/* The first second in which the URL is not given out any more: five minutes before it expires, or
 * a tenth of its life when that is shorter. */
int64_t session_stale_at(const struct session *s);
/* Is this session of the version with this checksum ("": unknown) and size? */
bool session_matches(const struct session *s, const char *checksum, bool has_size, uint64_t size);

/* The copy on disk, mode 0600.  0 or -errno; -ENOENT, -EBADMSG: none, or not one of ours. */
int session_read(const char *path, int64_t now, struct session *out) MUST_CHECK;
int session_write(const char *path, const struct session *s) MUST_CHECK;

/* When a 429 was the daily limit: the second in which it is over (at most two days from now);
 * 0 when it was another limit.  body may be NULL. */
int64_t session_limit(const struct http_reply *r, const char *body, int64_t now);
/* The same on disk: 0 when none is stored or it is over. */
int64_t session_limit_read(const char *path, int64_t now);
int session_limit_write(const char *path, int64_t until) MUST_CHECK;

#endif
