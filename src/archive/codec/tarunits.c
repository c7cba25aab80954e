/* SPDX-License-Identifier: MPL-2.0 */
/* tarunits.c - a tar compressed in units (codec.h): the pass that decodes them in parallel and in
 * order, notes where each begins and which members come by, and leaves the decoded blocks in the
 * cache on its way.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive/codec/codec.h"
#include "archive/feed.h"
#include "archive/format.h"
#include "archive/codec/pipeline.h"
#include "archive/span.h"
#include "archive/tar/tarpass.h"
#include "archive/tar/tarprobe.h"
#include "archive/codec/unitsum.h"
#include "base/log.h"
#include "base/stats.h"

#define FEED_BYTES (32u << 20)		  /* of ranges under way, at most */
#define CORE_BYTES ((uint64_t)32 << 20)	  /* in the pipeline for each core, and one more */
#define POINT_BYTES ((uint64_t)512 << 10) /* decoded, between seek points that could be left out */
#define LOOK_MS 20			  /* while nothing has come over the network */

struct tarunits {
	struct tarpass tar;
	struct pipeline *pipeline;
	struct feed *feed;
	uint64_t out; /* stream offset of the next decoded byte */
	bool pointed; /* where the last seek point is is known: */
	struct gzip_point point;
	int tar_result; /* why the parser stopped */
	struct unitsum sum;
	int sum_result;
	int (*save_tar)(struct pass *p, void *arg);
};

/* So near behind the last one that decoding on from there costs little?  Many tiny units would make the
 * index large. */
static bool is_near(const struct tarunits *t, const struct cut *at)
{
	return t->pointed && at->joins && t->out - t->point.out < POINT_BYTES &&
	       at->in_bit - t->point.in_bit < (uint64_t)SPAN_SPACING * 8;
}

static int on_unit(void *arg, const struct cut *at)
{
	struct tarunits *t = arg;

	if (is_near(t, at))
		return 0;
	t->pointed = true;
	t->point = (struct gzip_point){
		.in_bit = at->in_bit,
		.out = t->out,
		.at_member = true,
		.crc = at->hint,
	};
	return index_add_point(t->tar.p->a->index, &t->point, NULL, 0);
}

static int on_output(void *arg, const void *p, size_t n)
{
	struct tarunits *t = arg;
	size_t skip = t->out < t->tar.from ? (size_t)MIN(t->tar.from - t->out, n) : 0;
	int r = pass_output(t->tar.p, p, n);

	t->out += n;
	unitsum_add(&t->sum, p, n);
	stats_add(inflated_bytes, n);
	if (r == 0 && n > skip) {
		r = tar_feed(t->tar.tar, (const char *)p + skip, n - skip);
		t->tar_result = r;
	}
	return r < 0 ? r : pass_checkpoint(t->tar.p);
}

static int on_mark(void *arg, const struct mark *m)
{
	struct tarunits *t = arg;

	t->sum_result = unitsum_mark(&t->sum, m);
	return t->sum_result;
}

static int save(struct pass *p, void *arg)
{
	struct tarunits *t = container_of(arg, struct tarunits, tar);
	int r = t->save_tar(p, arg);

	return r < 0 ? r : unitsum_save(&t->sum, p->a->index);
}

/* Memory for what is under way: a large unit for each core and one to hand out, where that is allowed. */
static uint64_t pipeline_bytes(const struct options *opt)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return MIN(CORE_BYTES * (uint64_t)(MIN(MAX(cores, 1), 7) + 1), opt->memory / 2);
}

/* Begin at the last unit before what the tar parser needs. */
static int begin(struct tarunits *t, struct pass *p)
{
	static const struct pipeline_ops ops = {
		.unit = on_unit,
		.output = on_output,
		.mark = on_mark,
	};
	struct archive *a = p->a;
	const struct options *opt = a->c.st->opt;
	struct pipeline_config c = {
		.codec = a->format->codec,
		.pool = a->c.st->pool,
		.max_bytes = pipeline_bytes(opt),
		.ops = &ops,
		.arg = t,
	};
	AUTO(auto_free) void *window = NULL;
	struct gzip_point from = { 0 };
	size_t n;
	bool resumed;
	int r = tarpass_begin(&t->tar, p, LAYER_STREAM);

	if (r == 0)
		r = index_point(a->index, t->tar.from, &from, &window, &n);
	resumed = r == 0;
	if (r < 0 && r != -ENOENT)
		return r;
	t->save_tar = p->save;
	p->save = save;
	t->out = from.out;
	unitsum_init(&t->sum, a->index, from.out);
	c.from = from.in_bit / 8;
	pass_output_at(p, from.out);
	r = c.codec->cutter(a->c.raw, &a->stop, resumed ? &from : NULL, &c.cutter);
	if (r == 0)
		r = pipeline_new(&c, &t->pipeline);
	if (r < 0) /* the probe has seen what is in the file, and found it well */
		return r == -EBADMSG ? -EIO : r;
	return feed_new(a->c.raw, c.from, opt->connections, MIN(FEED_BYTES, opt->memory / 4),
			&a->stop, &t->feed);
}

/* While the network has nothing, what is decoded meanwhile is handed out. */
static int wait_for_feed(struct tarunits *t)
{
	int r = 0;

	while (r == 0 && !feed_ready(t->feed))
		r = pipeline_run(t->pipeline, LOOK_MS);
	return MIN(r, 0);
}

static int decode(struct tarunits *t)
{
	const unsigned char *piece;
	size_t n;
	int r;

	while ((r = wait_for_feed(t)) == 0 && (r = feed_next(t->feed, &piece, &n)) == 1) {
		pass_hash(t->tar.p, feed_offset(t->feed) - n, piece, n);
		pass_progress(t->tar.p, feed_offset(t->feed));
		r = pipeline_feed(t->pipeline, piece, n);
		if (r == 0)
			r = pass_checkpoint(t->tar.p);
		if (r != 0)
			break;
	}
	return r == 0 ? pipeline_end(t->pipeline) : r;
}

static void tarunits_free(void *arg)
{
	struct tarunits *t = container_of(arg, struct tarunits, tar);

	pipeline_free(t->pipeline);
	tarpass_end(&t->tar);
	feed_free(t->feed);
	free(t);
}

/* What is wrong with the compressed data. */
static void explain(struct tarunits *t, int r)
{
	struct pass *p = t->tar.p;
	const char *name = p->a->format->codec->name;

	if (t->tar_result == -EBADMSG)
		pass_trouble(p, "is %s, but no tar archive inside", name);
	else if (t->sum_result < 0)
		pass_trouble(p,
			     "the checksum of the %s data is wrong, before byte %" PRIu64
			     " of what it decodes to",
			     name, t->out);
	else if (r == -ENODATA)
		pass_trouble(p, "the compressed data ends too early, at byte %" PRIu64,
			     p->a->c.raw->size);
	else
		pass_trouble(p, "the %s data is damaged behind byte %" PRIu64, name,
			     pipeline_damage(t->pipeline));
}

static int tarunits_pass(struct pass *p)
{
	struct tarunits *t = calloc(1, sizeof(*t));
	int r, e;

	if (!t)
		return -ENOMEM;
	p->arg = &t->tar;
	p->done = tarunits_free;
	r = begin(t, p);
	if (r == 0)
		r = decode(t);
	if (r == -EBADMSG || r == -ENODATA)
		explain(t, r);
	if (r == 0) {
		pass_verify(p);
		r = tarpass_finish(&t->tar);
	}
	if (r == 0 || r == -EBADMSG || r == -ENODATA) {
		e = pass_output_end(p); /* what came before the damage can be read */
		r = e < 0 ? e : r;
	}
	return r;
}

#define TAR_OF_UNITS(codec_name, suffix) \
	static bool codec_name##_match(const unsigned char *head, size_t n, const char *filename) \
	{ \
		(void)filename; \
		return codec_##codec_name.match(head, n); \
	} \
	const struct format format_tar##suffix = { \
		.name = "tar." #suffix, \
		.match = codec_name##_match, \
		.probe = tarprobe, \
		.pass = tarunits_pass, \
		.fill = span_fill, \
		.hurry = span_hurry, \
		.codec = &codec_##codec_name, \
	}

#ifdef HAVE_LZMA
TAR_OF_UNITS(xz, xz);
#endif
#ifdef HAVE_ZSTD
TAR_OF_UNITS(zstd, zst);
#endif
#ifdef HAVE_BZIP2
TAR_OF_UNITS(bzip2, bz2);
#endif
#ifdef HAVE_LZ4
TAR_OF_UNITS(lz4, lz4);
#endif
