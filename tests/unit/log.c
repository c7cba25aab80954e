/* SPDX-License-Identifier: MPL-2.0 */
/* log.c - what is printed, what the ring keeps, and debug areas. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"

#define OUT_MAX 65536

static char out_path[64]; /* stands in for stderr while something is captured */

/* Run fn and give what it wrote to stderr. */
static char *captured(void (*fn)(void))
{
	char *text = NULL;
	int saved = dup(2), fd = open(out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	assert_true(dup2(fd, 2) == 2);
	fn();
	assert_true(dup2(saved, 2) == 2);
	close(saved);
	close(fd);
	assert_int_equal(file_slurp(out_path, OUT_MAX, &text, NULL), 0);
	return text;
}

static void say_levels(void)
{
	errno = EDOM;
	assert_int_equal(log_error(-EIO, "index %s", "x"), -EIO);
	assert_int_equal(errno, EDOM); /* logging does not disturb it */
	assert_int_equal(log_warn(0, "odd"), 0);
	log_info("news");
}

static void test_levels(void **state)
{
	AUTO(auto_free) char *text = captured(say_levels);
	AUTO(auto_free) char *quiet = NULL, *ring = NULL;

	(void)state;
	assert_string_equal(text,
			    "mdcfs: index x: Input/output error\nmdcfs: odd\nmdcfs: info: news\n");
	log_set_level(LOG_LEVEL_ERROR);
	quiet = captured(say_levels);
	log_set_level(LOG_LEVEL_INFO);
	assert_string_equal(quiet, "mdcfs: index x: Input/output error\n");
	ring = log_tail();
	assert_non_null(strstr(ring, "Z info: news\n"));
	assert_non_null(strstr(ring, "Z error: index x: Input/output error\n"));
}

static void say_foreign(void)
{
	log_info("a\x1b[31m\nb\x7f\t%s", "\xc3\xa9");
}

static void test_control_characters(void **state)
{
	AUTO(auto_free) char *text = captured(say_foreign);

	(void)state;
	assert_string_equal(text, "mdcfs: info: a?[31m?b??\xc3\xa9\n");
}

static void say_long(void)
{
	char text[2000];

	memset(text, 'y', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(log_error(-ENOENT, "%s", text), -ENOENT);
}

static void test_long_line(void **state)
{
	AUTO(auto_free) char *text = captured(say_long);

	(void)state;
	assert_in_range(strlen(text), 400, 600);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void say_many(void)
{
	for (int i = 0; i < 1000; i++)
		log_info("line %d", i);
}

static void test_ring(void **state)
{
	AUTO(auto_free) char *text __attribute__((unused)) = captured(say_many);
	AUTO(auto_free) char *ring = log_tail();
	unsigned lines = 0;

	(void)state;
	for (const char *p = ring; *p; p = strchr(p, '\n') + 1)
		lines++;
	assert_in_range(lines, 100, 999);
	assert_non_null(strstr(ring, "info: line 999\n"));
	assert_null(strstr(ring, "info: line 0\n"));
	assert_true(strstr(ring, "line 998") < strstr(ring, "line 999"));
}

static void say_debug(void)
{
	debug(http, "GET %d", 1);
	debug(cache, "hit %d", 2);
}

static void test_areas(void **state)
{
	static const struct {
		const char *list, *text;
		int r;
	} cases[] = {
		{ "", "", 0 },
		{ "http", "mdcfs: debug: http: GET 1\n", 0 },
		{ "cache:fs", "mdcfs: debug: cache: hit 2\n", 0 },
		{ "all", "mdcfs: debug: http: GET 1\nmdcfs: debug: cache: hit 2\n", 0 },
		{ "http,cache", "mdcfs: debug: http: GET 1\nmdcfs: debug: cache: hit 2\n", 0 },
		{ "htt", "", -EINVAL },
		{ "http,nonsense", "", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *text = NULL;

		log_areas = 0;
		assert_int_equal(log_set_areas(cases[i].list), cases[i].r);
		text = captured(say_debug);
		assert_string_equal(text, cases[i].text);
	}
	log_areas = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),	  cmocka_unit_test(test_control_characters),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_ring),
		cmocka_unit_test(test_areas),
	};
	int fd, r;

	snprintf(out_path, sizeof(out_path), "/tmp/mdcfs-log-XXXXXX");
	fd = mkstemp(out_path);
	if (fd < 0)
		return 99;
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(out_path);
	return r;
}
