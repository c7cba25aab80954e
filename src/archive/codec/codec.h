/* SPDX-License-Identifier: MPL-2.0 */
/* codec.h - the compressions whose data can be decoded from more places than its start, one table
 * entry each; private to the archive layer.
 *
 * A *unit* is a range of compressed bytes that decodes on its own: an xz or bzip2 block, some zstd
 * frames, some independent lz4 blocks.  A *cutter* finds where units begin in the compressed bytes
 * as they come by, without decoding them; a *decoder* decodes from a seek point on.  Where a
 * unit begins is a seek point without a window (index_add_point): in_bit and out as in gzip.h,
 * at_member set, and in crc the codec's hint: what its decoder must know besides.
 * gzip has no units: its pass finds seek points by decoding (gzip.h), and only its decoder is used.
 * Threads: one owner per object.
 */
#ifndef ARCHIVE_CODEC_H
#define ARCHIVE_CODEC_H

#include <errno.h>

#include "archive/gzip/gzip.h"
#include "store/reader.h"

#define UNIT_MAX ((uint64_t)64 << 20) /* bytes, compressed or decoded: larger units are no help */
#define UNIT_OVERLAP_MAX 16u	      /* see codec.overlap */

/* Where a checksum over several units begins or ends; what runs decoders in the stream's order can
 * check it. */
struct mark {
	enum { MARK_BEGIN, MARK_END } what;
	uint32_t sum; /* of MARK_END: the xxh32 of everything since MARK_BEGIN */
};

struct decoder {
	const struct decoder_ops *ops;
	struct mark mark; /* after DECODER_MARK: belongs behind the output so far */
};

#define DECODER_ENDED 1
#define DECODER_MARK 2

struct decoder_ops {
	/* Decode; all four are advanced.  0 = the input or the room is used up (all output is out
	 * when room is left); DECODER_ENDED = the unit has ended, what follows in the input is not
	 * its; DECODER_MARK = to be called again, see mark; -EBADMSG = damaged; -ENOMEM. */
	int (*run)(struct decoder *d, const unsigned char **in, size_t *n_in, unsigned char **out,
		   size_t *n_out);
	/* There is no more input: 0 = the unit was whole; -ENODATA. */
	int (*end)(struct decoder *d);
	void (*free)(struct decoder *d);
};

struct cut {
	uint64_t in_bit; /* of the object: where a unit may begin; not before the last one's */
	uint32_t hint;
	uint64_t weight; /* decoded bytes since the cutter's beginning, about; grows */
	bool joins;	 /* it may as well be decoded as part of the unit before */
};

struct cutter {
	const struct cutter_ops *ops;
};

struct cutter_ops {
	/* Go through compressed bytes, from byte in_bit / 8 of its beginning on.  1 = *out was
	 * found, at most UNIT_OVERLAP_MAX bytes back; 0 = the input is used up; -EBADMSG = this is
	 * damaged from here on. */
	int (*run)(struct cutter *c, const unsigned char **in, size_t *n_in, struct cut *out);
	/* The file ends here: 0 = it may; -ENODATA. */
	int (*end)(struct cutter *c);
	void (*free)(struct cutter *c);
};

struct codec {
	const char *name; /* "xz" */
	bool sequential;  /* a decoder runs on through later seek points: no units */
	unsigned overlap; /* bytes behind a unit's last one that its decoder wants to see */
	bool (*match)(const unsigned char *head, size_t n);
	/* Has the file units, none too large to be decoded for a single read?  May read its head and
	 * tail.  1, 0 = no, or not to be known; -errno.  The pass thread; blocks.  NULL: yes. */
	int (*probe)(struct reader *raw, const _Atomic bool *stop);
	/* Begin at a seek point; NULL: at the first byte.  Blocks, as probe() does. */
	int (*cutter)(struct reader *raw, const _Atomic bool *stop, const struct gzip_point *from,
		      struct cutter **out);
	int (*decoder)(const struct gzip_point *from, const void *window, size_t n,
		       struct decoder **out);
	/* As decoder(), for data that it found damaged or cut off: gives all bytes before that.
	 * NULL: decoder() does. */
	int (*exact)(const struct gzip_point *from, const void *window, size_t n,
		     struct decoder **out);
};

extern const struct codec codec_gzip, codec_xz, codec_zstd, codec_bzip2, codec_lz4;

/* Decode without regard to marks. */
static inline int decoder_run(struct decoder *d, const unsigned char **in, size_t *n_in,
			      unsigned char **out, size_t *n_out)
{
	int r;

	do
		r = d->ops->run(d, in, n_in, out, n_out);
	while (r == DECODER_MARK);
	return r;
}

static inline struct decoder *decoder_free(struct decoder *d) /* NULL ok; returns NULL */
{
	if (d)
		d->ops->free(d);
	return NULL;
}

static inline void auto_decoder_free(struct decoder **d)
{
	*d = decoder_free(*d);
}

static inline struct cutter *cutter_free(struct cutter *c) /* NULL ok; returns NULL */
{
	if (c)
		c->ops->free(c);
	return NULL;
}

static inline void auto_cutter_free(struct cutter **c)
{
	*c = cutter_free(*c);
}

#endif
