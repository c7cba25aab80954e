/* SPDX-License-Identifier: MPL-2.0 */
/* tarmake.h - put together tar archives by hand, odd and broken ones too. */
#ifndef TESTS_TARMAKE_H
#define TESTS_TARMAKE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "archive/tar/tar_header.h"
#include "base/buf.h"

#define GNU_MAGIC "ustar  "
#define USTAR_MAGIC "ustar\00000"
#define V7_MAGIC "\0\0\0\0\0\0\0\0"

static inline void put(struct buf *b, const void *p, size_t n)
{
	assert_int_equal(buf_add(b, p, n), 0);
}

static inline void fill(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		put(b, &c, 1);
}

static inline void pad(struct buf *b)
{
	fill(b, '\0', (TAR_BLOCK - b->len % TAR_BLOCK) % TAR_BLOCK);
}

static inline void put_octal(char *to, int digits, uint64_t v)
{
	for (to += digits; digits-- > 0; v /= 8)
		*--to = (char)('0' + v % 8);
}

static inline void put_sum(char *block, bool with_sign)
{
	int sum = 0;

	memset(block + 148, ' ', 8);
	for (unsigned i = 0; i < TAR_BLOCK; i++)
		sum += with_sign ? (signed char)block[i] : (unsigned char)block[i];
	put_octal(block + 148, 6, (unsigned)sum);
	block[154] = '\0';
}

/* A header block: mode 0644, owner 0, time 0. */
static inline void header(struct buf *b, const char *magic, char type, const char *name,
			  size_t size)
{
	char block[TAR_BLOCK] = { 0 };

	memcpy(block, name, MIN(strlen(name), 100));
	memcpy(block + 100, "0000644", 8);
	put_octal(block + 124, 11, size);
	block[156] = type;
	memcpy(block + 257, magic, 8);
	put_sum(block, false);
	put(b, block, sizeof(block));
}

/* Change a field of the last block, a header. */
static inline void patch(struct buf *b, size_t at, const void *p, size_t n)
{
	memcpy(b->p + b->len - TAR_BLOCK + at, p, n);
	put_sum(b->p + b->len - TAR_BLOCK, false);
}

static inline void patch_text(struct buf *b, size_t at, const char *text)
{
	patch(b, at, text, strlen(text));
}

/* A header with a body of text. */
static inline void body(struct buf *b, const char *magic, char type, const char *name,
			const char *text)
{
	header(b, magic, type, name, strlen(text));
	put(b, text, strlen(text));
	pad(b);
}

static inline void file(struct buf *b, const char *name)
{
	body(b, USTAR_MAGIC, '0', name, "data");
}

/* One pax record appended to a body under construction. */
static inline void record(struct buf *b, const char *key, const char *value)
{
	size_t n = strlen(key) + strlen(value) + 3;
	size_t len = n + 1;

	for (size_t ten = 10; ten <= len; ten *= 10) /* the digits of the length count too */
		len++;
	assert_int_equal(buf_addf(b, "%zu %s=%s\n", len, key, value), 0);
}

/* A pax header with these records: key, value, ..., NULL. */
static inline void pax(struct buf *b, int type, ...)
{
	AUTO(buf_free) struct buf records = BUF_INIT(1 << 20);
	const char *key;
	va_list ap;

	va_start(ap, type);
	while ((key = va_arg(ap, const char *)) != NULL)
		record(&records, key, va_arg(ap, const char *));
	va_end(ap);
	body(b, USTAR_MAGIC, (char)type, "pax", records.p);
}

static inline void end(struct buf *b)
{
	fill(b, '\0', 2 * TAR_BLOCK);
}

#endif
