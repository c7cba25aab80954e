/* SPDX-License-Identifier: MPL-2.0 */
/* http_headers.c - see http_headers.h; also the two range functions of http.h. */
#include "net/http_headers.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAX_RETRY_AFTER_S 1000000000 /* 30 years: more is no use and might overflow */

void http_range_value(struct range r, char out[static 64])
{
	snprintf(out, 64, "bytes=%" PRIu64 "-%" PRIu64, r.from, r.to - 1);
}

/* Digits at *p, which moves behind them; false without any or beyond 64 bits. */
static bool take_u64(const char **p, uint64_t *out)
{
	const char *s = *p;
	uint64_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
			return false;
	if (s == *p)
		return false;
	*p = s;
	*out = n;
	return true;
}

static bool take_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

int http_parse_content_range(const char *value, struct range *r, uint64_t *total)
{
	const char *p = value;
	uint64_t first, last, end, size = UINT64_MAX;

	if (strncasecmp(p, "bytes ", 6) != 0)
		return -EBADMSG;
	p += 6;
	if (!take_u64(&p, &first) || !take_char(&p, '-') || !take_u64(&p, &last) ||
	    !take_char(&p, '/'))
		return -EBADMSG;
	if (!take_char(&p, '*') && !take_u64(&p, &size))
		return -EBADMSG;
	if (*p || last < first || __builtin_add_overflow(last, (uint64_t)1, &end) || end > size)
		return -EBADMSG;
	*r = (struct range){ first, end };
	*total = size;
	return 0;
}

bool http_headers_valid(const char *value)
{
	if (!*value)
		return false;
	for (; *value; value++)
		if ((unsigned char)*value < 0x20 || *value == 0x7f)
			return false;
	return true;
}

void http_headers_reset(struct http_reply *r)
{
	memset(r, 0, sizeof(*r));
	r->total = UINT64_MAX;
	r->retry_after_s = r->rate_limit = r->rate_left = -1;
}

static void copy_field(char *out, size_t cap, const char *value)
{
	size_t n = strlen(value);

	out[0] = '\0';
	if (n < cap && http_headers_valid(value))
		memcpy(out, value, n + 1);
}

/* RFC 9110 5.6.7, the one form that may still be sent: "Sun, 06 Nov 1994 08:49:37 GMT". */
static bool parse_date(const char *value, int64_t *out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = { 0 };
	char month[4];
	const char *m;
	int n = 0;

	if (sscanf(value, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &tm.tm_mday, month,
		   &tm.tm_year, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    n == 0)
		return false;
	m = strlen(month) == 3 ? strstr(months, month) : NULL;
	if (!m || (m - months) % 3 != 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 ||
	    tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return false;
	tm.tm_mon = (int)(m - months) / 3;
	tm.tm_year -= 1900;
	*out = (int64_t)timegm(&tm);
	return true;
}

static void take_retry_after(struct http_reply *r, const char *value, int64_t now)
{
	const char *p = value;
	uint64_t seconds;
	int64_t date;

	if (take_u64(&p, &seconds) && !*p)
		r->retry_after_s = (int64_t)MIN(seconds, (uint64_t)MAX_RETRY_AFTER_S);
	else if (parse_date(value, &date))
		r->retry_after_s = MIN(MAX(date - now, 0), (int64_t)MAX_RETRY_AFTER_S);
}

/* A 416 tells the size behind an asterisk (RFC 9110 15.5.17). */
static void take_unsatisfied(struct http_reply *r, const char *value)
{
	uint64_t n;

	if (strncasecmp(value, "bytes */", 8) != 0)
		return;
	value += 8;
	if (take_u64(&value, &n) && !*value)
		r->total = n;
}

static void take_content_range(struct http_reply *r, const char *value)
{
	if (r->status == 206)
		r->has_range = http_parse_content_range(value, &r->range, &r->total) == 0;
	else if (r->status == 416)
		take_unsatisfied(r, value);
}

static void take_content_length(struct http_reply *r, const char *value)
{
	uint64_t n;

	if (!take_u64(&value, &n) || *value)
		return;
	r->framed = true;
	if (r->status == 200)
		r->total = n;
}

/* RFC 9110 8.4.  What does not fit is some encoding all the same. */
static void take_content_encoding(struct http_reply *r, const char *value)
{
	copy_field(r->content_encoding, sizeof(r->content_encoding), value);
	if (*value && !r->content_encoding[0])
		snprintf(r->content_encoding, sizeof(r->content_encoding), "?");
}

/* Answers come out of caches too: then Age says how old the Date is. */
static void take_date(struct http_reply *r, const char *value)
{
	int64_t date;

	if (parse_date(value, &date) && date > 0)
		r->date = date + r->age_s;
}

static void take_age(struct http_reply *r, const char *value)
{
	uint64_t n;

	if (!take_u64(&value, &n) || *value || n > MAX_RETRY_AFTER_S)
		return;
	if (r->date)
		r->date += (int64_t)n - r->age_s;
	r->age_s = (int64_t)n;
}

static void take_count(int64_t *out, const char *value)
{
	uint64_t n;

	if (take_u64(&value, &n) && !*value && n <= INT32_MAX)
		*out = (int64_t)n;
}

static void take_field(struct http_reply *r, const char *name, const char *value, int64_t now)
{
	if (strcasecmp(name, "content-range") == 0)
		take_content_range(r, value);
	else if (strcasecmp(name, "content-length") == 0)
		take_content_length(r, value);
	else if (strcasecmp(name, "etag") == 0)
		copy_field(r->etag, sizeof(r->etag), value);
	else if (strcasecmp(name, "last-modified") == 0)
		copy_field(r->last_modified, sizeof(r->last_modified), value);
	else if (strcasecmp(name, "content-type") == 0)
		copy_field(r->content_type, sizeof(r->content_type), value);
	else if (strcasecmp(name, "content-encoding") == 0)
		take_content_encoding(r, value);
	else if (strcasecmp(name, "retry-after") == 0)
		take_retry_after(r, value, r->date ? r->date : now);
	else if (strcasecmp(name, "date") == 0)
		take_date(r, value);
	else if (strcasecmp(name, "age") == 0)
		take_age(r, value);
	else if (strcasecmp(name, "x-ratelimit-limit") == 0)
		take_count(&r->rate_limit, value);
	else if (strcasecmp(name, "x-ratelimit-remaining") == 0)
		take_count(&r->rate_left, value);
	else if (strcasecmp(name, "ods-analyze-truncated") == 0)
		r->truncated = strcasecmp(value, "false") != 0;
	else if (strcasecmp(name, "transfer-encoding") == 0)
		r->framed |= strcasecmp(value, "chunked") == 0;
	else if (strcasecmp(name, "x-ratelimit-reset") == 0)
		copy_field(r->date_reset, sizeof(r->date_reset), value);
}

/* "HTTP/1.1 206 Partial Content" (RFC 9112 4). */
static bool take_status(struct http_reply *r, const char *line)
{
	int status = 0;

	if (strncmp(line, "HTTP/", 5) != 0)
		return false;
	http_headers_reset(r);
	if (sscanf(line + 5, "%*[0-9.] %3d", &status) == 1 && status >= 100)
		r->status = status;
	return true;
}

void http_headers_line(struct http_reply *r, const char *line, size_t n, int64_t now)
{
	char text[1024]; /* longer ones hold nothing that is wanted */
	char *value;

	while (n > 0 && strchr("\r\n\t ", line[n - 1]))
		n--;
	if (n >= sizeof(text) || memchr(line, '\0', n))
		return;
	memcpy(text, line, n);
	text[n] = '\0';
	if (take_status(r, text))
		return;
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	take_field(r, text, value + strspn(value, " \t"), now);
}
