/* SPDX-License-Identifier: MPL-2.0 */
/* session.c - see session.h. */
#include "source/session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/json.h"
#include "net/url.h"
#include "source/dataset.h"

#define FILE_BYTES_MAX 65536
#define URL_MAX 16384
#define SLACK_S 300
#define LIFE_MAX_S (7 * 86400) /* the longest that S3 signs for */
#define LIFE_UNKNOWN_S \
	LIFE_MAX_S /* no usable expiry: storage will tell, for a 403 costs no download */
#define TOKEN_MAX 256
#define LIMIT_MAX_S (2 * 86400)
#define LIMIT_LONG_S 600 /* a longer Retry-After is no short-term limiter's */

void session_clear(struct session *s)
{
	free(s->url);
	free(s->filename);
	*s = (struct session){ 0 };
}

static bool url_ok(const char *url)
{
	if (!url || !url_is_http(url) || strlen(url) > URL_MAX)
		return false;
	for (const unsigned char *c = (const unsigned char *)url; *c; c++)
		if (*c <= ' ' || *c == 0x7f)
			return false;
	return true;
}

/* What both forms, the API's and ours, have in common; out is empty before. */
static int parse_common(const struct json *j, const char *url, struct session *out)
{
	const char *name = json_str(j, "filename");

	if (!url_ok(url))
		return -EBADMSG;
	out->has_size = json_u64(j, "sizeBytes", &out->size) && out->size <= INT64_MAX;
	(void)dataset_checksum(json_str(j, "checksum"), out->checksum);
	if (name && dataset_name_ok(name) && !(out->filename = strdup(name)))
		return -ENOMEM;
	out->url = strdup(url);
	return out->url ? 0 : -ENOMEM;
}

/* The value of a parameter of the URL's query; NULL when it has none. */
static const char *query_value(const char *url, const char *name)
{
	const char *p = strpbrk(url, "?#");
	size_t n = strlen(name);

	for (; p && *p != '#'; p = strpbrk(p, "&#")) {
		p++;
		if (strncasecmp(p, name, n) == 0 && p[n] == '=')
			return p + n + 1;
	}
	return NULL;
}

/* When a link that is signed in its query (AWS Signature Version 4, "Authenticating Requests: Using
 * Query Parameters") ends: its date and the seconds that it lives; 0 when it does not say. */
static int64_t signed_until(const char *url)
{
	const char *date = query_value(url, "X-Amz-Date");
	const char *life = query_value(url, "X-Amz-Expires");
	unsigned y, mon, d, h, min, sec, seconds;
	char text[32];
	int64_t t;

	if (!date || !life ||
	    sscanf(date, "%4u%2u%2uT%2u%2u%2uZ", &y, &mon, &d, &h, &min, &sec) != 6 ||
	    sscanf(life, "%9u", &seconds) != 1)
		return 0;
	snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02uZ", y, mon, d, h, min, sec);
	return clock_parse(text, &t) == 0 ? t + seconds : 0;
}

static int64_t parse_expiry(const struct json *j, const char *url, int64_t now)
{
	const char *text = json_str(j, "expiresAt");
	int64_t signature = signed_until(url), t;

	if (!text || clock_parse(text, &t) < 0)
		t = signature;
	else if (signature)
		t = MIN(t, signature);
	if (!t)
		return now + LIFE_UNKNOWN_S;
	if (t <= now) {
		(void)log_warn(0, "the API gave a link that has expired already: it is tried");
		return now + LIFE_UNKNOWN_S;
	}
	return MIN(t, now + LIFE_MAX_S);
}

/* Is this URL one of the tokens of that session?  Nothing else gets the key. */
static bool is_proxied(const char *url, const char *post_url)
{
	size_t n = strlen(post_url);

	return url && strncmp(url, post_url, n) == 0 && url[n] == '/' && url[n + 1];
}

/* Where the API sends us: a link; or a token, to be asked of the API itself. */
static char *download_url(const struct json *j, const char *post_url)
{
	const char *url = json_str(j, "downloadUrl"), *token = json_str(j, "downloadToken");
	AUTO(auto_free) char *encoded = NULL;
	char *made;

	if (url && (!token || url_is_http(url)))
		return strdup(url);
	if (!token || !token[0] || strlen(token) > TOKEN_MAX)
		return NULL;
	encoded = url_encode(token);
	if (!encoded || asprintf(&made, "%s/%s", post_url, encoded) < 0)
		return NULL;
	return made;
}

int session_parse(const char *body, const char *post_url, int64_t now, struct session *out)
{
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(session_clear) struct session s = { 0 };
	AUTO(auto_free) char *url = NULL;
	int r = json_parse(body, &j);

	if (r < 0)
		return r;
	url = download_url(j, post_url);
	r = parse_common(j, url, &s);
	if (r < 0)
		return r;
	s.proxied = is_proxied(url, post_url);
	s.issued = now;
	s.expires = parse_expiry(j, url, now);
	*out = s;
	s = (struct session){ 0 };
	return 0;
}

int64_t session_stale_at(const struct session *s)
{
	return s->expires - MIN(SLACK_S, (s->expires - s->issued) / 10);
}

bool session_matches(const struct session *s, const char *checksum, bool has_size, uint64_t size)
{
	if (s->checksum[0] && checksum[0])
		return strcmp(s->checksum, checksum) == 0;
	return !s->has_size || !has_size || s->size == size;
}

/* A stored time that cannot be is a file that is not ours. */
static int parse_times(const struct json *j, int64_t now, struct session *s)
{
	uint64_t issued, expires;

	if (!json_u64(j, "issued", &issued) || !json_u64(j, "expires", &expires) ||
	    issued > INT64_MAX / 2 || expires < issued || expires - issued > LIFE_MAX_S ||
	    expires > (uint64_t)now + LIFE_MAX_S)
		return -EBADMSG;
	s->issued = (int64_t)issued;
	s->expires = (int64_t)expires;
	return 0;
}

int session_read(const char *path, const char *post_url, int64_t now, struct session *out)
{
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(session_clear) struct session s = { 0 };
	AUTO(auto_free) char *text = NULL;
	int r = file_slurp(path, FILE_BYTES_MAX, &text, NULL);

	if (r == 0)
		r = json_parse(text, &j);
	if (r == 0)
		r = parse_times(j, now, &s);
	if (r == 0)
		r = parse_common(j, json_str(j, "url"), &s);
	if (r < 0)
		return r;
	s.proxied = is_proxied(s.url, post_url); /* where the key goes is never the file's to say */
	*out = s;
	s = (struct session){ 0 };
	return 0;
}

int session_write(const char *path, const struct session *s)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;
	char size[24]; /* as a string, like the API's: exact whatever the number */

	snprintf(size, sizeof(size), "%" PRIu64, s->size);
	json_set_str(j, "url", s->url);
	json_set_i64(j, "issued", s->issued);
	json_set_i64(j, "expires", s->expires);
	json_set_str(j, "sizeBytes", s->has_size ? size : NULL);
	json_set_str(j, "checksum", s->checksum[0] ? s->checksum : NULL);
	json_set_str(j, "filename", s->filename);
	text = json_print(j, true);
	return text ? file_replace(path, text, strlen(text), 0600) : -ENOMEM;
}

static int64_t next_midnight(int64_t now)
{
	return now - now % 86400 + 86400;
}

/* The limit object is deprecated and the plain limiters send none: what else tells the daily
 * limit is its wording, or a wait that no short-term limiter asks for. */
static bool is_daily(const struct json *j, int64_t retry_after_s)
{
	const struct json *limit = json_get(j, "limit");
	const char *period = json_str(limit, "period"), *type = json_str(j, "type");
	const char *text = json_str(j, "error");

	if (period)
		return strcmp(period, "daily") == 0;
	if (json_is_object(limit) || (text && strcasestr(text, "daily")))
		return true;
	return !(type && strcmp(type, "request_limit") == 0) && retry_after_s > LIMIT_LONG_S;
}

int64_t session_limit(const struct http_reply *r, const char *body, int64_t now)
{
	AUTO(auto_json_free) struct json *j = NULL;
	const char *resets;
	int64_t until;

	if (r->status != 429)
		return 0;
	if (body && json_parse(body, &j) < 0)
		j = NULL;
	if (!is_daily(j, r->retry_after_s))
		return 0;
	resets = json_str(json_get(j, "limit"), "resetsAt");
	if (r->retry_after_s >= 0)
		until = now + MIN(r->retry_after_s, LIMIT_MAX_S);
	else if (!resets || clock_parse(resets, &until) < 0)
		until = next_midnight(now);
	return MAX(now + 1, MIN(until, now + LIMIT_MAX_S));
}
