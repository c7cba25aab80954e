/* SPDX-License-Identifier: MPL-2.0 */
/* http_probe.h - for tests of HTTP: tests/lib/storage.py as a child process, and requests that
 * can be waited for.  Failures end the test through cmocka.  One server a program.
 */
#ifndef TESTS_LIB_HTTP_PROBE_H
#define TESTS_LIB_HTTP_PROBE_H

#include "base/buf.h"
#include "net/http.h"

#define HTTP_PROBE_SIZE (1 << 20)

extern char http_probe_base[64];                          /* the server's URL, "" without one */
extern unsigned char http_probe_content[HTTP_PROBE_SIZE]; /* of /a.bin */
extern unsigned http_probe_count; /* requests done since the last http_probe_client() */

struct http_probe {
	struct http_request q;
	char url[256];
	struct buf body;
	int abort_with; /* body() returns this */
	bool done;      /* done() was called */
	bool wrong;     /* called twice, or too early: the wait fails */
	int64_t done_ms;
	unsigned order; /* which one to be done this was, from 1 */
};

/* Group setup and teardown. */
int http_probe_start(void **state);
int http_probe_stop(void **state);
/* What the server is to do from now on, counted from 1; skips the test without a server. */
void http_probe_plan(const char *text);
/* A file in the test's folder: "stderr" is removed at the end.  One of four static buffers. */
char *http_probe_path(const char *name);

/* Stalls after one second. */
struct http *http_probe_client(unsigned connections);
/* A GET of a path on the server or of a URL; of a range of /a.bin. */
void http_probe_init(struct http_probe *pr, const char *path);
void http_probe_range(struct http_probe *pr, uint64_t from, uint64_t to);
void http_probe_wait(struct http_probe *pr);
int http_probe_run(struct http *h, struct http_probe *pr); /* submit, wait; reply.err */
/* A good answer with these bytes of /a.bin? */
void http_probe_check(const struct http_probe *pr, uint64_t from, uint64_t to);
/* Is want there, if not NULL, and unwanted not? */
void http_probe_expect(const char *body, const char *want, const char *unwanted);

#endif
