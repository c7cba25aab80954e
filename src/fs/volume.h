/* SPDX-License-Identifier: MPL-2.0 */
/* volume.h - one mounted dataset: source, object and archive together.
 * Immutable once it is in the table (volumes.h) but for what the layers below do inside.  Threads:
 * any.
 */
#ifndef FS_VOLUME_H
#define FS_VOLUME_H

#include <stdatomic.h>

#include "archive/archive.h"
#include "net/json.h"
#include "fs/extras.h"
#include "source/source.h"
#include "store/object.h"

struct volume {
	struct source *source;
	const struct dataset *dataset; /* borrowed from source */
	struct object *object;
	struct reader *raw;	 /* borrowed from object */
	struct archive *archive; /* NULL: the file is no archive */
	unsigned number, place;	 /* in the mount; set by volumes.c */
	char *dir;		 /* name in the root: the slug, made unique */
	char *archive_dir;	 /* filename minus suffix; NULL without archive */
	char *spec;		 /* what it was opened by; may hold secrets */
	bool read_all;		 /* -o pass=background */
	_Atomic int64_t checked; /* when its version was last seen to be the newest, seconds since
				  * 1970; 0: not in this mount */
	unsigned earlier;	 /* versions that were mounted before it, in its place */

	struct extras extras;	 /* what is shown beside its file */

	/* Private to refresh.c: clock_ms() */
	int64_t next_ms;    /* nothing is asked before it */
	int64_t born_ms;    /* when it took the place of another; 0: it was the first */
	int64_t look_ms;    /* when the local file is looked at */
	bool unverified;    /* the local file has yet to be hashed */
	_Atomic bool distrusted; /* it was, and is wrong */
	int64_t changed_ms; /* when it was first known that there is another version; 0: it is not */
};

/* Resolve and open, for the table (volumes.h); blocks, so not in a thread that answers the kernel
 * and not in the pool.  The download session is asked for here, unless the archive is wholly indexed
 * already or a session has worked before: so a missing key or terms not agreed to are told at the mount.
 * 0, or -errno and one line in why, "" when the log has it already: nothing is left of it then. */
int volume_open(struct store *st, const struct source_env *env, const char *spec,
		struct volume **out, char why[static 512]) MUST_CHECK;
/* The same, but no download session is asked for before somebody reads. */
int volume_open_lazily(struct store *st, const struct source_env *env, const char *spec,
		       struct volume **out, char why[static 512]) MUST_CHECK;
/* The sample of a volume's dataset; as volume_open_lazily(), but -ENOENT: it has none. */
int volume_open_sample(struct store *st, struct volume *of, struct volume **out,
		       char why[static 512]) MUST_CHECK;
/* The source and the object alone: size and identity are known then.  No archive is opened, no
 * download session asked for. */
int volume_resolve(struct store *st, const struct source_env *env, const char *spec,
		   struct volume **out, char why[static 512]) MUST_CHECK;
/* The dataset of v once more, as it is now; no download session is asked for.  Whether that is
 * another version is seen by raw->identity.  As volume_open(). */
int volume_reopen(struct store *st, const struct source_env *env, const struct volume *v,
		  struct volume **out, char why[static 512]) MUST_CHECK;
/* Is there another version by now?  Blocks; costs no quota.  0: no; -ESTALE: yes; else why that
 * could not be told.  One line in why, "" when the log has it already. */
int volume_check(struct volume *v, const _Atomic bool *stop, char why[static 512]) MUST_CHECK;
/* Likewise of its local file, if it has one, which costs nothing.  -ENOENT: it is not there any more, and
 * what is open goes on. */
int volume_look(struct volume *v) MUST_CHECK;
/* It has its place in the table: what is done without being asked begins. */
void volume_begin(struct volume *v);
/* End the archive's pass; then, when no job is left anywhere, free everything. */
void volume_stop(struct volume *v);
struct volume *volume_free(struct volume *v); /* NULL ok; returns NULL */
/* Both, for one that nobody has read from, while http and pool run; NULL ok; returns NULL. */
struct volume *volume_discard(struct volume *v);
/* Its object in status.json; the caller frees. */
struct json *volume_status(struct volume *v);

#endif
