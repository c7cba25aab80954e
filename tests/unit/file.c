/* SPDX-License-Identifier: MPL-2.0 */
/* file.c - small files, directories, locks and paths. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"

static char dir[64]; /* the working directory */

static void test_slurp(void **state)
{
	static const struct {
		const char *content;
		size_t len, max;
		int r;
	} cases[] = {
		{ "", 0, 0, 0 }, { "abc", 3, 3, 0 }, { "a\0c", 3, 9, 0 }, { "abcd", 4, 3, -EFBIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *p = NULL;
		size_t len = 77;

		assert_int_equal(file_replace("f", cases[i].content, cases[i].len, 0600), 0);
		assert_int_equal(file_slurp("f", cases[i].max, &p, &len), cases[i].r);
		assert_int_equal(len, cases[i].r == 0 ? cases[i].len : 77);
		if (p)
			assert_memory_equal(p, cases[i].content, cases[i].len + 1);
	}
	assert_int_equal(unlink("f"), 0);
}

static void test_slurp_refuses(void **state)
{
	char *p = NULL;

	(void)state;
	assert_int_equal(file_slurp("nothing", 10, &p, NULL), -ENOENT);
	assert_int_equal(file_slurp(".", 10, &p, NULL), -EINVAL);
	assert_null(p);
}

static void test_replace(void **state)
{
	struct stat st;
	AUTO(auto_free) char *p = NULL;

	(void)state;
	assert_int_equal(file_replace("f", "old", 3, 0644), 0);
	assert_int_equal(file_replace("f", "newer", 5, 0600), 0);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(file_slurp("f", 10, &p, NULL), 0);
	assert_string_equal(p, "newer");
	assert_int_equal(file_replace("no/f", "x", 1, 0600), -ENOENT);
	assert_int_equal(mkdir("d", 0700), 0);
	assert_true(file_replace("d", "x", 1, 0600) < 0); /* a directory is in the way... */
	assert_int_equal(rmdir("d"), 0);
	assert_int_equal(unlink("f"), 0);
	assert_int_equal(chdir(".."), 0);
	assert_int_equal(rmdir(dir), 0); /* ...and no temporary file was left */
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chdir(dir), 0);
}

static void test_dir_make(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(dir_make("a/b/c", 0700), 0);
	assert_int_equal(dir_make("a/b/c", 0700), 0);
	assert_int_equal(stat("a/b", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(file_replace("a/f", "", 0, 0600), 0);
	assert_int_equal(dir_make("a/f", 0700), -ENOTDIR);
	assert_int_equal(dir_make("a/f/g", 0700), -ENOTDIR);
	assert_int_equal(unlink("a/f") | rmdir("a/b/c") | rmdir("a/b") | rmdir("a"), 0);
}

static void test_lock(void **state)
{
	int first = -1, second = -1;

	(void)state;
	assert_int_equal(file_lock("l", false, &first), 0);
	assert_int_equal(file_lock("l", false, &second), -EWOULDBLOCK);
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(file_lock("l", true, &second), 0);
	close(second);
	assert_int_equal(file_lock("no/l", true, &second), -ENOENT);
	assert_int_equal(unlink("l"), 0);
}

static void test_read_write_at(void **state)
{
	AUTO(auto_close) int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char text[8] = "";

	(void)state;
	assert_int_equal(file_write_at(fd, "world", 5, 6), 0);
	assert_int_equal(file_write_at(fd, "hello ", 6, 0), 0);
	assert_int_equal(file_read_at(fd, text, 5, 6), 0);
	assert_string_equal(text, "world");
	assert_int_equal(file_read_at(fd, text, 6, 6), -EIO); /* one byte past the end */
	assert_int_equal(file_read_at(fd, text, 0, 99), 0);
	assert_int_equal(file_read_at(-1, text, 1, 0), -EBADF);
	assert_int_equal(file_write_at(-1, text, 1, 0), -EBADF);
	assert_int_equal(unlink("f"), 0);
}

static void test_paths(void **state)
{
	static const struct {
		const char *var, *home, *path;
	} cases[] = {
		{ "/x", "/h", "/x" },	   { "relative", "/h", "/h/.f" }, { "", "/h", "/h/.f" },
		{ NULL, "/h", "/h/.f" }, { NULL, "", NULL },		    { NULL, NULL, NULL },
	};
	AUTO(auto_free) char *joined = path_join("/a", "b");

	(void)state;
	assert_string_equal(joined, "/a/b");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *p = NULL;

		(cases[i].var ? setenv("TEST_XDG", cases[i].var, 1) : unsetenv("TEST_XDG"));
		(cases[i].home ? setenv("HOME", cases[i].home, 1) : unsetenv("HOME"));
		p = path_xdg("TEST_XDG", ".f");
		if (!p != !cases[i].path || (p && strcmp(p, cases[i].path) != 0))
			fail_msg("case %zu: %s", i, p ? p : "NULL");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slurp),	    cmocka_unit_test(test_slurp_refuses),
		cmocka_unit_test(test_replace),	    cmocka_unit_test(test_dir_make),
		cmocka_unit_test(test_lock),	    cmocka_unit_test(test_read_write_at),
		cmocka_unit_test(test_paths),
	};
	int r;

	snprintf(dir, sizeof(dir), "/tmp/mdcfs-file-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 99;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	if (chdir("/") < 0 || (rmdir(dir) < 0 && r == 0))
		return 99;
	return r;
}
