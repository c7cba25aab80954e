/* SPDX-License-Identifier: MPL-2.0 */
/* zipmake.h - for tests: zip archives put together byte by byte, and walked. */
#ifndef TESTS_LIB_ZIPMAKE_H
#define TESTS_LIB_ZIPMAKE_H

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "archive/zip/zip.h"
#include "base/buf.h"

#define UNIX (3 << 8 | 20)
#define FAT (0 << 8 | 20)
#define NTFS (10 << 8 | 20)
#define UTF8 0x0800

/* A member to write; what is 0 is made up. */
struct member {
	const char *name;
	size_t n_name;
	unsigned made_by, flags, method, date, time, disk;
	uint32_t attr, size, packed, offset;
	const char *extra;
	size_t n_extra;
	size_t n_comment;
};

static inline void put(struct buf *b, uint64_t v, size_t n)
{
	for (; n > 0; n--, v >>= 8) {
		unsigned char c = (unsigned char)v;

		assert_int_equal(buf_add(b, &c, 1), 0);
	}
}

static inline void add(struct buf *b, const void *p, size_t n)
{
	assert_int_equal(buf_add(b, p, n), 0);
}

static inline void pad(struct buf *b, char c, size_t n)
{
	while (n-- > 0)
		add(b, &c, 1);
}

static inline size_t name_length(const struct member *m)
{
	return m->n_name ? m->n_name : strlen(m->name);
}

static inline void put_local(struct buf *b, const struct member *m)
{
	put(b, 0x04034b50, 4);
	put(b, 20, 2);
	put(b, m->flags, 2);
	put(b, m->method, 2);
	put(b, 0, 12);
	put(b, 0, 4);
	put(b, name_length(m), 2);
	put(b, 0, 2);
	add(b, m->name, name_length(m));
	pad(b, 'd', m->packed < 1000 ? m->packed : 0);
}

static inline void put_central(struct buf *b, const struct member *m, uint64_t local)
{
	put(b, 0x02014b50, 4);
	put(b, m->made_by, 2);
	put(b, 20, 2);
	put(b, m->flags, 2);
	put(b, m->method, 2);
	put(b, m->time, 2);
	put(b, m->date, 2);
	put(b, 0x12345678, 4);
	put(b, m->packed, 4);
	put(b, m->size, 4);
	put(b, name_length(m), 2);
	put(b, m->n_extra, 2);
	put(b, m->n_comment, 2);
	put(b, m->disk, 2);
	put(b, 0, 2);
	put(b, m->attr, 4);
	put(b, m->offset ? m->offset : local, 4);
	add(b, m->name, name_length(m));
	add(b, m->extra ? m->extra : "", m->n_extra);
	pad(b, 'c', m->n_comment);
}

static inline void put_end(struct buf *b, uint64_t entries, uint64_t size, uint64_t offset,
			   size_t comment)
{
	put(b, 0x06054b50, 4);
	put(b, 0, 4);
	put(b, entries, 2);
	put(b, entries, 2);
	put(b, size, 4);
	put(b, offset, 4);
	put(b, comment, 2);
}

/* Write the members and their directory to b; the end record is the caller's. */
static inline struct zip_directory put_members(struct buf *b, const struct member *m, size_t n)
{
	struct zip_directory d = { .entries = n };
	uint64_t local[16];

	assert_true(n <= ARRAY_SIZE(local));
	for (size_t i = 0; i < n; i++) {
		local[i] = b->len;
		put_local(b, &m[i]);
	}
	d.at.from = b->len;
	for (size_t i = 0; i < n; i++)
		put_central(b, &m[i], local[i]);
	d.at.to = b->len;
	return d;
}

static const struct member some[] __attribute__((unused)) = {
	{ .name = "dir/", .made_by = UNIX, .attr = 040755u << 16 },
	{ .name = "dir/a", .made_by = UNIX, .attr = 0100644u << 16, .size = 7, .packed = 7 },
	{ .name = "dir/link", .made_by = UNIX, .attr = 0120777u << 16, .size = 1, .packed = 1 },
	{ .name = "b",
	  .made_by = FAT,
	  .method = ZIP_DEFLATED,
	  .size = 100,
	  .packed = 9,
	  .n_comment = 70 },
};

#define BYTES(text) (text), sizeof(text) - 1

/* The last member that a walk reported, and all of them as text. */
struct seen {
	struct zip_entry e;
	char path[300];
	size_t n;
	struct buf text;
	int answer; /* what the callback returns */
};

static inline int see(void *arg, const struct zip_entry *e)
{
	struct seen *s = arg;

	s->e = *e;
	snprintf(s->path, sizeof(s->path), "%.*s", 299, e->path);
	s->n++;
	assert_int_equal(buf_addf(&s->text, "%06o %" PRIu64 " %" PRIu64 " %s\n", e->mode, e->size,
				  e->local, e->path),
			 0);
	return s->answer;
}

static inline int walk(const struct buf *b, const struct zip_directory *d, size_t piece,
		       const char *encoding, struct seen *s, char *error)
{
	static const struct zip_ops ops = { see };
	struct zip_walk *w;
	int r = 0;

	assert_int_equal(zip_walk_new(d, b->len, encoding, &ops, s, &w), 0);
	for (uint64_t at = d->at.from; at < d->at.to && r == 0; at += piece) {
		size_t n = MIN(piece, d->at.to - at);
		AUTO(auto_free) char *copy = malloc(n); /* its end is the sanitizer's business */

		assert_non_null(copy);
		memcpy(copy, b->p + at, n);
		r = zip_walk_feed(w, copy, n);
	}
	if (r == 0)
		r = zip_walk_end(w);
	if (r != 0)
		assert_int_equal(zip_walk_end(w), r); /* what ended it stays */
	if (error)
		snprintf(error, 200, "%s", zip_walk_error(w));
	assert_null(zip_walk_free(w));
	return r;
}

/* Walk an archive of one member; 4 KiB of something precede it. */
static inline int walk_one(const struct member *m, const char *encoding, struct seen *s,
			   char *error)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	struct zip_directory d;
	int r;

	*s = (struct seen){ .text = BUF_INIT(1 << 20) };
	pad(&b, '#', 4096);
	d = put_members(&b, m, 1);
	r = walk(&b, &d, 4096, encoding, s, error);
	buf_free(&s->text);
	return r;
}

#endif
