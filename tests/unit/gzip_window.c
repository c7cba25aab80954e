/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_window.c - packing of windows: there and back, and everything that is no packed window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "archive/gzip/gzip_window.h"

static uint32_t seed = 12345;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

/* Runs of `len` bytes, `gap` zeros between them; 0: random lengths of both. */
static const struct {
	const char *name;
	size_t n, lead, gap, len;
	size_t most; /* packed size */
} cases[] = {
	{ "one byte", 1, 0, 0, 1, 2 },
	{ "all zeros", GZIP_WINDOW, GZIP_WINDOW, 1, 1, 20 },
	{ "dense", GZIP_WINDOW, 0, 0, GZIP_WINDOW, GZIP_PACKED_MAX },
	{ "dense, short", 777, 0, 0, 777, 778 },
	{ "gap 1", GZIP_WINDOW, 0, 1, 1, GZIP_PACKED_MAX },
	{ "gap 2", GZIP_WINDOW, 1, 2, 1, GZIP_PACKED_MAX },
	{ "gap 3", GZIP_WINDOW, 0, 3, 1, GZIP_PACKED_MAX },
	{ "gap 3, runs of 127", GZIP_WINDOW, 0, 3, 127, GZIP_PACKED_MAX },
	{ "gap 3, runs of 128", GZIP_WINDOW, 0, 3, 128, GZIP_PACKED_MAX },
	{ "gap 128", GZIP_WINDOW, 127, 128, 3, 1200 },
	{ "two long runs", GZIP_WINDOW, 0, 3, 16384, GZIP_PACKED_MAX },
	{ "sparse", GZIP_WINDOW, 5, 100, 3, 1600 },
	{ "random", GZIP_WINDOW, 0, 0, 0, GZIP_PACKED_MAX },
	{ "random, short", 20000, 9, 0, 0, GZIP_PACKED_MAX },
};

static void make(unsigned char *w, size_t n, size_t lead, size_t gap, size_t len)
{
	bool random = gap == 0 && len == 0;

	memset(w, 0, n);
	for (size_t i = lead; i < n; i += random ? rnd() % 9 : gap) {
		size_t run = random ? rnd() % 40 + 1 : len;

		for (; run > 0 && i < n; run--)
			w[i++] = (unsigned char)(rnd() % 255 + 1);
	}
}

static void test_there_and_back(void **state)
{
	static unsigned char w[GZIP_WINDOW], packed[GZIP_PACKED_MAX], back[GZIP_WINDOW];
	size_t n, n_back;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(w, cases[i].n, cases[i].lead, cases[i].gap, cases[i].len);
		n_back = n = 0;
		assert_int_equal(gzip_window_pack(w, cases[i].n, packed, &n), 0);
		if (n > cases[i].most)
			fail_msg("%s: packed to %zu bytes", cases[i].name, n);
		assert_int_equal(gzip_window_unpack(packed, n, back, &n_back), 0);
		if (n_back != cases[i].n || memcmp(back, w, n_back) != 0)
			fail_msg("%s: came back as something else", cases[i].name);
	}
}

static void test_empty(void **state)
{
	unsigned char w[1] = { 0 };
	static unsigned char packed[GZIP_PACKED_MAX], back[GZIP_WINDOW];
	size_t n = 9;

	(void)state;
	assert_int_equal(gzip_window_pack(w, 0, packed, &n), 0);
	assert_int_equal(n, 0);
	n = 9;
	assert_int_equal(gzip_window_unpack(NULL, 0, back, &n), 0);
	assert_int_equal(n, 0);
}

/* Lists of runs that lie, packed properly. */
static const struct {
	const char *name;
	unsigned char list[16];
	size_t n;
	int r;
} lists[] = {
	{ "sound", { 10, 1, 2, 3, 'a', 'b', 'c' }, 7, 0 },
	{ "no runs", { 10, 0 }, 2, 0 },
	{ "nothing", { 0 }, 0, -EBADMSG },
	{ "no count", { 10 }, 1, -EBADMSG },
	{ "window of 0", { 0, 0 }, 2, -EBADMSG },
	{ "window of 32769", { 0x81, 0x80, 2, 0 }, 4, -EBADMSG },
	{ "number without an end", { 0x80, 0x80, 0x80, 0x80, 0 }, 5, -EBADMSG },
	{ "gap too far", { 10, 1, 11, 0 }, 4, -EBADMSG },
	{ "run too long", { 10, 1, 8, 3, 'a', 'b', 'c' }, 7, -EBADMSG },
	{ "bytes missing", { 10, 1, 2, 3, 'a', 'b' }, 6, -EBADMSG },
	{ "bytes left over", { 10, 1, 2, 3, 'a', 'b', 'c', 'd' }, 8, -EBADMSG },
	{ "runs missing", { 10, 9, 0, 1, 'a' }, 5, -EBADMSG },
	{ "second run outside", { 10, 2, 2, 3, 5, 1, 'a', 'b', 'c', 'd' }, 10, -EBADMSG },
};

static void test_lying_lists(void **state)
{
	static unsigned char packed[256], back[GZIP_WINDOW];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		uLongf n = sizeof(packed) - 1;
		size_t n_back = 77;
		int r;

		packed[0] = 1;
		assert_int_equal(compress(packed + 1, &n, lists[i].list, lists[i].n), Z_OK);
		r = gzip_window_unpack(packed, n + 1, back, &n_back);
		if (r != lists[i].r)
			fail_msg("%s: %d", lists[i].name, r);
		assert_int_equal(n_back, r == 0 ? 10 : 77);
	}
}

/* Every flipped bit and every cut is noticed. */
static void test_damage(void **state)
{
	static unsigned char w[GZIP_WINDOW], packed[GZIP_PACKED_MAX], back[GZIP_WINDOW];
	size_t n, n_back;

	(void)state;
	make(w, sizeof(w), 40, 400, 3);
	assert_int_equal(gzip_window_pack(w, sizeof(w), packed, &n), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(gzip_window_unpack(packed, i, back, &n_back), i ? -EBADMSG : 0);
	for (size_t bit = 1; bit < n * 8; bit++) { /* bit 0 makes it KIND_PLAIN: sound too */
		packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
		if (gzip_window_unpack(packed, n, back, &n_back) == 0) /* unused bits */
			assert_memory_equal(back, w, sizeof(w));
		packed[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	packed[0] = 9;
	assert_int_equal(gzip_window_unpack(packed, n, back, &n_back), -EBADMSG);
	packed[0] = 0;
	assert_int_equal(gzip_window_unpack(packed, GZIP_PACKED_MAX + 1, back, &n_back), -EBADMSG);
}

/* A zlib stream that is far bigger than any window. */
static void test_bomb(void **state)
{
	static unsigned char zeros[1 << 20], packed[4096], back[GZIP_WINDOW];
	uLongf n = sizeof(packed) - 1;
	size_t n_back;

	(void)state;
	assert_int_equal(compress(packed + 1, &n, zeros, sizeof(zeros)), Z_OK);
	packed[0] = 1;
	assert_int_equal(gzip_window_unpack(packed, n + 1, back, &n_back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_empty),
		cmocka_unit_test(test_lying_lists),    cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
