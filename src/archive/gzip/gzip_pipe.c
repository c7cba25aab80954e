/* SPDX-License-Identifier: MPL-2.0 */
/* gzip_pipe.c - see gzip_pipe.h. */
#include "archive/gzip/gzip_pipe.h"

#include <errno.h>
#include <zlib.h>

#define PIECE (128u << 10)
#define LEVEL 4 /* names shrink well at any level, the windows of seek points at none */

struct pieces {
	z_stream z;
	unsigned char in[PIECE], out[PIECE];
};

static int write_out(const struct gzip_pipe *io, struct pieces *p)
{
	size_t n = PIECE - p->z.avail_out;
	int r = n > 0 ? io->write(io->arg, p->out, n) : 0;

	p->z.next_out = p->out;
	p->z.avail_out = PIECE;
	return r;
}

static int read_in(const struct gzip_pipe *io, struct pieces *p)
{
	int64_t n = io->read(io->arg, p->in, PIECE);

	if (n < 0)
		return (int)n;
	p->z.next_in = p->in;
	p->z.avail_in = (uInt)n;
	return n > 0;
}

static int pack(const struct gzip_pipe *io, struct pieces *p)
{
	int more, z, r;

	do {
		more = read_in(io, p);
		if (more < 0)
			return more;
		do {
			z = deflate(&p->z, more ? Z_NO_FLUSH : Z_FINISH);
			r = write_out(io, p);
			if (r < 0)
				return r;
		} while (p->z.avail_in > 0 || (!more && z == Z_OK));
	} while (more);
	return z == Z_STREAM_END ? 0 : -EIO;
}

int gzip_pipe_pack(const struct gzip_pipe *io)
{
	AUTO(auto_free) struct pieces *p = calloc(1, sizeof(*p));
	int r;

	if (!p || deflateInit(&p->z, LEVEL) != Z_OK)
		return -ENOMEM;
	p->z.next_out = p->out;
	p->z.avail_out = PIECE;
	r = pack(io, p);
	deflateEnd(&p->z);
	return r;
}

/* Everything that one piece of input gives.  1 = more is needed, 0 = the stream has ended. */
static int unpack_piece(const struct gzip_pipe *io, struct pieces *p, uint64_t max)
{
	int z, r;

	do {
		z = inflate(&p->z, Z_NO_FLUSH);
		if (z == Z_MEM_ERROR)
			return -ENOMEM;
		if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
			return -EBADMSG;
		if (p->z.total_out > max)
			return -EFBIG;
		r = write_out(io, p);
		if (r < 0)
			return r;
	} while (z == Z_OK);
	return z == Z_STREAM_END ? 0 : 1;
}

static int unpack(const struct gzip_pipe *io, struct pieces *p, uint64_t max)
{
	int r;

	do {
		r = read_in(io, p);
		if (r <= 0)
			return r < 0 ? r : -ENODATA;
		r = unpack_piece(io, p, max);
	} while (r == 1);
	if (r < 0)
		return r;
	return p->z.avail_in > 0 || read_in(io, p) != 0 ? -EBADMSG : 0;
}

int gzip_pipe_unpack(const struct gzip_pipe *io, uint64_t max)
{
	AUTO(auto_free) struct pieces *p = calloc(1, sizeof(*p));
	int r;

	if (!p || inflateInit(&p->z) != Z_OK)
		return -ENOMEM;
	p->z.next_out = p->out;
	p->z.avail_out = PIECE;
	r = unpack(io, p, max);
	inflateEnd(&p->z);
	return r;
}
