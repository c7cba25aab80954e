/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_inflate.h - one deflate stream (RFC 1951), decoded by zlib or by ISA-L behind one contract.
 *
 * zlib stops at every block end for nothing, ISA-L is faster and does not stop: a pass
 * takes the first, spans the second where it was built in.  Both give the same bytes.
 * Threads: one owner.
 */
#ifndef ARCHIVE_GZIP_INFLATE_H
#define ARCHIVE_GZIP_INFLATE_H

#include "archive/gzip/gzip_table.h"

enum gzip_event {
	GZIP_MORE,     /* input or output ran out */
	GZIP_END,      /* the stream has ended */
	GZIP_AT_BLOCK, /* a block begins at the next bit */
	GZIP_AT_MEMBER /* a member's header has just been read (gzip_decoder only) */
};

enum gzip_engine {
	GZIP_ENGINE_ZLIB,
	GZIP_ENGINE_FAST /* ISA-L where it was built in, else zlib */
};

struct gzip_inflate {
	const struct gzip_inflate_ops *ops;
	const char *error; /* after -EBADMSG: what is wrong; static text */
};

/* A place where decoding can begin. */
struct gzip_place {
	unsigned back;		 /* bits, below 64, from there to the next input byte */
	unsigned char tail[8];	 /* the newest bytes taken, the last one at the end */
	struct gzip_table table; /* of the block, when the place is inside one */
};

struct gzip_inflate_ops {
	/* Begin a stream: the first input byte's lowest `bit` bits (0..7) are not part of it, and
	 * it may refer to these n (<= 32768) bytes of output before it.  table: it begins inside
	 * a block with this header; NULL: with a block.  -EBADMSG: that is no header; -ENOSYS: the
	 * engine cannot begin there. */
	int (*begin)(struct gzip_inflate *f, unsigned bit, const void *window, size_t n,
		     const struct gzip_table *table);
	/* Decode; all four are advanced.  An event or -EBADMSG or -ENOMEM.  With `stop`, in every
	 * call or in none, an engine that can returns GZIP_AT_BLOCK wherever a block ends that
	 * is not the last. */
	int (*run)(struct gzip_inflate *f, const unsigned char **in, size_t *n_in,
		   unsigned char **out, size_t *n_out, bool stop);
	/* At GZIP_AT_BLOCK: where the block begins.  At GZIP_MORE, with `stop`, when all input was
	 * taken and room is left: the place inside a block where what was decoded ends.  False: not
	 * here, or this engine never can. */
	bool (*place)(const struct gzip_inflate *f, struct gzip_place *out);
	/* At GZIP_END: input bytes that were taken in earlier calls and are not part of the
	 * stream; n of at most 8. */
	size_t (*leftover)(const struct gzip_inflate *f, unsigned char out[static 8]);
	void (*free)(struct gzip_inflate *f);
};

int gzip_inflate_new(enum gzip_engine engine, struct gzip_inflate **out) MUST_CHECK;
struct gzip_inflate *gzip_inflate_free(struct gzip_inflate *f); /* NULL ok; returns NULL */

/* The engines behind it.  gzip_isal_new: -ENOSYS when it was not built in. */
int gzip_zlib_new(struct gzip_inflate **out) MUST_CHECK;
int gzip_isal_new(struct gzip_inflate **out) MUST_CHECK;

/* CRC-32 as gzip has it (RFC 1952, section 8); start with 0, feed the result back to go on. */
uint32_t gzip_crc(uint32_t crc, const void *p, size_t n);
/* Of two pieces one behind the other, the second of n bytes. */
uint32_t gzip_crc_join(uint32_t first, uint32_t second, uint64_t n);

#endif
