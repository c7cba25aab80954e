/* SPDX-License-Identifier: MPL-2.0 */
/* apiserver.h - for unit tests: a temporary directory with sample/api.py running in it, an http
 * and a pool, i.e. everything that a source works with.  One at a time.
 */
#ifndef TESTS_APISERVER_H
#define TESTS_APISERVER_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "source/source.h"

#define TEST_KEY "key-of-the-test"

struct apiserver {
	char dir[256]; /* holds config.json, port, log, data.tar.gz and state/ */
	char state[300], leases[320], data[300];
	pid_t pid; /* 0: no python3 here */
	char api_url[64];
	struct options opt; /* api_url, api_key and what a test sets */
	struct http *http;
	struct pool *pool;
	struct servertime *time;
	struct source_env env;
};

static inline void nap(int64_t ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static inline void put_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

/* top: further members, each ended by a comma; datasets: the elements of that array. */
static inline void apiserver_config(struct apiserver *a, const char *top, const char *datasets)
{
	char path[300], *text;

	snprintf(path, sizeof(path), "%s/config.json", a->dir);
	assert_true(asprintf(&text,
			    "{\"keys\": [\"" TEST_KEY "\"], \"storage\": "
			    "\"http://127.0.0.1:9/o\", \"secret\": \"s\", %s \"datasets\": [%s]}",
			    top, datasets) > 0);
	put_file(path, text);
	free(text);
}

/* How many lines of the server's log hold this text? */
static inline unsigned apiserver_count(struct apiserver *a, const char *text)
{
	char path[300], *log;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/log", a->dir);
	if (file_slurp(path, 1 << 20, &log, NULL) < 0)
		return 0;
	for (const char *p = log; (p = strstr(p, text)); p++)
		n++;
	free(log);
	return n;
}

static inline bool apiserver_wait(struct apiserver *a)
{
	char path[300], *text;

	snprintf(path, sizeof(path), "%s/port", a->dir);
	for (int i = 0; i < 300; i++, nap(50)) {
		if (file_slurp(path, 64, &text, NULL) < 0)
			continue;
		snprintf(a->api_url, sizeof(a->api_url), "http://127.0.0.1:%ld/api/",
			strtol(text, NULL, 10));
		free(text);
		return true;
	}
	return false;
}

static inline void apiserver_spawn(struct apiserver *a)
{
	const char *src = getenv("MDCFS_SRCDIR");
	char script[600], config[300], port[300], log[300];
	char python[] = "python3", c[] = "--config", p[] = "--port-file", l[] = "--log";
	char *argv[] = { python, script, c, config, p, port, l, log, NULL };

	snprintf(script, sizeof(script), "%s/sample/api.py", src ? src : ".");
	snprintf(config, sizeof(config), "%s/config.json", a->dir);
	snprintf(port, sizeof(port), "%s/port", a->dir);
	snprintf(log, sizeof(log), "%s/log", a->dir);
	assert_int_equal(access(script, R_OK), 0);
	if (posix_spawnp(&a->pid, python, NULL, NULL, argv, environ) != 0)
		a->pid = 0;
	else
		assert_true(apiserver_wait(a));
}

static inline int apiserver_start(void **state)
{
	static const struct http_config config = {
		.connections = 8,
		.connect_timeout_s = 5,
		.stall_timeout_s = 10,
	};
	static const char key[] = TEST_KEY;
	struct apiserver *a = calloc(1, sizeof(*a));
	const char *tmp = getenv("TMPDIR");

	log_set_level(LOG_LEVEL_ERROR);
	snprintf(a->dir, sizeof(a->dir), "%s/mdcfs-unit-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	assert_non_null(mkdtemp(a->dir));
	snprintf(a->state, sizeof(a->state), "%s/state", a->dir);
	snprintf(a->leases, sizeof(a->leases), "%s/leases", a->state);
	snprintf(a->data, sizeof(a->data), "%s/data.tar.gz", a->dir);
	put_file(a->data, "twenty bytes of data");
	apiserver_config(a, "", "");
	apiserver_spawn(a);
	a->opt.api_url = a->api_url;
	a->opt.api_key = strdup(key);
	assert_int_equal(http_new(&config, &a->http), 0);
	assert_int_equal(pool_new(2, &a->pool), 0);
	assert_int_equal(servertime_new(&a->time), 0);
	a->env = (struct source_env){
		.http = a->http,
		.pool = a->pool,
		.opt = &a->opt,
		.state_dir = a->state,
		.lease_dir = a->leases,
		.time = a->time,
	};
	setenv("MDC_DOWNLOAD_PATH", a->dir, 1); /* never the tester's own downloads */
	*state = a;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(path);
}

static inline int apiserver_stop(void **state)
{
	struct apiserver *a = *state;

	http_free(a->http);
	pool_free(a->pool);
	servertime_free(a->time);
	if (a->pid) {
		kill(a->pid, SIGTERM);
		waitpid(a->pid, NULL, 0);
	}
	nftw(a->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(a->opt.api_key);
	free(a);
	return 0;
}

/* Needs the server: the test is skipped without python3. */
static inline struct apiserver *apiserver_of(void **state)
{
	struct apiserver *a = *state;

	if (!a->pid)
		skip();
	return a;
}

#endif
