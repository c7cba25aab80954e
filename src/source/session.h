/* SPDX-License-Identifier: MPL-2.0 */
/* session.h - one download session of the API: what a POST answered, and its copy on disk.
 * Pure functions and one small file; the clock comes in.  Threads: any, one owner per session.
 * Everything here holds a presigned URL and is secret.
 */
#ifndef SOURCE_SESSION_H
#define SOURCE_SESSION_H

#include "base/digest.h"
#include "net/http.h"

struct session {
	char *url;
	bool proxied; /* through the API itself: wants the key, and ends with the file's last byte */
	int64_t issued, expires; /* seconds since 1970, by the service's clock */
	bool has_size;
	uint64_t size;
	char checksum[DIGEST_HEX]; /* "" when not known */
	char *filename;		   /* as received; NULL when not known */
};

void session_clear(struct session *s);
/* Parse the answer to a POST to post_url (.../datasets/ID/download) that came at now.  Both
 * generations of the API: a downloadUrl is asked as it is, and the key goes along only when it is a
 * token's, below post_url; a downloadToken alone is asked there.  The session ends when expiresAt or
 * the link's own signature says; when neither does, or what they say has passed already (a wrong
 * clock), storage will tell.  0, -ENOMEM, -EBADMSG. */
int session_parse(const char *body, const char *post_url, int64_t now,
		  struct session *out) MUST_CHECK;
/* The first second in which the URL is not given out any more: five minutes before it expires, or
 * a tenth of its life when that is shorter. */
int64_t session_stale_at(const struct session *s);
/* Is this session of the version with this checksum ("": unknown) and size? */
bool session_matches(const struct session *s, const char *checksum, bool has_size, uint64_t size);

/* The copy on disk, mode 0600: a JSON object with url, issued, expires (seconds since 1970, by the
 * service's clock), sizeBytes (a string; null: not known), checksum, filename (null: not known).  0 or -errno; -ENOENT, -EBADMSG: none, or not one of ours. */
int session_read(const char *path, const char *post_url, int64_t now,
		 struct session *out) MUST_CHECK;
int session_write(const char *path, const struct session *s) MUST_CHECK;

/* When a 429 was the daily limit: the second in which it is over (at most two days from now);
 * 0 when it was another limit.  body may be NULL. */
int64_t session_limit(const struct http_reply *r, const char *body, int64_t now);

#endif
