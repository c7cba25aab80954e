/* SPDX-License-Identifier: MPL-2.0 */
/* The file of secrets: what is kept, replaced and forgotten, and what is left alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/credentials.h"
#include "base/file.h"
#include "base/log.h"
#include "base/password.h"

static char dir[] = "/tmp/mdcfs-unit-credentials.XXXXXX";

static void write_file(const char *text, mode_t mode)
{
	AUTO(auto_free) char *path = credentials_path(), *folder = path_join(dir, "mdcfs");

	assert_int_equal(dir_make(folder, 0700), 0);
	assert_int_equal(file_replace(path, text, strlen(text), mode), 0);
}

static void assert_file(const char *want)
{
	AUTO(auto_free) char *path = credentials_path(), *text = NULL;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_slurp(path, 65536, &text, NULL), 0);
	assert_string_equal(text, want);
}

static void assert_secret(const char *scope, const char *want)
{
	char *secret = NULL;
	int r = credentials_get(scope, &secret);

	assert_int_equal(r, want ? 0 : -ENOENT);
	if (want)
		assert_string_equal(secret, want);
	password_free(secret);
}

static void test_keep_and_forget(void **state)
{
	(void)state;
	assert_secret("ods:a.example", NULL);
	assert_int_equal(credentials_set("ods:a.example", NULL), -ENOENT);
	assert_int_equal(credentials_set("ods:a.example", "key-a"), 0);
	assert_int_equal(credentials_set("ods:b.example", "user:pass word # x"), 0);
	assert_secret("ods:a.example", "key-a");
	assert_secret("ods:b.example", "user:pass word # x");
	assert_secret("ods:a.exampl", NULL);
	assert_secret("ods:a.example.org", NULL);
	assert_int_equal(credentials_set("ods:a.example", "key-2"), 0);
	assert_file("ods:b.example user:pass word # x\nods:a.example key-2\n");
	assert_int_equal(credentials_set("ods:b.example", NULL), 0);
	assert_file("ods:a.example key-2\n");
}

static void test_others_lines_stay(void **state)
{
	(void)state;
	write_file("# mine\r\n\nods:a one\nnonsense\nmdc:https://x  two\r\nods:a three", 0600);
	assert_secret("ods:a", "one");
	assert_secret("mdc:https://x", "two");
	assert_secret("nonsense", NULL);
	assert_int_equal(credentials_set("ods:a", "four"), 0);
	assert_file("# mine\r\n\nnonsense\nmdc:https://x  two\r\nods:a four\n");
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", " x", "x ", "a\nb", "a\tb", "\x7f" };
	char *secret = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(credentials_set("ods:a", bad[i]), -EINVAL);
	assert_int_equal(credentials_set("a b", "x"), -EINVAL);
	assert_int_equal(credentials_set("#a", "x"), -EINVAL);
	assert_int_equal(credentials_set("", "x"), -EINVAL);
	write_file("ods:a one\n", 0640);
	assert_int_equal(credentials_get("ods:a", &secret), -EACCES);
	assert_int_equal(credentials_set("ods:a", "two"), -EACCES);
	assert_null(secret);
}

static int make_dir(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_NONE);
	return mkdtemp(dir) && setenv("XDG_CONFIG_HOME", dir, 1) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	AUTO(auto_free) char *path = credentials_path(), *lock = NULL;
	AUTO(auto_free) char *folder = path_join(dir, "mdcfs");

	(void)state;
	unlink(path);
	if (asprintf(&lock, "%s.lock", path) >= 0)
		unlink(lock);
	rmdir(folder);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep_and_forget),
		cmocka_unit_test(test_others_lines_stay),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
