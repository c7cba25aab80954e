/* SPDX-License-Identifier: MPL-2.0 */
/* zip.c - unit tests of archive/zip.h: finding the directory, local headers, random damage. */
#include <sys/stat.h>

#include "../lib/zipmake.h"

/* What locating says about the bytes in b, with what it asks for. */
static int locate(const struct buf *b, struct zip_directory *d, const char **why)
{
	size_t n = MIN(b->len, ZIP_TAIL);
	const char *tail = b->p + b->len - n;
	struct range need = { 0, 0 };
	int r = zip_locate(tail, n, b->len, NULL, 0, d, &need, why);

	if (r != -EAGAIN)
		return r;
	assert_true(need.from < need.to && need.to == b->len - n);
	return zip_locate(tail, n, b->len, b->p + need.from, range_len(need), d, &need, why);
}

static void check_same(const struct zip_directory *got, const struct zip_directory *want)
{
	assert_int_equal(got->at.from, want->at.from);
	assert_int_equal(got->at.to, want->at.to);
	assert_int_equal(got->entries, want->entries);
	assert_int_equal(got->shift, want->shift);
}

static void test_locate_plain(void **state)
{
	static const size_t comments[] = { 0, 1, 300, 65535 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(comments); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
		struct zip_directory want = put_members(&b, some, ARRAY_SIZE(some)), got;
		const char *why = NULL;

		put_end(&b, want.entries, range_len(want.at), want.at.from, comments[i]);
		pad(&b, 'c', comments[i]);
		assert_int_equal(locate(&b, &got, &why), 0);
		check_same(&got, &want);
	}
}

static void test_locate_empty(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(100);
	struct zip_directory got;
	const char *why = NULL;

	(void)state;
	put_end(&b, 0, 0, 0, 0);
	assert_int_equal(locate(&b, &got, &why), 0);
	assert_int_equal(range_len(got.at), 0);
	assert_int_equal(got.entries, 0);
	b.len = 0;
	assert_int_equal(locate(&b, &got, &why), -EBADMSG);
	assert_int_equal(zip_locate(b.p, 22, 21, NULL, 0, &got, NULL, &why), -EINVAL);
}

static void test_locate_prefix(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory want, got;
	const char *why = NULL;

	(void)state;
	pad(&b, '#', 777);
	want = put_members(&b, some, ARRAY_SIZE(some));
	want.shift = 777;
	put_end(&b, want.entries, range_len(want.at), want.at.from - 777, 0);
	assert_int_equal(locate(&b, &got, &why), 0);
	check_same(&got, &want);
	pad(&b, '\n', 2); /* behind a prefixed archive nothing may follow */
	assert_int_equal(locate(&b, &got, &why), -EBADMSG);
}

static void test_locate_junk_behind(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory want = put_members(&b, some, ARRAY_SIZE(some)), got;
	const char *why = NULL;

	(void)state;
	put_end(&b, want.entries, range_len(want.at), want.at.from, 0);
	pad(&b, '\0', 5000);
	assert_int_equal(locate(&b, &got, &why), 0);
	check_same(&got, &want);
}

/* Comments that contain end records: none of them may be taken for the real one. */
static void test_locate_fake(void **state)
{
	static const struct {
		uint64_t entries, size, offset;
		size_t comment, behind;
	} fakes[] = {
		{ 0, 0, 0, 0, 0 },
		{ 4, 300, 20, 0, 0 },
		{ 1, 46, 0, 5, 5 },
		{ 1, 46, 0, 0, 9 },
		{ 4, 0xfffffff0, 0, 3, 3 },
		{ 0, 0, 0, 65535, 4 },
		{ 65535, 0xffffffff, 0xffffffff, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fakes); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
		struct zip_directory want = put_members(&b, some, ARRAY_SIZE(some)), got;
		const char *why = NULL;

		put_end(&b, want.entries, range_len(want.at), want.at.from,
			10 + 22 + fakes[i].behind);
		pad(&b, 'c', 10);
		put_end(&b, fakes[i].entries, fakes[i].size, fakes[i].offset, fakes[i].comment);
		pad(&b, 'c', fakes[i].behind);
		assert_int_equal(locate(&b, &got, &why), 0);
		check_same(&got, &want);
	}
}

/* Every proper prefix of an archive is refused, even when it ends behind an archive that is stored
 * as a member (unless it ends exactly with that, which is an archive indeed). */
static void test_locate_truncated(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory d, got;
	const char *why = NULL;
	size_t inner_end;

	(void)state;
	pad(&b, 'L', 40); /* stands for the outer member's header */
	d = put_members(&b, some, ARRAY_SIZE(some));
	put_end(&b, d.entries, range_len(d.at), d.at.from - 40, 0);
	inner_end = b.len;
	pad(&b, 'x', 30);
	d = put_members(&b, some, ARRAY_SIZE(some));
	put_end(&b, d.entries, range_len(d.at), d.at.from, 3);
	pad(&b, 'c', 3);
	assert_int_equal(locate(&b, &got, &why), 0);
	for (b.len -= 4; b.len > 0; b.len--) {
		why = NULL;
		if (b.len == inner_end)
			continue;
		assert_int_equal(locate(&b, &got, &why), -EBADMSG);
		assert_non_null(why);
	}
}

/* Patches of the end record of a good archive: offset in it, bytes, what is said. */
static void test_locate_lies(void **state)
{
	static const struct {
		size_t at, n;
		uint64_t value;
		const char *why;
	} lies[] = {
		{ 4, 2, 1, "volume" },
		{ 6, 2, 3, "volume" },
		{ 8, 2, 3, "volume" },
		{ 10, 2, 5, "volume" },
		{ 12, 4, 0x7fffffff, "not fit" },
		{ 16, 4, 0x7fffffff, "not fit" },
		{ 16, 4, 0xffffffff, "not fit" },
		{ 12, 4, 100, "too small" },
		{ 12, 4, 300, "no central" },
		{ 8, 4, 0xffffffff, "too small" },
		{ 0, 4, 0x06054b51, "no end record" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
		struct zip_directory d = put_members(&b, some, ARRAY_SIZE(some));
		size_t end = b.len;
		const char *why = NULL;

		put_end(&b, d.entries, range_len(d.at), d.at.from, 0);
		b.len = end + lies[i].at;
		put(&b, lies[i].value, lies[i].n);
		b.len = end + 22;
		assert_int_equal(locate(&b, &d, &why), -EBADMSG);
		if (!strstr(why, lies[i].why))
			fail_msg("case %zu: %s", i, why);
	}
}

struct zip64_case {
	unsigned version, disk, volumes;
	int64_t entries, size, offset; /* added to the true ones in zip64's record */
	bool saturated;
	size_t comment, extensible, prefix;
	const char *why; /* NULL: found */
	bool no_record, again;
};

static struct zip_directory put_zip64(struct buf *b, const struct zip64_case *c)
{
	struct zip_directory d;
	uint64_t from, size;

	pad(b, '#', c->prefix);
	d = put_members(b, some, ARRAY_SIZE(some));
	d.shift = c->prefix;
	from = d.at.from - c->prefix;
	size = range_len(d.at);
	put(b, c->no_record ? 0 : 0x06064b50, 4);
	put(b, 44 + c->extensible, 8);
	put(b, UNIX, 2);
	put(b, c->version, 2);
	put(b, c->disk, 4);
	put(b, 0, 4);
	put(b, d.entries + (uint64_t)c->entries, 8);
	put(b, d.entries + (uint64_t)c->entries, 8);
	put(b, size + (uint64_t)c->size, 8);
	put(b, from + (uint64_t)c->offset, 8);
	pad(b, 'e', c->extensible);
	put(b, 0x07064b50, 4);
	put(b, 0, 4);
	put(b, from + size, 8);
	put(b, c->volumes, 4);
	if (c->saturated)
		put_end(b, 0xffff, 0xffffffff, 0xffffffff, c->comment);
	else
		put_end(b, d.entries, size, from, c->comment);
	pad(b, 'c', c->comment);
	return d;
}

static void check_zip64(const struct zip64_case *c)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory want = put_zip64(&b, c), got;
	struct range need = { 0, 0 };
	size_t n = MIN(b.len, ZIP_TAIL);
	const char *tail = b.p + b.len - n, *why = NULL;
	int r = zip_locate(tail, n, b.len, NULL, 0, &got, &need, &why);

	assert_int_equal(r == -EAGAIN, c->again);
	if (r == -EAGAIN) {
		assert_int_equal(need.to, b.len - n);
		assert_true(need.from < need.to);
		r = zip_locate(tail, n, b.len, b.p + need.from, range_len(need), &got, &need, &why);
	}
	assert_int_equal(r, c->why ? -EBADMSG : 0);
	if (!c->why)
		check_same(&got, &want);
	else if (!strstr(why, c->why))
		fail_msg("expected \"%s\": %s", c->why, why);
}

static void test_locate_zip64(void **state)
{
	static const struct zip64_case cases[] = {
		{ .version = 45, .volumes = 1, .saturated = true },
		{ .version = 45, .volumes = 0, .saturated = true },
		{ .version = 45, .volumes = 1, .saturated = false },
		{ .version = 45, .volumes = 1, .saturated = true, .comment = 500 },
		{ .version = 45, .volumes = 1, .saturated = true, .prefix = 123 },
		{ .version = 45, .volumes = 1, .saturated = true, .extensible = 200 },
		{ .version = 45, .volumes = 1, .saturated = true, .comment = 65535, .again = true },
		{ .version = 45, .volumes = 1, .saturated = true, .comment = 65490, .again = true },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.comment = 65535,
			.prefix = 9999,
			.again = true },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.comment = 65500,
			.again = true,
			.no_record = true,
			.why = "missing" },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.no_record = true,
			.why = "missing" },
		{ .version = 62, .volumes = 1, .saturated = true, .why = "encrypted" },
		{ .version = 45, .volumes = 2, .saturated = true, .why = "volume" },
		{ .version = 45, .volumes = 1, .disk = 1, .saturated = true, .why = "contradict" },
		{ .version = 45, .volumes = 1, .entries = 1, .why = "contradict" },
		{ .version = 45, .volumes = 1, .size = 1, .why = "contradict" },
		{ .version = 45, .volumes = 1, .offset = -1, .why = "contradict" },
		{ .version = 45, .volumes = 1, .saturated = true, .size = -1, .why = "no central" },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.size = INT64_MAX,
			.why = "not fit" },
		{ .version = 45, .volumes = 1, .saturated = true, .offset = 1, .why = "not fit" },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.offset = -9999,
			.why = "not fit" },
		{ .version = 45,
			.volumes = 1,
			.saturated = true,
			.entries = 1 << 20,
			.why = "too small" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_zip64(&cases[i]);
}

static void test_local_size(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1000);
	uint32_t n = 0;

	(void)state;
	put_local(&b, &some[1]);
	b.p[28] = 9;
	assert_int_equal(zip_local_size(b.p, &n), 0);
	assert_int_equal(n, 30 + 5 + 9);
	b.p[0] = 'Q';
	assert_int_equal(zip_local_size(b.p, &n), -EBADMSG);
}

struct fuzz {
	uint64_t size, members;
};

static int fuzz_member(void *arg, const struct zip_entry *e)
{
	struct fuzz *f = arg;

	f->members++;
	if (!e->lie)
		assert_true(e->local + ZIP_LOCAL_HEADER + e->packed <= f->size);
	assert_true(e->mtime_ns < 1000000000);
	assert_true((e->mode & S_IFMT) != 0 && (e->mode & ~(S_IFMT | 07777u)) == 0);
	assert_true(strlen(e->path) < 4 * 65536);
	return 0;
}

static int fuzz_one(const struct buf *b, size_t piece, struct fuzz *f)
{
	static const struct zip_ops ops = { fuzz_member };
	struct zip_directory d;
	struct zip_walk *w;
	const char *why = NULL;
	int r = locate(b, &d, &why);

	if (r < 0)
		return r;
	assert_true(d.at.from <= d.at.to && d.at.to <= b->len);
	assert_int_equal(zip_walk_new(&d, b->len, NULL, &ops, f, &w), 0);
	for (uint64_t at = d.at.from; at < d.at.to && r == 0; at += piece)
		r = zip_walk_feed(w, b->p + at, MIN(piece, d.at.to - at));
	if (r == 0)
		r = zip_walk_end(w);
	if (r == -EBADMSG)
		assert_true(strlen(zip_walk_error(w)) > 0);
	zip_walk_free(w);
	return r;
}

static uint32_t next_random(uint64_t *seed) /* Knuth's MMIX constants */
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33);
}

/* Random damage to an archive with every kind of record: it is read or refused, nothing else. */
static void test_random_damage(void **state)
{
	static const struct zip64_case c = {
		.version = 45, .volumes = 1, .saturated = true, .comment = 30
	};
	AUTO(buf_free) struct buf good = BUF_INIT(1 << 20);
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	uint64_t seed = 1, read = 0, refused = 0;
	struct fuzz f = { 0, 0 };

	(void)state;
	put_zip64(&good, &c);
	f.size = good.len;
	assert_int_equal(fuzz_one(&good, 46, &f), 0);
	for (int i = 0; i < 20000; i++) {
		int r;

		b.len = 0;
		add(&b, good.p, good.len);
		for (uint32_t n = next_random(&seed) % 4 + 1; n > 0; n--)
			b.p[next_random(&seed) % b.len] = (char)next_random(&seed);
		r = fuzz_one(&b, next_random(&seed) % 100 + 1, &f);
		assert_true(r == 0 || r == -EBADMSG);
		*(r == 0 ? &read : &refused) += 1;
	}
	assert_true(read > 1000 && refused > 1000 && f.members > read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locate_plain),
		cmocka_unit_test(test_locate_empty),
		cmocka_unit_test(test_locate_prefix),
		cmocka_unit_test(test_locate_junk_behind),
		cmocka_unit_test(test_locate_fake),
		cmocka_unit_test(test_locate_truncated),
		cmocka_unit_test(test_locate_lies),
		cmocka_unit_test(test_locate_zip64),
		cmocka_unit_test(test_local_size),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
