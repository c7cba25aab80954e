/* SPDX-License-Identifier: MPL-2.0 */
/* options.c - the option table, its four sources and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <errno.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/envfile.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options.h"
#include "base/suggest.h"

static char dir[64]; /* HOME and working directory of every test */

static void write_file(const char *name, const char *text, mode_t mode)
{
	assert_int_equal(file_replace(name, text, strlen(text), mode), 0);
}

/* Does the last line of the log hold this text? */
static bool logged(const char *text)
{
	AUTO(auto_free) char *all = log_tail();
	char *last;

	assert_non_null(all);
	all[strlen(all) - (all[0] != '\0')] = '\0';
	last = strrchr(all, '\n');
	return strstr(last ? last : all, text) != NULL;
}

static int setup(void **state)
{
	(void)state;
	unsetenv("MDC_API_KEY");
	unsetenv("MDC_API_URL");
	unsetenv("MDC_DOWNLOAD_PATH");
	unsetenv("MDCFS_CACHE_SIZE");
	(void)unlink(".env");
	(void)unlink(".config/mdcfs/config");
	return 0;
}

static void test_defaults(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(options_load(&o), 0);
	assert_string_equal(o.api_url, "https://mozilladatacollective.com/api");
	assert_string_equal(o.cache_dir, "");
	assert_true(o.cache_size == 10ull << 30);
	assert_int_equal(o.connections, 8);
	assert_true(o.deadline == 30);
	assert_int_equal(o.listing, LISTING_WAIT);
	assert_int_equal(o.pass, PASS_DEMAND);
	assert_false(o.strict);
	assert_int_equal(o.uid, OPTION_UNSET);
	assert_null(o.api_key);
	options_free(&o);
	options_free(&o);
}

static void test_parse(void **state)
{
	static const struct {
		const char *list;
		int r;
		const char *says; /* part of the message */
	} cases[] = {
		{ "", 0, NULL },
		{ ",,", 0, NULL },
		{ "strict,ro", 0, NULL },
		{ "strict=no,ro=off", 0, NULL },
		{ "defaults,rw,noauto,_netdev,nofail,x-systemd.automount,X-a=b,comment=hi,user", 0,
		  NULL },
		{ "nosuid,nodev,noexec,exec", 0, NULL },
		{ "cahce_size=1", -EINVAL,
		  "unknown option 'cahce_size'; did you mean cache_size?" },
		{ "zebra", -EINVAL, "unknown option 'zebra'" },
		{ "cache_size", -EINVAL, "cache_size needs a value" },
		{ "cache_size=", -EINVAL, "'' is not a size" },
		{ "cache_size=10X", -EINVAL, "option cache_size: '10X' is not a size" },
		{ "connections=0", -EINVAL, "from 1 to 1024" },
		{ "connections=1025", -EINVAL, "from 1 to 1024" },
		{ "connections=-1", -EINVAL, "'-1' is not" },
		{ "uid=4294967295", -EINVAL, "4294967294" },
		{ "uid= 1", -EINVAL, "' 1' is not" },
		{ "listing=never", -EINVAL, "wait or partial" },
		{ "pass=both", -EINVAL, "demand or background" },
		{ "strict=maybe", -EINVAL, "yes or no" },
		{ "deadline=0", -EINVAL, "time of 1 second" },
		{ "dev", -EINVAL, "nodev, nosuid" },
		{ "suid", -EINVAL, "nodev, nosuid" },
		{ "api_key=s3cret", -EINVAL, "MDC_API_KEY" },
		{ "encoding=a\nb", -EINVAL, "printable" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(options_load(&o), 0);
		if (options_parse(&o, cases[i].list) != cases[i].r)
			fail_msg("case '%s'", cases[i].list);
		if (cases[i].says && !logged(cases[i].says))
			fail_msg("message of '%s'", cases[i].list);
		assert_false(logged("s3cret"));
		options_free(&o);
	}
}

static void test_values(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(options_load(&o), 0);
	assert_int_equal(options_parse(&o,
				       "cache_dir=/a\\,b=c,cache_size=1T,deadline=2m,uid=0,strict,"
				       "listing=partial,pass=background,connections=3"),
			 0);
	assert_string_equal(o.cache_dir, "/a,b=c");
	assert_true(o.cache_size == 1ull << 40);
	assert_true(o.deadline == 120);
	assert_int_equal(o.uid, 0);
	assert_true(o.strict);
	assert_int_equal(o.listing, LISTING_PARTIAL);
	assert_int_equal(o.pass, PASS_BACKGROUND);
	assert_int_equal(o.connections, 3);
	assert_int_equal(options_set(&o, "cache_size", "x"), -EINVAL);
	assert_true(o.cache_size == 1ull << 40); /* a refused value changes nothing */
	assert_int_equal(options_set(&o, "uid", ""), 0);
	assert_int_equal(o.uid, OPTION_UNSET);
	options_free(&o);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t n;
	} cases[] = {
		{ "0", 0, 0 },		      { "7", 0, 7 },
		{ "1K", 0, 1024 },	      { "1k", 0, 1024 },
		{ "3M", 0, 3145728 },	      { "2G", 0, 2147483648 },
		{ "1T", 0, 1099511627776 },   { "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -EINVAL, 0 }, { "16777216T", -EINVAL, 0 },
		{ "16777215T", 0, 18446742974197923840u }, { "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },	      { "1KB", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },	      { "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },	      { "0x10", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 77;

		if (options_parse_size(cases[i].text, &n) != cases[i].r ||
		    n != (cases[i].r == 0 ? cases[i].n : 77))
			fail_msg("size '%s'", cases[i].text);
	}
}

static void test_secs(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t n;
	} cases[] = {
		{ "0", 0, 0 },
		{ "90", 0, 90 },
		{ "5s", 0, 5 },
		{ "5m", 0, 300 },
		{ "2h", 0, 7200 },
		{ "1d", 0, 86400 },
		{ "366d", 0, 31622400 },
		{ "367d", -EINVAL, 0 },
		{ "m", -EINVAL, 0 },
		{ "5min", -EINVAL, 0 },
		{ "99999999999999999999", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t n = 77;

		if (options_parse_secs(cases[i].text, &n) != cases[i].r ||
		    n != (cases[i].r == 0 ? cases[i].n : 77))
			fail_msg("time '%s'", cases[i].text);
	}
}

static void check_load(const char *key, const char *url, uint64_t size)
{
	struct options o;

	assert_int_equal(options_load(&o), 0);
	if (key)
		assert_string_equal(o.api_key, key);
	else
		assert_null(o.api_key);
	assert_string_equal(o.api_url, url);
	assert_true(o.cache_size == size);
	options_free(&o);
}

static void test_precedence(void **state)
{
	(void)state;
	write_file(".config/mdcfs/config",
		   "# ours\ncache_size = 1M\napi_url='http://conf/'\napi_key=k1\n", 0600);
	check_load("k1", "http://conf/", 1 << 20);
	write_file(".env", "OTHER junk\nexport MDC_API_KEY=\"k2\"\nMDC_API_URL=http://dot/ # c\n"
			   "MDC_DOWNLOAD_PATH=/dl\nMDCFS_CACHE_SIZE=9M\n", 0600);
	check_load("k2", "http://dot/", 1 << 20);
	assert_string_equal(getenv("MDC_DOWNLOAD_PATH"), "/dl");
	setenv("MDC_API_KEY", "k3", 1);
	setenv("MDC_API_URL", "http://env/", 1);
	setenv("MDCFS_CACHE_SIZE", "3M", 1);
	check_load("k3", "http://env/", 3 << 20);
	setenv("MDC_API_KEY", "", 1); /* set and empty: no key */
	setenv("MDC_API_URL", "", 1); /* empty: as if not set */
	setenv("MDC_DOWNLOAD_PATH", "/mine", 1);
	check_load(NULL, "http://dot/", 3 << 20);
	assert_string_equal(getenv("MDC_DOWNLOAD_PATH"), "/mine");
}

static void test_dotenv_of_parent(void **state)
{
	(void)state;
	write_file(".env", "MDC_API_KEY=up\n", 0600);
	assert_int_equal(dir_make("a/b", 0700), 0);
	assert_int_equal(chdir("a/b"), 0);
	check_load("up", "https://mozilladatacollective.com/api", 10ull << 30);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(rmdir("a/b") | rmdir("a"), 0);
}

static void test_refused_files(void **state)
{
	static const struct {
		const char *config, *dotenv, *says;
	} cases[] = {
		{ "cahce_size = 1\n", NULL, "config:1: unknown option 'cahce_size'; did you mean" },
		{ "\n\ncache_size = big\n", NULL, "config:3: option cache_size: 'big' is not" },
		{ "cache_size\n", NULL, "config:1: this is not NAME = VALUE" },
		{ "api_key = 'top secret'\n", NULL, "config:1: the API key has a blank" },
		{ NULL, "A=b\nMDC_API_KEY='top secret'\n", ".env:2: the API key has a blank" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void)setup(NULL);
		if (cases[i].config)
			write_file(".config/mdcfs/config", cases[i].config, 0600);
		if (cases[i].dotenv)
			write_file(".env", cases[i].dotenv, 0600);
		assert_int_equal(options_load(&o), -EINVAL);
		if (!logged(cases[i].says) || logged("top secret"))
			fail_msg("case %zu", i);
	}
}

static void test_file_modes(void **state)
{
	(void)state;
	write_file(".config/mdcfs/config", "api_key = k\n", 0640);
	check_load("k", "https://mozilladatacollective.com/api", 10ull << 30);
	assert_true(logged("others may read it"));
	write_file(".env", "MDC_API_URL=http://evil/\n", 0666);
	check_load("k", "https://mozilladatacollective.com/api", 10ull << 30);
	assert_true(logged("somebody else may change it"));
}

static void test_lines(void **state)
{
	static const struct {
		const char *line;
		int r;
		const char *name, *value;
	} cases[] = {
		{ "", 0, NULL, NULL },
		{ "  # x=y", 0, NULL, NULL },
		{ "A=b", 0, "A", "b" },
		{ "  A_1 \t=  b c \r", 0, "A_1", "b c" },
		{ "A=b#c", 0, "A", "b#c" },
		{ "A=b #c", 0, "A", "b" },
		{ "A=", 0, "A", "" },
		{ "A= # c", 0, "A", "" },
		{ "export\tA=b", 0, "A", "b" },
		{ "export=b", 0, "export", "b" },
		{ "A='b # \\n'  # c", 0, "A", "b # \\n" },
		{ "A=\"b \\\"q\\\" \\n\\\\\"", 0, "A", "b \"q\" \n\\" },
		{ "A=\"b", -EINVAL, NULL, NULL },
		{ "A='b' c", -EINVAL, NULL, NULL },
		{ "A", -EINVAL, NULL, NULL },
		{ "=b", -EINVAL, NULL, NULL },
		{ "1A=b", -EINVAL, NULL, NULL },
		{ "A-B=b", -EINVAL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auto_free) char *line = strdup(cases[i].line);
		char *name, *value;

		if (envfile_line(line, &name, &value) != cases[i].r)
			fail_msg("line '%s'", cases[i].line);
		assert_int_equal(!name, !cases[i].name);
		if (name) {
			assert_string_equal(name, cases[i].name);
			assert_string_equal(value, cases[i].value);
		}
	}
}

static void test_suggest(void **state)
{
	static const struct {
		const char *typed, *best;
	} cases[] = {
		{ "cahce_size", "cache_size" },
		{ "cache_siz", "cache_size" },
		{ "chache_dria", NULL },
		{ "cache_dri", "cache_dir" },
		{ "r", NULL },
		{ "", NULL },
		{ "cache_size_and_a_tail_of_more_than_32_letters", NULL },
	};
	static const char *const words[] = { "cache_dir", "cache_size", "ro", "uid" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct suggest s = { .typed = cases[i].typed };

		for (size_t w = 0; w < ARRAY_SIZE(words); w++)
			suggest_offer(&s, words[w]);
		if (!s.best != !cases[i].best || (s.best && strcmp(s.best, cases[i].best) != 0))
			fail_msg("'%s' gives %s", cases[i].typed, s.best ? s.best : "nothing");
	}
}

static void test_help(void **state)
{
	AUTO(auto_free) char *text = NULL;
	size_t len, lines = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	options_print_help(f);
	assert_int_equal(fclose(f), 0);
	for (const char *p = text; *p; p = strchr(p, '\n') + 1, lines++)
		if (strcspn(p, "\n") > 80)
			fail_msg("too wide: %.100s", p);
	assert_true(lines >= 20);
	assert_non_null(strstr(text, "  cache_size=SIZE "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_defaults, setup),
		cmocka_unit_test_setup(test_parse, setup),
		cmocka_unit_test_setup(test_values, setup),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_secs),
		cmocka_unit_test_setup(test_precedence, setup),
		cmocka_unit_test_setup(test_dotenv_of_parent, setup),
		cmocka_unit_test_setup(test_refused_files, setup),
		cmocka_unit_test_setup(test_file_modes, setup),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_suggest),
		cmocka_unit_test(test_help),
	};
	int r;

	snprintf(dir, sizeof(dir), "/tmp/mdcfs-options-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0 || dir_make(".config/mdcfs", 0700) < 0)
		return 99;
	if (clearenv() != 0 || setenv("HOME", dir, 1) != 0)
		return 99;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)setup(NULL);
	if (rmdir(".config/mdcfs") < 0 || rmdir(".config") < 0 || chdir("/") < 0 || rmdir(dir) < 0)
		return 99;
	return r;
}
