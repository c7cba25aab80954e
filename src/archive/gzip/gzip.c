/* SPDX-License-Identifier: MPL-2.0 */
/* gzip.c - the pass over deflate data that finds seek points (gzip.h).
 *
 * Points are where blocks or members begin; inside a block only when none begins for long.
 * Two points are never closer than 32 KiB of output: so at most one waits for the output that its
 * window needs, every window is wholly real after going on from a sparse one, and where a
 * point is taken depends on nothing but the point before it.
 */
#include "archive/gzip/gzip.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive/gzip/gzip_decoder.h"
#include "archive/gzip/gzip_window.h"

#define BUF_SIZE (GZIP_WINDOW + (size_t)256 * 1024)
#define ROOM_LOW ((size_t)4096) /* less room than this makes inflating slow */
#define OUTPUT_MAX (32u << 20)	/* bytes of output between points where blocks allow it */
#define LOOK_AGAIN 1024u	/* bytes of input */

struct gzip_pass {
	struct gzip_decoder *decoder;
	const struct gzip_pass_ops *ops;
	void *arg;
	uint64_t spacing;	     /* in bits */
	uint64_t out;		     /* stream offset of buf[fill] */
	uint64_t last_bit, last_out; /* of the newest point */
	uint64_t inside;	     /* the input byte at which to look for one inside a block */
	bool over;		     /* result holds from now on */
	int result;
	bool pending; /* point waits for the output behind it */
	struct gzip_point point;
	struct gzip_table table;    /* of the block that it is inside, if any */
	struct gzip_sparse *sparse; /* made for the first point that has a window */
	size_t given, fill;	    /* bytes of buf that output() got, and that are there */
	char error[96];
	unsigned char packed[GZIP_TABLE_PACKED + GZIP_PACKED_MAX];
	unsigned char buf[BUF_SIZE]; /* always with the 32 KiB of output before `given` */
};

/* Blocks are rarely longer than a fraction of the spacing: so far behind a point at in_bit no block
 * has begun for long. */
static uint64_t inside_after(const struct gzip_pass *z, uint64_t in_bit)
{
	uint64_t far;

	if (__builtin_add_overflow(in_bit, z->spacing + z->spacing / 4, &far))
		return UINT64_MAX;
	return far / 8 + 1;
}

int gzip_pass_new(enum gzip_format f, const struct gzip_point *from, const void *window, size_t n,
		  uint64_t spacing, const struct gzip_pass_ops *ops, void *arg,
		  struct gzip_pass **out)
{
	struct gzip_pass *z = calloc(1, sizeof(*z));
	int r;

	if (!z)
		return -ENOMEM;
	r = gzip_decoder_new(GZIP_ENGINE_ZLIB, f, from, window, n, &z->decoder);
	if (r < 0) {
		gzip_pass_free(z);
		return r;
	}
	z->ops = ops;
	z->arg = arg;
	z->spacing = MIN(spacing, (uint64_t)INT64_MAX / 8) * 8;
	z->out = z->last_out = from ? from->out : 0;
	z->last_bit = from ? from->in_bit : 0;
	z->inside = inside_after(z, z->last_bit);
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
	size_t w = window_size(&z->point), t = gzip_table_put(&z->table, z->packed), n = 0;
	int r = 0;

	if (w > 0)
		r = gzip_window_pack(gzip_sparse_finish(z->sparse), w, z->packed + t, &n);
	z->pending = false;
	return r < 0 ? r : z->ops->point(z->arg, &z->point, z->packed, t + n);
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

static int begin_sparse(struct gzip_pass *z, const struct gzip_place *place)
{
	size_t w = window_size(&z->point);
	int r = 0;

	if (w == 0)
		return 0;
	if (!z->sparse)
		r = gzip_sparse_new(&z->sparse);
	if (r < 0)
		return r;
	return gzip_sparse_begin(z->sparse, z->buf + z->fill - w, w, place);
}

/* Is a point due that lies so far behind the newest one?  Where much comes out of little, time
 * counts and not what is fetched. */
static bool is_due(const struct gzip_pass *z, uint64_t in_bit, uint64_t out)
{
	if (out - z->last_out < GZIP_WINDOW)
		return false;
	return in_bit - z->last_bit >= z->spacing || out - z->last_out >= OUTPUT_MAX;
}

/* A block or a member begins here, or a code inside a block (GZIP_MORE): is it a point? */
static int consider(struct gzip_pass *z, enum gzip_event at)
{
	struct gzip_point p = { .out = z->out };
	struct gzip_place place;
	int r;

	if (!gzip_decoder_point(z->decoder, at, &p, &place) || !is_due(z, p.in_bit, p.out))
		return 0;
	r = hand_over(z); /* the point before is done with now: it is 32 KiB back */
	if (r != 0)
		return r;
	z->last_bit = p.in_bit;
	z->last_out = p.out;
	z->inside = inside_after(z, p.in_bit);
	z->point = p;
	z->table = place.table;
	z->pending = true;
	return begin_sparse(z, &place);
}

/* How much of n input bytes to give the decoder: it stops where a point inside a block is due.  Those
 * places depend on the last point only: a header or a code may have led beyond some of them. */
static size_t until_inside(struct gzip_pass *z, size_t n)
{
	uint64_t pos = gzip_decoder_pos(z->decoder);

	if (z->inside < pos)
		z->inside += (pos - z->inside + LOOK_AGAIN - 1) / LOOK_AGAIN * LOOK_AGAIN;
	return (size_t)MIN(n, z->inside - pos);
}

/* Has the decoder come there, with all output done?  Where no point is possible, look again soon. */
static int consider_inside(struct gzip_pass *z)
{
	uint64_t pos = gzip_decoder_pos(z->decoder);
	int r;

	if (pos != z->inside || z->fill == BUF_SIZE)
		return 0;
	r = consider(z, GZIP_MORE);
	if (z->inside == pos)
		z->inside = pos + LOOK_AGAIN;
	return r;
}

/* Decode a piece.  *progress: something went in or came out. */
static int decode(struct gzip_pass *z, const unsigned char **in, size_t *n_in, bool *progress)
{
	const unsigned char *start = *in;
	unsigned char *out = z->buf + z->fill;
	size_t room = BUF_SIZE - z->fill, had = room, left = until_inside(z, *n_in), used;
	int r = gzip_decoder_run(z->decoder, in, &left, &out, &room, true);

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
	int event = decode(z, in, n_in, progress), r;

	if (event < 0 || event == GZIP_END)
		return finish(z, event);
	r = event == GZIP_MORE ? consider_inside(z) : consider(z, event);
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
