/* SPDX-License-Identifier: MPL-2.0 */
/* tarline.h - a tar member as one line of text, the same in C and in tarlist.py:
 * TYPE MODE UID GID MTIME.NS SIZE HEADER DATA STORED MAJOR:MINOR MAP PATH LINK, tabs between.
 * TYPE is one of - d l h c b p; bytes of names outside 33..126 and '\' are written \xHH; no map is
 * "-", an empty one "0", else OFF+LEN,OFF+LEN.
 */
#ifndef TESTS_TARLINE_H
#define TESTS_TARLINE_H

#include <inttypes.h>
#include <sys/stat.h>

#include "archive/tar/tar.h"
#include "base/buf.h"

static int tarline_name(struct buf *out, const char *name)
{
	int r = 0;

	for (const unsigned char *p = (const unsigned char *)name; *p && r == 0; p++) {
		bool plain = *p > 32 && *p < 127 && *p != '\\';

		r = buf_addf(out, plain ? "%c" : "\\x%02x", *p);
	}
	return r;
}

static int tarline_map(struct buf *out, const struct tar_entry *e)
{
	int r = 0;

	if (!e->extents || e->n_extents == 0)
		return buf_add(out, e->extents ? "0" : "-", 1);
	for (size_t i = 0; i < e->n_extents && r == 0; i++)
		r = buf_addf(out, "%s%" PRIu64 "+%" PRIu64, i ? "," : "", e->extents[i].off,
			     e->extents[i].len);
	return r;
}

static char tarline_type(const struct tar_entry *e)
{
	if (e->hard_link)
		return 'h';
	return S_ISDIR(e->mode)	   ? 'd'
	       : S_ISLNK(e->mode)  ? 'l'
	       : S_ISCHR(e->mode)  ? 'c'
	       : S_ISBLK(e->mode)  ? 'b'
	       : S_ISFIFO(e->mode) ? 'p'
				   : '-';
}

/* Append the line of e, with its newline.  0 or -errno. */
static inline int tarline_add(struct buf *out, const struct tar_entry *e)
{
	int r = buf_addf(out,
			 "%c\t%04o\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 ".%09" PRIu32 "\t%" PRIu64
			 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu32 ":%" PRIu32 "\t",
			 tarline_type(e), e->mode & 07777, e->uid, e->gid, e->mtime, e->mtime_ns,
			 e->size, e->header, e->data, e->stored, e->dev_major, e->dev_minor);

	if (r == 0)
		r = tarline_map(out, e);
	if (r == 0)
		r = buf_add(out, "\t", 1);
	if (r == 0)
		r = tarline_name(out, e->path);
	if (r == 0)
		r = buf_add(out, "\t", 1);
	if (r == 0)
		r = tarline_name(out, e->link ? e->link : "");
	return r == 0 ? buf_add(out, "\n", 1) : r;
}

#endif
