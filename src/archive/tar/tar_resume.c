/* SPDX-License-Identifier: MPL-2.0 */
/* tar_resume.c - see tar_resume.h.
 *
 * A head of little-endian numbers, then the global records as the text of a pax header.
 */
#include "archive/tar/tar_resume.h"

#include <errno.h>
#include <string.h>

#include "archive/tar/tar_header.h"
#include "base/bytes.h"

enum { AT_FLAGS = 4, AT_OFFSET = 8, AT_DAMAGE = 16, HEAD = 24 };
enum { STARTED = 1, LOST = 2, PAX_SEEN = 4 };
static const char magic[4] = "TAR1";

int tar_resume_write(const struct tar_resume *s, const struct tar_pax *global, struct buf *out)
{
	unsigned flags =
		(s->started ? STARTED : 0) | (s->lost ? LOST : 0) | (s->pax_seen ? PAX_SEEN : 0);
	unsigned char head[HEAD] = { 0 };
	int r;

	memcpy(head, magic, sizeof(magic));
	bytes_put_le(head + AT_FLAGS, 4, flags);
	bytes_put_le(head + AT_OFFSET, 8, s->off);
	bytes_put_le(head + AT_DAMAGE, 8, s->damage);
	r = buf_add(out, head, sizeof(head));
	return r < 0 ? r : tar_pax_write(global, out);
}

static int read_records(const unsigned char *p, size_t n, struct tar_pax *global)
{
	AUTO(tar_pax_reader_free) struct tar_pax_reader reader = { 0 };
	int r;

	tar_pax_start(&reader, true);
	r = tar_pax_feed(&reader, global, p, n);
	return r < 0 ? r : tar_pax_end(&reader);
}

int tar_resume_read(const void *bytes, size_t n, struct tar_resume *s, struct tar_pax *global)
{
	const unsigned char *p = bytes;
	uint64_t flags, off;
	int r;

	if (n < HEAD || memcmp(p, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	flags = bytes_get_le(p + AT_FLAGS, 4);
	off = bytes_get_le(p + AT_OFFSET, 8);
	if (off % TAR_BLOCK != 0 || off > INT64_MAX)
		return -EBADMSG;
	r = read_records(p + HEAD, n - HEAD, global);
	if (r < 0)
		return r;
	*s = (struct tar_resume){
		.off = off,
		.damage = bytes_get_le(p + AT_DAMAGE, 8),
		.started = flags & STARTED,
		.lost = flags & LOST,
		.pax_seen = flags & PAX_SEEN,
	};
	return 0;
}
