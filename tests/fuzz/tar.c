/* SPDX-License-Identifier: MPL-2.0 */
/* tar.c - fuzz target: a damaged or hostile tar stream, and the tree that its members become.
 *
 * What must agree: one parser that sees every byte, a new one from the saved state behind each member, and
 * one that leaves the data out.  The members then go into an index, which is checked: every name
 * can be found below the root, and none leaves its directory.
 */
#include <errno.h>

#include "../lib/tarline.h"
#include "../lib/tarwalk.h"
#include "archive/tree.h"
#include "fuzz.h"

#define OUT_MAX ((size_t)8 << 20) /* bytes of lines: a global path of a megabyte repeats itself */
#define BLOCK ((size_t)512)
#define SUM_AT 148u

static struct index *members; /* empty but for the root: what is added is rolled back */

static bool is_zero(const unsigned char *p, size_t n)
{
	while (n > 0 && p[n - 1] == 0)
		n--;
	return n == 0;
}

/* Chance does not hit a header's checksum: make all of them right. */
static void mend_sums(unsigned char *p, size_t n)
{
	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		unsigned sum = 0;

		if (is_zero(p, BLOCK))
			continue;
		memset(p + SUM_AT, ' ', 8);
		for (size_t i = 0; i < BLOCK; i++)
			sum += p[i];
		snprintf((char *)p + SUM_AT, 8, "%06o", sum);
	}
}

/* -- three ways to read it -- */

static int run(struct tarwalk *w, const struct buf *in)
{
	int r = tarwalk_run(w, in);

	CHECK(r == 0 || r == -EBADMSG || r == -ENODATA || r == -EMSGSIZE);
	return r;
}

static void check_ways(const struct buf *in, size_t chunk)
{
	struct tarwalk all = { TARWALK_ALL, BLOCK, tarline_add, BUF_INIT(OUT_MAX), 0 };
	int r = run(&all, in);

	for (int how = TARWALK_RESUMED; how <= TARWALK_HEADERS; how++) {
		struct tarwalk other = { (enum tarwalk_how)how, chunk, tarline_add,
					 BUF_INIT(OUT_MAX), 0 };
		int r2 = run(&other, in);

		CHECK(r2 == r && other.damage == all.damage);
		CHECK(other.out.len == all.out.len);
		if (all.out.len > 0)
			CHECK(memcmp(other.out.p, all.out.p, all.out.len) == 0);
		buf_free(&other.out);
	}
	buf_free(&all.out);
}

/* A parser's state from a damaged index: refused, or a parser. */
static int ignore(void *arg, const struct tar_entry *e)
{
	(void)arg;
	(void)e;
	return 0;
}

static void odd_state(const struct buf *in)
{
	static const struct tar_ops ops = { .member = ignore };
	struct tar *t;
	int r = tar_new(&ops, NULL, in->p, in->len, &t);

	CHECK(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	r = tar_feed(t, in->p, in->len);
	CHECK(r == 0 || r == -EBADMSG);
	tar_free(t);
}

/* -- the tree -- */

static void on_added(void *arg, uint64_t parent, const char *name, size_t len)
{
	AUTO(member_free) struct member m = { 0 };

	(void)arg;
	CHECK(len > 0 && len <= 255 && strnlen(name, len) == len);
	CHECK(!memchr(name, '/', len));
	CHECK(!(len == 1 && name[0] == '.') && !(len == 2 && memcmp(name, "..", 2) == 0));
	CHECK(index_find(members, parent, name, len, &m) == 0);
}

static int add_member(void *arg, const struct tar_entry *e)
{
	struct tree *t = arg;
	struct member m = {
		.mode = e->mode,
		.nlink = 1,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = e->mtime,
		.mtime_ns = e->mtime_ns,
		.size = e->size,
		.layer = LAYER_STREAM,
		.off = e->data,
		.stored = e->stored,
		.xattrs = e->xattrs,
		.link = (char *)(uintptr_t)e->link,
	};
	int r;

	if (!e->hard_link)
		r = tree_add(t, e->path, &m);
	else
		r = tree_add_link(t, e->path, e->link);
	if (r == 0 && e->hard_link && e->stored > 0) {
		m.mode = 0100644;
		m.link = NULL;
		r = tree_set_data(t, e->link, &m);
	}
	CHECK(r == 0);
	return 0;
}

static void check_tree(const struct buf *in)
{
	static const struct tar_ops ops = { .member = add_member };
	struct tree *t;
	struct tar *tar;

	CHECK(index_begin(members) == 0);
	CHECK(tree_new(members, on_added, NULL, 1 << 20, &t) == 0);
	CHECK(tar_new(&ops, t, NULL, 0, &tar) == 0);
	if (tar_feed(tar, in->p, in->len) == 0)
		(void)!tar_end(tar);
	tar_free(tar);
	tree_free(t);
	index_rollback(members);
	CHECK(index_members(members) == 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	AUTO(auto_free) char *path = NULL;

	(void)argc;
	(void)argv;
	fuzz_quiet();
	fuzz_make_dir();
	CHECK(asprintf(&path, "%s/index.db", fuzz_dir) > 0);
	CHECK(index_open(path, "fuzz", &members) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	unsigned how = fuzz_how(p, n);
	struct buf in = { .p = fuzz_copy(p, n), .len = n };

	if (how & 1)
		mend_sums((unsigned char *)in.p, n);
	check_ways(&in, 1 + (how >> 1) * (size_t)29);
	odd_state(&in);
	check_tree(&in);
	free(in.p);
	return 0;
}
