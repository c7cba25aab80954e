/* SPDX-License-Identifier: MPL-2.0 */
/* url.c - tests of src/net/url.c: tables of URLs, hostile ones among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/url.h"

static void test_redact(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "https://h/p", "https://h/p" },
		{ "https://h/p?X-Amz-Signature=s", "https://h/p?..." },
		{ "https://h/p#f", "https://h/p?..." },
		{ "https://h?sig", "https://h?..." },
		{ "https://user:pass@h:8/p?q", "https://h:8/p?..." },
		{ "https://user@[::1]:8/p", "https://[::1]:8/p" },
		{ "https://h/a@b", "https://h/a@b" },
		{ "HTTPS://u:p@H/x", "HTTPS://H/x" },
		{ "https://u:p@w@h/x",
		  "https://..." }, /* two '@': who knows where the password ends */
		{ "https://u:p/w@h/x", "https://..." },
		{ "ftp://u:p@h/x?q", "ftp://h/x?..." },
		{ "/tmp/x.zip", "/tmp/x.zip" },
		{ "mdc:slug", "mdc:slug" },
		{ "", "" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(url_redact(cases[i].in, out, sizeof(out)), cases[i].want);
	assert_string_equal(url_redact("https://host/path?q", out, 8), "https:/");
	out[0] = 'x';
	url_redact("https://h", out, 0);
	assert_int_equal(out[0], 'x');
}

static void test_kind(void **state)
{
	static const struct {
		const char *url;
		bool http, loopback, key;
	} cases[] = {
		{ "https://h/p", true, false, true },
		{ "HTTPS://h", true, false, true },
		{ "http://h/p", true, false, false },
		{ "http://localhost:8080/x", true, true, true },
		{ "http://LOCALHOST", true, true, true },
		{ "http://127.0.0.1", true, true, true },
		{ "http://127.200.3.4:1/x", true, true, true },
		{ "http://[::1]:9/x", true, true, true },
		{ "http://[0:0:0:0:0:0:0:1]/", true, true, true },
		{ "http://[::2]/", true, false, false },
		{ "http://[::1", false, false, false },
		{ "http://[::1%25lo]/", false, false, false },
		{ "http://128.0.0.1/", true, false, false },
		{ "http://127.0.0.1.evil.org/", true, false, false },
		{ "http://localhost.evil.org/", true, false, false },
		{ "http://localhost@evil.org/", true, false, false },
		{ "http://evil.org@localhost/", true, true, true },
		{ "http://127.0.0.1:80@evil.org/", true, false, false },
		{ "http://evil.org#@localhost/", true, false, false },
		{ "http://evil.org?@localhost/", true, false, false },
		{ "http://a@evil.org@localhost/", false, false, false },
		{ "http://localhost\\@evil.org/", false, false, false },
		{ "http://evil.org\\@localhost/", false, false, false },
		{ "https://evil.org\\.good.org/", false, false, false },
		{ "http://local host/", false, false, false },
		{ "http://localhost\n/", false, false, false },
		{ "http://h%6f/", false, false, false },
		{ "http://h:99999/", false, false, false },
		{ "http://h:8a/", false, false, false },
		{ "http://h:/", true, false, false },
		{ "http:///x", false, false, false },
		{ "http://", false, false, false },
		{ "http:h", false, false, false },
		{ "https:/h/x", false, false, false },
		{ "ftp://h/", false, false, false },
		{ "httpss://h/", false, false, false },
		{ "://h/", false, false, false },
		{ "", false, false, false },
		{ "/etc/passwd", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (url_is_http(cases[i].url) != cases[i].http ||
		    url_is_loopback(cases[i].url) != cases[i].loopback ||
		    url_may_carry_key(cases[i].url) != cases[i].key)
			fail_msg("%s", cases[i].url);
	}
}

static void test_same_origin(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "https://h/a", "https://h/b?c", true },
		{ "https://h", "HTTPS://H:443/", true },
		{ "http://h:80", "http://h", true },
		{ "http://h:", "http://h", true },
		{ "http://u:p@h", "http://h", true },
		{ "http://[::1]", "http://[::1]:80", true },
		{ "http://h", "https://h", false },
		{ "http://h:443", "https://h", false },
		{ "https://h", "https://h:444", false },
		{ "https://h", "https://hh", false },
		{ "https://h.org", "https://x@h.org.evil/", false },
		{ "ftp://h", "ftp://h", false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (url_same_origin(cases[i].a, cases[i].b) != cases[i].same ||
		    url_same_origin(cases[i].b, cases[i].a) != cases[i].same)
			fail_msg("%s %s", cases[i].a, cases[i].b);
	}
}

static void test_basename(void **state)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
		{ "https://h/a/b.tar.gz?sig=/x", "b.tar.gz" },
		{ "https://h/a%20b%2bc.zip#f", "a b+c.zip" },
		{ "https://h/100%", "100%" },
		{ "https://h/100%2", "100%2" },
		{ "https://h/%zz", "%zz" },
		{ "https://h/%C3%A9", "\xc3\xa9" },
		{ "https://h/a/..b", "..b" },
		{ "https://h", NULL },
		{ "https://h/", NULL },
		{ "https://h/a/", NULL },
		{ "https://h?x/y", NULL },
		{ "https://h/.", NULL },
		{ "https://h/a/..", NULL },
		{ "https://h/%2e%2E", NULL },
		{ "https://h/a%2fb", NULL },
		{ "https://h/a%00b", NULL },
		{ "https://h/%00", NULL },
		{ "name", NULL },
	};
	char longest[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *got = url_basename(cases[i].url);

		if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
			fail_msg("%s: %s", cases[i].url, got ? got : "NULL");
	}
	snprintf(longest, sizeof(longest), "https://h/%0256d",
		 1); /* one byte more than a name has */
	assert_null(url_basename(longest));
}

static void test_encode(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "", "" },
		{ "aZ09-._~", "aZ09-._~" },
		{ "a b/c?d&e=f%", "a%20b%2Fc%3Fd%26e%3Df%25" },
		{ "\xc3\xa9\n", "%C3%A9%0A" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *got = url_encode(cases[i].in);

		assert_string_equal(got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact),
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_same_origin),
		cmocka_unit_test(test_basename),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
