/* SPDX-License-Identifier: MPL-2.0 */
/* digest.c - SHA-256 and CRC-32C against published vectors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

/* FIPS 180-4 and the NIST example vectors. */
static void test_sha256(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct digest *d = digest_new();
		size_t half = strlen(cases[i].text) / 2;
		char hex[DIGEST_HEX];

		assert_non_null(d);
		digest_add(d, cases[i].text, half);
		digest_add(d, cases[i].text + half, strlen(cases[i].text) - half);
		digest_end(d, hex);
		assert_string_equal(hex, cases[i].hex);
	}
	digest_free(NULL);
	digest_free(digest_new());
}

static void test_strings(void **state)
{
	char a[DIGEST_HEX], b[DIGEST_HEX], c[DIGEST_HEX], none[DIGEST_HEX], nul[DIGEST_HEX];
	struct digest *d = digest_new();

	(void)state;
	assert_int_equal(digest_strings(a, "ab", "c", NULL), 0);
	assert_int_equal(digest_strings(b, "a", "bc", NULL), 0);
	assert_int_equal(digest_strings(c, "ab", "c", NULL), 0);
	assert_string_equal(a, c);
	assert_string_not_equal(a, b);
	assert_int_equal(digest_strings(none, NULL), 0);
	assert_string_equal(none,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_add(d, "ab\0c", 5);
	digest_end(d, nul);
	assert_string_equal(a, nul);
}

/* RFC 3720 B.4, and the customary check value. */
static void test_crc32c(void **state)
{
	unsigned char zeros[32] = { 0 }, ones[32], up[32], down[32];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++) {
		up[i] = (unsigned char)i;
		down[i] = (unsigned char)(31 - i);
	}
	assert_int_equal(crc32c(0, zeros, 32), 0x8a9136aa);
	assert_int_equal(crc32c(0, ones, 32), 0x62a8ab43);
	assert_int_equal(crc32c(0, up, 32), 0x46dd794e);
	assert_int_equal(crc32c(0, down, 32), 0x113fdb5c);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
}

/* Bit by bit, as the definition has it. */
static uint32_t crc_slow(const unsigned char *p, size_t n)
{
	uint32_t c = ~0u;

	for (; n > 0; p++, n--) {
		c ^= *p;
		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
	}
	return ~c;
}

static void test_crc32c_pieces(void **state)
{
	static unsigned char data[20000];
	uint32_t whole;

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 197 + 13);
	for (size_t n = 0; n <= 40; n++) /* any length at any alignment */
		for (size_t at = 0; at < 9; at++)
			assert_int_equal(crc32c(0, data + at, n), crc_slow(data + at, n));
	whole = crc_slow(data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut += 97) /* short and long pieces */
		assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, sizeof(data) - cut),
				 whole);
}

/* Interrupted at any byte, saved, loaded, gone on with: the same digest. */
static void test_state(void **state)
{
	static unsigned char data[300];
	unsigned char saved[DIGEST_STATE];
	char whole[DIGEST_HEX], pieces[DIGEST_HEX];

	(void)state;
	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 31 + 7);
	for (size_t cut = 0; cut <= sizeof(data); cut++) {
		struct digest *a = digest_new(), *b;

		digest_add(a, data, cut);
		assert_int_equal(digest_bytes(a), cut);
		digest_save(a, saved);
		assert_int_equal(digest_load(saved, sizeof(saved), &b), 0);
		assert_int_equal(digest_bytes(b), cut);
		digest_add(a, data + cut, sizeof(data) - cut);
		digest_add(b, data + cut, sizeof(data) - cut);
		digest_end(a, whole);
		digest_end(b, pieces);
		assert_string_equal(pieces, whole);
	}
	assert_string_equal(whole,
			    "4ebe2a8bd5ece93fb899b68e8a5fe64464b2058a5ddca6c079bc907930aa3003");
}

/* libcrypto counts bits in two words of 32. */
static void test_state_large(void **state)
{
	static unsigned char data[1 << 20];
	unsigned char saved[DIGEST_STATE];
	char whole[DIGEST_HEX], pieces[DIGEST_HEX];
	struct digest *a = digest_new(), *b;

	(void)state;
	for (unsigned i = 0; i < 513; i++)
		digest_add(a, data, sizeof(data));
	digest_add(a, data, 3);
	digest_save(a, saved);
	assert_int_equal(digest_load(saved, sizeof(saved), &b), 0);
	digest_add(a, data, 1000);
	digest_add(b, data, 1000);
	digest_end(a, whole);
	digest_end(b, pieces);
	assert_string_equal(pieces, whole);
}

static void test_state_damaged(void **state)
{
	unsigned char saved[DIGEST_STATE + 1] = { 0 };
	struct digest *d = digest_new(), *loaded = NULL;

	(void)state;
	digest_add(d, "seventy bytes, so that there is a whole block and a part of the next one",
		   70);
	digest_save(d, saved);
	digest_free(d);
	assert_int_equal(digest_load(saved, 0, &loaded), -EINVAL);
	assert_int_equal(digest_load(saved, DIGEST_STATE - 1, &loaded), -EINVAL);
	assert_int_equal(digest_load(saved, DIGEST_STATE + 1, &loaded), -EINVAL);
	for (unsigned i = 0; i < DIGEST_STATE; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			saved[i] ^= (unsigned char)(1u << bit);
			assert_int_equal(digest_load(saved, DIGEST_STATE, &loaded), -EINVAL);
			saved[i] ^= (unsigned char)(1u << bit);
		}
	assert_null(loaded);
	assert_int_equal(digest_load(saved, DIGEST_STATE, &loaded), 0);
	digest_free(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256),	      cmocka_unit_test(test_strings),
		cmocka_unit_test(test_crc32c),	      cmocka_unit_test(test_crc32c_pieces),
		cmocka_unit_test(test_state),	      cmocka_unit_test(test_state_large),
		cmocka_unit_test(test_state_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
