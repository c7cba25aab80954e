/* SPDX-License-Identifier: MPL-2.0 */
/* volumes.h - the datasets of one mount: a table that only grows, also while it is mounted.
 *
 * A volume is one version of one dataset.  It gets the next number when it is added, from 1 on
 * (inode.h), and keeps it: a number is never used again, and what is behind it stays until
 * volumes_free().  A dataset is a place in the root directory, in the order of adding, from 0 on; at
 * it is its newest volume.  A new version is a volume with a number of its own that takes the place
 * of the one before, which is found by its number from then on, and by nothing else.
 *
 * Threads: any, but volumes_stop() and volumes_free().  Looking takes no lock; adding takes one,
 * which is a leaf.  What was looked up may be used until volumes_free().
 */
#ifndef FS_VOLUMES_H
#define FS_VOLUMES_H

#include <limits.h>

#include "fs/volume.h"

#define VOLUMES_MAX 65535u /* numbers, in one mount */
#define VOLUMES_NO_PLACE UINT_MAX

struct volumes;

int volumes_new(struct volumes **out) MUST_CHECK;
/* A further dataset: v gets its number, its place, and a directory name that no other one has, and
 * is there for everybody.  Takes v, which must be opened whole, on 0; -ENOSPC: there are
 * VOLUMES_MAX (logged); -ENOMEM. */
int volumes_add(struct volumes *vs, struct volume *v) MUST_CHECK;
/* Not a dataset but something of one, its sample: v gets a number, and a place nowhere.  As
 * volumes_add() for the rest. */
int volumes_attach(struct volumes *vs, struct volume *v) MUST_CHECK;
/* A new version of old, which must be the newest of its dataset: v gets a number, and old's place and
 * directory name.  Takes v on 0; -ESTALE: old is not the newest any more; -ENOSPC, -ENOMEM. */
int volumes_replace(struct volumes *vs, struct volume *old, struct volume *v) MUST_CHECK;

/* The volume with that number, of whatever version.  NULL: there is none. */
struct volume *volumes_get(const struct volumes *vs, unsigned number);
/* Datasets: places 0 .. n - 1 have a volume. */
unsigned volumes_count(const struct volumes *vs);
/* The newest version of the dataset at a place below volumes_count(). */
struct volume *volumes_at(const struct volumes *vs, unsigned place);
/* Is v the newest of its dataset?  What has no place is. */
bool volumes_is_newest(const struct volumes *vs, const struct volume *v);
/* The newest version of the dataset whose directory in the root is called name, or that has this
 * id.  NULL: none. */
struct volume *volumes_find(const struct volumes *vs, const char *name);
struct volume *volumes_find_id(const struct volumes *vs, const char *id);

/* volume_stop() for all, source_stop() for all, volume_free() for all.  Nothing is added any more
 * from the first on (-ENOTCONN). */
void volumes_stop(struct volumes *vs);		  /* NULL ok */
void volumes_stop_sources(struct volumes *vs);	  /* NULL ok */
struct volumes *volumes_free(struct volumes *vs); /* NULL ok; returns NULL */

#endif
