/* SPDX-License-Identifier: MPL-2.0 */
/* json.c - tests of src/net/json.c: liberal reading, exact numbers, bounded nesting. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/json.h"

static struct json *parse(const char *text)
{
	struct json *j = NULL;

	if (json_parse(text, &j) != 0)
		fail_msg("refused: %s", text);
	return j;
}

static void test_parse(void **state)
{
	static const char *const bad[] = {
		"",	     "{",   "}",    "{\"a\":}", "[1,]",	 "[1 2]",
		"{\"a\" 1}", "nul", "{} x", "'a'",	"[\"a]",
	};
	static const char *const good[] = {
		"{}", "[]", " {\"a\":null}\n", "1", "\"x\"", "[[],{}]"
	};
	int mark;
	struct json *j = (struct json *)(void *)&mark;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (json_parse(bad[i], &j) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
	assert_ptr_equal(j, &mark); /* untouched by failures */
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		json_free(parse(good[i]));
	json_free(NULL);
}

static void test_nesting(void **state)
{
	char deep[4001];
	struct json *j = NULL;

	(void)state;
	memset(deep, '[', 100);
	memset(deep + 100, ']', 100);
	deep[200] = '\0';
	json_free(parse(deep));
	memset(deep, '[', 2000);
	memset(deep + 2000, ']', 2000);
	deep[4000] = '\0';
	assert_int_equal(json_parse(deep, &j), -EBADMSG);
	deep[0] = '"'; /* brackets in a string are only text */
	deep[1] = '\\';
	deep[2] = '"';
	deep[3999] = '"';
	json_free(parse(deep));
}

static void test_read(void **state)
{
	AUTO(auto_json_free) struct json *j =
		parse("{\"s\":\"text\",\"n\":null,\"t\":true,\"f\":false,\"one\":1,\"S\":\"upper\","
		      "\"o\":{\"in\":\"x\"},\"a\":[{\"i\":\"0\"},null,{\"i\":\"2\"}],\"e\":\"\"}");
	const struct json *a = json_get(j, "a");

	(void)state;
	assert_string_equal(json_str(j, "s"), "text");
	assert_string_equal(json_str(j, "S"), "upper");
	assert_string_equal(json_str(j, "e"), "");
	assert_null(json_str(j, "n"));
	assert_null(json_str(j, "one"));
	assert_null(json_str(j, "missing"));
	assert_null(json_str(NULL, "s"));
	assert_null(json_get(j, "n"));
	assert_null(json_get(NULL, "n"));
	assert_string_equal(json_str(json_get(j, "o"), "in"), "x");
	assert_true(json_bool(j, "t", false));
	assert_false(json_bool(j, "f", true));
	assert_true(json_bool(j, "s", true));
	assert_false(json_bool(j, "missing", false));
	assert_true(json_is_object(j) && json_is_object(json_get(j, "o")));
	assert_false(json_is_object(a) || json_is_object(NULL));
	assert_int_equal(json_len(a), 3);
	assert_string_equal(json_str(json_at(a, 2), "i"), "2");
	assert_null(json_str(json_at(a, 1), "i"));
	assert_null(json_at(a, 3));
	assert_int_equal(json_len(j), 0);
	assert_int_equal(json_len(NULL), 0);
	assert_null(json_at(j, 0));
	assert_null(json_at(NULL, 0));
}

static void test_u64(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} cases[] = {
		{ "0", true, 0 },
		{ "15440281600", true, 15440281600 },
		{ "\"15440281600\"", true, 15440281600 },
		{ "1e3", true, 1000 },
		{ "2.0", true, 2 },
		{ "9007199254740991", true, 9007199254740991 },
		{ "9007199254740993", false, 0 }, /* rounded by the parser: not to be trusted */
		{ "1e300", false, 0 },
		{ "\"9007199254740993\"", true, 9007199254740993 },
		{ "\"18446744073709551615\"", true, UINT64_MAX },
		{ "\"18446744073709551616\"", false, 0 },
		{ "\"99999999999999999999999\"", false, 0 },
		{ "-1", false, 0 },
		{ "\"-1\"", false, 0 },
		{ "1.5", false, 0 },
		{ "\"1.5\"", false, 0 },
		{ "\"\"", false, 0 },
		{ "\" 1\"", false, 0 },
		{ "\"0x10\"", false, 0 },
		{ "null", false, 0 },
		{ "true", false, 0 },
		{ "[1]", false, 0 },
	};
	char text[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_json_free) struct json *j = NULL;
		uint64_t got = 77;

		snprintf(text, sizeof(text), "{\"v\":%s}", cases[i].text);
		j = parse(text);
		if (json_u64(j, "v", &got) != cases[i].ok ||
		    got != (cases[i].ok ? cases[i].want : 77))
			fail_msg("%s: %llu", text, (unsigned long long)got);
	}
}

static void expect_print(struct json *j, const char *want)
{
	AUTO(auto_free) char *got = json_print(j, false);

	assert_non_null(got);
	assert_string_equal(got, want);
	json_free(j);
}

static void test_build(void **state)
{
	struct json *j = json_object(), *a = json_array(), *inner = json_object();
	uint64_t n;

	(void)state;
	json_set_str(j, "s", "a\"b\n\xc3\xa9");
	json_set_str(j, "none", NULL);
	json_set_u64(j, "max", UINT64_MAX);
	json_set_u64(j, "odd", 9007199254740993);
	json_set_i64(j, "min", INT64_MIN);
	json_set_bool(j, "b", true);
	json_set_bool(j, "b", false); /* the later one stays */
	json_set(j, "nothing", NULL);
	json_append(a, inner);
	json_append(a, NULL);
	json_set(j, "a", a);
	json_set_u64(inner, "late", 1); /* still ours to fill, not to free */
	assert_true(json_u64(j, "odd", &n));
	assert_true(n == 9007199254740993);
	expect_print(j, "{\"s\":\"a\\\"b\\n\xc3\xa9\",\"none\":null,\"max\":18446744073709551615,"
			"\"odd\":9007199254740993,\"min\":-9223372036854775808,\"b\":false,"
			"\"nothing\":null,\"a\":[{\"late\":1},null]}\n");
}

/* Names of files are bytes; the text must be JSON all the same. */
static void test_not_utf8(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "a\xff" "b", "a?b" },
		{ "\xc3", "?" },
		{ "\xe2\x82", "??" },
		{ "\xc0\xaf", "??" },
		{ "\xed\xa0\x80", "???" },
		{ "\xf4\x90\x80\x80", "????" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "\xe2\x82\xac\x80", "\xe2\x82\xac?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_json_free) struct json *j = json_object();

		json_set_str(j, "v", cases[i].in);
		assert_string_equal(json_str(j, "v"), cases[i].want);
	}
}

static void test_print(void **state)
{
	AUTO(auto_json_free) struct json *j = parse("{\"a\":[1,2],\"s\":\"18446744073709551615\"}");
	AUTO(auto_free) char *flat = json_print(j, false);
	AUTO(auto_free) char *pretty = json_print(j, true);
	struct json *again;

	(void)state;
	assert_string_equal(flat, "{\"a\":[1,2],\"s\":\"18446744073709551615\"}\n");
	assert_non_null(strchr(pretty, '\t'));
	assert_true(strlen(pretty) > strlen(flat) && pretty[strlen(pretty) - 1] == '\n');
	again = parse(pretty);
	expect_print(again, flat);
	assert_null(json_print(NULL, false));
}

/* A value that could not be made shows at the end, not as a hole in the text. */
static void test_lost(void **state)
{
	AUTO(auto_json_free) struct json *j = json_object();
	struct json *inner = json_object();

	(void)state;
	json_set(j, "in", inner);
	json_set_str(inner, NULL, "no key: as good as no memory");
	assert_null(json_print(j, false));
	json_set_str(NULL, "k", "v");
	json_append(NULL, json_object());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),  cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_read),   cmocka_unit_test(test_u64),
		cmocka_unit_test(test_build),  cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_print),  cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
