/* SPDX-License-Identifier: MPL-2.0 */
/* place.h - where an archive's index is: in the cache, or while that cannot be written, in a temporary
 * place; private to the archive layer.
 *
 * When the cache's disk is full, read-only or fails while the archive is being read, the index, as far
 * as it was committed, is copied to a temporary place ($TMPDIR, else /tmp, else /dev/shm) and the pass goes
 * on from there.  Rows stay what they are, and so do inodes.  What is in the cache stays as it was, for
 * the next mount; when the index is complete and the disk is well again, it is brought back.
 */
#ifndef ARCHIVE_PLACE_H
#define ARCHIVE_PLACE_H

#include "archive/state.h"

/* Open or make the index.  0 or -errno (logged). */
int place_open(struct archive *a) MUST_CHECK;
/* Is this what became of the pass because the index could not be written where it is? */
bool place_failed(struct archive *a, int r);
/* Go on elsewhere.  By the pass, without a transaction, write_lock held.  0; -errno: there is no other
 * place (logged), or it was elsewhere already. */
int place_move(struct archive *a) MUST_CHECK;
/* Bring a complete index to the cache.  Not while this process runs the pass.  A failure costs the next
 * mount the time of another pass; it is logged. */
void place_keep(struct archive *a);
/* Close the index; remove what is temporary. */
void place_close(struct archive *a);

#endif
