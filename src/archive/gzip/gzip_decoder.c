/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_decoder.c - see gzip_decoder.h. */
#include "archive/gzip/gzip_decoder.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "archive/gzip/gzip_header.h"
#include "archive/gzip/gzip_window.h"
#include "base/bytes.h"

enum { IN_HEADER, IN_BODY, IN_TRAILER, AT_END };
enum { GO_ON = GZIP_AT_MEMBER + 1 }; /* no event: the next state has something to do */

#define TRAILER_SIZE 8u

struct gzip_decoder {
	enum gzip_format format;
	int state;
	int err;	     /* sticky */
	bool any;	     /* a whole header has passed: what follows a member may be garbage */
	uint64_t pos;	     /* of the object: the next input byte */
	uint64_t member;     /* of the object: where the member's header starts */
	uint64_t member_out; /* bytes of output of this member so far */
	uint32_t crc;	     /* and their CRC-32 */
	unsigned n_trailer;
	unsigned char trailer[TRAILER_SIZE];
	struct gzip_header header;
	struct gzip_inflate *inflate;
	char error[160];
};

static int fail(struct gzip_decoder *d, int r, const char *why)
{
	snprintf(d->error, sizeof(d->error), "%s data damaged near byte %" PRIu64 ": %s",
		 d->format == GZIP_MEMBERS ? "gzip" : "deflate", d->pos, why);
	d->err = r;
	return r;
}

static void use(struct gzip_decoder *d, const unsigned char **in, size_t *n_in, size_t used)
{
	*in += used;
	*n_in -= used;
	d->pos += used;
}

static void begin_header(struct gzip_decoder *d)
{
	gzip_header_init(&d->header);
	d->member = d->pos;
	d->state = IN_HEADER;
}

static int run_header(struct gzip_decoder *d, const unsigned char **in, size_t *n_in)
{
	const unsigned char *start = *in;
	int r = gzip_header_feed(&d->header, in, n_in);

	d->pos += (size_t)(*in - start);
	if (r == 0)
		return GZIP_MORE;
	if (r == -ENOENT && d->any) { /* zeros or garbage after the last member */
		d->state = AT_END;
		return GZIP_END;
	}
	if (r < 0)
		return fail(d, -EBADMSG, r == -ENOENT ? "no gzip member here" : d->header.why);
	r = d->inflate->ops->begin(d->inflate, 0, NULL, 0, NULL);
	if (r < 0)
		return fail(d, r, "cannot begin");
	d->any = true;
	d->crc = 0;
	d->member_out = 0;
	d->state = IN_BODY;
	return GZIP_AT_MEMBER;
}

static int end_body(struct gzip_decoder *d)
{
	if (d->format == GZIP_RAW_DEFLATE) {
		d->state = AT_END;
		return GZIP_END;
	}
	d->n_trailer = (unsigned)d->inflate->ops->leftover(d->inflate, d->trailer);
	d->state = IN_TRAILER;
	return GO_ON;
}

static int run_body(struct gzip_decoder *d, const unsigned char **in, size_t *n_in,
		    unsigned char **out, size_t *n_out, bool stop)
{
	const unsigned char *start = *in;
	unsigned char *made = *out;
	int r = d->inflate->ops->run(d->inflate, in, n_in, out, n_out, stop);

	d->pos += (size_t)(*in - start);
	d->member_out += (size_t)(*out - made);
	d->crc = gzip_crc(d->crc, made, (size_t)(*out - made));
	if (r < 0)
		return fail(d, r, d->inflate->error ? d->inflate->error : "cannot decode");
	return r == GZIP_END ? end_body(d) : r;
}

static int run_trailer(struct gzip_decoder *d, const unsigned char **in, size_t *n_in)
{
	size_t take = MIN(*n_in, TRAILER_SIZE - d->n_trailer);

	memcpy(d->trailer + d->n_trailer, *in, take);
	d->n_trailer += (unsigned)take;
	use(d, in, n_in, take);
	if (d->n_trailer < TRAILER_SIZE)
		return GZIP_MORE;
	if ((uint32_t)bytes_get_le(d->trailer, 4) != d->crc)
		return fail(d, -EBADMSG, "wrong CRC");
	if ((uint32_t)bytes_get_le(d->trailer + 4, 4) != (uint32_t)d->member_out) /* modulo 2^32 */
		return fail(d, -EBADMSG, "wrong length");
	begin_header(d);
	return GO_ON;
}

int gzip_decoder_run(struct gzip_decoder *d, const unsigned char **in, size_t *n_in,
		     unsigned char **out, size_t *n_out, bool stop)
{
	int r = d->err ? d->err : GO_ON;

	while (r == GO_ON) {
		if (d->state == IN_HEADER)
			r = *n_in > 0 ? run_header(d, in, n_in) : GZIP_MORE;
		else if (d->state == IN_BODY)
			r = run_body(d, in, n_in, out, n_out, stop);
		else if (d->state == IN_TRAILER)
			r = run_trailer(d, in, n_in);
		else
			r = GZIP_END;
	}
	return r;
}

bool gzip_decoder_complete(const struct gzip_decoder *d)
{
	if (d->err)
		return false;
	return d->state == AT_END ||
	       (d->state == IN_HEADER && d->any && gzip_header_empty(&d->header));
}

uint64_t gzip_decoder_pos(const struct gzip_decoder *d)
{
	return d->pos;
}

bool gzip_decoder_point(const struct gzip_decoder *d, enum gzip_event at, struct gzip_point *p,
			struct gzip_place *place)
{
	p->at_member = at == GZIP_AT_MEMBER;
	p->crc = d->crc;
	p->member_out = d->member_out;
	p->in_bit = d->member * 8;
	place->back = place->table.bits = 0;
	if (p->at_member)
		return true;
	if (d->state != IN_BODY || !d->inflate->ops->place(d->inflate, place))
		return false;
	p->in_bit = d->pos * 8 - place->back;
	return true;
}

const char *gzip_decoder_error(const struct gzip_decoder *d)
{
	return d->err ? d->error : NULL;
}

/* A point may come from a file on disk: refuse what no pass can have reported. */
static int check_point(enum gzip_format format, const struct gzip_point *p, size_t n,
		       const struct gzip_table *table)
{
	if (p->in_bit > INT64_MAX || p->out > INT64_MAX || p->member_out > p->out)
		return -EINVAL;
	if (p->at_member && (format == GZIP_RAW_DEFLATE || p->in_bit % 8 != 0))
		return -EINVAL;
	if (p->at_member && (p->member_out != 0 || p->crc != 0 || table))
		return -EINVAL;
	return n == MIN(p->member_out, GZIP_WINDOW) ? 0 : -EBADMSG;
}

static int start(struct gzip_decoder *d, const struct gzip_point *p, const void *window, size_t n,
		 const struct gzip_table *table)
{
	d->pos = p->in_bit / 8;
	if (p->at_member) {
		begin_header(d);
		return 0;
	}
	d->any = true;
	d->member_out = p->member_out;
	d->crc = p->crc;
	d->state = IN_BODY;
	return d->inflate->ops->begin(d->inflate, (unsigned)(p->in_bit % 8), window, n, table);
}

static int decoder_new(enum gzip_engine engine, enum gzip_format format,
		       const struct gzip_point *from, const void *window, size_t n,
		       const struct gzip_table *table, struct gzip_decoder **out)
{
	const struct gzip_point first = { .at_member = format == GZIP_MEMBERS };
	struct gzip_decoder *d;
	int r;

	if (!from)
		from = &first;
	r = check_point(format, from, n, table);
	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->format = format;
	r = gzip_inflate_new(table ? GZIP_ENGINE_ZLIB : engine, &d->inflate);
	if (r == 0)
		r = start(d, from, window, n, table);
	if (r < 0)
		gzip_decoder_free(d);
	else
		*out = d;
	return r;
}

int gzip_decoder_new(enum gzip_engine engine, enum gzip_format format,
		     const struct gzip_point *from, const void *packed, size_t n,
		     struct gzip_decoder **out)
{
	AUTO(auto_free) unsigned char *window = malloc(GZIP_WINDOW);
	struct gzip_table table;
	size_t n_table, n_window;
	int r = window ? gzip_table_take(packed, n, &table, &n_table) : -ENOMEM;

	if (r == 0)
		r = gzip_window_unpack(n_table > 0 ? (const char *)packed + n_table : packed,
				       n - n_table, window, &n_window);
	if (r < 0)
		return r;
	return decoder_new(engine, format, from, window, n_window, table.bits > 0 ? &table : NULL,
			   out);
}

struct gzip_decoder *gzip_decoder_free(struct gzip_decoder *d)
{
	if (d)
		gzip_inflate_free(d->inflate);
	free(d);
	return NULL;
}
