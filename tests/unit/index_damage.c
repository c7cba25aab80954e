/* SPDX-License-Identifier: MPL-2.0 */
/* index_damage.c - an index that is damaged, foreign or hostile is started anew; a sound one stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "../lib/indexsums.h"
#include "archive/index/index.h"
#include "base/file.h"
#include "base/log.h"

#define IDENTITY "one version of one object"

static char dir[64], path[80];

static void set_byte(long at, unsigned char c)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, &c, 1, (uint64_t)at), 0);
	close(fd);
}

/* After a change by other hands: its pages get the checksums that they should have. */
static void seal(void)
{
	static unsigned char all[1 << 20];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t n = pread(fd, all, sizeof(all), 0);

	assert_in_range(n, 1, sizeof(all) - 1);
	index_seal(all, (size_t)n);
	assert_int_equal(file_write_at(fd, all, (size_t)n, 0), 0);
	close(fd);
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	seal();
}

static void other_version(void)
{
	run_sql("PRAGMA user_version=77");
}

static void other_identity(void)
{
	run_sql("UPDATE meta SET value='another' WHERE key='identity'");
}

static void no_identity(void)
{
	run_sql("DELETE FROM meta");
}

static void missing_table(void)
{
	run_sql("DROP TABLE point");
}

static void missing_index(void)
{
	run_sql("DROP INDEX by_name");
}

static void a_view_for_a_table(void)
{
	run_sql("ALTER TABLE meta RENAME TO m; CREATE VIEW meta AS SELECT key, value FROM m");
}

static void a_trigger(void)
{
	run_sql("CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM member; END");
}

static void another_column(void)
{
	run_sql("ALTER TABLE point ADD COLUMN more INT");
}

static void cut(void)
{
	assert_int_equal(truncate(path, 5000), 0);
}

static void garbage(void)
{
	for (long i = 0; i < 4096; i++)
		set_byte(i, (unsigned char)(i * 7));
}

static void schema_format(void) /* of a newer SQLite */
{
	set_byte(47, 0xec);
}

static void only_for_reading(void) /* and that in a form that nobody knows */
{
	set_byte(18, 0xff);
	set_byte(19, 0x01);
	set_byte(28, 0x18);
}

static void only_for_reading_and_not_complete(void)
{
	run_sql("DELETE FROM meta WHERE key='complete'");
	set_byte(18, 3);
}

static const struct {
	const char *name;
	void (*damage)(void);
	bool stays;
} cases[] = {
	{ "none", NULL, true },
	{ "another version", other_version, false },
	{ "another identity", other_identity, false },
	{ "no identity", no_identity, false },
	{ "a table is missing", missing_table, false },
	{ "an index is missing", missing_index, false },
	{ "a view for a table", a_view_for_a_table, false },
	{ "a trigger", a_trigger, false },
	{ "another column", another_column, false },
	{ "cut", cut, false },
	{ "garbage", garbage, false },
	{ "a newer schema format", schema_format, false },
	{ "says it is read-only", only_for_reading, false },
	{ "says it is read-only and is not complete", only_for_reading_and_not_complete, false },
};

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/mdcfs-index-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/index.db", dir);
	return 0;
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(name);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* An index with one member besides the root, complete. */
static void make(void)
{
	struct member m = { .parent = INDEX_ROOT, .mode = S_IFREG | 0644, .nlink = 1 };
	struct index *x;
	uint64_t id;

	assert_int_equal(index_open(path, IDENTITY, &x), 0);
	assert_int_equal(index_begin(x), 0);
	assert_int_equal(index_add(x, "old", 3, &m, &id), 0);
	assert_int_equal(index_set_number(x, "complete", 1), 0);
	assert_int_equal(index_commit(x), 0);
	index_close(x);
}

static void check_case(size_t i)
{
	struct member m = { 0 };
	struct index *x;
	int r;

	make();
	if (cases[i].damage)
		cases[i].damage();
	if (index_open(path, IDENTITY, &x) != 0)
		fail_msg("%s: cannot be opened", cases[i].name);
	r = index_lookup(x, INDEX_ROOT, "old", 3, &m);
	if ((r == 0) != cases[i].stays || index_members(x) != 1u + cases[i].stays ||
	    index_number(x, "complete", 0) != cases[i].stays)
		fail_msg("%s: %d, %d members", cases[i].name, r, (int)index_members(x));
	member_free(&m);
	assert_int_equal(index_begin(x), 0); /* and it can be written */
	assert_int_equal(index_set_number(x, "complete", 0), 0);
	assert_int_equal(index_commit(x), 0);
	index_close(x);
	assert_int_equal(unlink(path), 0);
}

static void test_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_case(i);
}

static int on_version(void *arg, uint32_t n, const struct member *m)
{
	(void)arg;
	(void)n;
	(void)m;
	return 0;
}

/* Numbers that no index of ours has: in circles, and at the ends of what SQLite can hold. */
static void test_odd_parents(void **state)
{
	static const char *const parents[] = {
		"2", "-2", "9223372036854775807", "-9223372036854775808", "0", "'text'"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		AUTO(member_free) struct member m = { 0 };
		char where[300], sql[100];
		struct index *x;

		make();
		snprintf(sql, sizeof(sql), "UPDATE member SET parent=%s WHERE id=2", parents[i]);
		run_sql(sql);
		assert_int_equal(index_open(path, IDENTITY, &x), 0);
		if (index_path(x, 2, where, sizeof(where)) == 0)
			assert_in_range(strlen(where), 0, sizeof(where) - 1);
		assert_int_equal(index_versions(x, 2, 0, on_version, NULL), 0);
		assert_int_equal(index_version(x, 2, 1, &m), -ENOENT);
		index_close(x);
		assert_int_equal(unlink(path), 0);
	}
}

/* ---- any bit ---- */

#define MEMBERS 200u
#define FLIPS 1200

static void name_of(unsigned i, char out[static 24])
{
	snprintf(out, 24, "member-%u", i * 7919 % 10007);
}

static struct member member_of(unsigned i)
{
	return (struct member){ .parent = INDEX_ROOT,
				.mode = S_IFREG | 0644,
				.nlink = 1,
				.layer = LAYER_STREAM,
				.off = 1024 * (uint64_t)i,
				.size = 1000 + i,
				.stored = 1000 + i,
				.mtime = 1700000000 + (int64_t)i };
}

static void make_many(void)
{
	struct index *x;

	assert_int_equal(index_open(path, IDENTITY, &x), 0);
	assert_int_equal(index_begin(x), 0);
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct gzip_point p = { .in_bit = 8000u * i + 3, .out = 40000u * i, .crc = i };
		struct member m = member_of(i);
		unsigned char window[40];
		char name[24];
		uint64_t id;

		name_of(i, name);
		memset(window, (int)i, sizeof(window));
		assert_int_equal(index_add(x, name, strlen(name), &m, &id), 0);
		assert_int_equal(index_add_point(x, &p, window, sizeof(window)), 0);
	}
	assert_int_equal(index_set_number(x, "complete", 1), 0);
	assert_int_equal(index_commit(x), 0);
	index_close(x);
}

/* The right answer, or an error; that there is no such member is an answer only of an index that
 * was started anew. */
static bool ask_member(struct index *x, unsigned i, bool anew)
{
	struct member m = { 0 }, want = member_of(i);
	char name[24];
	int r;

	name_of(i, name);
	r = index_lookup(x, INDEX_ROOT, name, strlen(name), &m);
	if (r == 0)
		assert_true(m.off == want.off && m.size == want.size && m.stored == want.stored &&
			    m.mtime == want.mtime && m.mode == want.mode && !m.link);
	else
		assert_true(r == -ENOENT ? anew : r < 0);
	member_free(&m);
	return r == 0;
}

static bool ask_point(struct index *x, unsigned i, bool anew)
{
	unsigned char want[40];
	struct gzip_point p;
	void *window = NULL;
	size_t n = 0;
	int r = index_point(x, 40000u * i + 5, &p, &window, &n);

	memset(want, (int)i, sizeof(want));
	if (r == 0)
		assert_true(p.in_bit == 8000u * i + 3 && p.crc == i && n == sizeof(want) &&
			    memcmp(window, want, n) == 0);
	else
		assert_true(r == -ENOENT ? anew : r < 0);
	free(window);
	return r == 0;
}

/* How many answers were right. */
static unsigned ask_all(void)
{
	struct index *x;
	unsigned n = 0;
	bool anew;

	if (index_open(path, IDENTITY, &x) < 0)
		return 0;
	anew = !index_number(x, "complete", 0);
	for (unsigned i = 0; i < MEMBERS; i++)
		n += ask_member(x, i, anew) + ask_point(x, i, anew);
	index_close(x);
	return n;
}

/* Whatever bit is wrong, no answer is; and what was found damaged is started anew the next time. */
static void test_any_bit(void **state)
{
	static unsigned char sound[1 << 20];
	int found = 0, mended = 0, fd;
	unsigned seed = 1;
	ssize_t n;

	(void)state;
	make_many();
	assert_int_equal(ask_all(), 2 * MEMBERS);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = pread(fd, sound, sizeof(sound), 0);
	close(fd);
	assert_in_range(n, 8192, sizeof(sound) - 1);
	log_set_level(LOG_LEVEL_NONE);
	for (int i = 0; i < FLIPS; i++) {
		long at = rand_r(&seed) % (i % 4 ? n : 200);
		struct index *x;

		assert_int_equal(file_replace(path, sound, (size_t)n, 0600), 0);
		set_byte(at, (unsigned char)(sound[at] ^ 1u << i % 8));
		if (ask_all() == 2 * MEMBERS)
			continue; /* on a page that nobody asked for */
		found++;
		assert_int_equal(index_open(path, IDENTITY, &x), 0);
		mended += !index_number(x, "complete", 0);
		index_close(x);
	}
	log_set_level(LOG_LEVEL_INFO);
	assert_true(found > FLIPS / 4);
	assert_int_equal(mended, found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_parents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_bit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
