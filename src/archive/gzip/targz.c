/* SPDX-License-Identifier: MPL-2.0 */
/* targz.c - a gzipped tar: the pass that decodes the stream once, notes seek points and members,
 * and leaves the decoded blocks in the cache on its way.
 */
#include <errno.h>
#include <string.h>

#include "archive/codec/codec.h"
#include "archive/feed.h"
#include "archive/format.h"
#include "archive/span.h"
#include "archive/tar/tarpass.h"
#include "archive/tar/tarprobe.h"
#include "base/log.h"
#include "base/stats.h"

#define FEED_BYTES (32u << 20) /* of ranges under way, at most */

struct targz {
	struct tarpass tar;
	struct gzip_pass *gzip;
	struct feed *feed;
	uint64_t out;	/* stream offset of the next decoded byte */
	int tar_result; /* why the parser stopped */
};

static bool targz_match(const unsigned char *head, size_t n, const char *filename)
{
	(void)filename;
	return codec_gzip.match(head, n);
}

static int on_output(void *arg, const void *p, size_t n)
{
	struct targz *t = arg;
	size_t skip = t->out < t->tar.from ? (size_t)MIN(t->tar.from - t->out, n) : 0;
	int r = pass_output(t->tar.p, p, n);

	t->out += n;
	stats_add(inflated_bytes, n);
	if (r == 0 && n > skip) {
		r = tar_feed(t->tar.tar, (const char *)p + skip, n - skip);
		t->tar_result = r;
	}
	return r < 0 ? r : pass_checkpoint(t->tar.p);
}

static int on_point(void *arg, const struct gzip_point *p, const void *window, size_t n)
{
	struct targz *t = arg;

	return index_add_point(t->tar.p->a->index, p, window, n);
}

/* Begin at the last seek point before what the tar parser needs. */
static int begin(struct targz *t, struct pass *p)
{
	static const struct gzip_pass_ops ops = { .output = on_output, .point = on_point };
	const struct options *opt = p->a->c.st->opt;
	AUTO(auto_free) void *window = NULL;
	struct gzip_point from = { 0 };
	size_t n = 0;
	int r = tarpass_begin(&t->tar, p, LAYER_STREAM);

	if (r == 0)
		r = index_point(p->a->index, t->tar.from, &from, &window, &n);
	if (r < 0 && r != -ENOENT)
		return r;
	t->out = from.out;
	pass_output_at(p, from.out);
	r = gzip_pass_new(GZIP_MEMBERS, r == 0 ? &from : NULL, window, n, SPAN_SPACING, &ops, t,
			  &t->gzip);
	if (r < 0) /* a window that cannot be unpacked is our index's damage, not the archive's */
		return r == -EBADMSG ? -EUCLEAN : r;
	return feed_new(p->a->c.raw, from.in_bit / 8, opt->connections,
			MIN(FEED_BYTES, opt->memory / 4), &p->a->stop, &t->feed);
}

/* The next piece of the file.  1; 0 = the end; -errno. */
static int next_piece(struct targz *t, const unsigned char **piece, size_t *n)
{
	int r = feed_next(t->feed, piece, n);

	if (r == 1) {
		pass_hash(t->tar.p, feed_offset(t->feed) - *n, *piece, *n);
		pass_progress(t->tar.p, feed_offset(t->feed));
	}
	return r;
}

/* The rest of the file after the gzip stream's end: only the digest needs it. */
static int drain(struct targz *t)
{
	const unsigned char *piece;
	size_t n;
	int r;

	while ((r = next_piece(t, &piece, &n)) == 1) {
		r = pass_checkpoint(t->tar.p);
		if (r < 0)
			break;
	}
	return r;
}

/* 0 = the stream has ended well. */
static int decode(struct targz *t)
{
	const unsigned char *piece;
	size_t n;
	int r;

	while ((r = next_piece(t, &piece, &n)) == 1) {
		r = gzip_pass_feed(t->gzip, piece, n);
		if (r != 0)
			break;
	}
	if (r < 0)
		return r;
	if (r == 1)
		r = drain(t);
	return r < 0 ? r : gzip_pass_end(t->gzip);
}

static void targz_free(void *arg)
{
	struct targz *t = container_of(arg, struct targz, tar);

	tarpass_end(&t->tar);
	gzip_pass_free(t->gzip);
	feed_free(t->feed);
	free(t);
}

static int targz_pass(struct pass *p)
{
	struct targz *t = calloc(1, sizeof(*t));
	int r, e;

	if (!t)
		return -ENOMEM;
	p->arg = &t->tar;
	p->done = targz_free;
	r = begin(t, p);
	if (r == 0)
		r = decode(t);
	if (r == -EBADMSG && t->tar_result == -EBADMSG)
		pass_trouble(p, "is gzip, but no tar archive inside");
	else if (r == -EBADMSG || r == -ENODATA)
		pass_trouble(p, "%s", gzip_pass_error(t->gzip));
	if (r == 0) {
		pass_verify(p);
		r = tarpass_finish(&t->tar);
	}
	if (r == 0 || r == -EBADMSG ||
	    r == -ENODATA) { /* what came before the damage can be read */
		e = pass_output_end(p);
		r = e < 0 ? e : r;
	}
	return r;
}

const struct format format_targz = {
	.name = "tar.gz",
	.match = targz_match,
	.probe = tarprobe,
	.pass = targz_pass,
	.fill = span_fill,
	.hurry = span_hurry,
	.anywhere = true,
	.codec = &codec_gzip,
};
