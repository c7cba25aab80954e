/* SPDX-License-Identifier: MPL-2.0 */
/* judge.c - tests of src/net/judge.c: what every answer is taken for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/http_headers.h"
#include "net/judge.h"

/* Nothing is expected: status and transport alone. */
static void test_plain(void **state)
{
	static const struct {
		int err, status;
		const char *problem;
		enum verdict want;
		int final;
		enum judge_health health;
	} cases[] = {
		{ 0, 200, "", VERDICT_OK, 0, JUDGE_WELL },
		{ 0, 204, "", VERDICT_OK, 0, JUDGE_WELL },
		{ 0, 206, "", VERDICT_OK, 0, JUDGE_WELL },
		{ 0, 401, "", VERDICT_RENEW, -EACCES, JUDGE_WELL },
		{ 0, 403, "Request has expired", VERDICT_RENEW, -EACCES, JUDGE_WELL },
		{ 0, 400, "<Code>ExpiredRequest</Code>", VERDICT_RENEW, -EACCES, JUDGE_WELL },
		{ 0, 400, "<Code>InvalidArgument</Code>", VERDICT_DENIED, -EACCES, JUDGE_WELL },
		{ 0, 402, "", VERDICT_DENIED, -EACCES, JUDGE_WELL },
		{ 0, 404, "", VERDICT_GONE, -ENOENT, JUDGE_WELL },
		{ 0, 407, "", VERDICT_DENIED, -EACCES, JUDGE_WELL },
		{ 0, 410, "", VERDICT_GONE, -ENOENT, JUDGE_WELL },
		{ 0, 412, "", VERDICT_CHANGED, -ESTALE, JUDGE_WELL },
		{ 0, 416, "", VERDICT_CHANGED, -ESTALE, JUDGE_WELL },
		{ 0, 408, "", VERDICT_RETRY, -EAGAIN, JUDGE_WELL },
		{ 0, 425, "", VERDICT_RETRY, -EAGAIN, JUDGE_WELL },
		{ 0, 429, "", VERDICT_RETRY, -EAGAIN, JUDGE_BRAKING },
		{ 0, 451, "", VERDICT_DENIED, -EACCES, JUDGE_WELL },
		{ 0, 500, "", VERDICT_RETRY, -EAGAIN, JUDGE_TROUBLED },
		{ 0, 503, "", VERDICT_RETRY, -EAGAIN, JUDGE_BRAKING },
		{ 0, 599, "", VERDICT_RETRY, -EAGAIN, JUDGE_TROUBLED },
		{ 0, 302, "", VERDICT_UNUSABLE, -EIO, JUDGE_WELL },
		{ 0, 405, "", VERDICT_DENIED, -EIO, JUDGE_WELL },
		{ 0, 999, "", VERDICT_DENIED, -EIO, JUDGE_WELL },
		{ -ECONNREFUSED, 0, "", VERDICT_RETRY, -ECONNREFUSED, JUDGE_TROUBLED },
		{ -EHOSTUNREACH, 0, "", VERDICT_RETRY, -EHOSTUNREACH, JUDGE_TROUBLED },
		{ -ETIMEDOUT, 206, "", VERDICT_RETRY, -ETIMEDOUT, JUDGE_TROUBLED },
		{ -ECONNRESET, 206, "", VERDICT_RETRY, -ECONNRESET, JUDGE_TROUBLED },
		{ -EPROTO, 0, "", VERDICT_RETRY, -EPROTO, JUDGE_TROUBLED },
		{ -EACCES, 0, "", VERDICT_DENIED, -EACCES, JUDGE_WELL },
		{ -ELOOP, 302, "", VERDICT_UNUSABLE, -EIO, JUDGE_WELL },
		{ -EXDEV, 302, "", VERDICT_UNUSABLE, -EACCES, JUDGE_WELL },
		{ -ECANCELED, 0, "", VERDICT_DENIED, -ECANCELED, JUDGE_WELL },
		{ -EINVAL, 0, "", VERDICT_DENIED, -EINVAL, JUDGE_WELL },
		{ -ESTALE, 206, "", VERDICT_DENIED, -ESTALE, JUDGE_WELL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_reply r;
		struct judge_finding f;

		http_headers_reset(&r);
		r.err = cases[i].err;
		r.status = cases[i].status;
		snprintf(r.problem, sizeof(r.problem), "%s", cases[i].problem);
		f = judge_reply(&r);
		if (f.verdict != cases[i].want || f.err != cases[i].final ||
		    f.health != cases[i].health || !f.text || (f.err && !f.text[0]))
			fail_msg("status %d err %d: %d %d %s", r.status, r.err, f.verdict, f.err,
				 f.text);
	}
}

/* Bytes 100 to 199 of x.bin were asked for, which has 1000 and the ETag "a"; the answer as it comes
 * over the wire. */
static const struct {
	const char *headers;
	enum verdict want;
	int err;
} ranged[] = {
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\nETag: \"a\"", VERDICT_OK, 0 },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/*\nETag: \"a\"", VERDICT_OK, 0 },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000", VERDICT_OK, 0 },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\n"
	  "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
	  VERDICT_OK, 0 }, /* another kind */
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\nContent-Encoding: identity",
	  VERDICT_OK, 0 },
	{ "HTTP/1.1 206 P\nETag: \"a\"", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 101-200/1000", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-198/1000", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 0-99/1000", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1001", VERDICT_CHANGED, -ESTALE },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-149/150", VERDICT_CHANGED, -ESTALE },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\nETag: \"b\"", VERDICT_CHANGED,
	  -ESTALE },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\nETag: W/\"a\"", VERDICT_CHANGED,
	  -ESTALE },
	{ "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\nContent-Encoding: gzip",
	  VERDICT_UNUSABLE, -EIO },
	{ "HTTP/1.1 206 P\nContent-Type: multipart/byteranges; boundary=x", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 200 OK\nContent-Length: 1000\nETag: \"a\"", VERDICT_UNUSABLE, -EOPNOTSUPP },
	{ "HTTP/1.1 200 OK\nContent-Length: 1000\nETag: \"b\"", VERDICT_CHANGED, -ESTALE },
	{ "HTTP/1.1 200 OK\nContent-Length: 77\nContent-Type: text/html", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 204 No", VERDICT_RETRY, -EIO },
	{ "HTTP/1.1 416 R\nContent-Range: bytes */1000", VERDICT_CHANGED, -ESTALE },
	{ "HTTP/1.1 416 R\nContent-Range: bytes */0", VERDICT_CHANGED, -ESTALE },
};

static struct judge_case expected(struct http_reply *r, const char *headers)
{
	AUTO(auto_free) char *text = strdup(headers);
	char *rest = text, *line;

	http_headers_reset(r);
	while ((line = strsep(&rest, "\n")))
		http_headers_line(r, line, strlen(line), 0);
	return (struct judge_case){ .reply = r,
				    .ranged = true,
				    .want = { 100, 200 },
				    .size = 1000,
				    .validator = "\"a\"",
				    .name = "x.bin" };
}

static void test_ranged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranged); i++) {
		struct http_reply r;
		struct judge_case c = expected(&r, ranged[i].headers);
		struct judge_finding f = judge(&c);

		if (f.verdict != ranged[i].want || f.err != ranged[i].err)
			fail_msg("%s: %d %d %s", ranged[i].headers, f.verdict, f.err, f.text);
	}
}

/* What the same answer means depends on what is known. */
static void test_known(void **state)
{
	struct http_reply r;
	struct judge_case c = expected(&r, "HTTP/1.1 200 OK\nContent-Length: 1000");

	(void)state;
	c.ranges_known = true; /* a whim of a server that can do better */
	assert_int_equal(judge(&c).verdict, VERDICT_RETRY);
	c.want.from = 0;
	assert_int_equal(judge(&c).verdict, VERDICT_OK);
	c.ranges_known = false; /* the first block of a server that cannot */
	assert_int_equal(judge(&c).err, -EOPNOTSUPP);
	c.want.to = 1000; /* everything: no harm done */
	assert_int_equal(judge(&c).verdict, VERDICT_OK);

	c = expected(&r, "HTTP/1.1 416 R\nContent-Range: bytes */0");
	c.size = UINT64_MAX;
	c.want.from = 0; /* of nothing there is no first byte */
	assert_int_equal(judge(&c).verdict, VERDICT_OK);

	c = expected(&r, "HTTP/1.1 206 P\nContent-Range: bytes 100-149/150");
	c.size = UINT64_MAX; /* it ends before the range does */
	c.validator = "";
	assert_int_equal(judge(&c).verdict, VERDICT_OK);

	c = expected(&r, "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\n"
			 "Content-Encoding: x-gzip");
	assert_int_equal(judge(&c).verdict, VERDICT_UNUSABLE);
	c.name = "x.tar.gz"; /* the file's own compression */
	assert_int_equal(judge(&c).verdict, VERDICT_OK);

	c = expected(&r, "HTTP/1.1 206 P\nContent-Range: bytes 100-199/1000\n"
			 "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT");
	c.validator = "Sun, 06 Nov 1994 08:49:38 GMT";
	assert_int_equal(judge(&c).verdict, VERDICT_CHANGED);
	c.validator = "Sun, 06 Nov 1994 08:49:37 GMT";
	assert_int_equal(judge(&c).verdict, VERDICT_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_ranged),
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
