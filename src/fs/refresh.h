/* SPDX-License-Identifier: MPL-2.0 */
/* refresh.h - new versions of mounted datasets take the place of the old ones.
 *
 * Every metadata_ttl= it is asked whether a dataset has a new version, and at once when storage, a
 * download session or a local file has turned out to be of another one (object_changed()).  A new
 * version is opened beside the old one and then takes its place (volumes_replace()).  Nothing is
 * said to the kernel, which keeps what it knows of the root directory for a second only: to notify
 * it would wait for whoever looks a name up there.
 *
 * What is read of two versions never mixes: each has inodes, an index and a cache of its own.  An
 * old one stays until the unmount, for who has it open; cached bytes of it are served, all else is
 * ESTALE.  There are at most REFRESH_MAX in a mount; after that datasets keep the version they have.
 *
 * When the API says nothing of a change that storage has shown, the dataset is -ESTALE until the API
 * has had metadata_ttl to say so: then what storage has is taken for the same content, stored anew.
 *
 * A finished download of the official client that stands for a dataset (source/download.h) is hashed
 * on the way; when it is wrong or has gone, the dataset's own bytes take its place in the same
 * manner.
 *
 * Threads: two of its own; one blocks on the network, one on the disk.
 */
#ifndef FS_REFRESH_H
#define FS_REFRESH_H

#include "fs/volumes.h"

#define REFRESH_MAX 256u /* versions that were replaced */

struct refresh;

int refresh_start(struct store *st, const struct source_env *env, struct volumes *vs,
		  struct refresh **out) MUST_CHECK;
/* Begin nothing more. NULL ok. */
void refresh_end(struct refresh *f);
/* Wait for the thread, which is over soon once http has been stopped; while the pool still runs.
 * NULL ok; returns NULL. */
struct refresh *refresh_free(struct refresh *f);

#endif
