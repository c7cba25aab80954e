/* SPDX-License-Identifier: MPL-2.0 */
/* zip_extra.c - unit tests of archive/zip_extra.h, through the members that have such fields. */
#include <inttypes.h>
#include <time.h>

#include "../lib/zipmake.h"

/* 2021-02-03 04:05:06 as DOS has it; 1612325106 in UTC */
#define DATE ((2021 - 1980) << 9 | 2 << 5 | 3)
#define TIME (4 << 11 | 5 << 5 | 3)

#define EXT_TIME "UT\x05\x00\x03\x40\xe2\x01\x00" /* 123456 */
#define NTFS_TIME(low) \
	"\x0a\x00\x20\x00" \
	"\0\0\0\0" \
	"\x01\x00\x18\x00" low "\0\0\0\0\0\0\0\0" \
	"\0\0\0\0\0\0\0\0"
#define NTFS_123456_7 "\xc0\xef\x2b\x47\xfe\xb2\x9d\x01" /* 123456.7 s after 1970 */

static void test_times(void **state)
{
	static const struct {
		const char *extra;
		size_t n;
		unsigned date, time;
		int64_t sec;
		uint32_t ns;
	} cases[] = {
		{ BYTES(""), DATE, TIME, 1612325106, 0 },
		{ BYTES(""), 0, 0, 315532800, 0 },
		{ BYTES(""), 0xffff, 0xffff, 4354819199, 0 },
		{ BYTES(EXT_TIME), DATE, TIME, 123456, 0 },
		{ BYTES("UT\x05\x00\x02\x40\xe2\x01\x00"), DATE, TIME, 1612325106, 0 },
		{ BYTES("UT\x05\x00\x01\xff\xff\xff\xff"), DATE, TIME, -1, 0 },
		{ BYTES("UT\x04\x00\x01\xff\xff\xff"), DATE, TIME, 1612325106, 0 },
		{ BYTES("UT\x06\x00\x01\xff\xff\xff\xff"), DATE, TIME, 1612325106, 0 },
		{ BYTES("XX\x01\x00y" EXT_TIME), DATE, TIME, 123456, 0 },
		{ BYTES("\0\0\0"), DATE, TIME, 1612325106, 0 },
		{ BYTES("UX\x08\x00\1\0\0\0\2\0\0\0"), DATE, TIME, 2, 0 },
		{ BYTES("UX\x08\x00\1\0\0\0\2\0\0\0" EXT_TIME), DATE, TIME, 123456, 0 },
		{ BYTES(NTFS_TIME("\0\0\0\0\0\0\0\0")), DATE, TIME, 1612325106, 0 },
		{ BYTES(NTFS_TIME("\x01\0\0\0\0\0\0\0")), DATE, TIME, -11644473600, 100 },
		{ BYTES(NTFS_TIME(NTFS_123456_7)), DATE, TIME, 123456, 700000000 },
		{ BYTES(NTFS_TIME(NTFS_123456_7) EXT_TIME), DATE, TIME, 123456, 700000000 },
		{ BYTES(NTFS_TIME("\0\0\0\0\0\0\0\x01") EXT_TIME), DATE, TIME, 123456, 0 },
	};

	(void)state;
	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = { .name = "f",
			.made_by = UNIX,
			.date = cases[i].date,
			.time = cases[i].time,
			.extra = cases[i].extra,
			.n_extra = cases[i].n };
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		if (s.e.mtime != cases[i].sec || s.e.mtime_ns != cases[i].ns)
			fail_msg("case %zu: %" PRId64 ".%09u", i, s.e.mtime, s.e.mtime_ns);
	}
}

static void test_local_time(void **state)
{
	struct member m = { .name = "f", .made_by = FAT, .date = DATE, .time = TIME };
	struct seen s;

	(void)state;
	setenv("TZ", "EST5", 1);
	tzset();
	assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
	assert_int_equal(s.e.mtime, 1612325106 + 5 * 3600);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void test_ids(void **state)
{
	static const struct {
		const char *extra;
		size_t n;
		bool has;
		uint64_t uid, gid;
	} cases[] = {
		{ BYTES(""), false, 0, 0 },
		{ BYTES("ux\x0b\0\1\4\xe8\3\0\0\4\xe9\3\0\0"), true, 1000, 1001 },
		{ BYTES("ux\x05\0\1\1\7\1\x08"), true, 7, 8 },
		{ BYTES("ux\x05\0\2\1\7\1\x08"), false, 0, 0 },
		{ BYTES("ux\x05\0\1\2\7\1\x08"), false, 0, 0 },
		{ BYTES("ux\x05\0\1\1\7\2\x08"), false, 0, 0 },
		{ BYTES("ux\x03\0\1\xff\7"), false, 0, 0 },
		{ BYTES("UX\x0c\0\0\0\0\0\0\0\0\0\5\0\6\0"), true, 5, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member m = {
			.name = "f", .made_by = UNIX, .extra = cases[i].extra, .n_extra = cases[i].n
		};
		struct seen s;

		assert_int_equal(walk_one(&m, NULL, &s, NULL), 0);
		assert_int_equal(s.e.has_ids, cases[i].has);
		assert_int_equal(s.e.uid, cases[i].uid);
		assert_int_equal(s.e.gid, cases[i].gid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_local_time),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
