/* SPDX-License-Identifier: MPL-2.0 */
/* format.h - the kinds of archive, one table; private to the archive layer. */
#ifndef ARCHIVE_FORMAT_H
#define ARCHIVE_FORMAT_H

#include "archive/pass.h"

#define FORMAT_HEAD 1024u /* bytes that match() sees, fewer when the file is smaller */

struct format {
	const char *name;
	/* Is the file of this kind?  By its first bytes, or by its name where they do not tell. */
	bool (*match)(const unsigned char *head, size_t n, const char *filename);
	/* Read the archive from where the index says an earlier pass came to, or from its start.
	 * 0 = complete; -ECANCELED = stopped or rested (its state is committed); -EBADMSG and
	 * -ENODATA = damaged (pass_trouble() said how), what was added stays; other -errno = failed
	 * for now, a later pass may go on.  In the pass thread; may block. */
	int (*pass)(struct pass *p);
	/* A closer look than match() can take.  1 = the file is of this kind; 0 = it is not, or another
	 * format reads it better; -errno.  In the pass thread; may block.  NULL: 1. */
	int (*probe)(struct pass *p, const struct format *f);
	/* Publish stream blocks whose end is at or before the archive's position, each once by
	 * blocks_put() or blocks_fail().  Never blocks: works in jobs.  NULL: no stream. */
	void (*fill)(struct archive *a, uint64_t first, uint32_t n, bool demand);
	/* See blocks_ops.hurry.  NULL: that makes no difference. */
	void (*hurry)(struct archive *a, uint64_t blk);
	bool anywhere; /* any block of the stream costs a span of the archive, at most */
	/* Grows with every change after which the same place in the stream is another byte: what older
	 * versions of the program have cached is then not looked at. */
	unsigned layout;
	const struct codec *codec; /* what the stream is decoded with; NULL: that is the format's own */
};

extern const struct format format_zip, format_targz, format_tar, format_foreign;
extern const struct format format_tarxz, format_tarzst, format_tarbz2, format_tarlz4;

/* The first that matches, behind the one given (NULL: of all); NULL: none does. */
const struct format *format_find(const unsigned char *head, size_t n, const char *filename,
				 const struct format *after);
const struct format *format_named(const char *name);
/* What the blocks of its stream are kept as.  They are of use only to who lays it out in the same way:
 * another version of the program, or one that was built otherwise, must not take its bytes for others. */
#define FORMAT_LAYER 32
void format_layer(const struct format *f, char out[static FORMAT_LAYER]);

#endif
