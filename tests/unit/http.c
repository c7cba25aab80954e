/* SPDX-License-Identifier: MPL-2.0 */
/* http.c - tests of src/net/http.c against tests/lib/storage.py: what is sent and received, the
 * queue, delay, cancel and end.  Skipped without python3.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/redirect.h"
#include "../lib/http_probe.h"

/* ---- good answers ---- */

static void test_parallel(void **state)
{
	static struct http_probe probes[24];
	struct http *h = http_probe_client(4);

	(void)state;
	http_probe_plan("");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		uint64_t from = i * 43690;

		http_probe_range(&probes[i], from,
				 MIN(from + 1 + i * 3000, (uint64_t)HTTP_PROBE_SIZE));
		http_submit(h, &probes[i].q);
	}
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		http_probe_wait(&probes[i]);
		http_probe_check(&probes[i], probes[i].q.range.from, probes[i].q.range.to);
		assert_true(probes[i].q.reply.etag[0] == '"');
		assert_string_equal(probes[i].q.reply.etag, probes[0].q.reply.etag);
		assert_string_equal(probes[i].q.reply.content_type, "application/octet-stream");
		buf_free(&probes[i].body);
	}
	http_free(h);
}

static void test_whole(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;

	(void)state;
	http_probe_plan("");
	http_probe_init(&pr, "/a.bin?query=secret");
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.status, 200);
	assert_false(pr.q.reply.has_range);
	assert_int_equal(pr.q.reply.total, HTTP_PROBE_SIZE);
	assert_int_equal(pr.body.len, HTTP_PROBE_SIZE);
	assert_memory_equal(pr.body.p, http_probe_content, HTTP_PROBE_SIZE);
	buf_free(&pr.body);
	http_free(h);
}

/* More requests than connections: two at a time, in the order of their submission. */
static void test_queue(void **state)
{
	struct http *h = http_probe_client(2);
	struct http_probe probes[6];
	int64_t began = clock_ms();

	(void)state;
	http_probe_plan("* 206 stall@1 seconds=0.3\n");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		http_probe_range(&probes[i], i, i + 2);
		http_submit(h, &probes[i].q);
	}
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		http_probe_wait(&probes[i]);
		http_probe_check(&probes[i], i, i + 2);
		assert_true(probes[i].done_ms - began >= 300 * (int64_t)(i / 2 + 1));
		assert_int_equal((probes[i].order - 1) / 2, i / 2);
		buf_free(&probes[i].body);
	}
	http_free(h);
}

static void test_if_match(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;
	char etag[256];

	(void)state;
	http_probe_plan("");
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), 0);
	snprintf(etag, sizeof(etag), "%s", pr.q.reply.etag);
	buf_free(&pr.body);

	http_probe_range(&pr, 0, 10);
	pr.q.if_match = etag;
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_check(&pr, 0, 10);
	buf_free(&pr.body);

	http_probe_range(&pr, 0, 10);
	pr.q.if_match = "\"another\"";
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.status, 412);
	assert_false(pr.q.reply.has_range);
	buf_free(&pr.body);
	http_free(h);
}

/* The request as the server sees it. */
static void test_sent(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;

	(void)state;
	http_probe_plan("");
	http_probe_init(&pr, "/.request");
	pr.q.ranged = true;
	pr.q.range = (struct range){ 5, 10 };
	pr.q.if_match = "\"tag\"";
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_expect(pr.body.p, "GET /.request HTTP/1.1\n", "Authorization");
	http_probe_expect(pr.body.p, "Range: bytes=5-9\n", "Cookie");
	http_probe_expect(pr.body.p, "If-Match: \"tag\"\n", "Referer");
	http_probe_expect(pr.body.p, "Accept-Encoding: identity\n", NULL);
	http_probe_expect(pr.body.p, "User-Agent: mdcfs/", NULL);
	http_probe_expect(pr.body.p, "; Linux)\n", NULL);
	buf_free(&pr.body);

	http_probe_init(&pr, "/.request");
	pr.q.method = "POST";
	pr.q.bearer = "k3y";
	pr.q.if_match = "W/\"weak\"";
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_expect(pr.body.p, "POST /.request HTTP/1.1\n", "If-Match");
	http_probe_expect(pr.body.p, "Authorization: Bearer k3y\n", "Range");
	http_probe_expect(pr.body.p, "Content-Length: 0\n", "Content-Type");
	http_probe_expect(pr.body.p, "body 0\n", "Expect");
	buf_free(&pr.body);

	http_probe_init(&pr, "/.request"); /* nothing of the last one is left in the handle */
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_expect(pr.body.p, "GET /.request", "Authorization");
	http_probe_expect(pr.body.p, NULL, "Range");
	buf_free(&pr.body);
	http_free(h);
}

static void test_redirect(void **state)
{
	struct http *h = http_probe_client(2);
	struct http_probe pr;

	(void)state;
	http_probe_plan(
		"1 redirect=/a.bin?sig=x\n2 ok\n3 redirect=/.request\n4-20 redirect=/a.bin\n");
	http_probe_range(&pr, 100, 200);
	assert_int_equal(http_probe_run(h, &pr), 0);
	http_probe_check(&pr, 100, 200);
	http_probe_expect(pr.q.reply.etag, "\"1048576-", "redirect");
	buf_free(&pr.body);

	http_probe_range(&pr, 100, 200); /* a key is not carried anywhere else */
	pr.q.bearer = "k3y";
	assert_int_equal(http_probe_run(h, &pr), 0);
	assert_int_equal(pr.q.reply.status, 302);
	http_probe_expect(pr.body.p, "elsewhere", "Bearer");
	buf_free(&pr.body);

	http_probe_range(&pr, 100, 200); /* round and round */
	assert_int_equal(http_probe_run(h, &pr), -ELOOP);
	assert_int_equal(pr.body.len, 0);
	buf_free(&pr.body);

	http_probe_plan("1 redirect=file:///etc/passwd\n");
	http_probe_range(&pr, 0, 10);
	assert_int_equal(http_probe_run(h, &pr), -EXDEV);
	assert_int_equal(pr.body.len, 0);
	buf_free(&pr.body);
	http_free(h);
}

static void test_redirect_rules(void **state)
{
	static const struct {
		const char *from, *to;
		unsigned hops;
		int want;
	} cases[] = {
		{ "http://a/x", "http://a/y", 1, 0 },
		{ "http://a/x", "http://b/y", 5, 0 },
		{ "http://a/x", "http://b/y", 6, -ELOOP },
		{ "http://a/x", "https://b/y", 1, 0 },
		{ "https://a/x", "https://b/y", 1, 0 },
		{ "https://a/x", "http://a/x", 1, -EXDEV },
		{ "HTTPS://a/x", "HTTP://a/x", 1, -EXDEV },
		{ "http://a/x", "file:///etc/passwd", 1, -EXDEV },
		{ "http://a/x", "ftp://b/y", 1, -EXDEV },
		{ "http://a/x", "gopher://b/y", 1, -EXDEV },
		{ "http://a/x", "http://", 1, -EXDEV },
		{ "http://a/x", "http://a@b@c/", 1, -EXDEV },
		{ "http://a/x", "", 1, -EXDEV },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (redirect_check(cases[i].from, cases[i].to, cases[i].hops) != cases[i].want)
			fail_msg("%s to %s", cases[i].from, cases[i].to);
	}
	for (int status = 100; status < 600; status++)
		assert_true(redirect_status(status) == (status == 301 || status == 302 ||
							status == 303 || status == 307 ||
							status == 308));
}

static void test_refused(void **state)
{
	static const struct {
		const char *url, *method, *bearer, *if_match;
		uint64_t to;
		int want;
	} cases[] = {
		{ "http://192.0.2.1/api", NULL, "k3y", NULL, 1, -EACCES },
		{ "http://127.0.0.1.evil.invalid/api", "POST", "k3y", NULL, 1, -EACCES },
		{ "https://192.0.2.1/", NULL, "k\r\nX: y", NULL, 1, -EINVAL },
		{ "https://192.0.2.1/", NULL, "", NULL, 1, -EINVAL },
		{ "http://192.0.2.1/", NULL, NULL, "\"a\nb\"", 1, -EINVAL },
		{ "http://192.0.2.1/", NULL, NULL, NULL, 0, -EINVAL },
		{ "http://192.0.2.1/", "HEAD", NULL, NULL, 1, -EINVAL },
		{ "file:///etc/passwd", NULL, NULL, NULL, 1, -EINVAL },
		{ "not a URL", NULL, NULL, NULL, 1, -EINVAL },
		{ "", NULL, NULL, NULL, 1, -EINVAL },
	};
	struct http *h = http_probe_client(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_probe pr;

		http_probe_init(&pr, "/");
		pr.q.url = cases[i].url;
		pr.q.method = cases[i].method;
		pr.q.bearer = cases[i].bearer;
		pr.q.if_match = cases[i].if_match;
		pr.q.ranged = true;
		pr.q.range.to = cases[i].to;
		if (http_probe_run(h, &pr) != cases[i].want || pr.q.reply.status != 0)
			fail_msg("%s: %d", cases[i].url, pr.q.reply.err);
	}
	http_free(h);
}

/* ---- delay, cancel, end ---- */

static void test_delay(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe late, later, now;
	int64_t began = clock_ms();

	(void)state;
	http_probe_plan("");
	http_probe_range(&later, 0, 1);
	later.q.delay_ms = 500;
	http_probe_range(&late, 1, 2);
	late.q.delay_ms = 250;
	http_probe_range(&now, 2, 3);
	http_submit(h, &later.q);
	http_submit(h, &late.q);
	http_submit(h, &now.q); /* those that wait take no connection */
	http_probe_wait(&now);
	http_probe_wait(&late);
	http_probe_wait(&later);
	assert_int_equal(now.order, 1);
	assert_int_equal(late.order, 2);
	assert_int_equal(later.order, 3);
	assert_true(now.done_ms - began < 250);
	assert_true(late.done_ms - began >= 250 && later.done_ms - began >= 500);
	http_probe_check(&later, 0, 1);
	buf_free(&now.body);
	buf_free(&late.body);
	buf_free(&later.body);
	http_free(h);
}

/* One under way, one queued behind it, one delayed, one canceled before anybody saw it. */
static void start_four(struct http *h, struct http_probe *p)
{
	http_probe_plan("* 206 stall@10 seconds=30\n");
	for (unsigned i = 0; i < 4; i++)
		http_probe_range(&p[i], 0, 1000);
	p[2].q.delay_ms = 30000;
	p[3].q.delay_ms = INT64_MAX;
	for (unsigned i = 0; i < 4; i++)
		http_submit(h, &p[i].q);
}

static void expect_canceled(struct http_probe *p, int64_t began)
{
	for (unsigned i = 0; i < 4; i++) {
		http_probe_wait(&p[i]);
		assert_int_equal(p[i].q.reply.err, -ECANCELED);
		assert_true(p[i].done_ms - began < 5000); /* far from 30 s */
		buf_free(&p[i].body);
	}
}

static void test_cancel(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe p[4];
	int64_t began;

	(void)state;
	start_four(h, p);
	http_cancel(h, &p[3].q);
	poll(NULL, 0, 100);
	began = clock_ms();
	for (unsigned i = 3; i-- > 0;)
		http_cancel(h, &p[i].q);
	expect_canceled(p, began);
	http_probe_plan("");
	http_probe_range(&p[0], 7, 9); /* the connection's place is free again */
	assert_int_equal(http_probe_run(h, &p[0]), 0);
	http_probe_check(&p[0], 7, 9);
	buf_free(&p[0].body);
	http_free(h);
}

/* Cancel at once, many times: the thread may be anywhere. */
static void test_cancel_races(void **state)
{
	struct http *h = http_probe_client(3);

	(void)state;
	http_probe_plan("");
	for (unsigned i = 0; i < 300; i++) {
		struct http_probe pr;

		http_probe_range(&pr, i, i + 50);
		pr.q.delay_ms = i % 3 ? 0 : 60000;
		http_submit(h, &pr.q);
		if (i % 5 == 0)
			poll(NULL, 0, 1);
		http_cancel(h, &pr.q);
		http_probe_wait(&pr);
		if (pr.q.reply.err != -ECANCELED)
			http_probe_check(&pr, i, i + 50);
		buf_free(&pr.body);
	}
	http_free(h);
}

static void test_free_under_way(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe p[4];
	int64_t began;

	(void)state;
	start_four(h, p);
	poll(NULL, 0, 100);
	began = clock_ms();
	http_free(h);
	assert_true(clock_ms() - began < 5000); /* far from 30 s */
	for (unsigned i = 0; i < 4; i++)
		assert_true(p[i].done); /* before http_free() returned */
	expect_canceled(p, began);
	assert_null(http_free(NULL));
	http_free(http_probe_client(1)); /* nothing was ever asked */
}

/* done() may submit again, as a retry does, even while everything ends. */
struct chain {
	struct http_request q;
	struct http *h;
	_Atomic unsigned left; /* changed by the I/O thread, looked at by the test */
	int last;
};

static void chain_done(struct http_request *q)
{
	struct chain *c = container_of(q, struct chain, q);

	c->last = q->reply.err;
	if (c->left > 0) {
		c->left--;
		http_submit(c->h, q);
	}
}

static void test_submit_again(void **state)
{
	struct chain c = { .h = http_probe_client(1), .left = 3, .last = 1 };
	struct chain d = { .h = c.h, .left = 3, .last = 1 };
	struct http_probe pr;

	(void)state;
	http_probe_plan("4 206 stall@0 seconds=30\n");
	http_probe_range(&pr, 0, 5);
	c.q = d.q = pr.q;
	c.q.done = d.q.done = chain_done;
	c.q.body = d.q.body = NULL;
	d.q.delay_ms = 60000;
	http_submit(c.h, &c.q);
	http_submit(c.h, &d.q);
	for (unsigned i = 0; i < 1000 && c.left > 0; i++)
		poll(NULL, 0, 10); /* three times well, and the fourth hangs */
	http_free(c.h);
	assert_int_equal(c.left, 0);
	assert_int_equal(c.last, -ECANCELED);
	assert_int_equal(d.left, 0);
	assert_int_equal(d.last, -ECANCELED);
}

/* ---- http_do ---- */

static void test_do(void **state)
{
	static const struct {
		size_t max;
		int want;
	} cases[] = { { HTTP_PROBE_SIZE, 0 }, { HTTP_PROBE_SIZE - 1, -EFBIG }, { 0, -EFBIG } };
	struct http *h = http_probe_client(2);
	char url[80];

	(void)state;
	http_probe_plan("");
	snprintf(url, sizeof(url), "%s/a.bin", http_probe_base);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *body = NULL;
		struct http_request q = { .url = url };

		assert_int_equal(http_do(h, &q, cases[i].max, &body), cases[i].want);
		if (cases[i].want == 0) {
			assert_memory_equal(body, http_probe_content, HTTP_PROBE_SIZE);
			assert_int_equal(body[HTTP_PROBE_SIZE], 0);
		}
	}
	/* Twice: libcurl asks again by itself when a kept connection turns out to be closed. */
	http_probe_plan("1 404 body=gone\n2 404\n3-4 close\n");
	for (unsigned i = 1; i <= 3; i++) {
		AUTO(auto_free) char *body = NULL;
		struct http_request q = { .url = url };

		assert_int_equal(http_do(h, &q, 100, &body), i < 3 ? 0 : -ECONNRESET);
		assert_int_equal(q.reply.status, i < 3 ? 404 : 0);
		if (i == 1)
			assert_string_equal(body, "gone");
		else
			assert_null(body);
	}
	http_free(h);
}

/* Nothing secret is printed, however much is printed. */
static void test_log(void **state)
{
	struct http *h = http_probe_client(1);
	struct http_probe pr;
	int saved = dup(2), fd = open(http_probe_path("stderr"), O_CREAT | O_TRUNC | O_RDWR, 0600);
	char text[4096];
	ssize_t n;

	(void)state;
	http_probe_plan("");
	assert_true(saved >= 0 && dup2(fd, 2) == 2);
	assert_int_equal(log_set_areas("http"), 0);
	http_probe_init(&pr, "/a.bin?X-Amz-Signature=SECRET");
	pr.q.bearer = "SECRET";
	pr.q.ranged = true;
	pr.q.range.to = 100;
	(void)http_probe_run(h, &pr);
	buf_free(&pr.body);
	pr.done = false;
	pr.q.url = "http://SECRET:SECRET@192.0.2.1/x?SECRET";
	(void)http_probe_run(h, &pr);
	pr.done = false;
	pr.q.url = "http://SECRET:SECRET/SECRET@192.0.2.1/x?SECRET";
	(void)http_probe_run(h, &pr);
	http_free(h);
	log_areas = 0;
	dup2(saved, 2);
	close(saved);
	n = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	assert_true(n > 0);
	text[n] = '\0';
	http_probe_expect(text, "/a.bin?... bytes=0-99 status 206 err 0 100 bytes", "SECRET");
	http_probe_expect(text, "http://192.0.2.1/x?...", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_if_match),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_redirect),
		cmocka_unit_test(test_redirect_rules),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_races),
		cmocka_unit_test(test_free_under_way),
		cmocka_unit_test(test_submit_again),
		cmocka_unit_test(test_do),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, http_probe_start, http_probe_stop);
}
