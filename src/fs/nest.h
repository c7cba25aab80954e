/* SPDX-License-Identifier: MPL-2.0 */
/* nest.h - the archives inside archives that have been entered (-o nested), and those of
 * other trees (branch.h).
 *
 * An archive inside is opened when its directory is first listed or looked into, gets the next free
 * number (inode.h) and stays until the unmount: inode numbers are handed out, and are never used
 * again.  Until somebody enters it nothing of it is known or kept.
 *
 * What one costs that was entered, and rests: some kilobytes of memory, two file descriptors when it
 * has a decoded stream and a cache directory, an index of its own in the cache.  There are at most
 * NEST_MAX, fewer where the process may have few files open; beyond that entering one is -ENFILE.
 *
 * Threads: any.
 * Lock order: nested.opening > nest.lock; opening is held while the one who came first opens it, on
 * local disk.
 */
#ifndef FS_NEST_H
#define FS_NEST_H

#include "fs/volume.h"

#define NEST_MAX 65536u /* archives */
/* Levels.  An archive may contain itself: `find` has to come to an end. */
#define NEST_DEPTH 32u

struct nest;

/* Where an archive is. */
struct nest_place {
	struct volume *volume;	 /* the dataset it is in, at whatever depth; NULL: of another tree */
	struct archive *archive; /* NULL: not open */
	unsigned number;
	unsigned depth; /* archives around it; 0 = a dataset's own */
};

/* Numbers from first on are given out.  0 or -ENOMEM. */
int nest_new(struct store *st, unsigned first, struct nest **out) MUST_CHECK;
/* End all passes, the innermost first; then, when no job is left, free everything. */
void nest_stop(struct nest *n);
struct nest *nest_free(struct nest *n); /* NULL ok; returns NULL */

/* The archive with that number.  False: it was never entered. */
bool nest_get(struct nest *n, unsigned number, struct nest_place *out);
/* The archive that the member named in that row of an archive is, if it has been entered. */
bool nest_find(struct nest *n, const struct nest_place *outer, uint64_t row,
	       struct nest_place *out);
/* The same, opened if need be.  0, -ENOENT, -ENFILE (logged), -errno. */
int nest_enter(struct nest *n, const struct nest_place *outer, uint64_t row,
	       struct nest_place *out) MUST_CHECK;
/* An archive that no other is around, by a key of who has it; r, which stays until nest_free(), has
 * its bytes, of is what `outer` of its note says (about.h).  As nest_enter(). */
int nest_enter_reader(struct nest *n, uint64_t key, struct reader *r, const char *filename,
		      const char *of, struct nest_place *out) MUST_CHECK;
/* What the passes around and including this archive's have come to: see archive_progress(). */
uint64_t nest_progress(struct nest *n, unsigned number);
/* Called about once a second: see archive_tick(). */
void nest_tick(struct nest *n);
/* Its object in status.json; the caller frees. */
struct json *nest_status(struct nest *n);

#endif
