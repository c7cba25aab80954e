/* SPDX-License-Identifier: MPL-2.0 */
/* index.c - unit tests of archive/index.h through archive/tree.h: versions of a name, links that
 * lose a name, extended attributes and their bound. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "archive/tree.h"

struct fixture {
	char dir[64], path[80];
	struct index *x;
	struct tree *t;
};

static void added(void *arg, uint64_t parent, const char *name, size_t len)
{
	(void)arg, (void)parent, (void)name, (void)len;
}

#define XATTR_MAX 1000u

static void start(struct fixture *f)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/mdcfs-unit-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/index.db", f->dir);
	assert_int_equal(index_open(f->path, "id", &f->x), 0);
	assert_int_equal(tree_new(f->x, added, f, XATTR_MAX, &f->t), 0);
	assert_int_equal(index_begin(f->x), 0);
}

static void finish(struct fixture *f)
{
	char lock[96];

	tree_free(f->t);
	index_close(f->x);
	snprintf(lock, sizeof(lock), "%s.lock", f->path);
	unlink(lock);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}

static void commit(struct fixture *f)
{
	assert_int_equal(index_commit(f->x), 0);
}

static void add(struct fixture *f, const char *path, mode_t mode, uint64_t size)
{
	struct member m = { .mode = mode, .nlink = 1, .size = size, .stored = size };

	assert_int_equal(tree_add(f->t, path, &m), 0);
}

static int count(void *arg, uint32_t n, const struct member *m)
{
	unsigned *seen = arg;

	(void)m;
	assert_int_equal(n, ++*seen);
	return 0;
}

static uint64_t row_of(struct fixture *f, uint64_t parent, const char *name)
{
	uint64_t row;

	assert_int_equal(index_row(f->x, parent, name, strlen(name), &row), 0);
	return row;
}

/* Version n of the name of a row has this size; 0 = there is none. */
static void expect_version(struct fixture *f, uint64_t row, uint32_t n, uint64_t size)
{
	AUTO(member_free) struct member m = { 0 };
	int r = index_version(f->x, row, n, &m);

	assert_int_equal(r, size ? 0 : -ENOENT);
	assert_int_equal(m.size, size);
}

static void test_versions(void **state)
{
	struct fixture f;
	uint64_t row, dir;
	unsigned n = 0;

	(void)state;
	start(&f);
	for (uint64_t size = 1; size <= 5; size++)
		add(&f, "d/name", S_IFREG | 0644, size);
	add(&f, "d/other", S_IFREG | 0644, 77);
	add(&f, "name", S_IFREG | 0644, 78);
	commit(&f);
	dir = row_of(&f, INDEX_ROOT, "d");
	row = row_of(&f, dir, "name");
	for (uint32_t i = 1; i <= 4; i++)
		expect_version(&f, row, i, i);
	expect_version(&f, row, 0, 0);
	expect_version(&f, row, 5, 0);
	expect_version(&f, row, UINT32_MAX, 0);
	expect_version(&f, row_of(&f, dir, "other"), 1, 0);
	expect_version(&f, row_of(&f, INDEX_ROOT, "name"), 1, 0);
	assert_int_equal(index_versions(f.x, row, 0, count, &n), 0);
	assert_int_equal(n, 4);
	n = 2;
	assert_int_equal(index_versions(f.x, row, 2, count, &n), 0);
	assert_int_equal(n, 4);

	/* Who has the directory of a row open that is replaced later still finds them all. */
	assert_int_equal(index_begin(f.x), 0);
	add(&f, "d/name", S_IFLNK | 0777, 0);
	commit(&f);
	n = 0;
	assert_int_equal(index_versions(f.x, row, 0, count, &n), 0);
	assert_int_equal(n, 5);
	finish(&f);
}

/* A hard link as an earlier version shows its target's data; names that go away are not counted. */
static void test_links(void **state)
{
	AUTO(member_free) struct member m = { 0 };
	struct fixture f;

	(void)state;
	start(&f);
	add(&f, "a", S_IFREG | 0644, 11);
	assert_int_equal(tree_add_link(f.t, "b", "a"), 0);
	assert_int_equal(tree_add_link(f.t, "c", "a"), 0);
	add(&f, "b", S_IFREG | 0644, 22);
	add(&f, "a", S_IFDIR | 0755, 0);
	commit(&f);
	expect_version(&f, row_of(&f, INDEX_ROOT, "b"), 1, 11);
	expect_version(&f, row_of(&f, INDEX_ROOT, "a"), 1, 11);
	assert_int_equal(index_lookup(f.x, INDEX_ROOT, "c", 1, &m), 0);
	assert_int_equal(m.size, 11);
	assert_int_equal(m.nlink, 1);
	finish(&f);
}

/* An attribute of a row is this text; NULL = it has none. */
static void expect_xattr(struct fixture *f, uint64_t id, const char *name, const char *text)
{
	AUTO(auto_free) void *value = NULL;
	size_t n = 0;
	int r = index_xattr(f->x, id, name, &value, &n);

	assert_int_equal(r, text ? 0 : -ENODATA);
	if (text)
		assert_string_equal(value, text);
}

static void add_with(struct fixture *f, const char *path, mode_t mode, const char *name,
		     const char *value)
{
	struct xattrs x = { 0 };
	struct member m = { .mode = mode, .nlink = 1, .xattrs = &x };

	assert_int_equal(xattrs_set(&x, name, value, strlen(value)), 0);
	assert_int_equal(tree_add(f->t, path, &m), 0);
	xattrs_free(&x);
}

static void test_xattrs(void **state)
{
	static char long_value[XATTR_MAX + 1];
	AUTO(buf_free) struct buf names = BUF_INIT(100), few = BUF_INIT(8);
	struct fixture f;

	(void)state;
	start(&f);
	add(&f, "none", S_IFREG, 0);
	commit(&f);
	assert_int_equal(index_xattr_bytes(f.x), 0);
	expect_xattr(&f, 2, "user.a", NULL);
	assert_int_equal(index_begin(f.x), 0);
	add_with(&f, "file", S_IFREG, "user.a", "1");
	add_with(&f, "dir", S_IFDIR, "user.b", "2");
	add_with(&f, "dir", S_IFDIR, "user.a", "3");
	add_with(&f, "dir", S_IFDIR, "user.b", "4");
	add_with(&f, "link", S_IFLNK, "user.a", "5");
	memset(long_value, 'v', XATTR_MAX);
	add_with(&f, "much", S_IFREG, "user.a", long_value);
	commit(&f);
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "file"), "user.a", "1");
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "file"), "user.b", NULL);
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "dir"), "user.a", "3");
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "dir"), "user.b", "4");
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "link"), "user.a", NULL);
	expect_xattr(&f, row_of(&f, INDEX_ROOT, "much"), "user.a", NULL);
	assert_int_equal(index_xattr_names(f.x, row_of(&f, INDEX_ROOT, "dir"), &names), 0);
	assert_int_equal(names.len, 14);
	assert_memory_equal(names.p, "user.a\0user.b", 14);
	assert_int_equal(index_xattr_names(f.x, row_of(&f, INDEX_ROOT, "dir"), &few), 0);
	assert_int_equal(few.len, 7); /* what fits */

	/* The count is kept, also when a transaction is given up. */
	assert_int_equal(index_begin(f.x), 0);
	add_with(&f, "more", S_IFREG, "user.a", "6");
	index_rollback(f.x);
	assert_int_equal(index_xattr_bytes(f.x), 4 * 8);
	index_close(f.x);
	assert_int_equal(index_open(f.path, "id", &f.x), 0);
	assert_int_equal(index_xattr_bytes(f.x), 4 * 8);
	finish(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_xattrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
