/* SPDX-License-Identifier: MPL-2.0 */
/* http_probe.c - see http_probe.h. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "http_probe.h"

static char dir[96];
char http_probe_base[64];
static pid_t server;
unsigned char http_probe_content[HTTP_PROBE_SIZE];

/* ---- the server ---- */

char *http_probe_path(const char *name)
{
	static char path[4][160]; /* a few may be in use at once */
	static unsigned next;
	char *p = path[next++ % ARRAY_SIZE(path)];

	snprintf(p, sizeof(path[0]), "%s/%s", dir, name);
	return p;
}

static void write_file(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(http_probe_path("new"), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(rename(http_probe_path("new"), http_probe_path(name)), 0);
}

void http_probe_plan(const char *text)
{
	if (!http_probe_base[0])
		skip();
	write_file("plan", text, strlen(text));
}

static void run_server(void)
{
	const char *src = getenv("MDCFS_SRCDIR");
	char script[512];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(script, sizeof(script), "%s/tests/lib/storage.py", src ? src : ".");
	execlp("python3", "python3", script, "--dir", dir, "--port-file", http_probe_path("port"),
	       "--plan", http_probe_path("plan"), (char *)NULL);
	_exit(127);
}

/* 0 without python3, too: then there is no server and its tests are skipped. */
static int wait_for_port(void)
{
	FILE *f = NULL;
	unsigned port = 0;
	int status = 0;

	for (int i = 0; i < 500 && !f && waitpid(server, &status, WNOHANG) == 0; i++) {
		f = fopen(http_probe_path("port"), "r");
		poll(NULL, 0, f ? 0 : 20);
	}
	if (!f)
		return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? 0 : -1;
	if (fscanf(f, "%u", &port) == 1)
		snprintf(http_probe_base, sizeof(http_probe_base), "http://127.0.0.1:%u", port);
	fclose(f);
	return 0;
}

int http_probe_start(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/http-test.XXXXXX", tmp && strlen(tmp) < 64 ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	setenv("no_proxy", "*", 1);
	for (size_t i = 0; i < HTTP_PROBE_SIZE; i++)
		http_probe_content[i] = (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
	write_file("a.bin", http_probe_content, HTTP_PROBE_SIZE);
	write_file("plan", "", 0);
	server = fork();
	if (server == 0)
		run_server();
	return wait_for_port();
}

int http_probe_stop(void **state)
{
	static const char *const names[] = { "a.bin", "plan", "port", "new", "stderr" };

	(void)state;
	if (http_probe_base[0]) {
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(http_probe_path(names[i]));
	return rmdir(dir);
}

void http_probe_expect(const char *body, const char *want, const char *unwanted)
{
	if (want && !strstr(body, want))
		fail_msg("no %s in\n%s", want, body);
	if (unwanted && strstr(body, unwanted))
		fail_msg("%s in\n%s", unwanted, body);
}

/* ---- requests that can be waited for ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
unsigned http_probe_count;

static int probe_body(struct http_request *q, const void *p, size_t n)
{
	struct http_probe *pr = container_of(q, struct http_probe, q);

	/* This is the I/O thread: cmocka wants to hear of it on its own. */
	pr->wrong |= q->reply.status < 200 || pr->done;
	return pr->abort_with ? pr->abort_with : buf_add(&pr->body, p, n);
}

static void probe_done(struct http_request *q)
{
	struct http_probe *pr = container_of(q, struct http_probe, q);
	LOCK_SCOPE(&lock);

	pr->wrong |= pr->done;
	pr->done = true;
	pr->done_ms = clock_ms();
	pr->order = ++http_probe_count;
	pthread_cond_broadcast(&cond);
}

void http_probe_init(struct http_probe *pr, const char *path)
{
	memset(pr, 0, sizeof(*pr));
	pr->body.max = 2 * HTTP_PROBE_SIZE;
	snprintf(pr->url, sizeof(pr->url), "%s%s", strstr(path, "://") ? "" : http_probe_base, path);
	pr->q.url = pr->url;
	pr->q.body = probe_body;
	pr->q.done = probe_done;
}

void http_probe_range(struct http_probe *pr, uint64_t from, uint64_t to)
{
	http_probe_init(pr, "/a.bin");
	pr->q.ranged = true;
	pr->q.range = (struct range){ from, to };
}

void http_probe_wait(struct http_probe *pr)
{
	LOCK_SCOPE(&lock);
	while (!pr->done)
		pthread_cond_wait(&cond, &lock);
	assert_false(pr->wrong);
}

int http_probe_run(struct http *h, struct http_probe *pr)
{
	http_submit(h, &pr->q);
	http_probe_wait(pr);
	return pr->q.reply.err;
}

void http_probe_check(const struct http_probe *pr, uint64_t from, uint64_t to)
{
	assert_int_equal(pr->q.reply.err, 0);
	assert_int_equal(pr->q.reply.status, 206);
	assert_true(pr->q.reply.has_range);
	assert_int_equal(pr->q.reply.range.from, from);
	assert_int_equal(pr->q.reply.range.to, to);
	assert_int_equal(pr->q.reply.total, HTTP_PROBE_SIZE);
	assert_int_equal(pr->body.len, to - from);
	assert_memory_equal(pr->body.p, http_probe_content + from, to - from);
}

struct http *http_probe_client(unsigned connections)
{
	const struct http_config c = { .connections = connections, .connect_timeout_s = 5,
				       .stall_timeout_s = 1 };
	struct http *h = NULL;

	assert_int_equal(http_new(&c, &h), 0);
	http_probe_count = 0;
	return h;
}
