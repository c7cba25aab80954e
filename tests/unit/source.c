/* SPDX-License-Identifier: MPL-2.0 */
/* source.c - unit tests of source/source.h, suffix.h and dataset.h: what a spec is, what the API's
 * details may look like, and names that must not get in.
 */
#include "base/clock.h"
#include "../lib/apiserver.h"

#include "net/json.h"
#include "source/dataset.h"
#include "source/suffix.h"

#define ID "cmt95wvb80027qb6e2vezm3d9"
#define SHA "6809228e00000000000000000000000000000000000000000000000000e6cbAB"
#define SHA_LOWER "6809228e00000000000000000000000000000000000000000000000000e6cbab"

/* ---- pure ---- */

static void test_suffix(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} cases[] = {
		{ "x.tar.gz", 7 },  { "x.TAR.GZ", 7 },	{ "x.tgz", 4 },
		{ "x.tar", 4 },	    { "x.zip", 4 },	{ "a.b.tar.zst", 8 },
		{ "x.tar.xz", 7 },  { "x.7z", 3 },	{ "x.warc.gz", 8 },
		{ "x.cpio.gz", 8 }, { "x.deb", 4 },	{ "x.gz", 0 },
		{ "x.tsv.gz", 0 },  { "x.parquet", 0 }, { "tar.gz", 0 },
		{ ".tar.gz", 0 },   { ".zip", 0 },	{ "", 0 },
		{ "zip", 0 },	    { "x.zip.", 0 },	{ "x.zip.tar", 4 },
		{ "xtar.gz", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (suffix_len(cases[i].name) != cases[i].len)
			fail_msg("%s: %zu", cases[i].name, suffix_len(cases[i].name));
}

static void test_name_ok(void **state)
{
	static const char *const good[] = { "a",   "x.tar.gz", "...", ".hidden",
					    "a b", "\xc3\xa9", "\xff" };
	static const char *const bad[] = { "",	   ".",	   "..",      "/",    "a/b",
					   "../x", "a\nb", "\x1b[2J", "a\x7f" };
	char name[257];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(dataset_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(dataset_name_ok(bad[i]));
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_true(dataset_name_ok(name));
	name[255] = 'n';
	name[256] = '\0';
	assert_false(dataset_name_ok(name));
}

static void test_checksum(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ SHA, SHA_LOWER },
		{ "sha256:" SHA, SHA_LOWER },
		{ "SHA256:" SHA_LOWER, SHA_LOWER },
		{ NULL, "" },
		{ "", "" },
		{ "sha256:", "" },
		{ "sha256:abcdef123456...", "" },
		{ SHA "0", "" },
		{ "md5:" SHA, "" },
		{ " " SHA, "" },
		{ "g809228e00000000000000000000000000000000000000000000000000e6cbab", "" },
	};
	char out[DIGEST_HEX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(dataset_checksum(cases[i].text, out), cases[i].want[0] != '\0');
		assert_string_equal(out, cases[i].want);
	}
}

/* ---- specs ---- */

static int open_spec(struct apiserver *a, const char *spec, struct source **s)
{
	char why[512];
	int r = source_open(&a->env, spec, s, why);

	assert_int_equal(r < 0, why[0] != '\0');
	assert_null(strchr(why, '\n'));
	assert_null(strstr(why, TEST_KEY));
	return r;
}

static void test_links(void **state)
{
	static const struct {
		const char *spec;
		int r;
		const char *slug, *filename, *key;
	} cases[] = {
		{ "https://h.example/d/x.tar.gz", 0, "x", "x.tar.gz",
		  "https://h.example/d/x.tar.gz" },
		{ "http://h:8080/x.ZIP?sig=s#f", 0, "x", "x.ZIP", "http://h:8080/x.ZIP" },
		{ "https://me:pw@h.example/a%20b.tgz", 0, "a b", "a b.tgz",
		  "https://h.example/a%20b.tgz" },
		{ "HTTPS://h.example/data.parquet", 0, "data.parquet", "data.parquet", NULL },
		{ "https://h.example/", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example/a/..", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example/a%2fb.zip", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example/a%00b.zip", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example/a%0ab.zip", -EBADMSG, NULL, NULL, NULL },
		{ "https://h.example/a b.zip", -EINVAL, NULL, NULL, NULL },
		{ "https://h.example/.mdcfs.zip", -EBADMSG, NULL, NULL, NULL },
		{ "ftp://h.example/x.zip", -EINVAL, NULL, NULL, NULL },
		{ "file:///etc/passwd", -EINVAL, NULL, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source *s = NULL;
		const struct dataset *d;

		if (open_spec(*state, cases[i].spec, &s) != cases[i].r)
			fail_msg("%s", cases[i].spec);
		if (cases[i].r < 0)
			continue;
		d = source_dataset(s);
		assert_string_equal(source_scheme(s), "link");
		assert_string_equal(d->slug, cases[i].slug);
		assert_string_equal(d->filename, cases[i].filename);
		if (cases[i].key)
			assert_string_equal(source_key(s), cases[i].key);
		assert_false(d->has_size);
		assert_null(source_path(s));
		assert_null(strstr(d->details, "pw"));
		assert_null(strstr(d->details, "sig"));
		source_close(s);
	}
}

static void test_link_location(void **state)
{
	static const char url[] = "https://me:pw@h.example/x.zip?sig=s";
	struct source *s = NULL;
	struct location loc;
	char why[512];

	assert_int_equal(open_spec(*state, url, &s), 0);
	assert_int_equal(source_locate(s, NULL, &loc), 0);
	assert_string_equal(loc.url, url);
	assert_int_equal(loc.generation, 1);
	free(loc.url);
	source_trouble(s, why);
	assert_string_equal(why, "");
	assert_int_equal(source_refused(s, 1), -EACCES);
	source_trouble(s, why);
	assert_string_equal(why, "https://h.example/x.zip: the server refuses access");
	source_accepted(s, 1);
	source_trouble(s, why);
	assert_string_equal(why, "");
	assert_int_equal(source_expires(s), 0);
	source_close(s);
}

static void test_local(void **state)
{
	struct apiserver *a = *state;
	struct source *s = NULL;
	const struct dataset *d;
	struct location loc;
	char path[600], id[64];
	struct stat st;

	assert_int_equal(open_spec(a, a->data, &s), 0);
	d = source_dataset(s);
	assert_int_equal(stat(a->data, &st), 0);
	snprintf(id, sizeof(id), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_string_equal(source_scheme(s), "local");
	assert_string_equal(d->slug, "data");
	assert_string_equal(d->filename, "data.tar.gz");
	assert_string_equal(d->id, id);
	assert_string_equal(d->checksum, "");
	assert_true(d->has_size);
	assert_int_equal(d->size, 20);
	assert_int_equal(d->mtime, st.st_mtime);
	assert_non_null(source_path(s));
	assert_int_equal(source_locate(s, NULL, &loc), -ENOTSUP);
	source_close(s);

	snprintf(path, sizeof(path), "%s/latest.zip", a->dir);
	assert_int_equal(symlink("data.tar.gz", path), 0);
	assert_int_equal(open_spec(a, path, &s), 0);
	assert_string_equal(source_dataset(s)->filename, "latest.zip");
	assert_non_null(strstr(source_path(s), "/data.tar.gz"));
	source_close(s);

	assert_int_equal(open_spec(a, a->dir, &s), -EISDIR);
	assert_int_equal(open_spec(a, "/dev/null", &s), -EINVAL);
	snprintf(path, sizeof(path), "%s/nothing.zip", a->dir);
	assert_int_equal(open_spec(a, path, &s), -ENOENT);
	snprintf(path, sizeof(path), "%s/a\nb.zip", a->dir);
	put_file(path, "x");
	assert_int_equal(open_spec(a, path, &s), -EBADMSG);
}

static void test_not_specs(void **state)
{
	static const char *const specs[] = {
		"mdc:",	    ".git",	  "mdc:../x", "a b",	    "x\n",
		"\xc3\xa9", "ods:portal", "mdc:a/b",  "mdc:.mdcfs",
	};
	struct source *s = NULL;
	char *longest = malloc(20001);

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		assert_int_equal(open_spec(*state, specs[i], &s), -ENOENT);
	assert_int_equal(open_spec(*state, "", &s), -EINVAL);
	memset(longest, 'x', 20000);
	longest[20000] = '\0';
	assert_int_equal(open_spec(*state, longest, &s), -EINVAL);
	longest[256] = '\0';
	assert_int_equal(open_spec(*state, longest, &s), -ENOENT);
	free(longest);
}

/* ---- details ---- */

static void serve(struct apiserver *a, const char *top, const char *more)
{
	char *entry;

	assert_true(asprintf(&entry, "{\"id\": \"" ID "\", \"file\": \"%s\", %s}", a->data, more) >
		    0);
	apiserver_config(a, top, entry);
	free(entry);
}

static const struct {
	const char *more; /* of the server's entry */
	bool has_size;
	uint64_t size;
	const char *checksum, *slug, *filename, *name;
} variants[] = {
	{ "\"slug\": \"x\", \"size\": 94639372950, \"checksum\": \"" SHA "\"", true, 94639372950u,
	  SHA_LOWER, "x", "data.tar.gz", "x" },
	{ "\"slug\": \"x\", \"size\": 268435456000, \"size_as_string\": true, \"prefix_checksum\": "
	  "true, "
	  "\"checksum\": \"" SHA_LOWER "\"",
	  true, 268435456000u, SHA_LOWER, "x", "data.tar.gz", "x" },
	{ "\"slug\": \"x\", \"null_size\": true, \"null_checksum\": true", false, 0, "", "x",
	  "data.tar.gz", "x" },
	{ "\"slug\": \"x\", \"old_shape\": true", true, 20, "", "x", "x.tar.gz", "x" },
	{ "\"slug\": \"x\", \"filename\": \"y.zip\", \"name\": \"Odd/\\u001b[2JName\", "
	  "\"checksum\": \"12\"",
	  true, 20, "", "x", "y.zip", "Odd/ [2JName" },
	{ "\"slug\": \"x\", \"sizeBytes\": -5, \"name\": null, \"filename\": 7, \"organization\": "
	  "[], "
	  "\"license\": {}, \"createdAt\": 5, \"datasetUrl\": 1, \"new_field\": [1]",
	  false, 0, NULL, "x", "x.tar.gz", "x" },
	{ "\"slug\": \"x\", \"sizeBytes\": \"1e3\"", false, 0, NULL, "x", "data.tar.gz", "x" },
	{ "\"slug\": \"x\", \"sizeBytes\": 1.5", false, 0, NULL, "x", "data.tar.gz", "x" },
};

static void check_variant(struct apiserver *a, size_t i, const char *spec)
{
	struct source *s = NULL;
	const struct dataset *d;
	AUTO(auto_json_free) struct json *j = NULL;

	serve(a, "", variants[i].more);
	assert_int_equal(open_spec(a, spec, &s), 0);
	d = source_dataset(s);
	assert_string_equal(source_scheme(s), "mdc");
	assert_string_equal(d->id, ID);
	assert_string_equal(d->slug, variants[i].slug);
	assert_string_equal(d->filename, variants[i].filename);
	assert_string_equal(d->name, variants[i].name);
	assert_int_equal(d->has_size, variants[i].has_size);
	assert_int_equal(d->size, variants[i].size);
	if (variants[i].checksum)
		assert_string_equal(d->checksum, variants[i].checksum);
	assert_non_null(strstr(d->page, "/datasets/" ID));
	assert_int_equal(json_parse(d->details, &j), 0);
	assert_string_equal(json_str(j, "id"), ID);
	assert_non_null(strstr(d->readme, d->page));
	assert_null(strchr(d->readme, '\x1b'));
	assert_non_null(strstr(source_key(s), " " ID));
	source_close(s);
}

static void test_details(void **state)
{
	static const char *const specs[] = { "x", "mdc:x", ID, ("mdc:" ID) };
	struct apiserver *a = apiserver_of(state);

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		check_variant(a, i, specs[i % ARRAY_SIZE(specs)]);
	assert_int_equal(apiserver_count(a, "POST "), 0); /* never costs quota */
	serve(a, "", "\"slug\": \"x\"");
}

static void test_mtime_and_readme(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct source *s = NULL;
	const struct dataset *d;

	serve(a, "",
	      "\"slug\": \"x\", \"size\": 94639372950, \"longDescription\": \"Line 1\\nLine 2\"");
	assert_int_equal(open_spec(a, "x", &s), 0);
	d = source_dataset(s);
	assert_int_equal(d->mtime, 1773057600); /* 2026-03-09T12:00:00Z */
	assert_non_null(strstr(d->readme, "# x\n"));
	assert_non_null(strstr(d->readme, "- Size: 94.6 GB (94639372950 bytes)\n"));
	assert_non_null(strstr(d->readme, "- Licence: Creative Commons Zero"));
	assert_non_null(strstr(d->readme, "Line 1\nLine 2"));
	source_close(s);
}

static void test_hostile_details(void **state)
{
	static const char *const names[] = {
		"\"slug\": \"..\", \"id\": \"" ID "\"",
		"\"slug\": \"a/b\"",
		"\"slug\": \"../../etc\"",
		"\"slug\": \"a\\u0000b/../c\", \"filename\": \"/etc/passwd\"",
		"\"slug\": \".mdcfs\"",
		"\"slug\": \"x\", \"filename\": \"..\"",
		"\"slug\": \"x\", \"filename\": \"a/b.tar.gz\"",
		"\"slug\": \"x\", \"filename\": \"a\\nb.tar.gz\"",
		"\"slug\": \"x\\u0007\"",
		"\"slug\": \"x\", \"filename\": \"" SHA SHA SHA SHA "\"",
	};
	struct apiserver *a = apiserver_of(state);
	struct source *s = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		serve(a, "", names[i]);
		if (open_spec(a, ID, &s) != -EBADMSG)
			fail_msg("taken: %s", names[i]);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *top, *more, *spec, *key;
		int r;
		const char *text;
	} cases[] = {
		{ "", "\"slug\": \"x\"", "nothing", TEST_KEY, -ENOENT, "no such dataset" },
		{ "", "\"slug\": \"x\", \"withdrawn\": true", "x", TEST_KEY, -ENOENT, "withdrawn" },
		{ "", "\"slug\": \"x\", \"private\": true", "x", "", -EACCES,
		  "/datasets/x, agree" },
		{ "", "\"slug\": \"x\"", "x", "wrong", -EACCES, "the API key was refused" },
		{ "\"down\": true,", "\"slug\": \"x\"", "y", TEST_KEY, -EAGAIN, "503" },
	};
	struct apiserver *a = apiserver_of(state);
	char *key = a->opt.api_key;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct source *s = NULL;
		char why[512];

		a->opt.api_key = strdup(cases[i].key);
		serve(a, cases[i].top, cases[i].more);
		assert_int_equal(source_open(&a->env, cases[i].spec, &s, why), cases[i].r);
		if (!strstr(why, cases[i].text))
			fail_msg("case %zu: %s", i, why);
		free(a->opt.api_key);
	}
	a->opt.api_key = key;
}

static void test_no_key_is_fine(void **state)
{
	struct apiserver *a = apiserver_of(state);
	char *key = a->opt.api_key;
	struct source *s = NULL;

	a->opt.api_key = NULL;
	serve(a, "", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), 0);
	source_close(s);
	a->opt.api_key = key;
}

static void test_kept_details(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct source *s = NULL;

	serve(a, "", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), 0);
	source_close(s);
	serve(a, "\"down\": true,", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), 0); /* out of reach: as last time */
	assert_string_equal(source_dataset(s)->id, ID);
	source_close(s);
	serve(a, "", "\"slug\": \"x\", \"withdrawn\": true");
	assert_int_equal(open_spec(a, "x", &s), -ENOENT); /* a clear answer counts */
	a->env.state_dir = NULL;
	serve(a, "\"down\": true,", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), -EAGAIN);
	a->env.state_dir = a->state;
}

static void test_nobody_there(void **state)
{
	struct apiserver *a = *state;
	char *url = a->opt.api_url, nobody[] = "http://127.0.0.1:1/api", odd[] = "gopher://x/";
	struct source *s = NULL;

	a->opt.api_url = nobody;
	assert_int_equal(open_spec(a, "mdc:x", &s), -ECONNREFUSED);
	a->opt.api_url = odd;
	assert_int_equal(open_spec(a, "mdc:x", &s), -EINVAL);
	a->opt.api_url = url;
}

/* A finished download of the official client is used when its size is right. */
static void test_download(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct source *s = NULL;

	serve(a, "", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), 0);
	assert_string_equal(source_path(s), a->data);
	source_close(s);
	serve(a, "", "\"slug\": \"x\", \"size\": 21");
	assert_int_equal(open_spec(a, "x", &s), 0);
	assert_null(source_path(s));
	source_close(s);
	serve(a, "", "\"slug\": \"x\", \"null_size\": true");
	assert_int_equal(open_spec(a, "x", &s), 0);
	assert_null(source_path(s));
	source_close(s);
	serve(a, "", "\"slug\": \"x\"");
	setenv("MDC_DOWNLOAD_PATH", a->state, 1);
	assert_int_equal(open_spec(a, "x", &s), 0);
	assert_null(source_path(s));
	source_close(s);
	setenv("HOME", a->dir, 1);
	setenv("MDC_DOWNLOAD_PATH", "~/", 1);
	assert_int_equal(open_spec(a, "x", &s), 0);
	assert_non_null(source_path(s));
	source_close(s);
}

static void test_locate_by_slug(void **state)
{
	struct apiserver *a = apiserver_of(state);
	struct source *s = NULL;
	struct thread_waiter t;
	struct location loc;

	serve(a, "", "\"slug\": \"x\"");
	assert_int_equal(open_spec(a, "x", &s), 0);
	thread_waiter_init(&t);
	assert_int_equal(source_locate(s, &t.w, &loc), PARKED);
	assert_int_equal(thread_waiter_wait(&t, 20000), 0);
	assert_int_equal(source_locate(s, &t.w, &loc), 0);
	free(loc.url);
	assert_int_equal(apiserver_count(a, "POST /api/datasets/" ID "/download 200"), 1);
	assert_true(source_expires(s) > clock_now());
	thread_waiter_destroy(&t);
	source_close(s);
}

#define WITH_SERVER(f) cmocka_unit_test_setup_teardown(f, apiserver_start, apiserver_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suffix),	    cmocka_unit_test(test_name_ok),
		cmocka_unit_test(test_checksum),    WITH_SERVER(test_links),
		WITH_SERVER(test_link_location),    WITH_SERVER(test_local),
		WITH_SERVER(test_not_specs),	    WITH_SERVER(test_details),
		WITH_SERVER(test_mtime_and_readme), WITH_SERVER(test_hostile_details),
		WITH_SERVER(test_refusals),	    WITH_SERVER(test_no_key_is_fine),
		WITH_SERVER(test_kept_details),	    WITH_SERVER(test_nobody_there),
		WITH_SERVER(test_download),	    WITH_SERVER(test_locate_by_slug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
