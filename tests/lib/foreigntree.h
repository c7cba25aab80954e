/* SPDX-License-Identifier: MPL-2.0 */
/* foreigntree.h - for tests: a tree of files that archives are made from and compared with. */
#ifndef TESTS_FOREIGNTREE_H
#define TESTS_FOREIGNTREE_H

#include "archivetest.h"

#include <fcntl.h>

#define TREE_FILES 40u
#define PATHS_MAX 128u

/* The tree, and everything that lies beside it in the scratch directory. */
struct fixture {
	char dir[64];
	char *path[PATHS_MAX]; /* in the tree */
	unsigned n;
	unsigned char *bytes; /* the archive */
	size_t size;
	char store[80]; /* lent to the archive while it is open */
	struct rig g;
};

static uint64_t random_state = 88172645463325252u;

static inline uint32_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

static inline char *in_dir(const struct fixture *f, const char *name)
{
	char *s;

	assert_true(asprintf(&s, "%s/%s", f->dir, name) > 0);
	return s;
}

static inline void slurp(const char *path, unsigned char **out, size_t *n)
{
	AUTO(auto_fclose) FILE *file = fopen(path, "re");
	struct stat st;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	*n = (size_t)st.st_size;
	*out = malloc(*n + 1);
	assert_non_null(*out);
	assert_int_equal(fread(*out, 1, *n, file), *n);
}

/* ---- the tree ---- */

static inline void make_file(struct fixture *f, const char *name, size_t size, bool text,
			     mode_t mode)
{
	AUTO(auto_free) char *tree = in_dir(f, "tree"), *path = NULL;
	FILE *file;
	struct timespec times[2] = { { 1600000000, 0 }, { 1500000000 + f->n * 1000, 0 } };

	assert_true(asprintf(&path, "%s/%s", tree, name) > 0);
	file = fopen(path, "we");
	assert_non_null(file);
	for (size_t i = 0; i < size; i++)
		fputc(text ? "lorem ipsum dolor "[i / 3 % 18] : (int)(random_next() & 0xff), file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	f->path[f->n] = strdup(name);
	assert_non_null(f->path[f->n++]);
}

static inline void make_sparse(struct fixture *f)
{
	AUTO(auto_free) char *path = in_dir(f, "tree/f-sparse");

	make_file(f, "f-sparse", 70000, false, 0600);
	assert_int_equal(truncate(path, 900000), 0);
	{
		AUTO(auto_close) int fd = open(path, O_WRONLY | O_CLOEXEC);

		assert_int_equal(pwrite(fd, "middle", 6, 500000), 6);
	}
}

static inline void make_links(struct fixture *f)
{
	AUTO(auto_free) char *from = in_dir(f, "tree/f001"), *hard = in_dir(f, "tree/dir/zz-hard");
	AUTO(auto_free) char *soft = in_dir(f, "tree/dir/soft");

	assert_int_equal(link(from, hard), 0);
	assert_int_equal(symlink("../f001", soft), 0);
	f->path[f->n++] = strdup("dir/zz-hard");
	f->path[f->n++] = strdup("dir/soft");
}

static inline void make_tree(struct fixture *f)
{
	static const char *const dirs[] = { "tree", "tree/dir", "tree/dir/deep",
					    "tree/dir/deep/er" };
	static const char *const places[] = { "", "", "dir/", "dir/deep/", "dir/deep/er/" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO(auto_free) char *path = in_dir(f, dirs[i]);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	for (unsigned i = 0; i < TREE_FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%sf%03u", places[i % ARRAY_SIZE(places)], i);
		make_file(f, name, i == 5 ? 0 : random_next() % 30000, i % 3 == 0,
			  i % 2 ? 0644 : 0750);
	}
	make_file(f, "big.bin", 1500000, false, 0644);
	make_file(f, "text.txt", 700000, true, 0640);
	make_file(f, "dir/na\xc3\xafve \xe2\x82\xac.txt", 1000, true, 0644);
	make_sparse(f);
	make_links(f);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	rig_scratch(f->dir);
	make_tree(f);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	rig_clean(f->dir);
	while (f->n > 0)
		free(f->path[--f->n]);
	free(f->bytes);
	free(f);
	return 0;
}

#endif
