/* SPDX-License-Identifier: MPL-2.0 */
/* gzip.c - the pass over deflate data that finds seek points (gzip.h).
 *
 * Two points are never closer than 32 KiB of output: so at most one waits for the output that its
 * window needs, every window is wholly real after going on from a sparse one, and where a
 * point is taken depends on nothing but the point before it.
 */
#include "archive/gzip.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive/gzip_decoder.h"
#include "archive/gzip_window.h"

#define BUF_SIZE (GZIP_WINDOW + (size_t)256 * 1024)
#define ROOM_LOW ((size_t)4096) /* less room than this makes inflating slow */

struct gzip_pass {
	struct gzip_decoder *decoder;
	const struct gzip_pass_ops *ops;
	void *arg;
	uint64_t spacing;            /* in bits */
	uint64_t out;                /* stream offset of buf[fill] */
	uint64_t last_bit, last_out; /* of the newest point */
	bool over;                   /* result holds from now on */
	int result;
	bool pending;                /* point waits for the output behind it */
	struct gzip_point point;
	struct gzip_sparse *sparse;  /* made for the first point that has a window */
	size_t given, fill;          /* bytes of buf that output() got, and that are there */
	char error[96];
	unsigned char packed[GZIP_PACKED_MAX];
	unsigned char buf[BUF_SIZE]; /* always with the 32 KiB of output before `given` */
};

int gzip_pass_new(enum gzip_format f, const struct gzip_point *from, const void *window, size_t n,
		  uint64_t spacing, const struct gzip_pass_ops *ops, void *arg,
		  struct gzip_pass **out)
{
	struct gzip_pass *z = calloc(1, sizeof(*z));
	size_t n_plain;
	int r;

	if (!z)
		return -ENOMEM;
	r = gzip_window_unpack(window, n, z->buf, &n_plain);
	if (r == 0)
		r = gzip_decoder_new(GZIP_ENGINE_ZLIB, f, from, z->buf, n_plain, &z->decoder);
	if (r < 0) {
		gzip_pass_free(z);
		return r;
	}
	z->ops = ops;
	z->arg = arg;
	z->spacing = MIN(spacing, (uint64_t)INT64_MAX / 8) * 8;
	z->out = z->last_out = from ? from->out : 0;
	z->last_bit = from ? from->in_bit : 0;
	z->given = z->fill = GZIP_WINDOW;
	*out = z;
	return 0;
}

struct gzip_pass *gzip_pass_free(struct gzip_pass *z)
{
	if (z) {
		gzip_decoder_free(z->decoder);
		gzip_sparse_free(z->sparse);
	}
	free(z);
	return NULL;
}

static size_t window_size(const struct gzip_point *p)
{
	return MIN(p->member_out, GZIP_WINDOW);
}

static int report(struct gzip_pass *z)
{
	size_t w = window_size(&z->point), n = 0;
	int r = 0;

	if (w > 0)
		r = gzip_window_pack(gzip_sparse_finish(z->sparse), w, z->packed, &n);
	z->pending = false;
	return r < 0 ? r : z->ops->point(z->arg, &z->point, z->packed, n);
}

/* Hand over what was decoded, and report the point that has waited for it. */
static int hand_over(struct gzip_pass *z)
{
	const unsigned char *p = z->buf + z->given;
	size_t n = z->fill - z->given;
	int r;

	z->given = z->fill;
	if (n > 0 && z->pending && window_size(&z->point) > 0)
		gzip_sparse_output(z->sparse, p, n);
	r = n > 0 ? z->ops->output(z->arg, p, n) : 0;
	if (r != 0)
		return r;
	return z->pending && z->out - z->point.out >= GZIP_WINDOW ? report(z) : 0;
}

static int make_room(struct gzip_pass *z)
{
	int r = hand_over(z);

	memmove(z->buf, z->buf + z->fill - GZIP_WINDOW, GZIP_WINDOW);
	z->given = z->fill = GZIP_WINDOW;
	return r;
}

static int begin_sparse(struct gzip_pass *z, unsigned char last)
{
	size_t w = window_size(&z->point);
	int r = 0;

	if (w == 0)
		return 0;
	if (!z->sparse)
		r = gzip_sparse_new(&z->sparse);
	if (r < 0)
		return r;
	return gzip_sparse_begin(z->sparse, z->buf + z->fill - w, w, z->point.in_bit % 8, last);
}

/* A block or a member begins here: is it a point? */
static int consider(struct gzip_pass *z, enum gzip_event at)
{
	struct gzip_point p = { .out = z->out };
	unsigned char last;
	int r;

	gzip_decoder_point(z->decoder, at, &p, &last);
	if (p.in_bit - z->last_bit < z->spacing || p.out - z->last_out < GZIP_WINDOW)
		return 0;
	r = hand_over(z); /* the point before is done with now: it is 32 KiB back */
	if (r != 0)
		return r;
	z->last_bit = p.in_bit;
	z->last_out = p.out;
	z->point = p;
	z->pending = true;
	return begin_sparse(z, last);
}

/* Need the decoder stop at block ends?  Not before `spacing` has passed: *n is cut there. */
static bool near_point(const struct gzip_pass *z, size_t *n)
{
	uint64_t pos = gzip_decoder_pos(z->decoder), next = (z->last_bit + z->spacing) / 8;

	if (pos + 1 >= next)
		return true;
	*n = MIN(*n, next - 1 - pos);
	return false;
}

/* Decode a piece.  *progress: something went in or came out. */
static int decode(struct gzip_pass *z, const unsigned char **in, size_t *n_in, bool *progress)
{
	const unsigned char *start = *in;
	unsigned char *out = z->buf + z->fill;
	size_t room = BUF_SIZE - z->fill, had = room, left = *n_in, used;
	bool stop = near_point(z, &left);
	int r = gzip_decoder_run(z->decoder, in, &left, &out, &room, stop);

	used = (size_t)(*in - start);
	*n_in -= used;
	z->fill += had - room;
	z->out += had - room;
	*progress = used > 0 || room < had;
	if (z->pending && window_size(&z->point) > 0)
		gzip_sparse_input(z->sparse, start, used);
	return r;
}

/* The end, for whatever reason: what was decoded is handed over in any case, a point that still
 * waits only when the data was sound. */
static int finish(struct gzip_pass *z, int result)
{
	int r = hand_over(z);

	if (r == 0 && z->pending && result != -EBADMSG)
		r = report(z);
	z->over = true;
	z->result = r != 0 ? r : result;
	return z->result;
}

static int stop_with(struct gzip_pass *z, int r)
{
	z->over = true;
	z->result = r;
	return r;
}

static int step(struct gzip_pass *z, const unsigned char **in, size_t *n_in, bool *progress)
{
	int event = decode(z, in, n_in, progress), r = 0;

	if (event < 0 || event == GZIP_END)
		return finish(z, event);
	if (event != GZIP_MORE)
		r = consider(z, event);
	if (r == 0 && BUF_SIZE - z->fill < ROOM_LOW)
		r = make_room(z);
	return r == 0 ? 0 : stop_with(z, r);
}

int gzip_pass_feed(struct gzip_pass *z, const void *p, size_t n)
{
	const unsigned char *in = n > 0 ? p : (const void *)"";
	bool progress;
	int r;

	if (z->over)
		return z->result;
	do {
		r = step(z, &in, &n, &progress);
	} while (r == 0 && (n > 0 || progress));
	if (r == 0) {
		r = hand_over(z);
		if (r != 0)
			stop_with(z, r);
	}
	return r;
}

int gzip_pass_end(struct gzip_pass *z)
{
	int r = gzip_pass_feed(z, NULL, 0);

	if (z->over)
		return r == GZIP_END && gzip_decoder_complete(z->decoder) ? 0 : r;
	if (gzip_decoder_complete(z->decoder))
		return finish(z, 0);
	snprintf(z->error, sizeof(z->error), "the compressed data ends too early, at byte %" PRIu64,
		 gzip_decoder_pos(z->decoder));
	return finish(z, -ENODATA);
}

const char *gzip_pass_error(const struct gzip_pass *z)
{
	const char *why = gzip_decoder_error(z->decoder);

	return why ? why : z->error;
}
