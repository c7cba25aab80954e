/* SPDX-License-Identifier: MPL-2.0 */
/* object.h - the bytes of one version of one dataset's file, as a reader.
 *
 * A remote object reads through blocks and the `raw` cache layer; a local file (a local source,
 * or a download that is already there) is read as it is.
 * Identity = SHA-256 of (scheme, key, checksum or ETag, size): it names the cache directory and
 * the index, never the URL or the time.
 */
#ifndef STORE_OBJECT_H
#define STORE_OBJECT_H

#include "source/source.h"
#include "store/reader.h"
#include "store/store.h"

struct object;

/* Find out size and identity; blocks.  A request to storage is made only when the source does not
 * know size and checksum; when storage cannot be reached then, what was found out at an earlier
 * time is used (logged).  0; else -errno and one line in why, "" when the log has it already. */
int object_open(struct store *st, struct source *s, struct object **out,
		char why[static 512]) MUST_CHECK;
struct object *object_close(struct object *o); /* NULL ok; nothing under way; returns NULL */
struct reader *object_reader(struct object *o);  /* borrowed */
/* What tells this version from others: checksum, ETag or time of change; borrowed. */
const char *object_version(const struct object *o);
/* Has it turned out that another version is there?  What is cached may still be read; all else is
 * -ESTALE. */
bool object_changed(const struct object *o);
/* For good: a local file is let go of. */
void object_set_changed(struct object *o);
/* The same, asked once more: one answer of a server may be wrong.  As object_check(); 0: nothing has
 * changed, and object_changed() no longer. */
int object_recheck(struct object *o, const _Atomic bool *stop) MUST_CHECK;
/* Do its bytes still have this version where they come from?  Blocks; given up (-ECANCELED) when stop
 * turns true.  0; -ESTALE: they have another, and object_changed() from now on; else why that could
 * not be told.  A remote one costs one request, for one byte, and maybe a download session: of a
 * source that can tell it itself (source_check) nothing is asked. */
int object_check(struct object *o, const _Atomic bool *stop) MUST_CHECK;
/* Is where its bytes are out of reach, so that what is not cached fails at once? */
bool object_absent(struct object *o);
/* The cache directory of this version, NULL without a cache; borrowed. */
const char *object_dir(const struct object *o);

#endif
