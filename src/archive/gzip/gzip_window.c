/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_window.c - see gzip_window.h. */
#include "archive/gzip/gzip_window.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

/* PLAIN: the bytes.  RUNS: a zlib stream (its Adler-32 guards the whole) of the list of runs: the
 * window's size, the number of runs, for each run the zeros before it and its length, then the
 * bytes of all runs; numbers are base 128, low digit first, bit 7 = more digits follow.  A list
 * of runs packs smaller than the thin window itself, and ten times faster. */
enum { KIND_PLAIN = 0, KIND_RUNS = 1 };

#define GAP 3u /* shorter gaps of zeros are part of a run */
#define LEVEL 6
#define NUMBER_MAX 3u /* bytes of a number up to GZIP_WINDOW */
/* No list is bigger: a run's two numbers are paid for by the gap of at least GAP bytes before it,
 * and longer numbers by the 128 or 16384 bytes that they count, but for the first and last few. */
#define RUNS_MAX (GZIP_WINDOW + 8 * NUMBER_MAX)

static_assert(GAP >= 3, "RUNS_MAX relies on it");

struct run {
	size_t from, to; /* in the window */
};

/* The first run at or after i; none: from = to = n. */
static struct run next_run(const unsigned char *w, size_t n, size_t i)
{
	static const unsigned char zero[32];
	struct run run;
	size_t zeros = 0;

	while (n - i >= sizeof(zero) && memcmp(w + i, zero, sizeof(zero)) == 0)
		i += sizeof(zero);
	while (i < n && w[i] == 0)
		i++;
	run.from = run.to = i;
	for (; i < n && zeros < GAP; i++) {
		zeros = w[i] == 0 ? zeros + 1 : 0;
		if (zeros == 0)
			run.to = i + 1;
	}
	return run;
}

static size_t put_number(unsigned char *p, size_t v)
{
	size_t n = 0;

	for (; v > 127; v >>= 7)
		p[n++] = (v & 127) | 128;
	p[n++] = (unsigned char)v;
	return n;
}

static size_t count_runs(const unsigned char *w, size_t n)
{
	size_t count = 0;

	for (struct run run = next_run(w, n, 0); run.to > run.from; run = next_run(w, n, run.to))
		count++;
	return count;
}

/* The list of runs; returns its size. */
static size_t put_runs(const unsigned char *w, size_t n, unsigned char out[static RUNS_MAX])
{
	size_t at = put_number(out, n), end = 0;
	struct run run;

	at += put_number(out + at, count_runs(w, n));
	for (run = next_run(w, n, 0); run.to > run.from; run = next_run(w, n, run.to)) {
		at += put_number(out + at, run.from - end);
		at += put_number(out + at, run.to - run.from);
		end = run.to;
	}
	for (run = next_run(w, n, 0); run.to > run.from; run = next_run(w, n, run.to)) {
		memcpy(out + at, w + run.from, run.to - run.from);
		at += run.to - run.from;
	}
	return at;
}

int gzip_window_pack(const unsigned char *window, size_t n,
		     unsigned char out[static GZIP_PACKED_MAX], size_t *n_out)
{
	AUTO(auto_free) unsigned char *runs = malloc(RUNS_MAX);
	uLongf packed = n > 1 ? (uLongf)n - 1 : 0;
	int r;

	if (!runs)
		return -ENOMEM;
	if (n == 0) {
		*n_out = 0;
		return 0;
	}
	r = compress2(out + 1, &packed, runs, (uLong)put_runs(window, n, runs), LEVEL);
	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	out[0] = r == Z_OK ? KIND_RUNS : KIND_PLAIN;
	if (r != Z_OK) {
		memcpy(out + 1, window, n);
		packed = (uLongf)n;
	}
	*n_out = packed + 1;
	return 0;
}

/* A list of runs while it is read. */
struct cursor {
	const unsigned char *p, *end;
};

static int get_number(struct cursor *c, size_t *out)
{
	size_t v = 0;

	for (unsigned shift = 0; shift < 7 * NUMBER_MAX && c->p < c->end; shift += 7) {
		v |= (size_t)(*c->p & 127) << shift;
		if (*c->p++ < 128) {
			*out = v;
			return v <= GZIP_WINDOW ? 0 : -EBADMSG;
		}
	}
	return -EBADMSG;
}

/* Step over the numbers of all runs: c is then at the bytes of the first one. */
static int skip_numbers(struct cursor *c, size_t runs)
{
	size_t unused;
	int r = 0;

	for (size_t i = 0; i < 2 * runs && r == 0; i++)
		r = get_number(c, &unused);
	return r;
}

static int get_runs(struct cursor list, size_t runs, unsigned char *out, size_t n)
{
	struct cursor bytes = list;
	size_t at = 0, gap, len;
	int r = skip_numbers(&bytes, runs);

	memset(out, 0, n);
	for (; r == 0 && runs > 0; runs--) {
		if (get_number(&list, &gap) < 0 || get_number(&list, &len) < 0)
			return -EBADMSG;
		if (gap > n - at || len > n - at - gap || len > (size_t)(bytes.end - bytes.p))
			return -EBADMSG;
		memcpy(out + at + gap, bytes.p, len);
		bytes.p += len;
		at += gap + len;
	}
	return r == 0 && bytes.p == bytes.end ? 0 : -EBADMSG;
}

static int unpack_runs(const unsigned char *p, size_t n, unsigned char *out, size_t *n_out)
{
	AUTO(auto_free) unsigned char *list = malloc(RUNS_MAX);
	uLongf size = RUNS_MAX;
	uLong used = (uLong)n;
	size_t runs, n_window;
	struct cursor c;
	int r = list ? uncompress2(list, &size, p, &used) : Z_MEM_ERROR;

	if (r == Z_MEM_ERROR)
		return -ENOMEM;
	if (r != Z_OK || used != n)
		return -EBADMSG;
	c = (struct cursor){ list, list + size };
	if (get_number(&c, &n_window) < 0 || n_window == 0 || get_number(&c, &runs) < 0)
		return -EBADMSG;
	r = get_runs(c, runs, out, n_window);
	if (r == 0)
		*n_out = n_window;
	return r;
}

int gzip_window_unpack(const void *packed, size_t n, unsigned char out[static GZIP_WINDOW],
		       size_t *n_out)
{
	const unsigned char *p = packed;

	if (n == 0) {
		*n_out = 0;
		return 0;
	}
	if (n == 1 || n > GZIP_PACKED_MAX)
		return -EBADMSG;
	if (p[0] == KIND_RUNS)
		return unpack_runs(p + 1, n - 1, out, n_out);
	if (p[0] != KIND_PLAIN)
		return -EBADMSG;
	memcpy(out, p + 1, n - 1);
	*n_out = n - 1;
	return 0;
}

/* A decoder that follows the pass with a made-up window. */
struct follower {
	struct gzip_inflate *inflate;
	int state; /* GZIP_MORE, GZIP_END, or -errno */
	size_t n;
	unsigned char window[GZIP_WINDOW];
	unsigned char out[GZIP_WINDOW];
};

struct gzip_sparse {
	struct follower low, high; /* window[i] = i & 255, and i >> 8 */
	size_t n, n_real;
	unsigned char window[GZIP_WINDOW]; /* of the point */
	unsigned char thin[GZIP_WINDOW];   /* what is kept of it */
	unsigned char real[GZIP_WINDOW];   /* the output after the point */
};

int gzip_sparse_new(struct gzip_sparse **out)
{
	struct gzip_sparse *s = malloc(sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->low.inflate = s->high.inflate = NULL;
	s->n = s->n_real = 0;
	for (size_t i = 0; i < GZIP_WINDOW; i++) {
		s->low.window[i] = i & 255;
		s->high.window[i] = (unsigned char)(i >> 8);
	}
	/* The engine of the pass: it has decoded exactly as far, whatever the pieces are. */
	r = gzip_inflate_new(GZIP_ENGINE_ZLIB, &s->low.inflate);
	if (r == 0)
		r = gzip_inflate_new(GZIP_ENGINE_ZLIB, &s->high.inflate);
	if (r < 0)
		gzip_sparse_free(s);
	else
		*out = s;
	return r;
}

struct gzip_sparse *gzip_sparse_free(struct gzip_sparse *s)
{
	if (s) {
		gzip_inflate_free(s->low.inflate);
		gzip_inflate_free(s->high.inflate);
	}
	free(s);
	return NULL;
}

static void follow(struct follower *f, const unsigned char *p, size_t n)
{
	unsigned char *out = f->out + f->n;
	size_t room = sizeof(f->out) - f->n;

	if (f->state != GZIP_MORE || room == 0)
		return;
	f->state = f->inflate->ops->run(f->inflate, &p, &n, &out, &room, false);
	f->n = (size_t)(out - f->out);
}

static int follow_begin(struct follower *f, size_t n, const struct gzip_place *place)
{
	f->state = GZIP_MORE;
	f->n = 0;
	return f->inflate->ops->begin(f->inflate, (8 - place->back % 8) % 8, f->window, n,
				      place->table.bits > 0 ? &place->table : NULL);
}

int gzip_sparse_begin(struct gzip_sparse *s, const unsigned char *window, size_t n,
		      const struct gzip_place *place)
{
	size_t taken = (place->back + 7) / 8; /* bytes from the place on */
	int r = follow_begin(&s->low, n, place);

	if (r == 0)
		r = follow_begin(&s->high, n, place);
	if (r < 0)
		return r;
	memcpy(s->window, window, n);
	s->n = n;
	s->n_real = 0;
	gzip_sparse_input(s, place->tail + sizeof(place->tail) - taken, taken);
	return 0;
}

void gzip_sparse_input(struct gzip_sparse *s, const unsigned char *p, size_t n)
{
	follow(&s->low, p, n);
	follow(&s->high, p, n);
}

void gzip_sparse_output(struct gzip_sparse *s, const unsigned char *p, size_t n)
{
	size_t take = MIN(n, sizeof(s->real) - s->n_real);

	memcpy(s->real + s->n_real, p, take);
	s->n_real += take;
}

static bool followed_enough(const struct gzip_sparse *s)
{
	const struct follower *a = &s->low, *b = &s->high;

	if (a->n != b->n || a->n > s->n_real)
		return false;
	return a->n == GZIP_WINDOW || (a->state == GZIP_END && b->state == GZIP_END);
}

/* Keep the window byte that became the k-th byte of output; false: that is none of the window's. */
static bool keep(struct gzip_sparse *s, size_t k)
{
	unsigned char low = s->low.out[k], high = s->high.out[k], real = s->real[k];
	size_t i = low | (size_t)high << 8;

	if (low == high && low == real) /* a literal, or what keep_doubtful() has kept */
		return true;
	if (i >= s->n || s->window[i] != real)
		return false;
	s->thin[i] = real;
	return true;
}

/* A position with equal halves that holds just that value looks like a literal. */
static void keep_doubtful(struct gzip_sparse *s)
{
	for (size_t v = 0; v < GZIP_WINDOW / 256 && v * 257 < s->n; v++)
		if (s->window[v * 257] == v)
			s->thin[v * 257] = (unsigned char)v;
}

/* Most output is literals: tell eight at once. */
static bool all_literals(const struct gzip_sparse *s, size_t k)
{
	return memcmp(s->low.out + k, s->real + k, 8) == 0 &&
	       memcmp(s->high.out + k, s->real + k, 8) == 0;
}

const unsigned char *gzip_sparse_finish(struct gzip_sparse *s)
{
	size_t n = s->low.n;

	if (!followed_enough(s))
		return s->window;
	memset(s->thin, 0, s->n);
	keep_doubtful(s);
	for (size_t k = 0; k < n;) {
		if (k % 8 == 0 && n - k >= 8 && all_literals(s, k))
			k += 8;
		else if (!keep(s, k++))
			return s->window;
	}
	return s->thin;
}
