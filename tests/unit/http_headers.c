/* SPDX-License-Identifier: MPL-2.0 */
/* http_headers.c - tests of src/net/http_headers.c: ranges, header lines, dates. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_headers.h"

static void test_content_range(void **state)
{
	static const struct {
		const char *in;
		int r;
		struct range want;
		uint64_t total;
	} cases[] = {
		{ "bytes 0-0/1", 0, { 0, 1 }, 1 },
		{ "bytes 0-99/1234", 0, { 0, 100 }, 1234 },
		{ "Bytes 5-9/*", 0, { 5, 10 }, UINT64_MAX },
		{ "bytes 0-18446744073709551614/*", 0, { 0, UINT64_MAX }, UINT64_MAX },
		{ "bytes 0-18446744073709551615/*", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-18446744073709551616/*", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 5-4/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-10/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes */10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-9", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-9/", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-9/10x", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes 0-9/10, 3-4/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes -1-9/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes +0-9/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes=0-9/10", -EBADMSG, { 0, 0 }, 0 },
		{ "items 0-9/10", -EBADMSG, { 0, 0 }, 0 },
		{ "bytes ", -EBADMSG, { 0, 0 }, 0 },
		{ "", -EBADMSG, { 0, 0 }, 0 },
	};
	char value[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range r = { 0, 0 };
		uint64_t total = 0;

		if (http_parse_content_range(cases[i].in, &r, &total) != cases[i].r ||
		    r.from != cases[i].want.from || r.to != cases[i].want.to ||
		    total != cases[i].total)
			fail_msg("%s", cases[i].in);
	}
	http_range_value((struct range){ 0, 1 }, value);
	assert_string_equal(value, "bytes=0-0");
	http_range_value((struct range){ UINT64_MAX - 1, UINT64_MAX }, value);
	assert_string_equal(value, "bytes=18446744073709551614-18446744073709551614");
}

static void test_retry_after(void **state)
{
	static const struct {
		const char *line;
		int64_t want;
	} cases[] = {
		{ "Retry-After: 120\r\n", 120 },
		{ "retry-after:0", 0 },
		{ "Retry-After: 99999999999999999999", -1 },
		{ "Retry-After: 9999999999999", 1000000000 },
		{ "Retry-After: -1", -1 },
		{ "Retry-After: 1.5", -1 },
		{ "Retry-After:", -1 },
		/* 784111777 = Sun, 06 Nov 1994 08:49:37 GMT; "now" is 777 s earlier */
		{ "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 777 },
		{ "Retry-After: Sun, 06 Nov 1994 08:00:00 GMT", 0 },
		{ "Retry-After: Sun, 06 Oct 9999 08:00:00 GMT", 1000000000 },
		{ "Retry-After: Sun, 06 anF 1994 08:49:37 GMT", -1 },
		{ "Retry-After: Sun, 06 Nov 1994 25:49:37 GMT", -1 },
		{ "Retry-After: soon", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_reply r;

		http_headers_reset(&r);
		http_headers_line(&r, cases[i].line, strlen(cases[i].line), 784111777 - 777);
		if (r.retry_after_s != cases[i].want)
			fail_msg("%s: %lld", cases[i].line, (long long)r.retry_after_s);
	}
}

static void feed(struct http_reply *r, const char *line)
{
	http_headers_line(r, line, strlen(line), 0);
}

static void test_header_lines(void **state)
{
	struct http_reply r;
	char longer[400];

	(void)state;
	http_headers_reset(&r);
	feed(&r, "HTTP/1.1 302 Found\r\n");
	feed(&r, "ETag: \"first\"\r\n");
	feed(&r, "Retry-After: 3\r\n");
	assert_int_equal(r.status, 302);
	assert_string_equal(r.etag, "\"first\"");
	feed(&r, "HTTP/2 200 \r\n"); /* the next answer starts afresh */
	assert_int_equal(r.status, 200);
	assert_string_equal(r.etag, "");
	assert_int_equal(r.retry_after_s, -1);
	feed(&r, "content-length:  12345 \r\n");
	feed(&r, "Content-Range: bytes 0-1/2\r\n"); /* means nothing in a 200 */
	feed(&r, "CONTENT-TYPE: application/gzip\r\n");
	feed(&r, "X-RateLimit-Reset: 1700000000\r\n");
	assert_false(r.has_range);
	assert_int_equal(r.total, 12345);
	assert_string_equal(r.content_type, "application/gzip");
	assert_string_equal(r.date_reset, "1700000000");

	feed(&r, "ETag: W/\"weak\"");
	assert_string_equal(r.etag, "W/\"weak\"");
	snprintf(longer, sizeof(longer), "ETag: \"%0300d\"", 0);
	feed(&r, longer);
	assert_string_equal(r.etag, "");
	feed(&r, "ETag: \"a\x01\"");
	assert_string_equal(r.etag, "");
	http_headers_line(&r, "ETag: \"a\0b\"", 11, 0);
	assert_string_equal(r.etag, "");
	feed(&r, "no colon");
	feed(&r, "");
	feed(&r, "HTTP/1.1 206 Partial Content");
	feed(&r, "Content-Length: 2");
	assert_true(r.total == UINT64_MAX);
	feed(&r, "Content-Range: bytes 4-5/6");
	assert_true(r.has_range && r.range.from == 4 && r.range.to == 6 && r.total == 6);
	feed(&r, "HTTP/1.1 nonsense");
	assert_int_equal(r.status, 0);
}

static void test_clock_and_rate(void **state)
{
	struct http_reply r;

	(void)state;
	http_headers_reset(&r);
	assert_int_equal(r.date, 0);
	assert_int_equal(r.rate_limit, -1);
	assert_int_equal(r.rate_left, -1);
	feed(&r, "HTTP/1.1 200 OK");
	feed(&r, "Date: Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(r.date, 784111777);
	feed(&r, "Age: 60"); /* out of a cache: that Date was a minute ago */
	assert_int_equal(r.date, 784111837);
	feed(&r, "Age: 30");
	assert_int_equal(r.date, 784111807);
	feed(&r, "Age: x");
	assert_int_equal(r.date, 784111807);
	feed(&r, "Date: yesterday");
	assert_int_equal(r.date, 784111807);
	feed(&r, "Retry-After: Sun, 06 Nov 1994 08:51:07 GMT"); /* by the server's clock */
	assert_int_equal(r.retry_after_s, 60);
	feed(&r, "X-RateLimit-Limit: 30");
	feed(&r, "x-ratelimit-remaining: 0");
	assert_int_equal(r.rate_limit, 30);
	assert_int_equal(r.rate_left, 0);
	feed(&r, "X-RateLimit-Limit: many");
	assert_int_equal(r.rate_limit, 30);
	feed(&r, "HTTP/1.1 200 OK");
	feed(&r, "Age: 10");
	feed(&r, "Date: Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(r.date, 784111787);
	assert_int_equal(r.rate_limit, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_range),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_header_lines),
		cmocka_unit_test(test_clock_and_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
