/* SPDX-License-Identifier: MPL-2.0 */
/* zipfile.c - unit tests of the zip format: a whole archive, as the filesystem sees it. */
#include "gzip_fixture.h"

#include "../lib/archivetest.h"
#include "../lib/zipwrite.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

/* A zip, its rig, and where the index is. */
struct fixture {
	struct zip_writer w;
	struct rig g;
	char dir[64];
};

static void open_zip(struct fixture *f, bool cached)
{
	rig_open(&f->g, f->w.body.p, f->w.body.len, "x.zip", f->dir, cached);
}

/* Index and cache are lost. */
static void forget(struct fixture *f)
{
	rig_clean(f->dir);
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->w = (struct zip_writer)ZIP_WRITER_INIT;
	rig_scratch(f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->g.a)
		rig_close(&f->g);
	zip_free(&f->w);
	rig_clean(f->dir);
	free(f);
	return 0;
}

/* Is [off, off + len) of the file at path what data says? */
static void check_part(struct rig *g, const char *path, struct bytes data, uint64_t off, size_t len)
{
	AUTO(member_free) struct member m = { 0 };
	AUTO(auto_free) unsigned char *buf = malloc(len);
	size_t want = off < data.n ? MIN(len, data.n - off) : 0;

	assert_non_null(buf);
	assert_int_equal(rig_find(g, path, &m), 0);
	assert_int_equal(m.size, data.n);
	assert_int_equal(rig_read(g, &m, buf, len, off), want);
	if (want > 0 && memcmp(buf, data.p + off, want) != 0)
		fail_msg("%s: wrong bytes at %llu", path, (unsigned long long)off);
}

static void check_all(struct rig *g, const char *path, struct bytes data, size_t step)
{
	for (uint64_t off = 0; off <= data.n; off += step)
		check_part(g, path, data, off, step);
}

static int64_t read_error(struct rig *g, const char *path, uint64_t off)
{
	AUTO(member_free) struct member m = { 0 };
	char buf[16];

	assert_int_equal(rig_find(g, path, &m), 0);
	return rig_read(g, &m, buf, sizeof(buf), off);
}

static void check_link(struct rig *g, const char *path, const char *target)
{
	AUTO(member_free) struct member m = { 0 };
	AUTO(auto_free) char *have = NULL;

	assert_int_equal(rig_find(g, path, &m), 0);
	assert_true(S_ISLNK(m.mode));
	assert_int_equal(rig_readlink(g, &m, &have), 0);
	assert_string_equal(have, target);
}

static void add_tree(struct fixture *f, struct bytes small, struct bytes medium, bool zip64)
{
	const struct zip_file files[] = {
		{ .name = "first", .method = 8, .data = small.p, .size = small.n, .zip64 = zip64 },
		{ .name = "dir/", .mode = S_IFDIR | 0755 },
		{ .name = "dir/stored", .data = small.p, .size = small.n, .local_extra = 40 },
		{ .name = "dir/deflated",
		  .method = 8,
		  .data = medium.p,
		  .size = medium.n,
		  .zip64 = zip64 },
		{ .name = "empty", .data = "" },
		{ .name = "empty8", .method = 8, .data = "" },
		{ .name = "link", .mode = S_IFLNK | 0777, .data = "dir/stored", .size = 10 },
		{ .name = "link8",
		  .mode = S_IFLNK | 0777,
		  .method = 8,
		  .data = "dir/../first",
		  .size = 12 },
		{ .name = "far",
		  .method = 8,
		  .data = small.p,
		  .size = small.n,
		  .local_extra = 5000 },
		{ .name = "secret", .method = 8, .flags = 1, .data = small.p, .size = small.n },
		{ .name = "lzma", .method = 14, .data = small.p, .size = small.n },
		{ .name = "shrunk", .method = 1, .data = small.p, .size = small.n },
		{ .name = "../../up", .data = "u", .size = 1 },
		{ .name = "cut\0here", .n_name = 8, .data = "c", .size = 1 },
		{ .name = "last", .method = 8, .data = small.p, .size = 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		zip_add(&f->w, &files[i]);
	zip_finish(&f->w, zip64, 0);
}

static void check_tree(struct fixture *f, bool cached, bool zip64)
{
	struct bytes small = make_data(TEXT, 3000, 1), medium = make_data(AUDIO, 700 * KIB + 5, 2);
	struct member m;
	struct rig *g = &f->g;

	if (f->w.n == 0)
		add_tree(f, small, medium, zip64);
	open_zip(f, cached);
	check_all(g, "dir/deflated", medium, 100 * KIB);
	check_all(g, "first", small, 1000);
	check_all(g, "dir/stored", small, 1000);
	check_all(g, "far", small, 3000);
	check_all(g, "empty", (struct bytes){ NULL, 0 }, 10);
	check_all(g, "empty8", (struct bytes){ NULL, 0 }, 10);
	check_all(g, "last", (struct bytes){ small.p, 1 }, 10);
	check_all(g, "up", (struct bytes){ (unsigned char *)(uintptr_t) "u", 1 }, 10);
	check_all(g, "cut", (struct bytes){ (unsigned char *)(uintptr_t) "c", 1 }, 10);
	check_link(g, "link", "dir/stored");
	check_link(g, "link8", "dir/../first");
	assert_int_equal(read_error(g, "secret", 0), -EACCES); /* no password was given */
	assert_int_equal(read_error(g, "lzma", 0), -EIO); /* it is none */
	assert_int_equal(read_error(g, "shrunk", 0), -EOPNOTSUPP);
	assert_int_equal(rig_find(g, "dir/none", &m), -ENOENT);
	assert_int_equal(rig_listing(g), 0);
	rig_close(g);
	free(small.p);
	free(medium.p);
}

static void test_tree(void **state)
{
	check_tree(*state, true, false);
	check_tree(*state, true, false); /* again, from index and cache */
}

static void test_tree_uncached(void **state)
{
	check_tree(*state, false, false);
}

static void test_zip64(void **state)
{
	check_tree(*state, false, true);
}

/* 16 MiB of text, read to and fro; then without a cache: by the seek points that are known. */
static void test_large(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 16 * MIB + 77, 3);
	struct zip_file file = { .name = "big", .method = 8, .data = data.p, .size = data.n };
	uint32_t seed = 5;

	zip_add(&f->w, &file);
	zip_finish(&f->w, false, 0);
	open_zip(f, true);
	check_part(&f->g, "big", data, 12 * MIB + 3, 5000); /* deep first */
	for (unsigned i = 0; i < 60; i++)
		check_part(&f->g, "big", data, next_random(&seed) % data.n, 200 * KIB);
	check_part(&f->g, "big", data, data.n - 10, 100);
	assert_true(f->g.fetched < 3 * f->w.body.len);
	rig_close(&f->g);

	open_zip(f, false);
	for (unsigned i = 0; i < 30; i++)
		check_part(&f->g, "big", data, next_random(&seed) % data.n, 4096);
	if (f->g.fetched > 30 * MIB) /* from the start it would be about 240 */
		fail_msg("random reads fetched %llu bytes", (unsigned long long)f->g.fetched);
	rig_close(&f->g);
	free(data.p);
}

struct racer {
	pthread_t thread;
	struct fixture *f;
	struct bytes data;
	size_t step;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	check_all(&r->f->g, "big", r->data, r->step);
	return NULL;
}

/* Several read the same from front to back without seek points: it is fetched about once. */
static void test_together(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(MIXED, 24 * MIB, 4);
	struct zip_file file = { .name = "big", .method = 8, .data = data.p, .size = data.n };
	struct racer racer[3];

	zip_add(&f->w, &file);
	zip_finish(&f->w, false, 0);
	open_zip(f, true);
	for (size_t i = 0; i < ARRAY_SIZE(racer); i++) {
		racer[i] = (struct racer){ .f = f, .data = data, .step = 100 * KIB + i * 31 * KIB };
		assert_int_equal(pthread_create(&racer[i].thread, NULL, race, &racer[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(racer); i++)
		pthread_join(racer[i].thread, NULL);
	if (f->g.fetched > 2 * f->w.body.len)
		fail_msg("%llu bytes fetched of %zu", (unsigned long long)f->g.fetched,
			 f->w.body.len);
	rig_close(&f->g);
	free(data.p);
}

/* 50 MiB that pack well: a deep read goes there once, and nobody starts from the front again. */
static void test_deep(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(TEXT, 50 * MIB, 6);
	struct zip_file file = { .name = "big", .method = 8, .data = data.p, .size = data.n };
	uint64_t before;

	zip_add(&f->w, &file);
	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	check_part(&f->g, "big", data, 45 * MIB, 4096);
	before = f->g.fetched;
	check_part(&f->g, "big", data, 30 * MIB, 4096);
	assert_true(f->g.fetched - before < 2 * MIB);
	check_part(&f->g, "big", data, 49 * MIB, 2 * MIB);
	rig_close(&f->g);
	free(data.p);
}

/* Damage of a small member is seen before a byte of it is served, of a large one at its end. */
static void test_damage(void **state)
{
	static const struct {
		size_t size;
		struct zip_file lie;
		int64_t at_start, at_end;
	} cases[] = {
		{ 5000, { .crc_lie = 1 }, -EIO, -EIO },
		{ 5000, { .size_lie = 1 }, -EIO, -EIO },
		{ 5000, { .size_lie = -1 }, -EIO, -EIO },
		{ 5000, { .size_lie = (int64_t)1 << 31 }, -EIO, -EIO },
		{ 300 * KIB, { .damage = 70000 }, -EIO, -EIO },
		{ 2 * MIB, { .crc_lie = 1 }, -EIO, -EIO },
		{ 2 * MIB, { .size_lie = -70000 }, -EIO, -EIO },
		{ 4 * MIB, { .crc_lie = 1 }, 16, -EIO },
		{ 4 * MIB + 1, { .size_lie = 1 }, 16, -EIO },
		{ 4 * MIB + 1, { .size_lie = -1 }, 16, -EIO },
		{ 4 * MIB + 1, { .size_lie = BLOCK_SIZE }, 16, -EIO },
		{ 4 * MIB, { .damage = 1 * MIB }, 16, -EIO },
	};
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 4 * MIB + 1, 7);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct zip_file file = cases[i].lie;
		char name[8];

		snprintf(name, sizeof(name), "%zu", i);
		file.name = name;
		file.method = 8;
		file.data = data.p;
		file.size = cases[i].size;
		zip_add(&f->w, &file);
	}
	zip_finish(&f->w, false, 0);
	open_zip(f, true);
	for (unsigned again = 0; again < 2; again++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			uint64_t end = cases[i].size + (uint64_t)cases[i].lie.size_lie;
			int64_t start, last;
			char name[8];

			snprintf(name, sizeof(name), "%zu", i);
			start = read_error(&f->g, name, 0);
			last = read_error(&f->g, name, end - 16);
			if (start != cases[i].at_start || last != cases[i].at_end)
				fail_msg("case %zu: start %d, end %d", i, (int)start, (int)last);
		}
	rig_close(&f->g);

	f->g.opt.unverified = true;
	forget(f);
	open_zip(f, false);
	check_all(&f->g, "0", (struct bytes){ data.p, 5000 }, 5000);
	check_part(&f->g, "7", (struct bytes){ data.p, 4 * MIB }, 4 * MIB - 16, 16);
	assert_int_equal(read_error(&f->g, "1", 0), -EIO);
	rig_close(&f->g);
	free(data.p);
}

/* Stored members: a small one is checked before anything of it is served, a large one when its last
 * byte is read, in whatever order. */
static void test_stored(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		uint32_t lie;
	} files[] = {
		{ "small", 100000, 0 },	    { "bad", 100000, 1 },
		{ "limit", BLOCK_SIZE, 1 },  { "large", 2 * MIB + 5, 0 },
		{ "wrong", 2 * MIB + 5, 1 }, { "next", 40000, 0 },
	};
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 2 * MIB + 5, 13);
	uint64_t step = 300 * KIB + 1, before;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct zip_file file = { .name = files[i].name,
					 .data = data.p,
					 .size = files[i].size,
					 .crc_lie = files[i].lie };
		zip_add(&f->w, &file);
	}
	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	check_part(&f->g, "small", (struct bytes){ data.p, 100000 }, 70000, 10);
	check_all(&f->g, "next", (struct bytes){ data.p, 40000 }, 40000);
	assert_int_equal(read_error(&f->g, "bad", 50000), -EIO);
	assert_int_equal(read_error(&f->g, "limit", 0), -EIO);
	before = f->g.requests;
	assert_int_equal(read_error(&f->g, "bad", 0), -EIO);
	assert_int_equal(f->g.requests, before);
	for (unsigned i = 0; i < 7; i++) /* every third part */
		check_part(&f->g, "large", data, i * 3 % 7 * step, step);
	check_all(&f->g, "large", data, step);
	for (unsigned i = 0; i < 6; i++) /* all but the part from 5 * step on */
		check_part(&f->g, "wrong", data, (i * 3 + 1) % 7 * step, step);
	check_part(&f->g, "wrong", data, 5, 10); /* overlaps, and so does not count */
	check_part(&f->g, "wrong", data, 5 * step, step - 16);
	assert_int_equal(read_error(&f->g, "wrong", 6 * step - 16), -EIO);
	assert_int_equal(read_error(&f->g, "wrong", 0), -EIO);
	rig_close(&f->g);

	f->g.opt.unverified = true;
	open_zip(f, false);
	check_all(&f->g, "bad", (struct bytes){ data.p, 100000 }, 30000);
	check_all(&f->g, "wrong", data, step);
	check_all(&f->g, "wrong", data, step);
	rig_close(&f->g);
	free(data.p);
}

/* 10 000 members: one of them costs few requests, all in order not one each. */
static void test_requests(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 20000, 8);
	unsigned before;

	for (unsigned i = 0; i < 10000; i++) {
		char name[64];
		struct zip_file file = { .name = name,
					 .method = 8,
					 .data = data.p + i % 7,
					 .size = i < 9000 ? 1000 : 15000 };

		snprintf(name, sizeof(name), "corpus/a/rather/long/way/clip_%05u.mp3", i);
		zip_add(&f->w, &file);
	}
	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	check_all(&f->g, "corpus/a/rather/long/way/clip_07003.mp3",
		  (struct bytes){ data.p + 3, 1000 }, 1000);
	if (f->g.requests > 5)
		fail_msg("one member: %u requests", f->g.requests);
	before = f->g.requests;
	for (unsigned i = 9000; i < 9500; i++) {
		char name[64];

		snprintf(name, sizeof(name), "corpus/a/rather/long/way/clip_%05u.mp3", i);
		check_part(&f->g, name, (struct bytes){ data.p + i % 7, 15000 }, 0, 15000);
	}
	if (f->g.requests - before > 100)
		fail_msg("500 members: %u requests", f->g.requests - before);
	assert_int_equal(rig_listing(&f->g), 0);
	rig_close(&f->g);
	free(data.p);
}

/* More than one range of directory: 50 000 names of 130 bytes. */
static void test_large_directory(void **state)
{
	struct fixture *f = *state;
	struct archive_info info;
	char name[160];

	for (unsigned i = 0; i < 50000; i++) {
		struct zip_file file = { .name = name, .data = "x", .size = i % 2 };

		snprintf(name, sizeof(name), "d/%0120u.txt", i);
		zip_add(&f->w, &file);
	}
	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	assert_int_equal(rig_listing(&f->g), 0);
	archive_info(f->g.a, &info);
	assert_int_equal(info.members, 50001);
	check_all(&f->g, name, (struct bytes){ (unsigned char *)(uintptr_t) "x", 1 }, 10);
	assert_true(f->g.fetched < f->w.dir.len + 3 * MIB);
}

/* A self-extractor: the offsets count from behind the program. */
static void test_prefix(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(TEXT, 5000, 10);
	struct zip_file a = { .name = "a", .method = 8, .data = data.p, .size = data.n };
	struct zip_file b = { .name = "b", .data = data.p, .size = data.n };
	AUTO(buf_free) struct buf all = BUF_INIT(1 << 20);

	zip_add(&f->w, &a);
	zip_add(&f->w, &b);
	zip_finish(&f->w, false, 0);
	for (unsigned i = 0; i < 1000; i++)
		zip_bytes(&all, "MZ\220 program", 11);
	zip_bytes(&all, f->w.body.p, f->w.body.len);
	rig_open(&f->g, all.p, all.len, "setup.ZIP", f->dir, false);
	check_all(&f->g, "a", data, 1000);
	check_all(&f->g, "b", data, 1000);
	rig_close(&f->g);
	free(data.p);
}

static void test_lying_directory(void **state)
{
	struct fixture *f = *state;
	struct zip_file a = { .name = "a", .method = 8, .data = "aaaaaaaaaaaaaaaa", .size = 16 };
	struct archive_info info;
	struct member m;

	zip_add(&f->w, &a);
	zip_finish(&f->w, false, 1);
	memset(f->w.body.p + f->w.body.len - 22 + 8, 1, 1);
	memset(f->w.body.p + f->w.body.len - 22 + 10, 1, 1);
	f->w.body.p[f->w.body.len - 22 - 1] = 'b';
	open_zip(f, true);
	check_part(&f->g, "b", (struct bytes){ (unsigned char *)(uintptr_t)a.data, 16 }, 0, 16);
	rig_close(&f->g);
	forget(f);
	zip_free(&f->w);
	zip_add(&f->w, &a);
	a.name = "c";
	zip_add(&f->w, &a);
	f->w.dir.p[47] = 'X'; /* the second record does not begin as it should */
	zip_finish(&f->w, false, 0);
	open_zip(f, true);
	assert_int_equal(rig_listing(&f->g), -EIO);
	check_part(&f->g, "a", (struct bytes){ (unsigned char *)(uintptr_t)a.data, 16 }, 0, 16);
	assert_int_equal(rig_find(&f->g, "c", &m), -EIO);
	archive_info(f->g.a, &info);
	assert_string_equal(info.state, "failed");
	assert_non_null(strstr(info.error, "entry 2"));
	rig_close(&f->g);
	open_zip(f, true); /* the index remembers */
	assert_int_equal(rig_listing(&f->g), -EIO);
	check_part(&f->g, "a", (struct bytes){ (unsigned char *)(uintptr_t)a.data, 16 }, 0, 16);
}

/* A member that is not where its record says is refused; all others are as they should be. */
static void test_lying_member(void **state)
{
	struct fixture *f = *state;
	struct zip_file file = { .method = 8, .data = "aaaaaaaaaaaaaaaa", .size = 16 };
	struct bytes data = { (unsigned char *)(uintptr_t)file.data, 16 };
	struct archive_info info;

	for (unsigned i = 0; i < 3; i++) {
		file.name = i == 0 ? "a" : i == 1 ? "b" : "c";
		zip_add(&f->w, &file);
	}
	f->w.dir.p[47 + 42 + 3] = 0x7f; /* b's local header is said to lie far away */
	zip_finish(&f->w, false, 0);
	for (unsigned again = 0; again < 2; again++) {
		open_zip(f, true);
		assert_int_equal(rig_listing(&f->g), 0);
		check_part(&f->g, "a", data, 0, 16);
		check_part(&f->g, "c", data, 0, 16);
		assert_int_equal(read_error(&f->g, "b", 0), -EIO);
		archive_info(f->g.a, &info);
		assert_string_equal(info.state, "complete");
		assert_non_null(strstr(info.error, "b: its header lies outside the file"));
		rig_close(&f->g);
	}
}

/* Members that overlap: of two the one is refused that runs into the other, in whatever order the
 * directory has them. */
static void test_overlaps(void **state)
{
	static const unsigned long bits = 0x0b; /* of a, b, c and d: who is refused */
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 3000, 12);
	struct archive_info info;
	uint32_t local[4];

	for (unsigned i = 0; i < 4; i++) {
		struct zip_file file = { .name = (const char *[]){ "a", "b", "c", "d" }[i],
					 .method = i == 3 ? 8 : 0,
					 .data = data.p,
					 .size = data.n };

		local[i] = (uint32_t)f->w.body.len;
		zip_add(&f->w, &file);
	}
	memcpy(f->w.dir.p + 42, &local[2], 4); /* a and b are said to be where c is, and so is d */
	memcpy(f->w.dir.p + 47 + 42, &local[2], 4);
	memcpy(f->w.dir.p + 3 * 47 + 42, &local[1], 4);
	f->w.dir.p[3 * 47 + 21] += 1; /* d's packed size, so that it reaches into c */
	f->w.dir.p[3 * 47 + 21] += 2;
	zip_finish(&f->w, false, 0);
	open_zip(f, true);
	assert_int_equal(rig_listing(&f->g), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(read_error(&f->g, (const char *[]){ "a", "b", "c", "d" }[i], 0),
				 bits >> i & 1 ? -EIO : 16);
	archive_info(f->g.a, &info);
	assert_non_null(strstr(info.error, "3 members overlap"));
	free(data.p);
}

/* A second mount that was there before the first one's pass takes over what that came to. */
static void test_two_mounts(void **state)
{
	struct fixture *f = *state;
	struct zip_file file = { .name = "a", .method = 8, .data = "aaaaaaaaaaaaaaaa", .size = 16 };
	struct bytes data = { (unsigned char *)(uintptr_t)file.data, 16 };
	struct rig other = { 0 };

	for (unsigned damaged = 0; damaged < 2; damaged++) {
		zip_free(&f->w);
		zip_add(&f->w, &file);
		zip_add(&f->w, &file);
		if (damaged)
			f->w.dir.p[47] = 'X';
		zip_finish(&f->w, false, 0);
		open_zip(f, false);
		rig_open(&other, f->w.body.p, f->w.body.len, "x.zip", f->dir, false);
		assert_int_equal(rig_listing(&f->g), damaged ? -EIO : 0);
		assert_int_equal(rig_listing(&other), damaged ? -EIO : 0);
		assert_int_equal(other.requests, 0);
		check_part(&other, "a", data, 0, 16);
		rig_close(&other);
		rig_close(&f->g);
		forget(f);
	}
}

static void test_no_zip(void **state)
{
	struct fixture *f = *state;
	struct archive_info info;

	zip_bytes(&f->w.body, "PK\3\4 and nothing else", 22);
	open_zip(f, false);
	assert_int_equal(rig_listing(&f->g), -EIO);
	archive_info(f->g.a, &info);
	assert_non_null(strstr(info.error, "no end record"));
	assert_string_equal(info.format, "zip");
}

static void test_empty(void **state)
{
	struct fixture *f = *state;
	struct member m;

	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	assert_int_equal(rig_listing(&f->g), 0);
	assert_int_equal(rig_find(&f->g, "x", &m), -ENOENT);
}

/* While storage fails reads fail, and afterwards they do not. */
static void test_storage_fails(void **state)
{
	struct fixture *f = *state;
	struct bytes data = make_data(AUDIO, 5 * MIB, 9);
	struct zip_file big = { .name = "big", .method = 8, .data = data.p, .size = data.n };
	struct zip_file small = { .name = "small", .method = 8, .data = data.p, .size = 9000 };

	zip_add(&f->w, &small);
	zip_add(&f->w, &big);
	zip_finish(&f->w, false, 0);
	open_zip(f, false);
	assert_int_equal(rig_listing(&f->g), 0);
	f->g.broken = -ENOTCONN;
	assert_int_equal(read_error(&f->g, "small", 0), -ENOTCONN);
	assert_int_equal(read_error(&f->g, "big", 3 * MIB), -ENOTCONN);
	f->g.broken = 0;
	check_all(&f->g, "small", (struct bytes){ data.p, 9000 }, 9000);
	check_part(&f->g, "big", data, 3 * MIB, 9000);
	free(data.p);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_tree),   TEST(test_tree_uncached),   TEST(test_zip64),
		TEST(test_large),  TEST(test_together),	       TEST(test_deep),
		TEST(test_damage), TEST(test_requests),	       TEST(test_large_directory),
		TEST(test_prefix), TEST(test_lying_directory), TEST(test_two_mounts),
		TEST(test_lying_member), TEST(test_overlaps), TEST(test_stored),
		TEST(test_no_zip), TEST(test_empty),	       TEST(test_storage_fails),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
