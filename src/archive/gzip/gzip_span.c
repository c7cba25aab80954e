/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_span.c - decode from a seek point (gzip.h). */
#include "archive/gzip/gzip.h"

#include <errno.h>

#include "archive/gzip/gzip_decoder.h"

struct gzip_span {
	struct gzip_decoder *decoder;
};

static int span_new(enum gzip_engine engine, enum gzip_format f, const struct gzip_point *from,
		    const void *window, size_t n, struct gzip_span **out)
{
	AUTO(auto_free) struct gzip_span *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	r = gzip_decoder_new(engine, f, from, window, n, &s->decoder);
	if (r == 0)
		*out = steal(&s);
	return r;
}

int gzip_span_new(enum gzip_format f, const struct gzip_point *from, const void *window, size_t n,
		  struct gzip_span **out)
{
	return span_new(GZIP_ENGINE_FAST, f, from, window, n, out);
}

int gzip_span_new_exact(enum gzip_format f, const struct gzip_point *from, const void *window,
			size_t n, struct gzip_span **out)
{
	return span_new(GZIP_ENGINE_ZLIB, f, from, window, n, out);
}

struct gzip_span *gzip_span_free(struct gzip_span *s)
{
	if (s)
		gzip_decoder_free(s->decoder);
	free(s);
	return NULL;
}

int gzip_span_run(struct gzip_span *s, const unsigned char **in, size_t *n_in, unsigned char **out,
		  size_t *n_out)
{
	int r;

	do {
		r = gzip_decoder_run(s->decoder, in, n_in, out, n_out, false);
	} while (r == GZIP_AT_MEMBER);
	return r; /* GZIP_MORE is 0, GZIP_END is 1 */
}
