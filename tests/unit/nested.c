/* SPDX-License-Identifier: MPL-2.0 */
/* nested.c - unit tests of archive/nested.h: under which name each archive inside is shown, and that a
 * lookup of that name, and of no other, leads back to it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "archive/nested.h"
#include "archive/state.h"
#include "archive/tree.h"

#define N199 \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnn" \
	"nnnnnnnnnnnnnnn"
#define N250 N199 "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"

struct entry {
	const char *path;  /* "d/": a directory; "l=t": a hard link to t; "s@": a symlink */
	const char *shown; /* NULL: not as a directory */
};

/* Each list is one archive, in order. */
static const struct entry plain[] = {
	{ "x.zip", "x" },   { "y.tar.gz", "y" }, { "Z.TaR", "Z" },
	{ "a.mp3", NULL },  { ".zip", NULL },	 { "b.gz", NULL },
	{ "c.zip/", NULL }, { "d.zip@", NULL },	 { NULL, NULL },
};
static const struct entry clash[] = {
	{ "x.zip", "x.zip.d" },
	{ "x/", NULL },
	{ "y.tar", "y" },
	{ "y.zip", "y.zip.d" },
	{ "y.ZIP", "y.ZIP.d" },
	{ "z.zip", NULL },
	{ "z", NULL },
	{ "z.zip.d", NULL },
	{ "w", NULL },
	{ "w.zip", NULL },
	{ "w.zip.d.tar", "w.zip.d" },
	{ "v.7z=z", "v" },
	{ "v.rar=z", "v.rar.d" },
	{ NULL, NULL },
};
static const struct entry later[] = {
	{ "x.zip", NULL }, /* replaced: its directory is that of the second */
	{ "y.zip", "y.zip.d" }, { "x.zip", "x" }, { "y", NULL }, { NULL, NULL },
};
static const struct entry longest[] = {
	{ N250 ".zip", NULL }, { N250, NULL }, { NULL, NULL }, /* no room for ".d" */
};
static const struct entry longest_free[] = { { N250 ".zip", N250 }, { NULL, NULL } };

struct fixture {
	char dir[64], path[80];
	struct archive a;
};

static void added(void *arg, uint64_t parent, const char *name, size_t len)
{
	(void)arg, (void)parent, (void)name, (void)len;
}

static void add(struct tree *t, const char *path)
{
	struct member m = { .mode = S_IFREG | 0644, .nlink = 1, .size = 1, .stored = 1 };
	char *copy = strdup(path), *target = strchr(copy, '=');
	size_t n = strlen(copy);

	if (target) {
		*target++ = '\0';
		assert_int_equal(tree_add_link(t, copy, target), 0);
	} else {
		if (copy[n - 1] == '/')
			m.mode = S_IFDIR | 0755;
		if (copy[n - 1] == '@') {
			m.mode = S_IFLNK | 0777;
			m.link = copy;
			copy[n - 1] = '\0';
		}
		assert_int_equal(tree_add(t, copy, &m), 0);
	}
	free(copy);
}

static void start(struct fixture *f, const struct entry *e)
{
	struct tree *t;

	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/mdcfs-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/index.db", f->dir);
	assert_int_equal(index_open(f->path, "id", &f->a.index), 0);
	assert_int_equal(tree_new(f->a.index, added, f, 1000, &t), 0);
	assert_int_equal(index_begin(f->a.index), 0);
	for (; e->path; e++)
		add(t, e->path);
	assert_int_equal(index_commit(f->a.index), 0);
	tree_free(t);
}

static void finish(struct fixture *f)
{
	char name[96];

	index_close(f->a.index);
	snprintf(name, sizeof(name), "%s.lock", f->path);
	unlink(name);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}

/* The name of an entry as it is in the index. */
static void name_of(const struct entry *e, char out[static NAMES_MAX + 1])
{
	snprintf(out, NAMES_MAX + 1, "%.*s", (int)strcspn(e->path, "/=@"), e->path);
}

static void check_entry(struct fixture *f, const struct entry *e, size_t i)
{
	char name[NAMES_MAX + 1], shown[NAMES_MAX + 1] = "";
	AUTO(member_free) struct member m = { 0 };
	uint64_t row, found;
	int r;

	(void)i;
	name_of(e, name);
	assert_int_equal(index_row(f->a.index, INDEX_ROOT, name, strlen(name), &row), 0);
	assert_int_equal(index_named(f->a.index, row, &m), 0);
	if (!S_ISREG(m.mode))
		return;
	r = nested_name(&f->a, INDEX_ROOT, name, row, shown);
	if (!e->shown) {
		assert_true(r == -ENOENT || r == -EEXIST);
		return;
	}
	assert_int_equal(r, 0);
	assert_string_equal(shown, e->shown);
	member_free(&m);
	assert_int_equal(nested_lookup(&f->a, INDEX_ROOT, shown, &found, &m), 0);
	assert_int_equal(found, row);
}

static void check_list(const struct entry *list)
{
	struct fixture f;

	start(&f, list);
	for (size_t i = 0; list[i].path; i++) {
		bool replaced = false;

		for (size_t j = i + 1; list[j].path; j++)
			replaced |= strcmp(list[i].path, list[j].path) == 0;
		if (!replaced)
			check_entry(&f, &list[i], i);
	}
	finish(&f);
}

static void test_names(void **state)
{
	(void)state;
	check_list(plain);
	check_list(clash);
	check_list(later);
	check_list(longest);
	check_list(longest_free);
}

/* Names under which nothing is shown. */
static void test_absent(void **state)
{
	static const char *const names[] = {
		"",	   ".",	      ".d",	 "d",	      "a",     "b",  "c",
		"c.zip.d", "d.zip.d", "x.zip.d", "x.zip.d.d", "X",     "xx", "x.",
		"x.zip.e", "Z.TaR.d", "a.mp3.d", ".zip.d",    "y.tar",
	};
	AUTO(member_free) struct member m = { 0 };
	struct fixture f;
	uint64_t row;

	(void)state;
	start(&f, plain);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(nested_lookup(&f.a, INDEX_ROOT, names[i], &row, &m), -ENOENT);
	finish(&f);
}

static void test_path(void **state)
{
	static const struct entry deep[] = { { "a/bb/ccc.zip", NULL }, { NULL, NULL } };
	struct fixture f;
	char text[64];

	(void)state;
	start(&f, deep);
	assert_int_equal(index_path(f.a.index, 4, text, sizeof(text)), 0);
	assert_string_equal(text, "a/bb/ccc.zip");
	assert_int_equal(index_path(f.a.index, 4, text, 12), 0);
	assert_string_equal(text, ".../ccc.zip");
	assert_int_equal(index_path(f.a.index, 4, text, 8), 0);
	assert_string_equal(text, ".../");
	assert_int_equal(index_path(f.a.index, 99, text, sizeof(text)), -ENOENT);
	finish(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
