/* SPDX-License-Identifier: MPL-2.0 */
/* index.c - fuzz target: a damaged or hostile index file.
 *
 * The input is the whole file when it begins as SQLite's do; else it is a list of patches {offset: 2
 * bytes, length: 1 byte, bytes} to a sound index, which is made anew at every start so that
 * it is always of today's format.
 * What must hold: it opens, as it is or started anew, and whatever is asked of it gets an answer;
 * what would be taken from a stranger is complete and has no name that cannot be shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "archive/index/index.h"
#include "../lib/indexsums.h"
#include "archive/index/index_vet.h"
#include "base/file.h"
#include "fuzz.h"

#define SQLITE_MAGIC "SQLite format 3"
#define IDENTITY "fuzz"
#define FILE_MAX ((size_t)1 << 20)
#define LIST_MAX 200u

static char path[300];
static char *sound; /* the bytes of a sound index */
static size_t n_sound;

/* ---- a sound one ---- */

static uint64_t add(struct index *x, uint64_t parent, const char *name, struct member *m)
{
	uint64_t id;

	m->parent = parent;
	CHECK(index_add(x, name, strlen(name), m, &id) == 0);
	return id;
}

static void add_members(struct index *x)
{
	static char target[] = "../b";
	struct member_extent extents[] = { { 0, 10 }, { 5000, 100 } };
	struct member dir = { .mode = S_IFDIR | 0755, .nlink = 1, .mtime = 1 };
	struct member file = { .mode = S_IFREG | 0644,
			       .size = 600,
			       .stored = 600,
			       .off = 1024,
			       .layer = LAYER_STREAM,
			       .mtime = -5,
			       .mtime_ns = 7,
			       .uid = 1000 };
	struct member link = { .mode = S_IFLNK | 0777, .link = target };
	struct member packed = { .mode = S_IFREG | 0600,
				 .size = 900,
				 .stored = 900,
				 .off = 4096,
				 .layer = LAYER_STREAM,
				 .packed_off = 78,
				 .packed = 300,
				 .crc = 0x12345678,
				 .has_crc = true };
	struct member holes = { .mode = S_IFREG | 0600,
				.size = 6000,
				.stored = 110,
				.off = 9000,
				.sparse = true,
				.extents = extents,
				.n_extents = 2 };
	struct xattrs attributes = { 0 };
	struct member with = file;
	uint64_t d = add(x, INDEX_ROOT, "d", &dir), b = add(x, d, "b", &file), id;

	add(x, d, "l", &link);
	add(x, d, "inner.zip", &file);
	add(x, INDEX_ROOT, "p", &packed);
	add(x, d, "s", &holes);
	CHECK(xattrs_set(&attributes, "user.a", "value", 5) == 0);
	with.xattrs = &attributes;
	add(x, INDEX_ROOT, "v", &with);
	xattrs_free(&attributes);
	for (int i = 0; i < 3; i++) {
		CHECK(index_hide(x, INDEX_ROOT, "v", 1) == 0);
		add(x, INDEX_ROOT, "v", &file);
	}
	CHECK(index_add_link(x, INDEX_ROOT, "h", 1, b, &id) == 0);
	for (int i = 0; i < 20; i++) {
		char name[] = { 'f', (char)('a' + i), '\0' };

		add(x, d, name, &file);
	}
}

static void add_points(struct index *x)
{
	static const char window[300] = "a packed window";

	for (unsigned i = 0; i < 3; i++) {
		struct gzip_point p = { .in_bit = 8000u * i + 3,
					.out = 40000u * i,
					.crc = i,
					.member_out = 40000u * i };

		CHECK(index_add_point(x, &p, window, i * 100) == 0);
	}
}

static void make_sound(void)
{
	struct index *x;

	CHECK(index_open(path, IDENTITY, &x) == 0);
	CHECK(index_begin(x) == 0);
	add_members(x);
	add_points(x);
	CHECK(index_set_value(x, "format", "tar.gz", 6) == 0);
	CHECK(index_set_number(x, "complete", 1) == 0);
	CHECK(index_commit(x) == 0);
	index_close(x);
	CHECK(file_slurp(path, FILE_MAX, &sound, &n_sound) == 0);
}

/* ---- one that is not ---- */

static void write_whole(const void *p, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && file_write_at(fd, p, n, 0) == 0);
	close(fd);
}

static void write_patched(const uint8_t *p, size_t n)
{
	AUTO(auto_free) char *bytes = fuzz_copy(sound, n_sound);

	while (n > 3) {
		size_t at = (p[0] | (size_t)p[1] << 8) % n_sound;
		size_t len = MIN(MIN(p[2] % 32u, n - 3), n_sound - at);

		memcpy(bytes + at, p + 3, len);
		p += 3 + len;
		n -= 3 + len;
	}
	index_seal((unsigned char *)bytes, n_sound); /* else no patch would be seen */
	write_whole(bytes, n_sound);
}

static void remove_beside(const char *suffix)
{
	char name[sizeof(path) + 8];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	unlink(name);
}

/* ---- questions ---- */

struct names {
	char first[256];
	unsigned n;
};

static int on_name(void *arg, uint64_t cookie, const char *name, const struct member *m)
{
	struct names *seen = arg;

	(void)cookie;
	CHECK(m->nlink >= 1 && strlen(name) < FILE_MAX);
	for (uint32_t i = 0; i < m->n_extents; i++)
		CHECK(m->extents);
	if (seen->n++ == 0)
		snprintf(seen->first, sizeof(seen->first), "%s", name);
	return seen->n > LIST_MAX;
}

static void ask_members(struct index *x)
{
	for (uint64_t id = UINT64_MAX; id + 1 < 32; id++) {
		AUTO(member_free) struct member m = { 0 }, named = { 0 };
		struct names seen = { "d", 0 };

		if (index_get(x, id, &m) == 0 && m.link)
			CHECK(strlen(m.link) < FILE_MAX);
		if (id > 3 && id + 1 != 0)
			continue;
		(void)!index_list(x, id, id > 2 ? id : 0, on_name, &seen);
		(void)!index_lookup(x, id, seen.first, strlen(seen.first), &named);
	}
}

static int on_version(void *arg, uint32_t n, const struct member *m)
{
	unsigned *seen = arg;

	CHECK(n > 0 && m->nlink >= 1);
	return ++*seen > LIST_MAX;
}

static void ask_history(struct index *x)
{
	AUTO(buf_free) struct buf names = BUF_INIT(100);

	for (uint64_t row = UINT64_MAX; row + 1 < 16; row++) {
		AUTO(member_free) struct member m = { 0 };
		AUTO(auto_free) void *value = NULL;
		unsigned seen = 0;
		size_t n;

		(void)!index_version(x, row, 1, &m);
		(void)!index_versions(x, row, 0, on_version, &seen);
		(void)!index_xattr(x, row, "user.a", &value, &n);
		(void)!index_xattr_names(x, row, &names);
	}
	(void)!index_row(x, INDEX_ROOT, "v", 1, &(uint64_t){ 0 });
}

static int count_name(void *arg, uint64_t cookie, const char *name, const struct member *m)
{
	unsigned *seen = arg;

	(void)cookie;
	(void)m;
	CHECK(strlen(name) <= 255);
	return ++*seen > LIST_MAX;
}

static void ask_paths(struct index *x)
{
	for (uint64_t row = UINT64_MAX; row + 1 < 16; row++) {
		AUTO(member_free) struct member m = { 0 }, inner = { 0 };
		size_t room = 6 + (size_t)(row % 40);
		AUTO(auto_free) char *where = malloc(room);
		unsigned seen = 0;
		uint64_t at;

		CHECK(where);
		if (index_path(x, row, where, room) == 0)
			CHECK(strlen(where) < room);
		(void)!index_named(x, row, &m);
		(void)!index_stem(x, row, "inner", &at, &inner);
		(void)!index_names(x, row, 0, count_name, &seen);
	}
}

static void ask_places(struct index *x)
{
	static const uint64_t places[] = { 0, 1, 4096, 40000, 80001, INT64_MAX, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		AUTO(member_free) struct member m = { 0 };
		AUTO(auto_free) void *window = NULL;
		struct gzip_point p;
		size_t n;

		if (index_point(x, places[i], &p, &window, &n) == 0)
			CHECK(n == 0 || window);
		(void)!index_point_after(x, places[i], &p);
		(void)!index_member_at(x, places[i], &m);
	}
}

static void ask_values(struct index *x)
{
	static const char *const keys[] = { "format", "complete", "tar_state", "trouble",
					    "nothing" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		AUTO(auto_free) void *value = NULL;
		size_t n;

		if (index_value(x, keys[i], &value, &n) == 0)
			CHECK(((char *)value)[n] == '\0');
		(void)index_number(x, keys[i], 0);
	}
	(void)index_members(x);
}

static void write_on(struct index *x)
{
	struct member m = { .parent = INDEX_ROOT, .mode = S_IFREG | 0644, .nlink = 1 };
	struct gzip_point p = { .in_bit = 1, .out = 70000 };
	uint64_t id;

	if (index_begin(x) < 0)
		return;
	(void)index_has_children(x, INDEX_ROOT);
	if (index_add(x, "new", 3, &m, &id) == 0 && index_hide(x, INDEX_ROOT, "p", 1) == 0 &&
	    index_add_point(x, &p, "w", 1) == 0 && index_set_number(x, "complete", 0) == 0 &&
	    index_commit(x) == 0)
		return;
	index_rollback(x);
}

/* Would it be taken from a stranger?  Then it is complete, and its names can be shown. */
static bool vetted(void)
{
	char why[256] = "";
	int r = index_vet(path, IDENTITY, UINT64_MAX, why);

	CHECK(r == 0 || (r < 0 && (r != -EBADMSG || why[0])));
	return r == 0;
}

static int on_good_name(void *arg, uint64_t cookie, const char *name, const struct member *m)
{
	(void)arg;
	(void)cookie;
	(void)m;
	CHECK(name[0] && !strchr(name, '/') && strlen(name) <= 255);
	CHECK(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	return 0;
}

static void check_vetted(struct index *x)
{
	CHECK(index_number(x, "complete", 0) != 0);
	for (uint64_t id = INDEX_ROOT; id < 32; id++)
		(void)!index_list(x, id, 1, on_good_name, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	fuzz_make_dir();
	snprintf(path, sizeof(path), "%s/index.db", fuzz_dir);
	make_sound();
	CHECK(vetted());
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct index *x;
	bool good;

	if (n > FILE_MAX)
		return 0;
	remove_beside("-wal");
	remove_beside("-shm");
	remove_beside(".damaged"); /* that was another file */
	if (n >= sizeof(SQLITE_MAGIC) && memcmp(p, SQLITE_MAGIC, sizeof(SQLITE_MAGIC)) == 0)
		write_whole(p, n);
	else
		write_patched(p, n);
	good = vetted();
	CHECK(index_open(path, IDENTITY, &x) == 0);
	if (good)
		check_vetted(x);
	ask_members(x);
	ask_history(x);
	ask_paths(x);
	ask_places(x);
	ask_values(x);
	write_on(x);
	ask_values(x);
	index_close(x);
	return 0;
}
