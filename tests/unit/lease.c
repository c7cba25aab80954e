/* SPDX-License-Identifier: MPL-2.0 */
/* lease.c - unit tests of source/lease.h against sample/api.py. */
#include "../lib/apiserver.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/stats.h"
#include "source/lease.h"
#include "source/leasefile.h"
#include "source/ledger.h"

#define SHA_LOWER "6809228e00000000000000000000000000000000000000000000000000e6cbab"
#define ID "cmt95wvb80027qb6e2vezm3d9"

static void serve(struct apiserver *a, const char *top, const char *more)
{
	char entry[1000];

	snprintf(entry, sizeof(entry), "{\"id\": \"" ID "\", \"slug\": \"x\", \"file\": \"%s\"%s}",
		 a->data, more);
	apiserver_config(a, top, entry);
}

static struct lease *make_lease(struct apiserver *a, const char *checksum)
{
	char base[64];
	struct lease_config c = {
		.env = &a->env,
		.api = base,
		.id = ID,
		.name = "x",
		.page = "https://page.example/x",
		.checksum = checksum,
	};
	struct lease *l = NULL;

	snprintf(base, sizeof(base), "%.*s", (int)strlen(a->opt.api_url) - 1, a->opt.api_url);
	assert_int_equal(lease_new(&c, &l), 0);
	return l;
}

/* Locate as a thread that may block; out->url is owned by the caller. */
static int locate(struct lease *l, struct location *out)
{
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	while ((r = lease_url(l, &t.w, out)) == PARKED) {
		r = thread_waiter_wait(&t, 20000);
		if (r < 0)
			break;
	}
	thread_waiter_destroy(&t);
	return r;
}

/* Locate and expect r; the generation on success, else 0. */
static uint64_t expect(struct lease *l, int r)
{
	struct location loc = { 0 };

	assert_int_equal(locate(l, &loc), r);
	if (r == 0)
		assert_non_null(strstr(loc.url, "/o/data.tar.gz?md5="));
	free(loc.url);
	return loc.generation;
}

static unsigned posts(struct apiserver *a)
{
	return apiserver_count(a, "POST ");
}

static void test_once_and_reused(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;
	uint64_t reused = stats_get(lease_reused);
	struct location loc;
	struct thread_waiter t;

	serve(a, "", "");
	assert_int_equal(lease_expires(l), 0);
	thread_waiter_init(&t);
	assert_int_equal(lease_url(l, &t.w, &loc), PARKED); /* never waits itself */
	assert_int_equal(thread_waiter_wait(&t, 20000), 0);
	thread_waiter_destroy(&t);
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(posts(a), 1);
	assert_true(lease_expires(l) > clock_now());
	m = make_lease(a, ""); /* the next mount */
	assert_int_equal(expect(m, 0), 1);
	assert_int_equal(posts(a), 1);
	assert_int_equal(stats_get(lease_reused), reused + 1);
	lease_free(l);
	lease_free(m);
}

static void *locate_thread(void *arg)
{
	struct location loc = { 0 };
	int r = locate(arg, &loc);

	free(loc.url);
	return (void *)(intptr_t)r;
}

/* Many askers in two mounts: one POST. */
static void test_single_flight(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l[] = { make_lease(a, ""), make_lease(a, "") };
	pthread_t t[16];
	void *r;

	serve(a, "", "");
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, locate_thread, l[i % 2]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(pthread_join(t[i], &r), 0);
		assert_null(r);
	}
	assert_int_equal(posts(a), 1);
	lease_free(l[0]);
	lease_free(l[1]);
}

static void test_refusal(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;
	char why[512];

	serve(a, "", "");
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(lease_refused(l, 1), -EACCES); /* fresh and never accepted */
	lease_trouble(l, why);
	assert_non_null(strstr(why, "storage refuses"));
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(posts(a), 1);
	lease_accepted(l, 1);
	lease_trouble(l, why);
	assert_string_equal(why, "");
	nap(1100); /* so that the next link is another one */
	assert_int_equal(lease_refused(l, 1), 0);
	assert_int_equal(lease_refused(l, 1), 0); /* another reader, the same answer */
	assert_int_equal(expect(l, 0), 2);
	assert_int_equal(posts(a), 2);
	assert_int_equal(lease_refused(l, 1), 0); /* a late one */
	lease_accepted(l, 1);			  /* says nothing of generation 2 */
	assert_int_equal(expect(l, 0), 2);
	assert_int_equal(lease_refused(l, 2), -EACCES);
	assert_int_equal(posts(a), 2);
	m = make_lease(a, ""); /* a mount that is started again does not try its luck either */
	assert_int_equal(expect(m, 0), 1);
	assert_int_equal(lease_refused(m, 1), -EACCES);
	assert_int_equal(expect(m, 0), 1);
	assert_int_equal(posts(a), 2);
	lease_free(m);
	lease_accepted(l, 2); /* it has worked, for somebody */
	m = make_lease(a, "");
	assert_int_equal(expect(m, 0), 1);
	nap(1100);
	assert_int_equal(lease_refused(m, 1), 0);
	assert_int_equal(expect(m, 0), 2);
	assert_int_equal(posts(a), 3);
	assert_int_equal(lease_refused(m, 2), -EACCES);
	lease_free(l);
	lease_free(m);
}

/* l's link was refused and another mount has renewed it: that one is taken. */
static void test_renewed_by_another(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m = make_lease(a, "");

	serve(a, "", "");
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(expect(m, 0), 1);
	lease_accepted(l, 1);
	lease_accepted(m, 1);
	nap(1100);
	assert_int_equal(lease_refused(m, 1), 0);
	assert_int_equal(expect(m, 0), 2);
	assert_int_equal(lease_refused(l, 1), 0);
	assert_int_equal(expect(l, 0), 2);
	assert_int_equal(posts(a), 2);
	lease_free(l);
	lease_free(m);
}

static void test_expiry(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, "");

	serve(a, "\"link_lifetime\": 2,", "");
	assert_int_equal(expect(l, 0), 1);
	nap(2100);
	assert_int_equal(expect(l, 0), 2); /* without any refusal, though never accepted */
	assert_int_equal(posts(a), 2);
	lease_free(l);
}

static void test_daily_limit(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;
	struct location loc;
	char why[512];

	serve(a, "\"daily_limit\": 0, \"retry_after\": 3,", "");
	expect(l, -EDQUOT);
	assert_int_equal(lease_url(l, NULL, &loc), -EDQUOT); /* at once: nothing is parked */
	lease_trouble(l, why);
	assert_non_null(strstr(why, "it resets at 20"));
	m = make_lease(a, ""); /* a remount knows it too */
	expect(m, -EDQUOT);
	assert_int_equal(posts(a), 1);
	serve(a, "", "");
	nap(4100);
	assert_int_equal(expect(m, 0), 1);
	lease_trouble(m, why);
	assert_string_equal(why, "");
	assert_int_equal(posts(a), 2);
	lease_free(l);
	lease_free(m);
}

static void test_faults(void **state)
{
	static const struct {
		const char *top, *more, *key;
		int r;
		const char *text;
		unsigned posts;
	} cases[] = {
		{ "", ", \"terms_agreed\": false", TEST_KEY, -EACCES,
		  "open https://page.example/x, agree", 1 },
		{ "", ", \"paid\": true", TEST_KEY, -EACCES, "see https://page.example/x", 1 },
		{ "", ", \"withdrawn\": true", TEST_KEY, -ENOENT, "withdrawn", 1 },
		{ "", "", "another key", -EACCES, "the API key was refused", 1 },
		{ "", "", "", -EACCES, "set MDC_API_KEY", 0 },
		{ "\"down\": true,", "", TEST_KEY, -EAGAIN, "in trouble (503)", 3 },
		{ "\"request_limit\": true,", "", TEST_KEY, -EAGAIN, "(429)", 3 },
	};
	struct apiserver *a = apiserver_of(state);
	char *key = a->opt.api_key;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned before = posts(a);
		struct lease *l;
		struct location loc;
		char why[512];

		a->opt.api_key = strdup(cases[i].key);
		serve(a, cases[i].top, cases[i].more);
		l = make_lease(a, "");
		expect(l, cases[i].r);
		lease_trouble(l, why);
		if (!strstr(why, cases[i].text))
			fail_msg("case %zu: %s", i, why);
		assert_null(strstr(why, TEST_KEY));
		assert_int_equal(lease_url(l, NULL, &loc), cases[i].r); /* held, not asked again */
		assert_int_equal(posts(a) - before, cases[i].posts);
		lease_free(l);
		free(a->opt.api_key);
	}
	a->opt.api_key = key;
}

static void test_new_version(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, SHA_LOWER), *m;
	struct location loc;

	serve(a, "", "");
	expect(l, -ESTALE);
	assert_int_equal(lease_url(l, NULL, &loc), -ESTALE);
	assert_int_equal(posts(a), 1);
	m = make_lease(a, ""); /* what the POST brought is not lost for the next mount */
	assert_int_equal(expect(m, 0), 1);
	assert_int_equal(posts(a), 1);
	lease_free(l);
	lease_free(m);
}

/* The lease's files in state/leases: the one that ends in this. */
static int find_file(const char *dir, const char *suffix, char out[static 600])
{
	char command[700];
	FILE *f;

	snprintf(command, sizeof(command), "ls -d %s/leases/*%s", dir, suffix);
	f = popen(command, "r");
	assert_non_null(f);
	out[0] = '\0';
	if (fgets(out, 600, f))
		out[strcspn(out, "\n")] = '\0';
	return pclose(f) == 0 && out[0] ? 0 : -ENOENT;
}

/* Another process holds the lock: nobody but this lease waits, and what comes to be stored is used,
 * whether the lock is ever given back or not. */
static void test_lock_held(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m = make_lease(a, "");
	struct thread_waiter t;
	struct location loc;
	char path[600], lock[600], aside[620];
	int fd;

	serve(a, "", "");
	expect(m, 0);
	assert_int_equal(find_file(a->state, ".lock", lock), 0);
	assert_int_equal(find_file(a->state, ".json", path), 0);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	assert_int_equal(file_lock(lock, false, &fd), 0);
	assert_int_equal(expect(l, 0), 1); /* nobody needs it for what is stored */
	lease_free(l);
	assert_int_equal(rename(path, aside), 0);
	l = make_lease(a, "");
	thread_waiter_init(&t);
	assert_int_equal(lease_url(l, &t.w, &loc), PARKED);
	assert_int_equal(thread_waiter_wait(&t, 300), -ETIME);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(posts(a), 1);
	lease_free(m);
	/* and a lease that is closed while it waits for the lock */
	assert_int_equal(unlink(path), 0);
	m = make_lease(a, "");
	assert_int_equal(lease_url(m, &t.w, &loc), PARKED);
	lease_free(m);
	assert_true(thread_waiter_wait(&t, 0) < 0);
	close(fd);
	thread_waiter_destroy(&t);
	lease_free(l);
}

/* Two locks, one behind the other. */
static void test_locks(void **state)
{
	struct apiserver *a = *state;
	struct leasefile *f[3] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		assert_int_equal(leasefile_new(a->leases, "https://a/datasets/c/download", &f[i]),
				 0);
	assert_int_equal(leasefile_lock(f[0], 0), 0);
	assert_int_equal(leasefile_lock(f[1], 0), -EWOULDBLOCK);
	assert_int_equal(leasefile_lock(f[1], 1), 0);
	assert_int_equal(leasefile_lock(f[2], 1), -EWOULDBLOCK);
	leasefile_unlock(f[1]);
	assert_int_equal(leasefile_lock(f[2], 1), 0);
	f[0] = leasefile_free(f[0]);
	assert_int_equal(leasefile_lock(f[2], 0), 0);
	leasefile_free(f[1]);
	leasefile_free(f[2]);
}

static void test_files_are_private(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, "");
	char path[600];
	struct stat st;

	serve(a, "", "");
	expect(l, 0);
	assert_int_equal(find_file(a->state, ".json", path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(path, sizeof(path), "%s/leases", a->state);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	lease_free(l);
}

/* The clock of this machine is days off, that of the service counts: links live as long as they do. */
static void with_clock(struct apiserver *a, const char *top)
{
	struct lease *l = make_lease(a, ""), *m = make_lease(a, "");
	int64_t left;

	serve(a, top, "");
	assert_int_equal(expect(l, 0), 1);
	left = lease_expires(l) - clock_now(); /* shown by this machine's clock */
	assert_in_range(left, 0, 4);
	assert_int_equal(expect(l, 0), 1); /* not over at once */
	assert_int_equal(expect(m, 0), 1); /* nor for another mount */
	assert_int_equal(posts(a), 1);
	nap(4100);
	assert_int_equal(expect(l, 0), 2);
	assert_int_equal(posts(a), 2);
	lease_free(l);
	lease_free(m);
}

static void test_clock_behind(void **state)
{
	with_clock(apiserver_of(state), "\"clock_offset\": 864000, \"link_lifetime\": 3,");
}

static void test_clock_ahead(void **state)
{
	with_clock(apiserver_of(state), "\"clock_offset\": -864000, \"link_lifetime\": 3,");
}

/* The API's first generation: a token, asked of the API itself with the key. */
static void test_token(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;
	struct location loc = { 0 };
	char prefix[128], why[512];

	serve(a, "\"generation\": \"token\",", "");
	snprintf(prefix, sizeof(prefix), "%sdatasets/" ID "/download/tok_", a->api_url);
	assert_int_equal(locate(l, &loc), 0);
	assert_ptr_equal(strstr(loc.url, prefix), loc.url);
	assert_string_equal(loc.bearer, TEST_KEY);
	free(loc.url);
	m = make_lease(a,
		       ""); /* the next mount uses the same one, with the key of its own settings */
	assert_int_equal(locate(m, &loc), 0);
	assert_ptr_equal(loc.bearer, a->opt.api_key);
	free(loc.url);
	assert_int_equal(posts(a), 1);
	assert_int_equal(lease_refused(l, 1), -EACCES);
	lease_trouble(l, why);
	assert_non_null(strstr(why, "is api_url the service's address of today?"));
	lease_accepted(l, 1);
	assert_int_equal(lease_refused(l, 1), 0); /* used up: another one */
	serve(a, "", "");			  /* ... which is a link by now */
	assert_int_equal(locate(l, &loc), 0);
	assert_null(loc.bearer);
	assert_non_null(strstr(loc.url, "/o/data.tar.gz?md5="));
	free(loc.url);
	assert_int_equal(posts(a), 2);
	lease_free(l);
	lease_free(m);
}

/* What the ledger lets through, and what it says when it does not. */
static void test_reserve(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;
	char why[512];

	serve(a, "\"daily_limit\": 3, \"rate_headers\": true,", "");
	a->opt.quota_reserve = 2;
	assert_int_equal(expect(l, 0), 1); /* 30, for all that is known yet */
	lease_accepted(l, 1);
	lease_free(l);
	a->opt.quota_reserve = 1;
	l = make_lease(a, "");
	assert_int_equal(expect(l, 0), 1);
	nap(1100);
	assert_int_equal(lease_refused(l, 1), 0);
	assert_int_equal(expect(l, 0), 2); /* two were left */
	a->opt.quota_reserve = 1;
	m = make_lease(a, SHA_LOWER); /* would need another one */
	expect(m, -EDQUOT);
	lease_trouble(m, why);
	assert_non_null(strstr(why, "1 of the day's 3 downloads are left, and quota_reserve=1"));
	assert_non_null(strstr(why, "it resets at 20"));
	assert_int_equal(posts(a), 2);
	a->opt.quota_reserve = 0;
	lease_free(l);
	lease_free(m);
}

/* A limit of requests, so many in a minute, is none of the day's downloads. */
static void test_request_window(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m;

	serve(a, "\"daily_limit\": 1000, \"rate_headers\": true,", "");
	a->opt.quota_reserve = LEDGER_LIMIT - 1;
	lease_free(l);
	l = make_lease(a, "");
	assert_int_equal(expect(l, 0), 1);
	m = make_lease(a, SHA_LOWER); /* would need another one */
	expect(m, -EDQUOT);
	assert_int_equal(posts(a), 1);
	a->opt.quota_reserve = 0;
	lease_free(l);
	lease_free(m);
}

/* What the API asks of one mount holds for the others too. */
static void test_told_to_wait(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, ""), *m = make_lease(a, "");
	char why[512];

	serve(a, "\"request_limit\": true, \"request_wait\": 300,", "");
	expect(l, -EAGAIN);
	assert_int_equal(posts(a), 1); /* not again: it would be too soon */
	expect(m, -EAGAIN);
	lease_trouble(m, why);
	assert_non_null(strstr(why, "the API asked for "));
	assert_int_equal(posts(a), 1);
	lease_free(l);
	lease_free(m);
}

/* A thousand mounts one after the other, within the life of one lease. */
static void test_thousand(void **state)
{
	struct apiserver *a = apiserver_of(state);

	serve(a, "", "");
	for (int i = 0; i < 1000; i++) {
		struct lease *l = make_lease(a, "");

		assert_int_equal(expect(l, 0), 1);
		lease_free(l);
	}
	assert_int_equal(posts(a), 1);
}

/* Whatever became of the files: one more POST at most, and all is well again. */
static void test_damaged_files(void **state)
{
	static const char *const texts[] = { "", "{", "\xff\xfe", "{\"url\": 5}", "[[[[[[[[" };
	struct apiserver *a = apiserver_of(state);
	struct lease *l = make_lease(a, "");
	char path[600], name[700];

	serve(a, "", "");
	expect(l, 0);
	lease_accepted(l, 1);
	lease_free(l);
	assert_int_equal(find_file(a->state, ".json", path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_file(path, texts[i]);
		snprintf(name, sizeof(name), "%.*s.proven", (int)strlen(path) - 5, path);
		put_file(name, texts[i]);
		for (int k = 0; k < 2; k++) {
			l = make_lease(a, "");
			expect(l, 0);
			lease_free(l);
		}
		assert_int_equal(posts(a), i + 2);
	}
	/* a lock that cannot be one: without it */
	snprintf(name, sizeof(name), "%.*s.lock", (int)strlen(path) - 5, path);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(mkdir(name, 0700), 0);
	assert_int_equal(unlink(path), 0);
	l = make_lease(a, "");
	expect(l, 0);
	lease_free(l);
}

static void test_nothing_kept(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct lease *l;

	a->env.lease_dir = NULL;
	serve(a, "", "");
	l = make_lease(a, "");
	assert_int_equal(expect(l, 0), 1);
	lease_free(l);
	l = make_lease(a, "");
	assert_int_equal(expect(l, 0), 1);
	assert_int_equal(posts(a), 2);
	lease_free(l);
}

/* A server that takes the connection and says nothing: closing the lease does not wait for it. */
static void test_close_in_flight(void **state)
{
	struct apiserver *a = *state;
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(sa);
	AUTO(auto_close) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct thread_waiter t;
	struct location loc;
	struct lease *l;
	int64_t begun;
	char url[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(listen(fd, 8), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/api/", ntohs(sa.sin_port));
	a->opt.api_url = url;
	l = make_lease(a, "");
	thread_waiter_init(&t);
	assert_int_equal(lease_url(l, &t.w, &loc), PARKED);
	assert_int_equal(thread_waiter_wait(&t, 200), -ETIME);
	assert_int_equal(lease_url(l, &t.w, &loc), PARKED);
	begun = clock_ms();
	lease_free(l);
	assert_true(clock_ms() - begun < 2000);
	assert_int_equal(thread_waiter_wait(&t, 0), -ECANCELED);
	thread_waiter_destroy(&t);
	a->opt.api_url = a->api_url;
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, apiserver_start, apiserver_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SERVER(test_once_and_reused), WITH_SERVER(test_single_flight),
		WITH_SERVER(test_refusal),	   WITH_SERVER(test_renewed_by_another),
		WITH_SERVER(test_expiry),	   WITH_SERVER(test_daily_limit),
		WITH_SERVER(test_faults),	   WITH_SERVER(test_new_version),
		WITH_SERVER(test_lock_held),	   WITH_SERVER(test_files_are_private),
		WITH_SERVER(test_nothing_kept),	   WITH_SERVER(test_close_in_flight),
		WITH_SERVER(test_clock_behind),	   WITH_SERVER(test_clock_ahead),
		WITH_SERVER(test_token),	   WITH_SERVER(test_reserve),
		WITH_SERVER(test_request_window),
		WITH_SERVER(test_told_to_wait),	   WITH_SERVER(test_thousand),
		WITH_SERVER(test_locks),	   WITH_SERVER(test_damaged_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
