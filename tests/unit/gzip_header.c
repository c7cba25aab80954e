/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_header.c - member headers, in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "archive/gzip/gzip_header.h"
#include "archive/gzip/gzip_inflate.h"

#define HEAD(flags) 0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3

static const struct {
	const char *name;
	unsigned char bytes[40];
	size_t n; /* of the header; for an error: where it is known at the latest */
	int r;
	bool crc; /* append the right FHCRC */
} cases[] = {
	{ "plain", { HEAD(0) }, 10, 1, false },
	{ "text flag", { HEAD(1) }, 10, 1, false },
	{ "name", { HEAD(8), 'a', 'b', 0 }, 13, 1, false },
	{ "empty name", { HEAD(8), 0 }, 11, 1, false },
	{ "comment", { HEAD(16), 'x', 0 }, 12, 1, false },
	{ "extra", { HEAD(4), 3, 0, 0, 1, 2 }, 15, 1, false },
	{ "empty extra", { HEAD(4), 0, 0 }, 12, 1, false },
	{ "empty extra, name", { HEAD(12), 0, 0, 'n', 0 }, 14, 1, false },
	{ "bgzip", { HEAD(4), 6, 0, 'B', 'C', 2, 0, 9, 9 }, 18, 1, false },
	{ "header CRC", { HEAD(2) }, 10, 1, true },
	{ "all", { HEAD(31), 2, 0, 7, 0, 'n', 0, 'c', 'c', 0 }, 19, 1, true },
	{ "wrong header CRC", { HEAD(2), 1, 2 }, 12, -EBADMSG, false },
	{ "method 7", { 0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 0 }, 10, -EBADMSG, false },
	{ "reserved flag", { HEAD(0x20) }, 10, -EBADMSG, false },
	{ "reserved flag", { HEAD(0x80) }, 10, -EBADMSG, false },
	{ "zeros", { 0, 0 }, 1, -ENOENT, false },
	{ "half a magic", { 0x1f, 0x8c }, 2, -ENOENT, false },
};

static size_t header_bytes(size_t i, unsigned char *p)
{
	size_t n = cases[i].n;
	uint32_t crc = gzip_crc(0, cases[i].bytes, n);

	memcpy(p, cases[i].bytes, n);
	if (cases[i].crc) {
		p[n++] = crc & 255;
		p[n++] = crc >> 8 & 255;
	}
	return n;
}

static void check(size_t i, size_t piece)
{
	unsigned char bytes[64] = { 0 };
	size_t n = header_bytes(i, bytes), n_all = n + 5, done = 0;
	struct gzip_header h;
	int r = 0;

	gzip_header_init(&h);
	assert_true(gzip_header_empty(&h));
	while (r == 0 && done < n_all) {
		const unsigned char *p = bytes + done;
		size_t left = MIN(piece, n_all - done);

		r = gzip_header_feed(&h, &p, &left);
		done = (size_t)(p - bytes);
		assert_int_equal(gzip_header_empty(&h), done == 0);
		if (r == 0)
			assert_int_equal(left, 0);
	}
	if (r != cases[i].r)
		fail_msg("%s, pieces of %zu: %d", cases[i].name, piece, r);
	if (r == 1)
		assert_int_equal(done, n); /* and not a byte of what follows */
	else
		assert_in_range(done, 0, n);
	if (r == -EBADMSG)
		assert_non_null(h.why);
}

static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t piece = 1; piece < 50; piece++)
			check(i, piece);
}

/* The longest FEXTRA and a name without a limit, walked over in any pieces. */
static void test_long_fields(void **state)
{
	static unsigned char bytes[10 + 2 + 65535 + 100000 + 1];
	const unsigned char fixed[12] = { HEAD(12), 0xff, 0xff };

	(void)state;
	memset(bytes, 'n', sizeof(bytes));
	memcpy(bytes, fixed, sizeof(fixed));
	memset(bytes + 12, 0, 65535);
	bytes[sizeof(bytes) - 1] = 0;
	for (size_t piece = 1; piece < 200000; piece *= 3) {
		struct gzip_header h;
		size_t at = 0;
		int r = 0;

		gzip_header_init(&h);
		while (r == 0 && at < sizeof(bytes)) {
			const unsigned char *p = bytes + at;
			size_t left = MIN(piece, sizeof(bytes) - at);

			r = gzip_header_feed(&h, &p, &left);
			at = (size_t)(p - bytes);
		}
		assert_int_equal(r, 1);
		assert_int_equal(at, sizeof(bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_long_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
