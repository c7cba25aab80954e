/* SPDX-License-Identifier: MPL-2.0 */
/* gzip.h - random access into deflate data by seek points (RFC 1951, RFC 1952).
 *
 * A seek point says: at this bit of the compressed object a deflate block (or a gzip member)
 * begins, and its output goes to this byte of the stream.  Decoding may start there when the
 * 32 KiB of output before it, the window, are known.  A window is stored packed: sparse (only
 * the bytes that the following 32 KiB of output really refer to, the rest zero) and
 * then compressed.  A point at a member's first block has an empty window.  Where a block does not end
 * for long a point is inside it, and the codes of the block lie in front of the window.
 *
 * The same code serves .tar.gz (GZIP: any number of concatenated members, headers with any fields,
 * trailing zeros or garbage) and deflated zip members (DEFLATE: one raw deflate stream).
 * Threads: one owner per object, no shared state.
 */
#ifndef ARCHIVE_GZIP_H
#define ARCHIVE_GZIP_H

#include "base/util.h"

#define GZIP_WINDOW 32768u

enum gzip_format { GZIP_MEMBERS, GZIP_RAW_DEFLATE };

struct gzip_point {
	uint64_t in_bit;     /* of the compressed object: where the deflate block, or the next code
				inside one, starts; for at_member a whole byte, where the
				member's header starts */
	uint64_t out;	     /* stream offset of its first output byte */
	bool at_member;	     /* a gzip header comes first (never in GZIP_RAW_DEFLATE) */
	uint32_t crc;	     /* CRC-32 of this member's output before the point */
	uint64_t member_out; /* bytes of this member's output before the point */
};

/* The pass: decode everything once, in order, note seek points, check CRC and length. */
struct gzip_pass;

struct gzip_pass_ops {
	/* Decoded bytes, in order; not 0 ends the pass with that value. */
	int (*output)(void *arg, const void *p, size_t n);
	/* A seek point and its packed window (n may be 0); called after at least the first 32 KiB
	 * of output behind it went to output() (or the stream's end); points come in order. */
	int (*point)(void *arg, const struct gzip_point *p, const void *window, size_t n);
};

/* Begin at a point that an earlier pass reported (with its packed window), or at the first byte
 * when from is NULL (in_bit 0, out 0).  For a raw deflate member begin with a point whose in_bit is
 * the data's first bit and whose out is its virtual stream offset, window NULL.
 * spacing: at least this many compressed bytes between two points. */
int gzip_pass_new(enum gzip_format f, const struct gzip_point *from, const void *window, size_t n,
		  uint64_t spacing, const struct gzip_pass_ops *ops, void *arg,
		  struct gzip_pass **out) MUST_CHECK;
struct gzip_pass *gzip_pass_free(struct gzip_pass *z); /* NULL ok; returns NULL */
/* Compressed bytes, in order, from byte in_bit / 8 of the first point on.  0; 1 = the stream
 * has ended (further input is garbage, ignored); -EBADMSG = damaged, CRC or length wrong (all bytes
 * before the damage went to output()); or what an op returned. */
int gzip_pass_feed(struct gzip_pass *z, const void *p, size_t n) MUST_CHECK;
/* No more input: 0 = complete, -ENODATA = truncated; pending points are reported first. */
int gzip_pass_end(struct gzip_pass *z) MUST_CHECK;
/* One sentence on the damage after -EBADMSG or -ENODATA, with its offset; borrowed. */
const char *gzip_pass_error(const struct gzip_pass *z);

/* A span: decode from a seek point, as far as wanted. */
struct gzip_span;

int gzip_span_new(enum gzip_format f, const struct gzip_point *from, const void *window, size_t n,
		  struct gzip_span **out) MUST_CHECK;
/* As gzip_span_new(), slower: of a damaged stream, or one that is cut off, all bytes before that come
 * out, as of a pass.  The fast one decodes ahead, and keeps that back when it fails. */
int gzip_span_new_exact(enum gzip_format f, const struct gzip_point *from, const void *window,
			size_t n, struct gzip_span **out) MUST_CHECK;
struct gzip_span *gzip_span_free(struct gzip_span *s); /* NULL ok; returns NULL */
/* Decode from *in (n_in bytes, first call: from byte in_bit / 8) to *out (n_out bytes), both are
 * advanced as in zlib.  0 = went on until input or output ran out; 1 = the stream has ended;
 * -EBADMSG = damaged. */
int gzip_span_run(struct gzip_span *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		  size_t *n_out) MUST_CHECK;

#endif
