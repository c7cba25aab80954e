/* SPDX-License-Identifier: MPL-2.0 */
/* judge.c - see judge.h. */
#include "net/judge.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* ---- what a row may ask ---- */

static bool is_encoded(const struct judge_case *c)
{
	static const struct {
		const char *coding, *suffix;
	} own[] = {
		{ "gzip", ".gz" },  { "gzip", ".tgz" }, { "x-gzip", ".gz" },  { "x-gzip", ".tgz" },
		{ "zstd", ".zst" }, { "br", ".br" },	{ "compress", ".Z" },
	};
	const char *coding = c->reply->content_encoding;
	size_t n = c->name ? strlen(c->name) : 0;

	if (!coding[0] || strcasecmp(coding, "identity") == 0)
		return false;
	/* Servers that guess say so of a file that is compressed: these are its own bytes. */
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcasecmp(coding, own[i].coding) == 0 && n > strlen(own[i].suffix) &&
		    strcasecmp(c->name + n - strlen(own[i].suffix), own[i].suffix) == 0)
			return false;
	return true;
}

static bool encoded_range(const struct judge_case *c)
{
	return c->ranged && is_encoded(c);
}

static bool is_ranged(const struct judge_case *c)
{
	return c->ranged;
}

static bool wrong_range(const struct judge_case *c)
{
	const struct http_reply *r = c->reply;
	bool to_the_end = r->range.to == r->total && r->total < c->want.to;

	return c->ranged && (!r->has_range || r->range.from != c->want.from ||
			     (r->range.to != c->want.to && !to_the_end));
}

static bool other_size(const struct judge_case *c)
{
	return c->ranged && c->size != UINT64_MAX && c->reply->total != UINT64_MAX &&
	       c->reply->total != c->size;
}

static bool is_etag(const char *validator)
{
	return validator[0] == '"' || strncmp(validator, "W/", 2) == 0;
}

bool judge_same_version(const char *a, const char *b)
{
	return !a[0] || !b[0] || is_etag(a) != is_etag(b) || strcmp(a, b) == 0;
}

static bool other_etag(const struct judge_case *c)
{
	return c->ranged && is_etag(c->validator) &&
	       !judge_same_version(c->reply->etag, c->validator);
}

static bool other_date(const struct judge_case *c)
{
	return c->ranged && !is_etag(c->validator) &&
	       !judge_same_version(c->reply->last_modified, c->validator);
}

/* A page to log in or an excuse, in place of the file. */
static bool web_page(const struct judge_case *c)
{
	size_t n = c->name ? strlen(c->name) : 0;

	return c->ranged && strncasecmp(c->reply->content_type, "text/html", 9) == 0 &&
	       (n < 4 || !strcasestr(c->name + n - 4, "htm"));
}

/* The whole object from byte 0 holds any range from byte 0; but a server that can do nothing else is
 * of no use for what follows. */
static bool whole_is_fine(const struct judge_case *c)
{
	return !c->ranged ||
	       (c->want.from == 0 && (c->ranges_known || c->reply->total <= c->want.to));
}

static bool ranges_known(const struct judge_case *c)
{
	return c->ranges_known;
}

/* Of nothing there is no first byte: any range of an empty object is answered with 416. */
static bool says_empty(const struct judge_case *c)
{
	return c->ranged && c->reply->total == 0 && c->want.from == 0 &&
	       (c->size == UINT64_MAX || c->size == 0);
}

/* S3 answers 400 where others answer 403 when a presigned URL has expired. */
static bool says_expired(const struct judge_case *c)
{
	return strstr(c->reply->problem, "ExpiredRequest");
}

/* ---- the tables ---- */

#define OTHER "another version"

/* No HTTP answer arrived whole. */
static const struct {
	int err;
	struct judge_finding is;
} broken[] = {
	{ -ECONNREFUSED,
	  { VERDICT_RETRY, -ECONNREFUSED, JUDGE_TROUBLED, "the server refuses connections" } },
	{ -EHOSTUNREACH,
	  { VERDICT_RETRY, -EHOSTUNREACH, JUDGE_TROUBLED, "no such host, or no way to it" } },
	{ -ETIMEDOUT, { VERDICT_RETRY, -ETIMEDOUT, JUDGE_TROUBLED, "no byte for too long" } },
	{ -ECONNRESET, { VERDICT_RETRY, -ECONNRESET, JUDGE_TROUBLED, "the connection broke" } },
	{ -EPROTO, { VERDICT_RETRY, -EPROTO, JUDGE_TROUBLED, "an answer that is no HTTP" } },
	{ -EACCES, { VERDICT_DENIED, -EACCES, JUDGE_WELL, "the server is not trusted" } },
	{ -EBUSY,
	  { VERDICT_DENIED, -EIO, JUDGE_WELL,
	    "not asked: the server is in trouble, or said to come back later" } },
	{ -ELOOP, { VERDICT_UNUSABLE, -EIO, JUDGE_WELL, "more than five redirects" } },
	{ -EXDEV,
	  { VERDICT_UNUSABLE, -EACCES, JUDGE_WELL,
	    "redirected to what is not http or https, or from https to http" } },
};

static const struct row {
	int first, last;			  /* of the status */
	bool (*when)(const struct judge_case *c); /* NULL: always */
	struct judge_finding is;
} rows[] = {
	{ 200,
	  206,
	  encoded_range,
	  { VERDICT_UNUSABLE, -EIO, JUDGE_WELL,
	    "encoded by the server, against the request (Content-Encoding)" } },
	{ 206, 206, wrong_range, { VERDICT_RETRY, -EIO, JUDGE_WELL, "got a wrong range" } },
	{ 200,
	  200,
	  web_page,
	  { VERDICT_RETRY, -EIO, JUDGE_WELL, "got a web page in place of the file" } },
	{ 200, 206, other_size, { VERDICT_CHANGED, -ESTALE, JUDGE_WELL, OTHER " (its size)" } },
	{ 200, 206, other_etag, { VERDICT_CHANGED, -ESTALE, JUDGE_WELL, OTHER " (its ETag)" } },
	{ 200,
	  206,
	  other_date,
	  { VERDICT_CHANGED, -ESTALE, JUDGE_WELL, OTHER " (its Last-Modified)" } },
	{ 206, 206, NULL, { VERDICT_OK, 0, JUDGE_WELL, "" } },
	{ 200, 200, whole_is_fine, { VERDICT_OK, 0, JUDGE_WELL, "" } },
	{ 200,
	  200,
	  ranges_known,
	  { VERDICT_RETRY, -EIO, JUDGE_WELL, "got the whole file in place of a range" } },
	{ 200,
	  200,
	  NULL,
	  { VERDICT_UNUSABLE, -EOPNOTSUPP, JUDGE_WELL, "the server ignores Range requests (-o sequential reads it in one go)" } },
	{ 201, 299, is_ranged, { VERDICT_RETRY, -EIO, JUDGE_WELL, "an answer without the file" } },
	{ 201, 299, NULL, { VERDICT_OK, 0, JUDGE_WELL, "" } },
	{ 300,
	  399,
	  NULL,
	  { VERDICT_UNUSABLE, -EIO, JUDGE_WELL, "a redirect that is not followed" } },
	{ 400, 400, says_expired, { VERDICT_RENEW, -EACCES, JUDGE_WELL, "the link has expired" } },
	{ 400, 400, NULL, { VERDICT_DENIED, -EACCES, JUDGE_WELL, "a bad request" } },
	{ 401, 401, NULL, { VERDICT_RENEW, -EACCES, JUDGE_WELL, "access is refused" } },
	{ 403, 403, NULL, { VERDICT_RENEW, -EACCES, JUDGE_WELL, "access is refused" } },
	{ 402, 402, NULL, { VERDICT_DENIED, -EACCES, JUDGE_WELL, "it must be paid for" } },
	{ 404, 404, NULL, { VERDICT_GONE, -ENOENT, JUDGE_WELL, "no such file" } },
	{ 407, 407, NULL, { VERDICT_DENIED, -EACCES, JUDGE_WELL, "the proxy wants a password" } },
	{ 410, 410, NULL, { VERDICT_GONE, -ENOENT, JUDGE_WELL, "the file is gone" } },
	{ 412, 412, NULL, { VERDICT_CHANGED, -ESTALE, JUDGE_WELL, OTHER } },
	{ 416, 416, says_empty, { VERDICT_OK, 0, JUDGE_WELL, "" } },
	{ 416, 416, NULL, { VERDICT_CHANGED, -ESTALE, JUDGE_WELL, OTHER " (no such range)" } },
	{ 408,
	  408,
	  NULL,
	  { VERDICT_RETRY, -EAGAIN, JUDGE_WELL, "the server was tired of waiting" } },
	{ 425, 425, NULL, { VERDICT_RETRY, -EAGAIN, JUDGE_WELL, "too early" } },
	{ 429, 429, NULL, { VERDICT_RETRY, -EAGAIN, JUDGE_BRAKING, "too many requests" } },
	{ 451, 451, NULL, { VERDICT_DENIED, -EACCES, JUDGE_WELL, "withheld for legal reasons" } },
	{ 503, 503, NULL, { VERDICT_RETRY, -EAGAIN, JUDGE_BRAKING, "the server is overloaded" } },
	{ 500, 599, NULL, { VERDICT_RETRY, -EAGAIN, JUDGE_TROUBLED, "the server is in trouble" } },
};

static struct judge_finding judge_broken(int err)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		if (broken[i].err == err)
			return broken[i].is;
	/* cancelled, no memory, or the receiver's own refusal */
	return (struct judge_finding){ VERDICT_DENIED, err, JUDGE_WELL, strerror(-err) };
}

struct judge_finding judge(const struct judge_case *c)
{
	const struct http_reply *r = c->reply;

	if (r->err != 0)
		return judge_broken(r->err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (r->status >= rows[i].first && r->status <= rows[i].last &&
		    (!rows[i].when || rows[i].when(c)))
			return rows[i].is;
	return (struct judge_finding){ VERDICT_DENIED, -EIO, JUDGE_WELL, "an unexpected answer" };
}

struct judge_finding judge_reply(const struct http_reply *r)
{
	const struct judge_case c = { .reply = r, .size = UINT64_MAX, .validator = "", .name = "" };

	return judge(&c);
}
