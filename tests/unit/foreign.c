/* SPDX-License-Identifier: MPL-2.0 */
/* foreign.c - unit tests of the archives that libarchive reads: made by the usual tools from one
 * tree, then compared with it.  A kind whose tool is missing is skipped.
 */
#include "../lib/foreigntree.h"

#define TINY ((uint64_t)1 << 20)

/* What a kind of archive keeps. */
#define KEEPS_LINKS 1u
#define KEEPS_MODE 2u
#define KEEPS_MTIME 4u
#define KEEPS_ALL 7u
#define FLAT 8u /* names of regular files only */
#define LISTS 16u /* the pass does not decode */

static const struct kind {
	const char *filename, *tool, *command;
	unsigned flags;
} kinds[] = {
	{ "x.tar.xz", "xz", "tar -cJf $OUT .", KEEPS_ALL },
	{ "y.tar.xz", "xz", "tar --format=pax -S -cJf $OUT .", KEEPS_ALL },
	{ "z.tar.xz", "xz", "tar --format=gnu -S -cJf $OUT .", KEEPS_ALL },
	{ "x.tar.bz2", "bzip2", "tar -cjf $OUT .", KEEPS_ALL },
	{ "x.tar.zst", "zstd", "tar --format=pax --zstd -cf $OUT .", KEEPS_ALL },
	{ "x.tar.lz4", "lz4", "tar -cf - . | lz4 -q > $OUT", KEEPS_ALL },
	{ "x.tar.lzma", "bsdtar", "bsdtar --lzma -cf $OUT .", KEEPS_ALL },
	{ "x.tar.lz", "bsdtar", "bsdtar --lzip -cf $OUT .", KEEPS_ALL },
	{ "x.tar.Z", "bsdtar", "bsdtar -Z -cf $OUT .", KEEPS_ALL },
	{ "x.7z", "7z", "7z a -snl -bd $OUT . > /dev/null", KEEPS_MTIME },
	{ "y.7z", "bsdtar", "bsdtar --format 7zip -cf $OUT .", KEEPS_MODE | KEEPS_MTIME },
	{ "x.cpio", "cpio", "find . | cpio --quiet -o -H newc > $OUT", KEEPS_ALL | LISTS },
	{ "y.cpio", "cpio", "find . | cpio --quiet -o -H odc > $OUT", KEEPS_ALL | LISTS },
	{ "x.cpio.xz", "cpio", "find . | cpio --quiet -o -H newc | xz > $OUT", KEEPS_ALL },
	{ "x.iso", "genisoimage", "genisoimage -quiet -R -o $OUT . 2> /dev/null",
	  KEEPS_MTIME | LISTS },
	{ "y.iso", "bsdtar", "bsdtar --format iso9660 -cf $OUT .", KEEPS_MTIME | LISTS },
	{ "x.xar", "bsdtar", "bsdtar --format xar -cf $OUT .", KEEPS_MODE | KEEPS_MTIME | LISTS },
	{ "x.ar", "ar", "ar rcU $OUT f* big.bin text.txt",
	  KEEPS_MODE | KEEPS_MTIME | FLAT | LISTS },
};

/* ---- archives ---- */

static bool run(const struct fixture *f, const char *command, const char *out)
{
	AUTO(auto_free) char *line = NULL;

	assert_true(asprintf(&line, "cd %s/tree && export LC_ALL=C.UTF-8 OUT=%s/%s && %s", f->dir,
			     f->dir, out, command) > 0);
	return system(line) == 0;
}

static bool have(const char *tool)
{
	AUTO(auto_free) char *line = NULL;

	assert_true(asprintf(&line, "command -v %s > /dev/null", tool) > 0);
	return system(line) == 0;
}

/* False: the tool is missing. */
static bool make_archive(struct fixture *f, const struct kind *k)
{
	AUTO(auto_free) char *path = in_dir(f, k->filename);

	if (!have(k->tool)) {
		print_message("%s: no %s, skipped\n", k->filename, k->tool);
		return false;
	}
	unlink(path);
	if (!run(f, k->command, k->filename))
		fail_msg("cannot make %s", k->filename);
	free(f->bytes);
	slurp(path, &f->bytes, &f->size);
	return true;
}

static const struct kind *kind_of(const char *filename)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].filename, filename) == 0)
			return &kinds[i];
	fail_msg("%s: no such kind", filename);
	return NULL;
}

/* store: where index and cache are kept; NULL: nowhere. */
static void open_size(struct fixture *f, const char *filename, size_t size, const char *store)
{
	if (store) {
		snprintf(f->store, sizeof(f->store), "%s/%s", f->dir, store);
		mkdir(f->store, 0700);
	}
	rig_open(&f->g, f->bytes, size, filename, store ? f->store : NULL, store != NULL);
}

static void open_kind(struct fixture *f, const struct kind *k, const char *store)
{
	open_size(f, k->filename, f->size, store);
}

static void forget(struct fixture *f, const char *store)
{
	AUTO(auto_free) char *dir = in_dir(f, store);

	rig_clean(dir);
}

/* ---- comparing ---- */

/* All of the content, in reads of odd sizes, from the end to the front.  0 or the error. */
static int64_t compare_content(struct rig *g, const struct member *m, const unsigned char *want,
			       size_t n, const char *name)
{
	AUTO(auto_free) unsigned char *buf = malloc(n + 1);
	size_t end = n;

	assert_non_null(buf);
	assert_int_equal(m->size, n);
	while (end > 0) {
		size_t some = 1 + random_next() % 200000, len = MIN(end, some);
		int64_t r = rig_read(g, m, buf, len, end - len);

		if (r < 0)
			return r;
		assert_int_equal(r, len);
		if (memcmp(buf, want + (end - len), len) != 0)
			fail_msg("%s: wrong bytes before %zu", name, end);
		end -= len;
	}
	return 0;
}

static void compare_link(struct rig *g, const struct member *m, const char *path)
{
	AUTO(auto_free) char *target = NULL;
	char want[256] = "";

	assert_true(S_ISLNK(m->mode));
	assert_true(readlink(path, want, sizeof(want) - 1) > 0);
	assert_int_equal(rig_readlink(g, m, &target), 0);
	assert_string_equal(target, want);
}

/* The member of that name against the tree.  0, or the error of its look-up or reading. */
static int64_t compare(struct fixture *f, const struct kind *k, const char *name)
{
	AUTO(auto_free) char *tree = in_dir(f, "tree"), *path = NULL;
	AUTO(auto_free) unsigned char *want = NULL;
	AUTO(member_free) struct member m = { 0 };
	struct stat st;
	size_t n;
	int64_t r = rig_find(&f->g, name, &m);

	if (r < 0)
		return r;
	assert_true(asprintf(&path, "%s/%s", tree, name) > 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(m.mode & S_IFMT, st.st_mode & S_IFMT);
	if (S_ISLNK(st.st_mode)) {
		compare_link(&f->g, &m, path);
		return 0;
	}
	if (k->flags & KEEPS_MODE)
		assert_int_equal(m.mode, st.st_mode);
	if (k->flags & KEEPS_MTIME)
		assert_int_equal(m.mtime, st.st_mtime);
	if (k->flags & KEEPS_LINKS)
		assert_int_equal(m.nlink, st.st_nlink);
	slurp(path, &want, &n);
	return compare_content(&f->g, &m, want, n, name);
}

static bool kept(const struct kind *k, const char *name)
{
	return !(k->flags & FLAT) ||
	       (!strchr(name, '/') && (name[0] == 'f' || name[0] == 'b' || name[0] == 't'));
}

static void compare_all(struct fixture *f, const struct kind *k)
{
	unsigned start = random_next() % f->n;

	for (unsigned i = 0; i < f->n; i++) {
		const char *name = f->path[(start + i * 37) % f->n]; /* 37: prime to their number */
		int64_t r = kept(k, name) ? compare(f, k, name) : 0;

		if (r != 0)
			fail_msg("%s: %s: %d", k->filename, name, (int)r);
	}
}

/* Names and numbers of everything below a directory. */
struct listing {
	struct rig *g;
	char text[1 << 16];
	size_t len;
	uint64_t dirs[PATHS_MAX];
	unsigned n_dirs, n;
};

static int list_one(void *arg, uint64_t cookie, const char *name, const struct member *m)
{
	struct listing *l = arg;

	(void)cookie;
	l->len += (size_t)snprintf(l->text + l->len, sizeof(l->text) - l->len, "%llu %s %llu\n",
				   (unsigned long long)m->id, name, (unsigned long long)m->size);
	assert_true(l->len < sizeof(l->text));
	l->n++;
	if (S_ISDIR(m->mode))
		l->dirs[l->n_dirs++] = m->id;
	return 0;
}

static void list_all(struct rig *g, struct listing *l)
{
	*l = (struct listing){ .g = g, .dirs = { INDEX_ROOT }, .n_dirs = 1 };
	for (unsigned i = 0; i < l->n_dirs; i++)
		assert_int_equal(archive_list(g->a, l->dirs[i], 0, list_one, l), 0);
}

/* ---- tests ---- */

static void check_kind(struct fixture *f, const struct kind *k)
{
	struct listing l;

	if (!make_archive(f, k))
		return;
	open_kind(f, k, "store");
	assert_int_equal(rig_listing(&f->g), 0);
	compare_all(f, k);
	list_all(&f->g, &l);
	if (!(k->flags & FLAT))
		assert_int_equal(l.n, f->n + 3); /* the directories */
	rig_close(&f->g);

	open_kind(f, k, "store");
	assert_true(archive_complete(f->g.a));
	compare_all(f, k);
	assert_int_equal(f->g.requests, 0); /* all of it is in the cache */
	rig_close(&f->g);
	forget(f, "store");
}

static void test_kinds(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		check_kind(*state, &kinds[i]);
}

/* What the cache has evicted is decoded again. */
static void test_small_cache(void **state)
{
	static const char *const names[] = { "x.tar.zst", "x.7z", "x.cpio", "x.iso", "x.xar" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct kind *k = kind_of(names[i]);

		if (!make_archive(f, k))
			continue;
		f->g.cache_bytes = TINY;
		open_kind(f, k, "store");
		compare_all(f, k);
		compare_all(f, k);
		rig_close(&f->g);
		open_kind(f, k, NULL);
		compare_all(f, k);
		rig_close(&f->g);
		forget(f, "store");
	}
}

/* A pass that was stopped again and again comes to the same members as one that was not. */
static void test_resume(void **state)
{
	static const char *const names[] = { "x.tar.zst", "x.tar.bz2", "y.7z", "x.cpio", "x.iso" };
	static struct listing whole, parts;
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct kind *k = kind_of(names[i]);

		if (!make_archive(f, k))
			continue;
		open_kind(f, k, "store");
		assert_int_equal(rig_listing(&f->g), 0);
		list_all(&f->g, &whole);
		rig_close(&f->g);
		for (unsigned j = 0; j < f->n; j += 4) {
			open_kind(f, k, "other");
			assert_int_equal(compare(f, k, f->path[j]), 0);
			rig_close(&f->g);
		}
		open_kind(f, k, "other");
		assert_int_equal(rig_listing(&f->g), 0);
		list_all(&f->g, &parts);
		assert_string_equal(parts.text, whole.text);
		compare_all(f, k);
		rig_close(&f->g);
		forget(f, "store");
		forget(f, "other");
	}
}

/* How many members of a damaged archive can be read; those that can are right. */
static unsigned readable(struct fixture *f, const struct kind *k)
{
	struct kind cut = *k;
	unsigned n = 0;

	cut.flags &= ~KEEPS_LINKS; /* the other name may lie behind the cut */
	for (unsigned i = 0; i < f->n; i++) {
		int64_t r = compare(f, &cut, f->path[i]);

		assert_true(r == 0 || r == -EIO);
		n += r == 0;
	}
	return n;
}

static void check_truncated(struct fixture *f, const struct kind *k, size_t size)
{
	struct archive_info info;
	unsigned n;

	open_size(f, k->filename, size, "store");
	assert_int_equal(rig_listing(&f->g), -EIO);
	archive_info(f->g.a, &info);
	assert_true(info.error[0] != '\0');
	n = readable(f, k);
	rig_close(&f->g);
	assert_true(n < f->n);
	f->g.cache_bytes = 2 * TINY; /* most has to be decoded again */
	open_size(f, k->filename, size, "store");
	assert_int_equal(readable(f, k), n);
	rig_close(&f->g);
	forget(f, "store");
}

static void test_truncated(void **state)
{
	static const char *const names[] = { "x.tar.xz", "x.tar.bz2", "x.tar.zst", "x.cpio" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct kind *k = kind_of(names[i]);

		if (!make_archive(f, k))
			continue;
		check_truncated(f, k, f->size / 10);
		check_truncated(f, k, f->size / 2);
		check_truncated(f, k, f->size - 600);
	}
}

/* Flipped bytes: whatever happens, it ends, and a member that cannot be read says so. */
static void test_flipped(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!make_archive(f, &kinds[i]))
			continue;
		for (unsigned round = 0; round < 3; round++) {
			for (unsigned j = 0; j < 20; j++)
				f->bytes[random_next() % f->size >> 4 * round] ^=
					(unsigned char)(1 + random_next() % 255);
			open_kind(f, &kinds[i], NULL);
			(void)!rig_listing(&f->g);
			for (unsigned j = 0; j < f->n; j++) {
				AUTO(member_free) struct member m = { 0 };
				char buf[4096];

				if (rig_find(&f->g, f->path[j], &m) == 0)
					(void)rig_read(&f->g, &m, buf, sizeof(buf), m.size / 2);
			}
			rig_close(&f->g);
		}
	}
}

static void check_unknown(struct fixture *f, const char *filename, size_t n)
{
	struct archive_info info;

	free(f->bytes);
	f->bytes = malloc(n + 1);
	assert_non_null(f->bytes);
	for (size_t i = 0; i < n; i++)
		f->bytes[i] = (unsigned char)random_next();
	if (n > 0)
		f->bytes[0] = 'x';
	open_size(f, filename, n, NULL);
	assert_int_equal(rig_listing(&f->g), -EIO);
	archive_info(f->g.a, &info);
	assert_string_equal(info.error, "is no archive of a known kind");
	rig_close(&f->g);
}

static void test_unknown(void **state)
{
	check_unknown(*state, "x.iso", 100000);
	check_unknown(*state, "x.tar.xz", 10);
	check_unknown(*state, "x.7z", 0);
	check_unknown(*state, "x", 5000);
}

/* One wait for the listing: 0 or what woke it. */
static int wait_for_listing(struct rig *g)
{
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	r = archive_listing(g->a, &t.w);
	if (r == PARKED)
		r = rig_wait(&t);
	thread_waiter_destroy(&t);
	return r;
}

/* Storage fails for a while: no damage, it goes on afterwards. */
static void check_storage_fails(struct fixture *f, const struct kind *k)
{
	AUTO(member_free) struct member m = { 0 };
	char buf[100];
	int r;

	f->g.broken = -EHOSTUNREACH;
	open_kind(f, k, NULL);
	assert_int_equal(wait_for_listing(&f->g), -EHOSTUNREACH);
	f->g.broken = 0;
	if (!(k->flags & LISTS))
		assert_int_equal(compare(f, k, f->path[0]), 0);
	f->g.broken = -EHOSTUNREACH;
	r = wait_for_listing(&f->g); /* 0: the rest was on its way already */
	assert_true(r == 0 || r == -EHOSTUNREACH);
	f->g.broken = 0;
	assert_int_equal(rig_listing(&f->g), 0);
	assert_int_equal(rig_find(&f->g, "big.bin", &m), 0);
	f->g.broken = -EHOSTUNREACH;
	if (k->flags & LISTS)
		assert_int_equal(rig_read(&f->g, &m, buf, sizeof(buf), 1000000), -EHOSTUNREACH);
	f->g.broken = 0;
	compare_all(f, k);
	rig_close(&f->g);
}

static void test_storage_fails(void **state)
{
	static const char *const names[] = { "x.tar.zst", "x.cpio", "x.iso" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (make_archive(f, kind_of(names[i])))
			check_storage_fails(f, kind_of(names[i]));
}

/* Readers at both ends of the archive at once. */
struct crowd {
	struct fixture *f;
	const struct kind *k;
	unsigned first, wrong;
	pthread_t thread;
};

static void *crowd_reads(void *arg)
{
	struct crowd *c = arg;
	struct fixture *f = c->f;

	for (unsigned i = 0; i < f->n; i++) {
		AUTO(member_free) struct member m = { 0 };
		char buf[1000];

		if (rig_find(&f->g, f->path[(c->first + i * 11) % f->n], &m) != 0)
			c->wrong++;
		else if (S_ISREG(m.mode) && rig_read(&f->g, &m, buf, sizeof(buf), m.size / 2) !=
						    (int64_t)MIN(1000, m.size - m.size / 2))
			c->wrong++;
	}
	return NULL;
}

static void test_crowd(void **state)
{
	static const char *const names[] = { "x.tar.zst", "x.cpio" };
	struct crowd crowd[6];
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!make_archive(f, kind_of(names[i])))
			continue;
		f->g.cache_bytes = TINY;
		open_kind(f, kind_of(names[i]), "store");
		for (unsigned j = 0; j < ARRAY_SIZE(crowd); j++) {
			crowd[j] = (struct crowd){ .f = f, .k = kind_of(names[i]), .first = j * 7 };
			assert_int_equal(
				pthread_create(&crowd[j].thread, NULL, crowd_reads, &crowd[j]), 0);
		}
		for (unsigned j = 0; j < ARRAY_SIZE(crowd); j++) {
			pthread_join(crowd[j].thread, NULL);
			assert_int_equal(crowd[j].wrong, 0);
		}
		rig_close(&f->g);
		forget(f, "store");
	}
}

/* An archive without a bit of padding: its last block is short, and its listing costs little. */
static void test_listing_only(void **state)
{
	const struct kind k = { "x.cpio", "cpio",
				"ls big.bin text.txt | cpio --quiet -o -H newc > $OUT", 0 };
	struct fixture *f = *state;

	if (!make_archive(f, &k))
		return;
	open_kind(f, &k, NULL);
	assert_int_equal(rig_listing(&f->g), 0);
	assert_true(f->g.fetched < f->size * 2 / 3); /* the large one was passed over */
	assert_int_equal(compare(f, &k, "text.txt"), 0);
	assert_int_equal(compare(f, &k, "big.bin"), 0);
	assert_int_equal(compare(f, &k, "nothing"), -ENOENT);
	rig_close(&f->g);
}

/* Members that were encrypted are seen, and reading them fails. */
static void test_encrypted(void **state)
{
	const struct kind k = { "x.7z", "7z", "7z a -bd -psecret $OUT text.txt > /dev/null", 0 };
	struct fixture *f = *state;

	if (!make_archive(f, &k))
		return;
	open_kind(f, &k, NULL);
	assert_int_equal(compare(f, &k, "text.txt"), -EOPNOTSUPP);
	rig_close(&f->g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_small_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flipped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storage_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_listing_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encrypted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
