/* SPDX-License-Identifier: MPL-2.0 */
/* http_faults.c - tests of src/net/http.c against planned faults (skipped without python3) and
 * against canned answers that no decent server gives.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "../lib/http_probe.h"

static void test_faults(void **state)
{
	static const struct {
		const char *plan;
		int err, status;
		size_t len;
		int64_t at_least_ms, at_most_ms;
	} cases[] = {
		{ "1 206 stall@512 seconds=20", -ETIMEDOUT, 206, 512, 1000, 2500 },
		{ "1 206 stall@0 seconds=20", -ETIMEDOUT, 206, 0, 1000, 2500 },
		/* slow is not stalled: three seconds in all, but never one without a byte */
		{ "1 206 slow=30000", 0, 206, 65536, 1500, 9000 },
		{ "1 206 drop@512", -ECONNRESET, 206, 512, 0, 900 },
		{ "1 206 drop@0", -ECONNRESET, 206, 0, 0, 900 },
		{ "1 close", -ECONNRESET, 0, 0, 0, 900 },
		{ "1 200 ignore-range", 0, 200, HTTP_PROBE_SIZE, 0, 900 },
		{ "1 503 body=xx", 0, 503, 2, 0, 900 },
	};
	struct http *h = http_probe_client(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_probe pr;
		int64_t began;

		http_probe_plan(cases[i].plan);
		began = clock_ms();
		http_probe_range(&pr, 0, 65536);
		(void)http_probe_run(h, &pr);
		began = clock_ms() - began;
		if (pr.q.reply.err != cases[i].err || pr.q.reply.status != cases[i].status ||
		    pr.body.len != cases[i].len || began < cases[i].at_least_ms ||
		    began > cases[i].at_most_ms * 4)
			fail_msg("%s: err %d status %d %zu bytes %lld ms", cases[i].plan,
				 pr.q.reply.err, pr.q.reply.status, pr.body.len, (long long)began);
		if (cases[i].status == 206)
			assert_memory_equal(pr.body.len ? (void *)pr.body.p
							: (void *)http_probe_content,
					    http_probe_content, pr.body.len);
		buf_free(&pr.body);
	}
	http_free(h);
}

static void test_told(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;

	(void)state;
	http_probe_plan("1 403 type=application/xml body=\"<Code>AccessDenied</Code>\"\n"
			"2 429 retry-after=7\n3 206 wrong-range\n4 206 wrong-total\n"
			"5 206 etag=v2\n");
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.status, 403);
	assert_string_equal(pr.q.reply.problem, "<Code>AccessDenied</Code>");
	assert_string_equal(pr.q.reply.content_type, "application/xml");
	buf_free(&pr.body);
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.status, 429);
	assert_int_equal(pr.q.reply.retry_after_s, 7);
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_true(pr.q.reply.range.from == 1 && pr.q.reply.range.to == 11);
	buf_free(&pr.body);
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.total, HTTP_PROBE_SIZE + 1);
	buf_free(&pr.body);
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_string_equal(pr.q.reply.etag, "\"v2\"");
	buf_free(&pr.body);
	http_free(h);
}

static void test_abort(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;

	(void)state;
	http_probe_plan("");
	http_probe_range(&pr, 0, 100000);
	pr.abort_with = -ESTALE;
	assert_int_equal(http_probe_run(h, &pr), -ESTALE);
	assert_int_equal(pr.q.reply.status, 206);
	http_probe_range(&pr, 5, 10); /* the next one is not harmed */
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_check(&pr, 5, 10);
	buf_free(&pr.body);
	http_free(h);
}

/* One connection is taken, answered with these bytes and closed. */
struct canned {
	int fd;
	const char *text;
	size_t repeat; /* the text again and again */
};

static void *serve_canned(void *arg)
{
	struct canned *c = arg;
	AUTO(auto_close) int fd = accept(c->fd, NULL, NULL);
	char in[4096];
	ssize_t n = 1;

	if (recv(fd, in, sizeof(in), 0) <= 0)
		return NULL;
	for (size_t i = 0; i < c->repeat && n > 0; i++)
		n = send(fd, c->text, strlen(c->text), MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (recv(fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

static int listen_local(bool listening, unsigned *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void test_canned(void **state)
{
	static const struct {
		const char *text;
		size_t repeat;
		int err, status;
		const char *etag, *body;
	} cases[] = {
		{ "HTTP/1.1 103 Early\r\nETag: \"early\"\r\n\r\n"
		  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1, 0, 200, "", "ok" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"head\"\r\n\r\n"
		  "2\r\nok\r\n0\r\nETag: \"trailer\"\r\n\r\n", 1, 0, 200, "\"head\"", "ok" },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", 1,
		  -ECONNRESET, 200, "", "ok" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 1, -ECONNRESET, 200, "", "ok" },
		{ "HTTP/1.1 206 OK\r\nContent-Range: bytes 9-3/4\r\nContent-Length: 2\r\n\r\nok", 1,
		  0, 206, "", "ok" },
		/* no length at all, then: up to the end of the connection */
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nok", 1, 0,
		  200, "", "ok" },
		{ "SSH-2.0-OpenSSH\r\n", 1, -EPROTO, 0, "", "" },
		{ "HTTP/1.1 200 OK\r\nX: y\r\n", 1000000, -EPROTO, 200, "", "" },
	};
	struct http *h = http_probe_client(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct canned c = { .text = cases[i].text, .repeat = cases[i].repeat };
		unsigned port;
		pthread_t thread;
		struct http_probe pr;

		c.fd = listen_local(true, &port);
		assert_int_equal(pthread_create(&thread, NULL, serve_canned, &c), 0);
		http_probe_init(&pr, "://");
		snprintf(pr.url, sizeof(pr.url), "http://127.0.0.1:%u/", port);
		(void)http_probe_run(h, &pr);
		if (pr.q.reply.err != cases[i].err || pr.q.reply.status != cases[i].status ||
		    pr.q.reply.has_range || strcmp(pr.q.reply.etag, cases[i].etag) != 0 ||
		    strcmp(pr.body.p ? pr.body.p : "", cases[i].body) != 0)
			fail_msg("case %zu: err %d status %d etag %s body %s", i, pr.q.reply.err,
				 pr.q.reply.status, pr.q.reply.etag, pr.body.p);
		buf_free(&pr.body);
		close(c.fd);
		/* The client keeps what went well: let it go, so that the thread sees the end. */
		h = http_free(h);
		pthread_join(thread, NULL);
		h = http_probe_client(1);
	}
	http_free(h);
}

static void test_nobody_there(void **state)
{
	struct http *h = http_probe_client(1);
	unsigned port;
	int fd = listen_local(false, &port);
	struct http_probe pr;

	(void)state;
	http_probe_init(&pr, "://");
	snprintf(pr.url, sizeof(pr.url), "http://127.0.0.1:%u/", port);
	assert_int_equal(http_probe_run(h, &pr), -ECONNREFUSED);
	assert_int_equal(pr.q.reply.status, 0);
	assert_true(pr.q.reply.total == UINT64_MAX && pr.q.reply.retry_after_s == -1);
	close(fd);
	http_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_canned),
		cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, http_probe_start, http_probe_stop);
}
