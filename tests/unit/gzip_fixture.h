/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_fixture.h - data of several kinds, compressed in every way zlib has, and a pass that keeps
 * what it is told.  Everything is owned by who called make_ or run_. */
#ifndef TESTS_UNIT_GZIP_FIXTURE_H
#define TESTS_UNIT_GZIP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "archive/gzip/gzip.h"

/* $TEST_SMALL: what runs the test makes it fifty times slower.  The same cases then, of this part of
 * their size; a point needs 32 KiB of output, so there are a few all the same. */
static inline size_t part_of(size_t n)
{
	return getenv("TEST_SMALL") ? n / 8 : n;
}

enum kind { TEXT, NOISE, AUDIO, ZEROS, MIXED };

struct bytes {
	unsigned char *p;
	size_t n;
};

static inline uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* AUDIO: bytes of uneven frequency, so that they end in dynamic blocks of literals, with a few
 * repeated headers, as MP3 frames have them. */
static inline unsigned char audio_byte(uint32_t *seed, size_t i)
{
	static const unsigned char frame[4] = { 0xff, 0xfb, 0x90, 0x64 };
	uint32_t r = next_random(seed) >> 8;

	return i % 417 < 4 ? frame[i % 417] : (unsigned char)(r % 11 ? r >> 8 : 0x55);
}

static inline size_t put_word(unsigned char *p, size_t room, uint32_t *seed)
{
	uint32_t r = next_random(seed) % 3000 * 2654435761u;
	size_t n = MIN(2 + r % 7, room);

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i + 1 < n ? 'a' + (r >> i * 3) % 26 : ' ');
	return n;
}

static inline struct bytes make_data(enum kind kind, size_t n, uint32_t seed)
{
	struct bytes b = { calloc(1, n + 1), n };

	assert_non_null(b.p);
	for (size_t i = 0; i < n;) {
		enum kind k = kind == MIXED ? (enum kind)(i / 20000 % 4) : kind;

		if (k == TEXT)
			i += put_word(b.p + i, n - i, &seed);
		else if (k == NOISE)
			b.p[i++] = (unsigned char)(next_random(&seed) >> 9);
		else if (k == AUDIO)
			b.p[i] = audio_byte(&seed, i), i++;
		else
			b.p[i++] = 0;
	}
	return b;
}

struct how {
	int level, strategy, mem_level;
	size_t flush_every; /* a Z_FULL_FLUSH after so many bytes; 0: none */
	int wbits;	    /* 31: gzip, -15: raw */
	bool fields;	    /* FEXTRA, FNAME, FCOMMENT and FHCRC in the header */
};

static inline void deflate_all(z_stream *z, const struct how *how, struct bytes data)
{
	size_t piece = how->flush_every ? how->flush_every : data.n, done = 0;

	do {
		size_t n = MIN(piece, data.n - done);
		bool last = done + n == data.n;

		z->next_in = data.p + done;
		z->avail_in = (uInt)n;
		assert_int_equal(deflate(z, last ? Z_FINISH : Z_FULL_FLUSH),
				 last ? Z_STREAM_END : Z_OK);
		done += n;
	} while (done < data.n);
}

/* Append data, compressed, to b. */
static inline void append_packed(struct bytes *b, const struct how *how, struct bytes data)
{
	static unsigned char extra[700], name[] = "name", comment[] = "comment";
	gz_header h = { .extra = extra,
			.extra_len = sizeof(extra),
			.name = name,
			.comment = comment,
			.hcrc = 1 };
	z_stream z = { 0 };
	size_t room = data.n + data.n / 4 + 4096;

	if (how->flush_every)
		room += data.n / how->flush_every * 64;
	assert_int_equal(
		deflateInit2(&z, how->level, Z_DEFLATED, how->wbits, how->mem_level, how->strategy),
		Z_OK);
	if (how->fields)
		assert_int_equal(deflateSetHeader(&z, &h), Z_OK);
	b->p = realloc(b->p, b->n + room);
	assert_non_null(b->p);
	z.next_out = b->p + b->n;
	z.avail_out = (uInt)room;
	deflate_all(&z, how, data);
	b->n += z.total_out;
	deflateEnd(&z);
}

/* data in so many members, each a little bigger than the one before. */
static inline struct bytes make_packed(const struct how *how, unsigned members, struct bytes data)
{
	struct bytes b = { NULL, 0 };
	size_t done = 0, share = data.n / (members * (members + 1) / 2);

	for (unsigned i = 1; i <= members; i++) {
		size_t n = i < members ? share * i : data.n - done;

		append_packed(&b, how, (struct bytes){ data.p + done, n });
		done += n;
	}
	return b;
}

struct noted {
	struct gzip_point p;
	size_t n;
	unsigned char *window; /* packed */
};

struct run {
	struct bytes out;
	size_t room;
	struct noted *points;
	size_t n_points;
	int result; /* of the first feed that was not 0, else of the end */
	char error[200];
	size_t fail_output; /* output() returns 42 at the so manieth call; 0: never */
	size_t fail_point;
};

static inline int note_output(void *arg, const void *p, size_t n)
{
	struct run *r = arg;

	assert_true(n > 0);
	if (r->fail_output > 0 && --r->fail_output == 0)
		return 42;
	if (r->out.n + n > r->room) {
		r->room = (r->out.n + n) * 2;
		r->out.p = realloc(r->out.p, r->room);
		assert_non_null(r->out.p);
	}
	memcpy(r->out.p + r->out.n, p, n);
	r->out.n += n;
	return 0;
}

static inline int note_point(void *arg, const struct gzip_point *p, const void *window, size_t n)
{
	struct run *r = arg;
	struct noted *t;

	if (r->fail_point > 0 && --r->fail_point == 0)
		return 43;
	r->points = realloc(r->points, (r->n_points + 1) * sizeof(*r->points));
	assert_non_null(r->points);
	t = &r->points[r->n_points++];
	*t = (struct noted){ *p, n, malloc(n + 1) };
	assert_non_null(t->window);
	memcpy(t->window, window, n);
	return 0;
}

/* A pass over packed (all of it, from a point or NULL), fed in pieces. */
static inline void run_pass(struct run *run, enum gzip_format f, const struct noted *from,
			    struct bytes packed, size_t piece, uint64_t spacing)
{
	static const struct gzip_pass_ops ops = { note_output, note_point };
	size_t at = from ? (size_t)(from->p.in_bit / 8) : 0;
	struct gzip_pass *z;
	int r = 0;

	assert_int_equal(gzip_pass_new(f, from ? &from->p : NULL, from ? from->window : NULL,
				       from ? from->n : 0, spacing, &ops, run, &z),
			 0);
	while (r == 0 && at < packed.n) {
		size_t n = MIN(piece, packed.n - at);
		unsigned char *copy = malloc(n); /* so that reading beyond it is noticed */

		assert_non_null(copy);
		memcpy(copy, packed.p + at, n);
		r = gzip_pass_feed(z, copy, n);
		free(copy);
		at += n;
	}
	run->result = r != 0 ? r : gzip_pass_end(z);
	assert_int_equal(gzip_pass_end(z), run->result == 1 ? 0 : run->result);
	snprintf(run->error, sizeof(run->error), "%s", gzip_pass_error(z));
	z = gzip_pass_free(z);
	assert_null(z);
}

static inline void run_free(struct run *run)
{
	for (size_t i = 0; i < run->n_points; i++)
		free(run->points[i].window);
	free(run->points);
	free(run->out.p);
	*run = (struct run){ 0 };
}

static inline bool same_bytes(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
