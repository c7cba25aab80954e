/* SPDX-License-Identifier: MPL-2.0 */
/* tarprobe.c - see tarprobe.h.  What is read for it lies in the cache's blocks afterwards. */
#include "archive/tar/tarprobe.h"

#include <string.h>

#include "archive/codec/codec.h"
#include "archive/tar/tarpass.h"

#define STEP ((size_t)64 << 10)
#define INPUT_MAX ((uint64_t)2 << 20) /* more than a bzip2 block, which comes out as a whole */

struct sniff {
	struct reader *raw;
	const _Atomic bool *stop;
	uint64_t off;
	size_t n_head;
	unsigned char in[STEP];
	unsigned char head[FORMAT_HEAD];
};

/* Decode what begins at a byte until the head is full.  What cannot be decoded is left to the pass:
 * it will say what is wrong. */
static int decode_head(struct sniff *s, struct decoder *d)
{
	while (s->n_head < sizeof(s->head) && s->off < INPUT_MAX) {
		unsigned char *out = s->head + s->n_head;
		size_t room = sizeof(s->head) - s->n_head, n_in;
		const unsigned char *in = s->in;
		int64_t n = reader_pread_wait(s->raw, s->in, STEP, s->off, s->stop);
		int r;

		if (n <= 0)
			return (int)n;
		s->off += (uint64_t)n;
		n_in = (size_t)n;
		r = decoder_run(d, &in, &n_in, &out, &room);
		s->n_head = (size_t)(out - s->head);
		if (r != 0)
			return r == -ENOMEM ? r : 0;
	}
	return 0;
}

/* The first seek point, for what has units. */
static int first_cut(struct sniff *s, const struct codec *codec, struct gzip_point *from)
{
	AUTO(auto_cutter_free) struct cutter *c = NULL;
	int r = codec->cutter(s->raw, s->stop, NULL, &c);
	struct cut cut;

	for (uint64_t off = 0; r == 0 && off < INPUT_MAX;) {
		const unsigned char *in = s->in;
		int64_t n = reader_pread_wait(s->raw, s->in, STEP, off, s->stop);
		size_t n_in = n > 0 ? (size_t)n : 0;

		if (n <= 0)
			return (int)n;
		off += n_in;
		r = c->ops->run(c, &in, &n_in, &cut);
	}
	if (r == 1)
		*from = (struct gzip_point){ .in_bit = cut.in_bit,
					     .at_member = true,
					     .crc = cut.hint };
	return r == -EBADMSG ? 0 : r;
}

static int sniff(struct sniff *s, const struct codec *codec)
{
	AUTO(auto_decoder_free) struct decoder *d = NULL;
	struct gzip_point from = { 0 };
	int r = codec->sequential ? 1 : first_cut(s, codec, &from);

	if (r <= 0)
		return r;
	s->off = from.in_bit / 8;
	r = codec->decoder(codec->sequential ? NULL : &from, NULL, 0, &d);
	return r < 0 ? r : decode_head(s, d);
}

/* "x.tar.gz", "x.tgz": what else could be inside? */
static bool named_tar(const char *filename)
{
	const char *dot = strrchr(filename, '.');

	if (!dot)
		return false;
	return strncasecmp(dot, ".t", 2) == 0 ||
	       (dot - filename > 4 && strncasecmp(dot - 4, ".tar", 4) == 0);
}

static bool may_be_tar(const struct sniff *s, const char *filename)
{
	if (tarpass_is_header(s->head, s->n_head))
		return true;
	if (!named_tar(filename))
		return tarpass_is_end(s->head, s->n_head);
	return !format_foreign.match(s->head, s->n_head, "");
}

int tarprobe(struct pass *p, const struct format *f)
{
	AUTO(auto_free) struct sniff *s = calloc(1, sizeof(*s));
	struct archive *a = p->a;
	int r = s ? 1 : -ENOMEM;

	if (r == 1 && f->codec->probe)
		r = f->codec->probe(a->c.raw, &a->stop);
	if (r != 1)
		return r;
	s->raw = a->c.raw;
	s->stop = &a->stop;
	r = sniff(s, f->codec);
	return r < 0 ? r : may_be_tar(s, a->filename);
}
