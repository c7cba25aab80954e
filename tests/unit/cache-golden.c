/* SPDX-License-Identifier: MPL-2.0 */
/* cache-golden.c - files of a cache as an earlier build has written them (tests/golden): they are read as they
 * were meant, and what is written today is the same, byte for byte where nothing is left to chance.  So nobody
 * changes a format by accident.
 *
 * Who changes one on purpose gives it a new version, describes it in docs/FORMATS.md, and makes the files anew:
 *
 *   GOLDEN_MAKE=1 srcdir=... tests/unit/cache-golden
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/cachetest.h"
#include "archive/index/index.h"
#include "archive/index/index_vet.h"
#include "archive/index/parcel.h"
#include "base/bytes.h"
#include "base/file.h"
#include "source/session.h"
#include "store/about.h"
#include "store/facts.h"

#define MAP_HEADER 24
#define MAP_RECORDS 65536 /* where they begin */
#define RECORDS 3
#define MAP_GOLDEN \
	(MAP_HEADER + 16 * RECORDS) /* bytes of the file "map": the rest of one is zeros */
#define USAGE_GOLDEN 56
#define SEGMENT 1048576
#define IDENTITY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const size_t lengths[RECORDS] = { BLOCK_SIZE, 5000, 1 };

static const struct about about = {
	.name = "mdc:a-slug",
	.file = "a.tar.gz",
	.version = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	.of = IDENTITY,
	.size = 15440281600,
};

static const struct facts facts = { .size = 123456789, .version = "\"etag-1\"" };

static bool making(void)
{
	return getenv("GOLDEN_MAKE") != NULL;
}

static void golden_path(const char *name, char out[static 600])
{
	const char *srcdir = getenv("srcdir");

	snprintf(out, 600, "%s/tests/golden/%s", srcdir ? srcdir : ".", name);
}

static char *golden(const char *name, size_t *n)
{
	char path[600], *p = NULL;

	golden_path(name, path);
	if (file_slurp(path, 1 << 20, &p, n) < 0)
		fail_msg("%s is missing", path);
	return p;
}

/* What is written today is what was written then; or it becomes that. */
static void compare(const char *name, const void *today, size_t n)
{
	char path[600];
	size_t len;
	char *was;

	golden_path(name, path);
	if (making())
		assert_int_equal(file_replace(path, today, n, 0644), 0);
	was = golden(name, &len);
	if (len != n || memcmp(was, today, n) != 0)
		fail_msg("%s is written in another way than before", name);
	free(was);
}

static void put_file(const char *path, const void *p, size_t n, off_t at)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, at), n);
	close(fd);
}

/* -- the map -- */

/* Serials are made up: words 1 and the seals that cover them differ from run to run. */
static void without_serials(unsigned char *map)
{
	for (int i = 0; i < RECORDS; i++) {
		memset(map + MAP_HEADER + 16 * i + 4, 0, 4);
		memset(map + MAP_HEADER + 16 * i + 12, 0, 4);
	}
}

static void read_map(const char *path, unsigned char out[static MAP_GOLDEN])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, out, MAP_HEADER, 0), MAP_HEADER);
	assert_int_equal(pread(fd, out + MAP_HEADER, 16 * RECORDS, MAP_RECORDS), 16 * RECORDS);
	close(fd);
}

static void test_map_written(void **state)
{
	struct fixture *f = *state;
	unsigned char now[MAP_GOLDEN], *was;
	char map[600], path[600];
	size_t n;

	fixture_open(f, 64 * MB);
	for (uint64_t b = 0; b < RECORDS; b++)
		assert_int_equal(test_write(f->layer, b, lengths[b]), 0);
	fixture_close(f);
	path_of(f, "map", map, sizeof(map));
	read_map(map, now);
	golden_path("map", path);
	if (making())
		assert_int_equal(file_replace(path, now, sizeof(now), 0644), 0);
	was = (unsigned char *)golden("map", &n);
	assert_int_equal(n, MAP_GOLDEN);
	without_serials(now);
	without_serials(was);
	assert_memory_equal(now, was, MAP_GOLDEN);
	free(was);
}

static void test_map_read(void **state)
{
	struct fixture *f = *state;
	static unsigned char block[BLOCK_SIZE];
	char map[600], data[600], dir[600];
	size_t n;
	char *was = golden("map", &n);

	snprintf(dir, sizeof(dir), "%s/objects/" TEST_OBJECT, f->dir);
	assert_int_equal(dir_make(dir, 0700), 0);
	path_of(f, "map", map, sizeof(map));
	path_of(f, "data", data, sizeof(data));
	put_file(map, was, MAP_HEADER, 0);
	put_file(map, was + MAP_HEADER, 16 * RECORDS, MAP_RECORDS);
	assert_int_equal(truncate(map, MAP_RECORDS + SEGMENT), 0);
	for (uint64_t b = 0; b < RECORDS; b++) {
		test_fill(block, b, lengths[b]);
		put_file(data, block, lengths[b], (off_t)BLOCKS(b));
	}
	fixture_open(f, 64 * MB);
	for (uint64_t b = 0; b < RECORDS; b++)
		assert_int_equal(test_read(f->layer, b), lengths[b]);
	assert_int_equal(test_read(f->layer, RECORDS), -ENOENT);
	free(was);
}

/* -- the figures -- */

static void test_usage(void **state)
{
	struct fixture *f = *state;
	unsigned char now[USAGE_GOLDEN];
	char path[600], to[600];
	size_t n;
	char *was;
	int fd;

	snprintf(path, sizeof(path), "%s/usage", f->dir);
	fixture_open(f, 64 * MB);
	assert_int_equal(test_write(f->layer, 0, BLOCK_SIZE), 0);
	fixture_close(f);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, now, sizeof(now), 0), sizeof(now));
	close(fd);
	golden_path("usage", to);
	if (making())
		assert_int_equal(file_replace(to, now, sizeof(now), 0644), 0);
	was = golden("usage", &n);
	assert_int_equal(n, USAGE_GOLDEN);
	assert_memory_equal(now, was,
			    24); /* magic, version, checksum, bytes of data; the rest moves */
	assert_int_equal(unlink(path), 0);
	put_file(path, was, n, 0);
	fixture_open(f, 64 * MB);
	assert_int_equal(cache_used(f->cache), BLOCK_SIZE);
	assert_int_equal(cache_meta(f->cache), bytes_get_le((unsigned char *)was + 48, 8));
	free(was);
}

/* -- small JSON files -- */

static void test_about(void **state)
{
	struct fixture *f = *state;
	char path[600], *now = NULL;
	struct about a;
	size_t n;

	assert_int_equal(about_note(f->dir, &about), 0);
	snprintf(path, sizeof(path), "%s/about.json", f->dir);
	assert_int_equal(file_slurp(path, 8192, &now, &n), 0);
	compare("about.json", now, n);
	free(now);
	assert_int_equal(about_read(f->dir, &a), 0);
	assert_memory_equal(&a, &about, sizeof(a));
}

/* Its name is the SHA-256 of "link", a NUL, the key and a NUL. */
static void test_facts(void **state)
{
	struct fixture *f = *state;
	char path[600], *now = NULL, hex[DIGEST_HEX];
	struct facts have = { 0 };
	size_t n;

	facts_save(f->dir, "link", "https://host.example/a.tar.gz", &facts);
	assert_int_equal(digest_strings(hex, "link", "https://host.example/a.tar.gz", NULL), 0);
	snprintf(path, sizeof(path), "%s/facts/%s.json", f->dir, hex);
	assert_int_equal(file_slurp(path, 8192, &now, &n), 0);
	compare("facts.json", now, n);
	free(now);
	assert_int_equal(facts_load(f->dir, "link", "https://host.example/a.tar.gz", &have), 0);
	assert_int_equal(have.size, facts.size);
	assert_string_equal(have.version, facts.version);
}

static void test_lease(void **state)
{
	static char url[] = "https://storage.example/a.tar.gz?X-Amz-Signature=00ff";
	static char filename[] = "a.tar.gz";
	struct session s = { .url = url,
			     .issued = 1790000000,
			     .expires = 1790043200,
			     .has_size = true,
			     .size = 15440281600,
			     .filename = filename };
	struct fixture *f = *state;
	char path[600], *now = NULL;
	struct session have = { 0 };
	size_t n;

	snprintf(s.checksum, sizeof(s.checksum), "%s", about.version);
	snprintf(path, sizeof(path), "%s/lease.json", f->dir);
	assert_int_equal(session_write(path, &s), 0);
	assert_int_equal(file_slurp(path, 8192, &now, &n), 0);
	compare("lease.json", now, n);
	free(now);
	golden_path("lease.json", path);
	assert_int_equal(session_read(path, "https://api.example/api/datasets/x/download",
				      1790000001, &have),
			 0);
	assert_string_equal(have.url, url);
	assert_int_equal(have.expires, s.expires);
	assert_int_equal(have.size, s.size);
	session_clear(&have);
}

/* -- an index, in a parcel -- */

static struct member member_of(unsigned i)
{
	return (struct member){ .parent = INDEX_ROOT,
				.mode = S_IFREG | 0640,
				.nlink = 1,
				.layer = LAYER_STREAM,
				.off = 512 + 1024 * (uint64_t)i,
				.size = 500 + i,
				.stored = 500 + i,
				.mtime = 1700000000 + (int64_t)i,
				.mtime_ns = 5 };
}

static void make_index(const char *path)
{
	struct gzip_point p = { .in_bit = 8003, .out = 40000, .crc = 7, .member_out = 40000 };
	struct index *x;

	assert_int_equal(index_open(path, IDENTITY, &x), 0);
	assert_int_equal(index_begin(x), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct member m = member_of(i);
		char name[] = { 'm', (char)('0' + i), '\0' };
		uint64_t id;

		assert_int_equal(index_add(x, name, 2, &m, &id), 0);
	}
	assert_int_equal(index_add_point(x, &p, "window", 6), 0);
	assert_int_equal(index_set_value(x, "format", "tar.gz", 6), 0);
	assert_int_equal(index_set_number(x, "complete", 1), 0);
	assert_int_equal(index_commit(x), 0);
	index_close(x);
}

static void make_parcel(const char *dir)
{
	struct parcel p = { .index_format = 0, .identity = IDENTITY };
	char path[600], to[600], header[100];
	struct stat st;
	int in, out;

	snprintf(path, sizeof(path), "%s/made.db", dir);
	golden_path("index.parcel", to);
	make_index(path);
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	assert_int_equal(pread(in, header, sizeof(header), 0), sizeof(header));
	p.index_format = (uint32_t)bytes_get_be((unsigned char *)header + 60, 4);
	p.size = (uint64_t)st.st_size;
	assert_int_equal(parcel_pack(&p, in, out), 0);
	close(in);
	close(out);
}

static void check_index(const char *path)
{
	struct gzip_point p = { 0 };
	void *window = NULL;
	struct index *x;
	size_t n = 0;

	assert_int_equal(index_open(path, IDENTITY, &x), 0);
	assert_int_equal(index_number(x, "complete", 0), 1); /* it was not started anew */
	for (unsigned i = 0; i < 5; i++) {
		struct member m = { 0 }, want = member_of(i);
		char name[] = { 'm', (char)('0' + i), '\0' };

		assert_int_equal(index_lookup(x, INDEX_ROOT, name, 2, &m), 0);
		assert_true(m.off == want.off && m.size == want.size && m.mode == want.mode &&
			    m.mtime == want.mtime && m.mtime_ns == 5);
		member_free(&m);
	}
	assert_int_equal(index_point(x, 50000, &p, &window, &n), 0);
	assert_true(p.in_bit == 8003 && p.out == 40000 && p.crc == 7 && n == 6 &&
		    memcmp(window, "window", 6) == 0);
	free(window);
	index_close(x);
}

static void test_index(void **state)
{
	struct fixture *f = *state;
	char path[600], from[600], why[256] = "";
	struct parcel p;
	int in, out;

	if (making())
		make_parcel(f->dir);
	golden_path("index.parcel", from);
	snprintf(path, sizeof(path), "%s/index.db", f->dir);
	in = open(from, O_RDONLY | O_CLOEXEC);
	out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(in >= 0 && out >= 0);
	if (parcel_check(in, &p, why) != 0 || parcel_unpack(in, &p, out, why) != 0)
		fail_msg("%s", why);
	assert_string_equal(p.identity, IDENTITY);
	close(in);
	close(out);
	if (index_vet(path, IDENTITY, UINT64_MAX, why) != 0)
		fail_msg("%s", why);
	check_index(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_map_written), CASE(test_map_read), CASE(test_usage), CASE(test_about),
		CASE(test_facts),	CASE(test_lease),    CASE(test_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
