/* SPDX-License-Identifier: MPL-2.0 */
/* progress.c - what a progress bar says, in any width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/progress.h"

#define MIB ((uint64_t)1 << 20)

static void test_text(void **state)
{
	static const struct {
		struct progress p;
		const char *text;
	} cases[] = {
		{ { 0, 100, 0, 0 }, "0.0 %, 0 bytes of 100 bytes" },
		{ { 0, 0, 0, 0 }, "100.0 %, 0 bytes of 0 bytes" },
		{ { 1 * MIB, 4 * MIB, 0, 1234 }, "25.0 %, 1.0 MiB of 4.0 MiB, 1,234 members" },
		{ { 1 * MIB, 4 * MIB, MIB, 0 }, "25.0 %, 1.0 MiB of 4.0 MiB, 1.0 MiB/s, 4 s left" },
		{ { 1, 94000 * MIB, 10 * MIB, 1 },
		  "0.0 %, 1 bytes of 91.7 GiB, 1 members, 10.0 MiB/s, 2 h 36 min left" },
		{ { 999999, 1000000, 0, 0 }, "99.9 %, 976.5 KiB of 976.5 KiB" },
		{ { MIB, MIB, MIB, 0 }, "100.0 %, 1.0 MiB of 1.0 MiB, 1.0 MiB/s" },
		{ { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX },
		  "100.0 %, 15.9 EiB of 15.9 EiB, 18,446,744,073,709,551,615 members, 15.9 EiB/s" },
		{ { 0, UINT64_MAX, 1, 0 },
		  "0.0 %, 0 bytes of 15.9 EiB, 1 bytes/s, 106751991167300 d 15 h left" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[PROGRESS_LINE];

		assert_string_equal(progress_text(&cases[i].p, line), cases[i].text);
	}
}

static void test_bar(void **state)
{
	struct progress p = { 1 * MIB, 4 * MIB, MIB, 1234 };
	char line[PROGRESS_LINE];

	(void)state;
	assert_string_equal(
		progress_bar(&p, 200, line),
		"[##########..............................] 25.0 %, 1.0 MiB of 4.0 MiB, "
		"1,234 members, 1.0 MiB/s, 4 s left");
	assert_string_equal(progress_bar(&p, 79, line),
			    "[###...........] 25.0 %, 1.0 MiB of 4.0 MiB, 1,234 members, 1.0 MiB/s, "
			    "4 s left");
	assert_string_equal(progress_bar(&p, 30, line), "25.0 %, 1.0 MiB of 4.0 MiB");
	assert_string_equal(progress_bar(&p, 6, line), "25.0 %");
	assert_string_equal(progress_bar(&p, 3, line), "25.");
	assert_string_equal(progress_bar(&p, 0, line), "");
	for (unsigned columns = 0; columns < 2 * PROGRESS_LINE; columns++)
		assert_true(strlen(progress_bar(&p, columns, line)) <= columns);
}

static void test_bar_grows(void **state)
{
	size_t before = 0;
	char line[PROGRESS_LINE];

	(void)state;
	for (unsigned i = 0; i <= 1000; i++) {
		struct progress p = { i, 1000, 0, 0 };
		size_t filled = strspn(progress_bar(&p, 100, line) + 1, "#");

		assert_true(filled >= before && (filled == 40) == (i == 1000));
		before = filled;
	}
}

/* What was written to stderr by two looks, the first so long ago. */
static size_t lines_after(int64_t ago_ms, char *out, size_t size)
{
	struct progress p = { 1 * MIB, 4 * MIB, MIB, 0 };
	struct progress_view v = { .shown_ms = clock_ms() - ago_ms };
	FILE *f = tmpfile();
	int before = dup(STDERR_FILENO);
	size_t n;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	progress_show(&v, &p);
	progress_show(&v, &p);
	progress_clear(&v);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(f);
	n = fread(out, 1, size - 1, f);
	out[n] = '\0';
	fclose(f);
	return n;
}

/* Where no terminal is: a line now and then, and nothing that only a terminal understands. */
static void test_lines(void **state)
{
	char text[1000];

	(void)state;
	assert_int_equal(lines_after(9000, text, sizeof(text)), 0);
	assert_true(lines_after(10001, text, sizeof(text)) > 0);
	assert_string_equal(text, "25.0 %, 1.0 MiB of 4.0 MiB, 1.0 MiB/s, 4 s left\n");
	assert_int_equal(progress_columns(stdin) > 0, isatty(STDIN_FILENO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_bar_grows),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
