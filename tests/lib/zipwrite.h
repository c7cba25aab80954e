/* SPDX-License-Identifier: MPL-2.0 */
/* zipwrite.h - for tests: whole zips with real data, and the lies that are asked for. */
#ifndef TESTS_ZIPWRITE_H
#define TESTS_ZIPWRITE_H

#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/buf.h"

struct zip_file {
	const char *name;
	size_t n_name; /* 0: strlen(name) */
	unsigned mode; /* 0: a regular file */
	unsigned method, flags;
	const void *data;
	size_t size;
	int64_t size_lie; /* added to the size in the directory */
	uint32_t crc_lie; /* xor'ed to the CRC */
	size_t damage; /* at this byte of the compressed data, counted from 1 */
	bool zip64;
	size_t local_extra; /* bytes of extra field in the local header alone */
};

struct zip_writer {
	struct buf body, dir;
	unsigned n;
};

#define ZIP_WRITER_INIT \
	{ \
		BUF_INIT((size_t)1 << 30), BUF_INIT((size_t)1 << 30), 0 \
	}

static inline void zip_num(struct buf *b, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8) {
		unsigned char c = (unsigned char)v;

		assert_int_equal(buf_add(b, &c, 1), 0);
	}
}

static inline void zip_bytes(struct buf *b, const void *p, size_t n)
{
	if (n > 0)
		assert_int_equal(buf_add(b, p, n), 0);
}

static inline unsigned char *zip_deflate(const struct zip_file *f, size_t *n)
{
	size_t room = f->size + f->size / 100 + 1000;
	unsigned char *p = malloc(room);
	z_stream z = { 0 };

	assert_non_null(p);
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)f->data;
	z.avail_in = (uInt)f->size;
	z.next_out = p;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*n = z.total_out;
	deflateEnd(&z);
	return p;
}

static inline void zip_central(struct zip_writer *w, const struct zip_file *f, uint64_t size,
			       uint64_t packed, uint32_t crc, uint64_t local)
{
	size_t n_name = f->n_name ? f->n_name : strlen(f->name);
	unsigned mode = f->mode ? f->mode : S_IFREG | 0644;

	zip_num(&w->dir, 0x02014b50, 4);
	zip_num(&w->dir, 3 << 8 | 20, 2);
	zip_num(&w->dir, 20, 2);
	zip_num(&w->dir, f->flags, 2);
	zip_num(&w->dir, f->method, 2);
	zip_num(&w->dir, 0x21 << 16, 4);
	zip_num(&w->dir, crc, 4);
	zip_num(&w->dir, f->zip64 ? UINT32_MAX : packed, 4);
	zip_num(&w->dir, f->zip64 ? UINT32_MAX : size, 4);
	zip_num(&w->dir, n_name, 2);
	zip_num(&w->dir, f->zip64 ? 28 : 0, 2);
	zip_num(&w->dir, 0, 6);
	zip_num(&w->dir, (uint64_t)mode << 16, 4);
	zip_num(&w->dir, f->zip64 ? UINT32_MAX : local, 4);
	zip_bytes(&w->dir, f->name, n_name);
	if (!f->zip64)
		return;
	zip_num(&w->dir, 1 | 24 << 16, 4);
	zip_num(&w->dir, size, 8);
	zip_num(&w->dir, packed, 8);
	zip_num(&w->dir, local, 8);
}

static inline void zip_add(struct zip_writer *w, const struct zip_file *f)
{
	bool deflated = f->method == 8 && f->size > 0;
	AUTO(auto_free) unsigned char *packed = NULL;
	size_t n = f->size, n_name = f->n_name ? f->n_name : strlen(f->name);
	uint32_t crc = (uint32_t)crc32(0, f->data, (uInt)f->size) ^ f->crc_lie;
	uint64_t local = w->body.len;

	if (deflated)
		packed = zip_deflate(f, &n);
	if (f->damage)
		packed[f->damage - 1] ^= 0x55;
	zip_num(&w->body, 0x04034b50, 4);
	zip_num(&w->body, 20, 2);
	zip_num(&w->body, f->flags | 8,
		2); /* sizes come later: the local header does not know them */
	zip_num(&w->body, f->method, 2);
	zip_num(&w->body, 0, 16);
	zip_num(&w->body, n_name, 2);
	zip_num(&w->body, f->local_extra, 2);
	zip_bytes(&w->body, f->name, n_name);
	for (size_t i = 0; i < f->local_extra; i++)
		zip_num(&w->body, 'x', 1);
	zip_bytes(&w->body, deflated ? packed : f->data, n);
	zip_central(w, f, (uint64_t)((int64_t)f->size + f->size_lie), n, crc, local);
	w->n++;
}

/* The whole zip is in w->body then. */
static inline void zip_finish(struct zip_writer *w, bool zip64, unsigned count_lie)
{
	uint64_t at = w->body.len, size = w->dir.len, n = w->n + count_lie;

	zip_bytes(&w->body, w->dir.p, w->dir.len);
	if (zip64) {
		zip_num(&w->body, 0x06064b50, 4);
		zip_num(&w->body, 44, 8);
		zip_num(&w->body, 45 | 45 << 16, 4);
		zip_num(&w->body, 0, 8);
		zip_num(&w->body, n, 8);
		zip_num(&w->body, n, 8);
		zip_num(&w->body, size, 8);
		zip_num(&w->body, at, 8);
		zip_num(&w->body, 0x07064b50, 4);
		zip_num(&w->body, 0, 4);
		zip_num(&w->body, at + size, 8);
		zip_num(&w->body, 1, 4);
	}
	zip_num(&w->body, 0x06054b50, 4);
	zip_num(&w->body, 0, 4);
	zip_num(&w->body, zip64 ? UINT16_MAX : n, 2);
	zip_num(&w->body, zip64 ? UINT16_MAX : n, 2);
	zip_num(&w->body, zip64 ? UINT32_MAX : size, 4);
	zip_num(&w->body, zip64 ? UINT32_MAX : at, 4);
	zip_num(&w->body, 0, 2);
}

static inline void zip_free(struct zip_writer *w)
{
	buf_free(&w->body);
	buf_free(&w->dir);
	w->n = 0;
}

#endif
