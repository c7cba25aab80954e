/* SPDX-License-Identifier: MPL-2.0 */
/* digest.c - see digest.h.  CRC-32C uses the SSE4.2 instruction where the machine has it.
 *
 * SHA-256 goes through libcrypto's older interface: the newer one (EVP) does the same work with the
 * same code, but gives no access to the state between two pieces, which has to outlive the process.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* since OpenSSL 3.0, without a replacement that does this */
#include "base/digest.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <openssl/sha.h>

#include "base/bytes.h"

#define STATE_MAGIC "SHA256\0\1" /* and the version */
#define STATE_WORDS 8u
#define STATE_COUNT (STATE_WORDS + 4 * 8)
#define STATE_BLOCK (STATE_COUNT + 8)
#define STATE_CRC (STATE_BLOCK + SHA256_CBLOCK)

struct digest {
	SHA256_CTX ctx;
	uint64_t bytes;
};

struct digest *digest_new(void)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (d)
		SHA256_Init(&d->ctx);
	return d;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
	SHA256_Update(&d->ctx, p, n);
	d->bytes += n;
}

void digest_end(struct digest *d, char hex[static DIGEST_HEX])
{
	unsigned char raw[SHA256_DIGEST_LENGTH] = { 0 };

	SHA256_Final(raw, &d->ctx);
	for (unsigned i = 0; i < sizeof(raw); i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	digest_free(d);
}

void digest_free(struct digest *d)
{
	free(d);
}

uint64_t digest_bytes(const struct digest *d)
{
	return d->bytes;
}

void digest_save(const struct digest *d, unsigned char out[static DIGEST_STATE])
{
	_Static_assert(DIGEST_STATE == STATE_CRC + 4, "the layout in digest.h");

	memset(out, 0, DIGEST_STATE);
	memcpy(out, STATE_MAGIC, STATE_WORDS);
	for (unsigned i = 0; i < 8; i++)
		bytes_put_be(out + STATE_WORDS + 4 * i, 4, d->ctx.h[i]);
	bytes_put_be(out + STATE_COUNT, 8, d->bytes);
	memcpy(out + STATE_BLOCK, d->ctx.data, d->bytes % SHA256_CBLOCK);
	bytes_put_be(out + STATE_CRC, 4, crc32c(0, out, STATE_CRC));
}

int digest_load(const void *state, size_t n, struct digest **out)
{
	const unsigned char *p = state;
	struct digest *d;

	if (n != DIGEST_STATE || memcmp(p, STATE_MAGIC, STATE_WORDS) != 0 ||
	    bytes_get_be(p + STATE_CRC, 4) != crc32c(0, p, STATE_CRC))
		return -EINVAL;
	d = digest_new();
	if (!d)
		return -ENOMEM;
	for (unsigned i = 0; i < 8; i++)
		d->ctx.h[i] = (SHA_LONG)bytes_get_be(p + STATE_WORDS + 4 * i, 4);
	d->bytes = bytes_get_be(p + STATE_COUNT, 8);
	d->ctx.num = (unsigned)(d->bytes % SHA256_CBLOCK);
	d->ctx.Nl = (SHA_LONG)(d->bytes << 3); /* libcrypto counts bits, in two words */
	d->ctx.Nh = (SHA_LONG)(d->bytes >> 29);
	memcpy(d->ctx.data, p + STATE_BLOCK, d->ctx.num);
	*out = d;
	return 0;
}

int digest_strings(char hex[static DIGEST_HEX], ...)
{
	struct digest *d = digest_new();
	const char *s;
	va_list ap;

	if (!d)
		return -ENOMEM;
	va_start(ap, hex);
	while ((s = va_arg(ap, const char *)))
		digest_add(d, s, strlen(s) + 1);
	va_end(ap);
	digest_end(d, hex);
	return 0;
}

static uint32_t crc_table[8][256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;
static uint32_t (*crc_fn)(uint32_t crc, const unsigned char *p, size_t n);

/* Eight tables, eight bytes a step ("slicing by 8", Kounavis and Berry, 2005). */
static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		uint32_t lo = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
				     (uint32_t)p[3] << 24);

		crc = crc_table[7][lo & 255] ^ crc_table[6][lo >> 8 & 255] ^
		      crc_table[5][lo >> 16 & 255] ^ crc_table[4][lo >> 24] ^ crc_table[3][p[4]] ^
		      crc_table[2][p[5]] ^ crc_table[1][p[6]] ^ crc_table[0][p[7]];
	}
	for (; n > 0; p++, n--)
		crc = crc >> 8 ^ crc_table[0][(crc ^ *p) & 255];
	return crc;
}

#if defined(__x86_64__)
#define LANE 2728u /* bytes: three lanes sixteen times are a cache block but for 128 bytes */

static uint32_t crc_skip[4][256]; /* what LANE zero bytes make of each byte of a CRC */

static void crc_skip_init(void)
{
	static const unsigned char zeros[LANE];

	for (unsigned b = 0; b < 4; b++)
		for (uint32_t i = 1; i < 256; i++)
			crc_skip[b][i] = i & (i - 1)
						 ? crc_skip[b][i & (i - 1)] ^ crc_skip[b][i & -i]
						 : crc_by_table(i << 8 * b, zeros, LANE);
}

static uint64_t skip_lane(uint64_t c)
{
	return crc_skip[0][c & 255] ^ crc_skip[1][c >> 8 & 255] ^ crc_skip[2][c >> 16 & 255] ^
	       crc_skip[3][c >> 24 & 255];
}

/* The instruction takes three cycles but may begin one in each: so three lanes side by side, joined
 * as CRCs are linear. */
__attribute__((target("sse4.2"))) static uint64_t crc_three_lanes(uint64_t a,
								  const unsigned char *p)
{
	uint64_t b = 0, c = 0;

	for (size_t i = 0; i < LANE; i += 8) {
		uint64_t word[3];

		memcpy(&word[0], p + i, 8);
		memcpy(&word[1], p + LANE + i, 8);
		memcpy(&word[2], p + 2 * (size_t)LANE + i, 8);
		a = __builtin_ia32_crc32di(a, word[0]);
		b = __builtin_ia32_crc32di(b, word[1]);
		c = __builtin_ia32_crc32di(c, word[2]);
	}
	return skip_lane(skip_lane(a) ^ b) ^ c;
}

__attribute__((target("sse4.2"))) static uint32_t crc_by_sse42(uint32_t crc, const unsigned char *p,
							       size_t n)
{
	uint64_t c = crc;

	for (; n >= 3 * (size_t)LANE; p += 3 * (size_t)LANE, n -= 3 * (size_t)LANE)
		c = crc_three_lanes(c, p);
	for (; n >= 8; p += 8, n -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		c = __builtin_ia32_crc32di(c, word);
	}
	for (; n > 0; p++, n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return (uint32_t)c;
}
#endif

static void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;

		for (int k = 0; k < 8; k++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78u : c >> 1;
		crc_table[0][i] = c;
	}
	for (uint32_t i = 0; i < 256; i++)
		for (int t = 1; t < 8; t++)
			crc_table[t][i] =
				crc_table[t - 1][i] >> 8 ^ crc_table[0][crc_table[t - 1][i] & 255];
	crc_fn = crc_by_table;
#if defined(__x86_64__)
	crc_skip_init();
	if (__builtin_cpu_supports("sse4.2"))
		crc_fn = crc_by_sse42;
#endif
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	pthread_once(&crc_once, crc_init);
	return ~crc_fn(~crc, p, n);
}
