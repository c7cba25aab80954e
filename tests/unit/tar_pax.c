/* SPDX-License-Identifier: MPL-2.0 */
/* tar_pax.c - unit tests of archive/tar_pax.h: records and times. */
#include <errno.h>

#include "../lib/tarmake.h"
#include "archive/tar/tar_pax.h"

/* The records of a body: are they well-formed, and what is the path then? */
static void test_records(void **state)
{
	static const struct {
		const char *text, *path;
		int r;
	} bodies[] = {
		{ "8 path=a\n", NULL, -EBADMSG },
		{ "9 path=a\n", "a", 0 },
		{ "09 path=\n", NULL, 0 },
		{ "10 path=a\n", "a", 0 },
		{ "11 path=a\n", NULL, -EBADMSG },
		{ "9 path=a\n9 path=b\n", "b", 0 },
		{ "9 path=a\nrubbish", "a", -EBADMSG },
		{ "9 path=a\n0 x=y\n", "a", -EBADMSG },
		{ "9 path=a\n4 x\n9 path=b\n", "a", -EBADMSG },
		{ "9 path=a\n9999999999999999999999 x=y\n", "a", -EBADMSG },
		{ "9 path=a\n11 uid=12x\n9 path=b\n", "b", -EBADMSG },
		{ "9 path=a\n12 mtime=1.\n", "a", 0 },
		{ "9 path=a\n15 mtime=1.5e3\n", "a", -EBADMSG },
		{ "9 path=a\n8 path=\n", NULL, 0 },
		{ "9 path=a\n5 =x\n9 path=b\n", "b", 0 },
		{ "9 path=a\n52 a.key.that.is.longer.than.all.that.are.known=\n\n\n\n9 path=b\n",
		  "b", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct tar_pax_reader r = { 0 };
		struct tar_pax p = { 0 };
		const char *want = bodies[i].path;

		tar_pax_start(&r, false);
		assert_int_equal(tar_pax_feed(&r, &p, bodies[i].text, strlen(bodies[i].text)), 0);
		if (tar_pax_end(&r) != bodies[i].r || !(p.has & TAR_PAX_PATH) != !want ||
		    (want && strcmp(p.path, want) != 0))
			fail_msg("%s", bodies[i].text);
		tar_pax_free(&p);
		tar_pax_reader_free(&r);
	}
}

static void test_mtimes(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
		uint32_t ns;
	} times[] = {
		{ "0", 0, 0 },
		{ "-0.000000001", -1, 999999999 },
		{ "-1", -1, 0 },
		{ "1350244992.0239601089", 1350244992, 23960108 },
		{ "12.5", 12, 500000000 },
		{ "-62135596800.25", -62135596801, 750000000 },
		{ "9223372036854775806.9", INT64_MAX - 1, 900000000 },
		{ "-9223372036854775806.9", INT64_MIN + 1, 100000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		AUTO(buf_free) struct buf text = BUF_INIT(1000), again = BUF_INIT(1000);
		struct tar_pax_reader r = { 0 };
		struct tar_pax p = { 0 };

		record(&text, "mtime", times[i].text);
		for (int round = 0; round < 2; round++) { /* as given, and as written from that */
			const struct buf *b = round ? &again : &text;

			tar_pax_start(&r, true);
			assert_int_equal(tar_pax_feed(&r, &p, b->p, b->len), 0);
			assert_int_equal(tar_pax_end(&r), 0);
			assert_int_equal(p.mtime, times[i].s);
			assert_int_equal(p.mtime_ns, times[i].ns);
			assert_int_equal(tar_pax_write(&p, &again), 0);
			tar_pax_free(&p);
		}
		tar_pax_reader_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_mtimes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
