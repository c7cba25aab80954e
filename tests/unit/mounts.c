/* SPDX-License-Identifier: MPL-2.0 */
/* mounts.c - the kernel's mount table, figures for people, and reading without hanging. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli/holders.h"
#include "cli/human.h"
#include "cli/mounts.h"
#include "cli/peek.h"

static char dir[64]; /* the working directory */

static void test_parse(void **state)
{
	static const struct {
		const char *line;
		int r;
		const char *source, *mountpoint, *fstype;
	} cases[] = {
		{ "36 35 98:0 /r /mnt rw,noatime master:1 - ext3 /dev/root rw\n", 0, "/dev/root",
		  "/mnt", "ext3" },
		{ "36 35 0:9 / /m rw - fuse.mdcfs cv-en rw", 0, "cv-en", "/m", "fuse.mdcfs" },
		{ "36 35 0:9 / /m rw shared:1 master:2 x - fuse.mdcfs a rw", 0, "a", "/m",
		  "fuse.mdcfs" },
		{ "1 2 0:9 / /a\\040b\\011c\\134d\\012 rw - t s\\040s rw", 0, "s s", "/a b\tc\\d\n",
		  "t" },
		{ "1 2 0:9 / /a\\04 rw - t \\999 rw", 0, "\\999", "/a\\04", "t" },
		{ "1 2 0:9 / /\\303\\251 rw - t s rw", 0, "s", "/\xc3\xa9", "t" },
		{ "1 2 0:9 / /m rw - t  rw", 0, "", "/m", "t" },
		{ "1 2 0:9 / /m rw shared:1", -EBADMSG, NULL, NULL, NULL },
		{ "1 2 0:9 / - t s rw", -EBADMSG, NULL, NULL, NULL },
		{ "1 2 0:9 / /m rw - t", -EBADMSG, NULL, NULL, NULL },
		{ "", -EBADMSG, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mount m = { 0 };

		if (mounts_parse(cases[i].line, &m) != cases[i].r)
			fail_msg("line '%s'", cases[i].line);
		if (cases[i].r == 0) {
			assert_string_equal(m.source, cases[i].source);
			assert_string_equal(m.mountpoint, cases[i].mountpoint);
			assert_string_equal(m.fstype, cases[i].fstype);
		}
		free(m.source);
		free(m.mountpoint);
		free(m.fstype);
	}
}

static void test_read(void **state)
{
	AUTO(mounts_free) struct mounts m = { 0 };

	(void)state;
	assert_int_equal(mounts_read(&m), 0);
	assert_non_null(mounts_find(&m, "/"));
	assert_non_null(mounts_find(&m, "/proc"));
	assert_null(mounts_find(&m, "/proc/"));
	assert_null(mounts_find(&m, ""));
}

static void test_find_topmost(void **state)
{
	char a[] = "a", b[] = "b", m1[] = "/m", m2[] = "/n";
	struct mount at[] = { { a, m1, a }, { b, m1, b }, { a, m2, a } };
	struct mounts m = { at, ARRAY_SIZE(at) };

	(void)state;
	assert_ptr_equal(mounts_find(&m, "/m"), &at[1]);
	assert_ptr_equal(mounts_find(&m, "/n"), &at[2]);
	assert_null(mounts_find(&m, "/o"));
}

static void test_path(void **state)
{
	static const struct {
		const char *in, *below; /* of dir; NULL: "/" */
	} cases[] = {
		{ "m", "/m" },	     { "./m/", "/m" }, { "m//", "/m" }, { "d/../m", "/m" },
		{ "d/.", "/d" },     { "d/..", "" },   { ".", "" },	{ "link/x", "/d/x" },
		{ "link", "/link" }, { "/", NULL },    { "//", NULL },
	};
	AUTO(auto_free) char *missing = NULL;

	(void)state;
	assert_int_equal(mkdir("d", 0700) | symlink("d", "link"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *p = NULL;
		char want[128] = "/";

		if (cases[i].below)
			snprintf(want, sizeof(want), "%s%s", dir, cases[i].below);
		assert_int_equal(mounts_path(cases[i].in, &p), 0);
		assert_string_equal(p, want);
	}
	assert_int_equal(mounts_path("no/m", &missing), -ENOENT);
	assert_int_equal(rmdir("d") | unlink("link"), 0);
}

static void test_human(void **state)
{
	static const struct {
		uint64_t n;
		const char *count, *size;
	} cases[] = {
		{ 0, "0", "0 bytes" },
		{ 999, "999", "999 bytes" },
		{ 1023, "1,023", "1023 bytes" },
		{ 1024, "1,024", "1.0 KiB" },
		{ 1048575, "1,048,575", "1023.9 KiB" },
		{ 94639372950, "94,639,372,950", "88.1 GiB" },
		{ UINT64_MAX, "18,446,744,073,709,551,615", "15.9 EiB" },
	};
	static const struct {
		int64_t secs;
		const char *text;
	} times[] = { { -5, "0 s" },		   { 59, "59 s" },	     { 61, "1 min 1 s" },
		      { 7199, "1 h 59 min" }, { 90000, "1 d 1 h" } };
	char out[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(human_count(cases[i].n, out), cases[i].count);
		assert_string_equal(human_size(cases[i].n, out), cases[i].size);
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		assert_string_equal(human_secs(times[i].secs, out), times[i].text);
}

static void test_foreign_text(void **state)
{
	AUTO(auto_free) char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	human_print(f, "a\x1b[1m\n\x7f\xc2\x9b\xc3\xa9\xc2\xa0\xc2");
	assert_int_equal(fclose(f), 0);
	assert_string_equal(text, "a?[1m???\xc3\xa9\xc2\xa0\xc2");
}

static void test_peek(void **state)
{
	AUTO(auto_free) char *text = NULL, *empty = NULL, *big = calloc(1, (1 << 20) + 1);
	char *none = NULL;
	int64_t before;

	(void)state;
	assert_int_equal(file_replace("f", "{}\n", 3, 0600), 0);
	assert_int_equal(peek_file(dir, "f", 5000, &text), 0);
	assert_string_equal(text, "{}\n");
	assert_int_equal(file_replace("f", "", 0, 0600), 0);
	assert_int_equal(peek_file(dir, "f", 5000, &empty), 0);
	assert_string_equal(empty, "");
	assert_int_equal(file_replace("f", big, (1 << 20) + 1, 0600), 0);
	assert_int_equal(peek_file(dir, "f", 20000, &none), -EFBIG);
	assert_int_equal(peek_file(dir, "missing", 5000, &none), -ENOENT);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	before = clock_ms();
	assert_int_equal(peek_file(dir, "fifo", 100, &none), -ETIMEDOUT); /* nobody writes */
	assert_in_range(clock_ms() - before, 100, 4000);
	assert_null(none);
	assert_int_equal(unlink("f") | unlink("fifo"), 0);
}

static void test_holders(void **state)
{
	AUTO(auto_free) char *us = holders_list(dir), *none = NULL;
	char pid[32];

	(void)state;
	snprintf(pid, sizeof(pid), " (%ld)", (long)getpid());
	assert_non_null(strstr(us, pid)); /* our working directory is there */
	none = holders_list("/no/such/directory");
	assert_string_equal(none, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_read),
		cmocka_unit_test(test_find_topmost), cmocka_unit_test(test_path),
		cmocka_unit_test(test_human), cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_peek),  cmocka_unit_test(test_holders),
	};
	int r;

	snprintf(dir, sizeof(dir), "/tmp/mdcfs-mounts-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 99;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (chdir("/") < 0 || (rmdir(dir) < 0 && r == 0))
		return 99;
	return r;
}
