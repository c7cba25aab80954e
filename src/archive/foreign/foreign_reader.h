/* SPDX-License-Identifier: MPL-2.0 */
/* foreign_reader.h - one walk through an archive with libarchive (its only home).
 *
 * The entries come in the archive's own order, the same in every walk.  Each entry with data is
 * given a place in one virtual stream: `room` bytes from `off` on, one entry after the other.
 * Room depends on the entry alone, not on what an index makes of it: members that the
 * tree leaves out have their room too, so every walk finds the same places.
 *   - a regular file, or a hard link that brings data: its size, of a sparse one its extents';
 *   - encrypted data, and everything else: none.
 * External programs are never started, whatever the archive asks for.
 * Threads: one owner, which blocks; the callers' locale is not touched.
 */
#ifndef ARCHIVE_FOREIGN_READER_H
#define ARCHIVE_FOREIGN_READER_H

#include "archive/foreign/foreign_source.h"
#include "archive/index/index.h"

struct foreign_reader;

/* All borrowed, valid until the next foreign_reader_next(). */
struct foreign_entry {
	const char *path;      /* NULL: it cannot be expressed in bytes */
	const char *hard_link; /* another name for this path; NULL: it is a member of its own */
	struct member m; /* off, size, stored, extents as for the index; parent and id not set */
	bool size_known; /* else size and stored grow with the data that was read */
	bool encrypted;	 /* shown, not readable: it has no room */
	uint64_t room;	 /* bytes of the stream, from m.off on */
};

/* Borrows what c points to.  0 or -errno; whether it is an archive tells the first next(). */
int foreign_reader_new(const struct foreign_source_config *c,
		       struct foreign_reader **out) MUST_CHECK;
struct foreign_reader *foreign_reader_free(struct foreign_reader *f); /* NULL ok; returns NULL */

/* The next entry; data of the one before that was not read is passed over.  1; 0 = the end;
 * -EBADMSG, -ENODATA = damaged or cut off here, foreign_reader_error() says how; the raw reader's
 * error or -ECANCELED. */
int foreign_reader_next(struct foreign_reader *f, const struct foreign_entry **out) MUST_CHECK;
/* The next bytes of this entry's room, in order, borrowed until the next call.  1; 0 = that was
 * all of it; -EILSEQ = its data is damaged, the next entry may be well; others as for next(). */
int foreign_reader_data(struct foreign_reader *f, const void **p, size_t *n) MUST_CHECK;

/* After the end: read what the archive has behind it, a piece a call.  1; 0 = that was all; -errno. */
int foreign_reader_rest(struct foreign_reader *f) MUST_CHECK;

/* Is data decoded even when it is passed over?  So it is where the archive is compressed as a
 * whole, and by libarchive's readers of 7z and cab.  After the first next(). */
bool foreign_reader_decodes(const struct foreign_reader *f);
bool foreign_reader_recognised(const struct foreign_reader *f);	  /* after a failed first next() */
uint64_t foreign_reader_skipped(const struct foreign_reader *f);  /* damaged entries passed over */
const char *foreign_reader_error(const struct foreign_reader *f); /* borrowed, one line */
uint64_t foreign_reader_position(const struct foreign_reader *f); /* in the archive's own bytes */

#endif
