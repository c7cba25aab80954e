/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_codec.c - gzip as codec.h wants it: its decoder. */
#include "archive/codec/codec.h"

struct gzip_unit {
	struct decoder d;
	struct gzip_span *span;
	bool ended;
};

static int unit_run(struct decoder *d, const unsigned char **in, size_t *n_in, unsigned char **out,
		    size_t *n_out)
{
	struct gzip_unit *u = container_of(d, struct gzip_unit, d);
	int r = gzip_span_run(u->span, in, n_in, out, n_out);

	u->ended |= r == 1;
	return r;
}

static int unit_end(struct decoder *d)
{
	return container_of(d, struct gzip_unit, d)->ended ? 0 : -ENODATA;
}

static void unit_free(struct decoder *d)
{
	struct gzip_unit *u = container_of(d, struct gzip_unit, d);

	gzip_span_free(u->span);
	free(u);
}

static int unit_new(bool exact, const struct gzip_point *from, const void *window, size_t n,
		    struct decoder **out)
{
	static const struct decoder_ops ops = { .run = unit_run,
						.end = unit_end,
						.free = unit_free };
	AUTO(auto_free) struct gzip_unit *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->d.ops = &ops;
	r = exact ? gzip_span_new_exact(GZIP_MEMBERS, from, window, n, &u->span)
		  : gzip_span_new(GZIP_MEMBERS, from, window, n, &u->span);
	if (r < 0)
		return r;
	*out = &steal(&u)->d;
	return 0;
}

static int fast_new(const struct gzip_point *from, const void *window, size_t n,
		    struct decoder **out)
{
	return unit_new(false, from, window, n, out);
}

static int exact_new(const struct gzip_point *from, const void *window, size_t n,
		     struct decoder **out)
{
	return unit_new(true, from, window, n, out);
}

static bool gzip_match(const unsigned char *head, size_t n)
{
	return n >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8; /* RFC 1952 2.3.1 */
}

const struct codec codec_gzip = {
	.name = "gzip",
	.sequential = true,
	.match = gzip_match,
	.decoder = fast_new,
	.exact = exact_new,
};
