/* SPDX-License-Identifier: MPL-2.0 */
/* automount.h - datasets that come when their name is looked up in the root directory.
 *
 * A name that can be a slug or an id is resolved once, whoever asks; a dataset that was found stays
 * until the unmount.  What was not found is remembered for AUTOMOUNT_ABSENT_MS, and other failures
 * for AUTOMOUNT_FAILED_MS: meanwhile the name costs no request.  Names that can be neither never cost
 * one.  No download session is asked for: it is by whoever reads.
 *
 * Threads: any.
 * Lock order: automount.lock > errands' lock; automount.adding > volumes' lock.
 */
#ifndef FS_AUTOMOUNT_H
#define FS_AUTOMOUNT_H

#include "base/errand.h"
#include "fs/volumes.h"

#define AUTOMOUNT_ABSENT_MS 60000
#define AUTOMOUNT_FAILED_MS 5000
#define AUTOMOUNT_NAMES 4096u /* that are remembered */

struct automount;

/* All that is passed outlives it; so do the errands' threads not. */
int automount_new(struct store *st, const struct source_env *env, struct volumes *vs,
		  struct errands *errands, struct automount **out) MUST_CHECK;
/* Is it worth a question: [a-z0-9.-] and an id's capital C, 2 to 128 bytes, no dot or "-" in front? */
bool automount_can_be(const char *name);
/* 0: it was resolved, the volumes have it under its slug and its id; PARKED; -ENOENT: there is no such
 * dataset, or the name cannot be one's; -EAGAIN: too many names are being asked for; -errno (logged). */
int automount_need(struct automount *a, const char *name, struct waiter *w) MUST_CHECK;
/* After errands_free().  NULL ok; returns NULL. */
struct automount *automount_free(struct automount *a);

#endif
