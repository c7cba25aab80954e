/* SPDX-License-Identifier: MPL-2.0 */
/* session.c - unit tests of source/session.h: answers of the API, limits, files on disk. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "source/session.h"

#define NOW 1790000000
#define SHA "6809228e00000000000000000000000000000000000000000000000000e6cbAB"
#define SHA_LOWER "6809228e00000000000000000000000000000000000000000000000000e6cbab"
#define POST_URL "https://api.example/api/datasets/cabc/download"
#define UNKNOWN (NOW + 7 * 86400)
#define URL "https://storage.example/o/x.tar.gz?X-Amz-Signature=abc"

static int make_dir(void **state)
{
	static char dir[256];
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/mdcfs-unit-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/session", (char *)*state);
	(void)unlink(path);
	return rmdir(*state);
}

static void put_file(const char *path, const char *text)
{
	assert_int_equal(file_replace(path, text, strlen(text), 0600), 0);
}

static void test_stale_at(void **state)
{
	static const struct {
		int64_t life, slack;
	} cases[] = {
		{ 43200, 300 }, { 3001, 300 }, { 3000, 300 }, { 2990, 299 },
		{ 60, 6 },	{ 9, 0 },      { 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct session s = { .issued = NOW, .expires = NOW + cases[i].life };

		assert_int_equal(session_stale_at(&s), s.expires - cases[i].slack);
	}
}

static const struct {
	const char *body;
	int r;
	int64_t expires;
	bool has_size;
	uint64_t size;
	const char *checksum, *filename;
} answers[] = {
	/* today's shape, the older one with a number, and the bare minimum */
	{ "{\"downloadUrl\":\"" URL "\",\"expiresAt\":\"2026-09-21T14:53:20.000Z\",\"sizeBytes\":"
	  "\"15440281600\",\"filename\":\"x.tar.gz\",\"checksum\":\"" SHA "\"}",
	  0, 1790002400, true, 15440281600u, SHA_LOWER, "x.tar.gz" },
	{ "{\"downloadUrl\":\"" URL
	  "\",\"expiresAt\":\"2026-09-21T14:53:20Z\",\"sizeBytes\":268435456000,"
	  "\"checksum\":\"SHA256:" SHA "\"}",
	  0, 1790002400, true, 268435456000u, SHA_LOWER, NULL },
	{ "{\"downloadUrl\":\"" URL "\"}", 0, UNKNOWN, false, 0, "", NULL },
	{ "{\"downloadUrl\":\"" URL "\",\"expiresAt\":null,\"checksum\":null,\"sizeBytes\":null}",
	  0, UNKNOWN, false, 0, "", NULL },
	/* a clock that is wrong on one side: the link is tried all the same */
	{ "{\"downloadUrl\":\"" URL "\",\"expiresAt\":\"2020-01-01T00:00:00Z\"}", 0, UNKNOWN,
	  false, 0, "", NULL },
	{ "{\"downloadUrl\":\"" URL "\",\"expiresAt\":\"2999-01-01T00:00:00Z\"}", 0,
	  NOW + 7 * 86400, false, 0, "", NULL },
	{ "{\"downloadUrl\":\"" URL
	  "\",\"expiresAt\":\"soon\",\"sizeBytes\":\"-1\",\"checksum\":\"sha256:12\""
	  ",\"filename\":\"../../etc/passwd\"}",
	  0, UNKNOWN, false, 0, "", NULL },
	{ "{\"downloadUrl\":\"" URL "\",\"sizeBytes\":\"18446744073709551615\"}", 0, UNKNOWN,
	  false, 0, "", NULL },
	/* not answers */
	{ "", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "<html>", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "[]", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "{}", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "{\"downloadUrl\":null}", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "{\"downloadUrl\":\"file:///etc/passwd\"}", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "{\"downloadUrl\":\"https://h/x y\"}", -EBADMSG, 0, false, 0, NULL, NULL },
	{ "{\"downloadUrl\":\"https://h/x\\r\\nA: b\"}", -EBADMSG, 0, false, 0, NULL, NULL },
};

static void test_session_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO(session_clear) struct session s = { 0 };

		assert_int_equal(session_parse(answers[i].body, POST_URL, NOW, &s), answers[i].r);
		if (answers[i].r < 0)
			continue;
		assert_string_equal(s.url, URL);
		assert_int_equal(s.issued, NOW);
		assert_int_equal(s.expires, answers[i].expires);
		assert_int_equal(s.has_size, answers[i].has_size);
		if (s.has_size)
			assert_int_equal(s.size, answers[i].size);
		assert_string_equal(s.checksum, answers[i].checksum);
		assert_string_equal(s.filename ? s.filename : "-",
				    answers[i].filename ? answers[i].filename : "-");
	}
}

/* Where the bytes are asked for, whether the key goes along, and until when. */
static void test_generations(void **state)
{
	static const struct {
		const char *body, *url;
		bool proxied;
		int64_t expires;
	} cases[] = {
		{ "{\"downloadToken\":\"tok_1\",\"sizeBytes\":5}", POST_URL "/tok_1", true, UNKNOWN },
		{ "{\"downloadToken\":\"a/../b?c\"}", POST_URL "/a%2F..%2Fb%3Fc", true, UNKNOWN },
		{ "{\"downloadToken\":\"t\",\"downloadUrl\":null,\"expiresAt\":"
		  "\"2026-09-21T14:53:20Z\"}",
		  POST_URL "/t", true, 1790002400 },
		{ "{\"downloadToken\":\"t\",\"downloadUrl\":\"/api/datasets/cabc/download/t\"}",
		  POST_URL "/t", true, UNKNOWN },
		{ "{\"downloadUrl\":\"" POST_URL "/t\"}", POST_URL "/t", true, UNKNOWN },
		/* a link beside the token: today's generation */
		{ "{\"downloadToken\":\"t\",\"downloadUrl\":\"" URL "\"}", URL, false, UNKNOWN },
		/* not below what was POSTed to: no key */
		{ "{\"downloadUrl\":\"https://api.example/api/datasets/cabc/downloads/t\"}",
		  "https://api.example/api/datasets/cabc/downloads/t", false, UNKNOWN },
		{ "{\"downloadUrl\":\"https://api.example.evil/api/datasets/cabc/download/t\"}",
		  "https://api.example.evil/api/datasets/cabc/download/t", false, UNKNOWN },
		{ "{\"downloadUrl\":\"" POST_URL "\"}", POST_URL, false, UNKNOWN },
		/* the link itself says when it ends: 20260921T132640Z is 1789997200, NOW - 2800 */
		{ "{\"downloadUrl\":\"https://s/o?X-Amz-Date=20260921T132640Z&X-Amz-Expires=43200\"}",
		  "https://s/o?X-Amz-Date=20260921T132640Z&X-Amz-Expires=43200", false,
		  1789997200 + 43200 },
		{ "{\"downloadUrl\":\"https://s/o?x-amz-expires=100&x-amz-date=20260921T141320Z\"}",
		  "https://s/o?x-amz-expires=100&x-amz-date=20260921T141320Z", false, NOW + 100 },
		/* the sooner of two */
		{ "{\"expiresAt\":\"2026-09-21T14:53:20Z\",\"downloadUrl\":"
		  "\"https://s/o?X-Amz-Date=20260921T141320Z&X-Amz-Expires=43200\"}",
		  "https://s/o?X-Amz-Date=20260921T141320Z&X-Amz-Expires=43200", false, 1790002400 },
		/* no such thing, or over already */
		{ "{\"downloadUrl\":\"https://s/o?X-Amz-Date=soon&X-Amz-Expires=43200\"}",
		  "https://s/o?X-Amz-Date=soon&X-Amz-Expires=43200", false, UNKNOWN },
		{ "{\"downloadUrl\":\"https://s/o?X-Amz-Date=20160921T141320Z&X-Amz-Expires=4\"}",
		  "https://s/o?X-Amz-Date=20160921T141320Z&X-Amz-Expires=4", false, UNKNOWN },
		{ "{\"downloadUrl\":\"https://s/o#?X-Amz-Date=20260921T141320Z&X-Amz-Expires=9\"}",
		  "https://s/o#?X-Amz-Date=20260921T141320Z&X-Amz-Expires=9", false, UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(session_clear) struct session s = { 0 };

		assert_int_equal(session_parse(cases[i].body, POST_URL, NOW, &s), 0);
		assert_string_equal(s.url, cases[i].url);
		assert_int_equal(s.proxied, cases[i].proxied);
		if (s.expires != cases[i].expires)
			fail_msg("case %zu: expires %lld", i, (long long)s.expires);
	}
}

static void test_session_matches(void **state)
{
	static const struct {
		const char *a, *b;
		bool a_has, b_has;
		uint64_t a_size, b_size;
		bool same;
	} cases[] = {
		{ "", "", false, false, 0, 0, true },	{ "", "", true, true, 5, 5, true },
		{ "", "", true, true, 5, 6, false },	{ "", "", true, false, 5, 0, true },
		{ "aa", "aa", true, true, 5, 5, true }, { "aa", "bb", true, true, 5, 5, false },
		{ "aa", "", true, true, 5, 6, false },	{ "", "bb", false, true, 0, 6, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct session s = { .has_size = cases[i].a_has, .size = cases[i].a_size };

		snprintf(s.checksum, sizeof(s.checksum), "%s", cases[i].a);
		assert_int_equal(session_matches(&s, cases[i].b, cases[i].b_has, cases[i].b_size),
				 cases[i].same);
	}
}

static void test_limit(void **state)
{
	static const struct {
		int status;
		int64_t after;
		const char *body;
		int64_t until;
	} cases[] = {
		{ 429, 7200, "{\"error\":\"Daily download limit reached\"}", NOW + 7200 },
		{ 429, -1,
		  "{\"error\":\"x\",\"limit\":{\"period\":\"daily\",\"remaining\":0,"
		  "\"resetsAt\":\"2026-09-21T14:53:20.000Z\"}}",
		  1790002400 },
		/* the header wins over the deprecated member */
		{ 429, 60,
		  "{\"error\":\"x\",\"limit\":{\"period\":\"daily\","
		  "\"resetsAt\":\"2026-09-21T14:53:20.000Z\"}}",
		  NOW + 60 },
		{ 429, -1, "{\"error\":\"Rate limit exceeded\",\"limit\":{\"period\":\"daily\"}}",
		  1790035200 }, /* no time at all: midnight UTC */
		{ 429, 0, "{\"error\":\"daily\"}", NOW + 1 },
		{ 429, INT64_MAX, "{\"error\":\"daily\"}", NOW + 2 * 86400 },
		{ 429, -1,
		  "{\"limit\":{\"period\":\"daily\",\"resetsAt\":\"2999-01-01T00:00:00Z\"}}",
		  NOW + 2 * 86400 },
		{ 429, 36000, "{\"error\":\"Too many\"}", NOW + 36000 },
		{ 429, 36000, NULL, NOW + 36000 },
		/* other limits */
		{ 429, 5, "{\"error\":\"Too many\"}", 0 },
		{ 429, -1, "{\"error\":\"Too many\"}", 0 },
		{ 429, 900, "{\"error\":\"Rate limit exceeded.\",\"type\":\"request_limit\"}", 0 },
		{ 429, -1, "{\"limit\":{\"period\":\"minute\"}}", 0 },
		{ 503, 36000, "{\"error\":\"daily\"}", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_reply r = { .status = cases[i].status,
					.retry_after_s = cases[i].after };

		assert_int_equal(session_limit(&r, cases[i].body, NOW), cases[i].until);
	}
}

static void test_session_file(void **state)
{
	const char *dir = *state;
	struct session s = { .issued = NOW,
			     .expires = NOW + 43200,
			     .has_size = true,
			     .size = UINT64_C(9007199254740993),
			     .checksum = SHA_LOWER };
	AUTO(session_clear) struct session t = { 0 };
	char path[300], url[] = URL, name[] = "x.tar.gz";
	struct stat st;

	snprintf(path, sizeof(path), "%s/session", dir);
	assert_int_equal(session_read(path, POST_URL, NOW, &t), -ENOENT);
	s.url = url;
	s.filename = name;
	assert_int_equal(session_write(path, &s), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(session_read(path, POST_URL, NOW, &t), 0);
	assert_string_equal(t.url, URL);
	assert_int_equal(t.issued, s.issued);
	assert_int_equal(t.expires, s.expires);
	assert_string_equal(t.checksum, SHA_LOWER);
	assert_string_equal(t.filename, name);
	assert_true(t.has_size);
	assert_int_equal(t.size, s.size);
	assert_false(t.proxied);
	/* a file never says where the key goes */
	put_file(path, "{\"url\":\"https://other/x\",\"proxied\":true,\"issued\":1790000000,"
		       "\"expires\":1790000100}");
	session_clear(&t);
	assert_int_equal(session_read(path, POST_URL, NOW, &t), 0);
	assert_false(t.proxied);
	put_file(path, "{\"url\":\"" POST_URL "/t\",\"issued\":1790000000,\"expires\":1790000100}");
	session_clear(&t);
	assert_int_equal(session_read(path, POST_URL, NOW, &t), 0);
	assert_true(t.proxied);
}

static void test_hostile_files(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"null",
		"{}",
		"{\"url\":\"" URL "\"}",
		"{\"url\":\"" URL "\",\"issued\":5,\"expires\":4}",
		"{\"url\":\"" URL "\",\"issued\":1790000000,\"expires\":1999999999}",
		"{\"url\":\"" URL "\",\"issued\":0,\"expires\":18446744073709551615}",
		"{\"url\":\"" URL
		"\",\"issued\":18446744073709551615,\"expires\":18446744073709551615}",
		"{\"url\":\"ftp://h/x\",\"issued\":1790000000,\"expires\":1790000100}",
	};
	const char *dir = *state;
	struct session s = { 0 };
	char path[300];

	snprintf(path, sizeof(path), "%s/session", dir);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_file(path, texts[i]);
		assert_int_equal(session_read(path, POST_URL, NOW, &s), -EBADMSG);
	}
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stale_at),
		cmocka_unit_test(test_session_parse),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_session_matches),
		cmocka_unit_test(test_limit),
		WITH_DIR(test_session_file),
		WITH_DIR(test_hostile_files),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
